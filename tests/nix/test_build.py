"""The flake builds and runs: on the host's toolchain and libzmq, by way of the stand-in for nixpkgs."""

from __future__ import annotations

import ast
import json
import subprocess
from collections.abc import Callable

import pytest

from nix.command import SYSTEM, Nix
from nix.host import output, program

pytestmark = [pytest.mark.timeout(600), pytest.mark.usefixtures("crates")]


@pytest.fixture(scope="module")
def crates(nix: Nix) -> None:
    """All crates of the lock files in cargo's cache, because builds run offline."""
    for lock in nix.flake.glob("packages/*/Cargo.lock"):
        manifest = str(lock.with_name("Cargo.toml"))
        subprocess.run(
            [program("cargo"), "fetch", "--locked", "--manifest-path", manifest], check=True
        )


def test_nix_run_prints_the_version(nix: Nix) -> None:
    version = nix.output("eval", "--raw", f".#packages.{SYSTEM}.ipyrust-kernel.name").rpartition(
        "-"
    )[2]
    nix.build(f"packages.{SYSTEM}.ipyrust")
    assert nix.output("run", ".#ipyrust", "--", "--version") == f"ipyrust {version}"


def test_the_command_finds_the_python_that_has_the_kernel(nix: Nix) -> None:
    definition = nix.output("eval", "--json", f".#packages.{SYSTEM}.ipyrust-kernel.definition")
    interpreter = json.loads(definition)["argv"][0]
    assert interpreter in nix.output("run", ".#ipyrust", "--", "env")


def test_a_cell_runs(nix: Nix) -> None:
    libzmq, product = ast.literal_eval(nix.build(f"checks.{SYSTEM}.cell").read_text())
    assert product == 42
    assert ".".join(map(str, libzmq)) == output("pkg-config", "--modversion", "libzmq")


def test_the_engine_is_linked_with_the_libzmq_that_it_was_given(nix: Nix) -> None:
    (module,) = nix.build(f"packages.{SYSTEM}.ipyrust-core").rglob("_native*.so")
    assert "Shared library: [libzmq.so.5]" in output("readelf", "--dynamic", str(module))


def test_the_kernel_sees_only_what_its_package_names(nix: Nix) -> None:
    definition = json.loads(
        nix.output("eval", "--json", f".#packages.{SYSTEM}.ipyrust-kernel.definition")
    )
    interpreter = definition["argv"][0]
    nix.build(f"checks.{SYSTEM}.cell")
    probe = (
        "import importlib.util as u; print([n for n in ('IPython', 'pytest') if u.find_spec(n)])"
    )
    assert output(interpreter, "-c", probe) == "['IPython']"


@pytest.mark.parametrize(
    ("package", "old", "new", "said"),
    [
        ("ipyrust-core", "[ zeromq ]", "[ ]", "pkg-config finds none"),
        (
            "ipyrust-kernel",
            "packagesOf manifest.project.dependencies",
            "builtins.tail (packagesOf manifest.project.dependencies)",
            "ipyrust-kernel requires comm",
        ),
    ],
)
def test_a_dependency_that_is_not_named_is_not_there(
    nix: Nix, changed: Callable[[str, str, str], Nix], package: str, old: str, new: str, said: str
) -> None:
    nix.build(f"packages.{SYSTEM}.{package}")
    flake = changed(f"nix/{package}.nix", old, new)
    assert said in flake.error("build", "--no-link", "-L", f".#packages.{SYSTEM}.{package}")
