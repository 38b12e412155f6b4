"""What the machine must have before anything is compiled, named before a build fails halfway."""

from __future__ import annotations

import shlex
import shutil
import subprocess
import tomllib
from collections.abc import Mapping, Sequence

from task_runner.project import RUST_WORKSPACE, RunError

RUST_ADVICE = "install it from https://rustup.rs or your distribution"


def check_machine(command: Sequence[str], variables: Mapping[str, str]) -> None:
    """Name what the machine lacks before a build fails halfway."""
    if command[0] != "cargo" and "maturin" not in command[:3]:
        return
    path = variables["PATH"]
    if not (shutil.which("cargo", path=path) and shutil.which("rustc", path=path)):
        raise RunError(f"no Rust toolchain (cargo, rustc) on PATH: {RUST_ADVICE}", 1)
    if variables.get("IPYRUST_LIBZMQ") != "system":
        check_compilers(variables)
    wanted = oldest_rust()
    found = subprocess.run(
        ["rustc", "--version"], env=dict(variables), capture_output=True, text=True, check=False
    )
    words = found.stdout.split()
    if found.returncode != 0 or len(words) < 2:
        raise RunError(
            f"`rustc --version` fails: {(found.stderr.splitlines() or ['no output'])[0]}", 1
        )
    if tuple(int(part) for part in words[1].split("-")[0].split(".")[:2]) < wanted:
        raise RunError(
            "Rust {} is too old, {}.{} or newer is needed: {}".format(
                words[1], *wanted, RUST_ADVICE
            ),
            1,
        )


def check_compilers(variables: Mapping[str, str]) -> None:
    """What it takes to build libzmq and libsodium from source."""
    path = variables["PATH"]
    compiler = variables.get("CXX")
    if compiler and not shutil.which(shlex.split(compiler)[0], path=path):
        raise RunError(f"CXX={compiler} is not on PATH: unset CXX or name a C++ compiler", 1)
    found = [shutil.which(name, path=path) for name in ("c++", "g++", "clang++")]
    if not compiler and not any(found):
        raise RunError("no C++ compiler on PATH to build libzmq: install g++ or clang++", 1)
    if not shutil.which("make", path=path):
        raise RunError("no `make` on PATH, which libsodium's build needs: install make", 1)


def oldest_rust() -> tuple[int, ...]:
    """`rust-version` of the Cargo workspace."""
    try:
        with open(RUST_WORKSPACE, "rb") as file:
            version: str = tomllib.load(file)["workspace"]["package"]["rust-version"]
    except (OSError, KeyError, tomllib.TOMLDecodeError):
        return (0,)
    return tuple(int(part) for part in version.split(".")[:2])
