"""Which Python makes the virtual environments."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator

from task_runner.project import RunError

OLDEST_PYTHON = (3, 11)


def choose_python(wanted: str | None) -> tuple[str, str]:
    """The interpreter for virtual environments, and its version as "3.11"."""
    if wanted is None:
        return sys.executable, "{}.{}".format(*sys.version_info[:2])
    path = shutil.which(wanted)
    if path is None:
        raise RunError(f"--python {wanted}: no such program; give a path or a name on PATH")
    version = version_of(path)
    if version is None:
        raise RunError(f"--python {wanted}: {path} does not start as a Python interpreter")
    if version < OLDEST_PYTHON:
        raise RunError(
            "--python {}: Python {}.{} is too old; {}.{} or newer".format(
                wanted, *version, *OLDEST_PYTHON
            )
        )
    return path, "{}.{}".format(*version)


def find_python(version: str) -> str:
    """An interpreter of a minor version, given as "3.12", from PATH or pyenv's folder.

    Raises:
        RunError: there is none.
    """
    for path in programs(f"python{version}"):
        if version_of(path) == tuple(int(part) for part in version.split(".")):
            return path
    raise RunError(
        f"no Python {version} on PATH or in pyenv's folder: install it, or run the task in another "
        "environment (-e ENVIRONMENT)"
    )


def programs(name: str) -> Iterator[str]:
    """Where a program of this name is, likeliest first."""
    folders = os.environ.get("PATH", os.defpath).split(os.pathsep)
    root = os.environ.get("PYENV_ROOT") or os.path.join(os.path.expanduser("~"), ".pyenv")
    versions = os.path.join(root, "versions")
    if os.path.isdir(versions):
        folders += [os.path.join(versions, each, "bin") for each in sorted(os.listdir(versions))]
    for folder in folders:
        path = shutil.which(name, path=folder)
        if path is not None:
            yield path


def version_of(python: str) -> tuple[int, int] | None:
    """(major, minor) of an interpreter; None when it cannot be started (a pyenv shim without its version, say)."""
    try:
        probe = subprocess.run(
            [python, "-c", "import sys; print(*sys.version_info[:2])"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=30,
            check=True,
            text=True,
        )
        major, minor = probe.stdout.split()
        return int(major), int(minor)
    except (OSError, subprocess.SubprocessError, ValueError):
        return None
