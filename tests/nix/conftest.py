"""The flake as it would be checked out, and Nix with a stand-in for nixpkgs.

Not part of `./run test`: these tests need Nix and compile the engine once more. `./run nix-test` runs them.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from nix.command import Nix
from nix.host import write_host_json

ROOT = Path(__file__).resolve().parents[2]
STUB = Path(__file__).parent / "stub-nixpkgs"
STATE = ROOT / ".cache" / "nix"
CARGO_TARGET = ROOT / ".cache" / "target-system-zmq"


def copy_checkout(target: Path) -> Path:
    """Copy the files that git tracks, or would, to `target`."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    for name in names.split("\0"):
        if name and (ROOT / name).is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, target / name)
    return target


@pytest.fixture(scope="session")
def nixpkgs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The stand-in for nixpkgs, told of this host's tools."""
    stub = tmp_path_factory.mktemp("nixpkgs") / "stub"
    shutil.copytree(STUB, stub)
    write_host_json(stub, CARGO_TARGET)
    return stub


@pytest.fixture(scope="session")
def nix(nixpkgs: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nix]:
    """Nix on the flake as it is."""
    flake = Nix(copy_checkout(tmp_path_factory.mktemp("flake")), nixpkgs, STATE)
    yield flake
    flake.collect_garbage()


@pytest.fixture
def changed(nix: Nix, tmp_path: Path) -> Callable[[str, str, str], Nix]:
    """Nix on a copy of the flake in which one text of one file is replaced."""

    def change(file: str, old: str, new: str) -> Nix:
        copy = tmp_path / "flake"
        shutil.copytree(nix.flake, copy)
        text = (copy / file).read_text(encoding="utf-8")
        assert text.count(old) == 1, f"{file} has {text.count(old)} times {old!r}"
        (copy / file).write_text(text.replace(old, new), encoding="utf-8")
        return Nix(copy, nix.nixpkgs, nix.state)

    return change
