"""Which Python makes the virtual environments."""

from __future__ import annotations

import shutil
import subprocess
import sys

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
