"""The host's tools, by name and path: what the stand-in for nixpkgs builds with."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from importlib.metadata import distributions
from pathlib import Path
from typing import Any

SHELL_TOOLS = [
    "bash",
    "cat",
    "chmod",
    "cp",
    "diff",
    "ln",
    "ls",
    "mkdir",
    "mv",
    "rm",
    "sed",
    "sh",
    "touch",
    "uname",
]
COMPILER = ["ar", "as", "c++", "cc", "ld", "ranlib", "strip"]
BASIC_TOOLS = [*SHELL_TOOLS, *COMPILER]
"""What a build finds on PATH without naming it, as in nixpkgs."""

OTHER_TOOLS = ["maturin", "pkg-config"]
QUICK_BUILD = {"LTO": "off", "CODEGEN_UNITS": "16", "OPT_LEVEL": "1"}
"""Cargo's release profile for a build that is tested and thrown away."""


class MissingToolError(Exception):
    """A tool that the test cannot do without."""


def program(name: str) -> str:
    """Path of a program on PATH."""
    path = shutil.which(name)
    if path is None:
        raise MissingToolError(
            f"no {name!r} on PATH: `./run nix-test` brings maturin; the machine must have a Rust toolchain, Nix, "
            "pkg-config, libzmq and compilers (Debian: nix-bin pkg-config libzmq3-dev build-essential)"
        )
    return path


def output(*command: str) -> str:
    """What a command prints, without the end of its last line."""
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def describe(cargo_target: Path) -> dict[str, Any]:
    """The content of the stand-in's host.json; `cargo_target` is where cargo keeps what it compiled."""
    return {
        "programs": {name: program(name) for name in BASIC_TOOLS + OTHER_TOOLS} | rust_programs(),
        "basicTools": BASIC_TOOLS,
        "python": sys.executable,
        "basePython": os.path.join(
            sys.base_prefix, "bin", f"python{sys.version_info[0]}.{sys.version_info[1]}"
        ),
        "sitePackages": f"lib/python{sys.version_info[0]}.{sys.version_info[1]}/site-packages",
        "distributions": {found.name: found.version for found in distributions()},
        "libzmqPc": os.path.join(
            output("pkg-config", "--variable=pcfiledir", "libzmq"), "libzmq.pc"
        ),
        "cargo": {
            "CARGO_HOME": os.environ.get("CARGO_HOME", os.path.expanduser("~/.cargo")),
            **{f"CARGO_PROFILE_RELEASE_{name}": value for name, value in QUICK_BUILD.items()},
        },
        "cargoTarget": str(cargo_target),
        "rustTarget": output("rustc", "--print", "host-tuple"),
    }


def rust_programs() -> dict[str, str]:
    """Cargo and rustc themselves, without the proxies of rustup, which read the environment."""
    found = {}
    for name in ("cargo", "rustc"):
        own = os.path.join(output(program("rustc"), "--print", "sysroot"), "bin", name)
        found[name] = own if os.access(own, os.X_OK) else program(name)
    return found


def write_host_json(stub: Path, cargo_target: Path) -> None:
    """Write host.json into a copy of the stand-in."""
    (stub / "host.json").write_text(json.dumps(describe(cargo_target), indent=1))
