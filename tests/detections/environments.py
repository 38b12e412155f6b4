"""The environments that the libraries live in: one without ipykernel, and one that has it beside.

They are made once, from the pinned files in this folder, and found again by a hash of those files and of the Python.
The second one holds only ipykernel and looks for everything else in the first.
"""

from __future__ import annotations

import fcntl
import hashlib
import platform
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import ipyrust
import ipyrust_core

HERE = Path(__file__).parent
CACHE = HERE.parents[1] / ".cache" / "detections"
ALONE, BESIDE = HERE / "requirements.txt", HERE / "requirements-ipykernel.txt"


def environment(*, with_ipykernel: bool) -> Path:
    """The Python of one of the environments, made if it is not there."""
    with _locked():
        alone = _made("alone", [ALONE])
        python = _made("beside", [ALONE, BESIDE], behind=alone) if with_ipykernel else alone
        _link_ipyrust(_site_packages(alone))
        return python


@contextmanager
def _locked() -> Iterator[None]:
    """One process at a time makes environments."""
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _made(name: str, requirements: list[Path], behind: Path | None = None) -> Path:
    """The Python of the environment with the last of `requirements` in it, and `behind` on its path."""
    digest = hashlib.sha256(f"{sys.base_prefix} {platform.python_version()}".encode())
    for file in requirements:
        digest.update(file.read_bytes())
    kind = f"{name}-py{sys.version_info.major}.{sys.version_info.minor}"
    folder = CACHE / f"{kind}-{digest.hexdigest()[:12]}"
    python = folder / "bin" / "python"
    if (folder / "complete").exists():
        return python
    for stale in CACHE.glob(f"{kind}-*"):
        shutil.rmtree(stale)
    subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
    # A lock needs no look for dependencies, and few of the modules will ever be compiled.
    options = ["--quiet", "--no-deps", "--no-compile", "--disable-pip-version-check"]
    command = [str(python), "-m", "pip", "install", *options, "-r", str(requirements[-1])]
    subprocess.run(command, check=True)
    if behind is not None:
        (_site_packages(python) / "behind.pth").write_text(f"{_site_packages(behind)}\n")
        (_site_packages(python) / "ipyrust.pth").write_text(
            f"{_packages(_site_packages(behind))}\n"
        )
    (folder / "complete").touch()
    return python


def _site_packages(python: Path) -> Path:
    [folder] = python.parents[1].glob("lib/python3*/site-packages")
    return folder


def _packages(site_packages: Path) -> Path:
    return site_packages.parent / "ipyrust-packages"


def _link_ipyrust(site_packages: Path) -> None:
    """Put the two packages under test on the path, and nothing else of the place where they are installed."""
    folder = _packages(site_packages)
    folder.mkdir(exist_ok=True)
    for package in (ipyrust, ipyrust_core):
        source = Path(package.__file__ or "").parent
        link = folder / source.name
        if link.is_symlink() and link.readlink() == source:
            continue
        link.unlink(missing_ok=True)
        link.symlink_to(source)
    (site_packages / "ipyrust.pth").write_text(f"{folder}\n")
