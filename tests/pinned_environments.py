"""Virtual environments for what the tests need and the project's own environment must not have.

Each is made once, from a file of pinned requirements, and found again by a hash of the file and of the Python. They are
under `.cache/`, one folder for each suite of tests.
"""

from __future__ import annotations

import fcntl
import hashlib
import platform
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

CACHE = Path(__file__).parents[1] / ".cache"


@contextmanager
def locked(suite: str) -> Iterator[Path]:
    """The folder of a suite's environments; one process at a time makes environments there."""
    folder = CACHE / suite
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield folder


def made(cache: Path, name: str, requirements: Sequence[Path]) -> Path:
    """The Python of the environment with the last of `requirements` in it, made if it is not there.

    It depends on the others, too: when one of them changes, it is made anew.
    """
    digest = hashlib.sha256(f"{sys.base_prefix} {platform.python_version()}".encode())
    for file in requirements:
        digest.update(file.read_bytes())
    kind = f"{name}-py{sys.version_info.major}.{sys.version_info.minor}"
    folder = cache / f"{kind}-{digest.hexdigest()[:12]}"
    python = folder / "bin" / "python"
    if (folder / "complete").exists():
        return python
    for stale in cache.glob(f"{kind}-*"):
        shutil.rmtree(stale)
    subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
    # A lock needs no look for dependencies, and few of the modules will ever be compiled.
    options = ["--quiet", "--no-deps", "--no-compile", "--disable-pip-version-check"]
    command = [str(python), "-m", "pip", "install", *options, "-r", str(requirements[-1])]
    subprocess.run(command, check=True)
    (folder / "complete").touch()
    return python


def site_packages(python: Path) -> Path:
    """The folder of the modules of an environment."""
    [folder] = python.parents[1].glob("lib/python3*/site-packages")
    return folder
