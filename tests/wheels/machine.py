"""The interpreters of this machine, and environments in which only what was installed is to be found."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from wheels.building import run

OLDEST_MINOR = 11
PROBE = (
    "import sys, sysconfig, venv, ensurepip;"
    "print(sys.implementation.name, *sys.version_info[:2], sysconfig.get_config_var('Py_GIL_DISABLED') or 0)"
)
COMPILERS = ("cc", "c++", "gcc", "g++", "clang", "clang++", "cargo", "rustc", "make", "pkg-config")


def pythons() -> dict[str, Path]:
    """Version → interpreter, of every CPython 3 with a GIL: on PATH, and where pyenv keeps its own. Oldest first."""
    found: dict[tuple[int, int], Path] = {}
    for path in _candidates():
        version = _version(path)
        if version:
            found.setdefault(version, path)
    return {"{}.{}".format(*version): path for version, path in sorted(found.items())}


def is_supported(version: str) -> bool:
    """Whether our packages are for this version."""
    return int(version.split(".")[1]) >= OLDEST_MINOR


def _candidates() -> list[Path]:
    root = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    paths = sorted(root.glob("versions/*/bin/python3"))
    for folder in os.get_exec_path():
        entries = os.listdir(folder) if os.path.isdir(folder) else []
        paths += [
            Path(folder, name) for name in sorted(entries) if re.fullmatch(r"python3\.\d+", name)
        ]
    return paths


def _version(python: Path) -> tuple[int, int] | None:
    """Its version; None when it cannot make environments (a shim without its version) or is not for our wheels."""
    probe = subprocess.run(
        [python, "-I", "-c", PROBE], capture_output=True, text=True, timeout=60, check=False
    )
    words = probe.stdout.split()
    if probe.returncode != 0 or words[0] != "cpython" or words[3] != "0":
        return None
    return int(words[1]), int(words[2])


@dataclass(frozen=True)
class Environment:
    """A virtual environment in which no compiler is on PATH."""

    prefix: Path

    @property
    def python(self) -> Path:
        """Its interpreter."""
        return self.prefix / "bin" / "python"

    @property
    def variables(self) -> dict[str, str]:
        """The process environment: PATH has the environment's programs only."""
        path = str(self.prefix / "bin")
        assert [name for name in COMPILERS if shutil.which(name, path=path)] == []
        kept = ("LANG", "LC_ALL", "TMPDIR")
        return {
            **{name: value for name, value in os.environ.items() if name in kept},
            **{name: value for name, value in os.environ.items() if name.startswith("PIP_")},
            "HOME": str(self.prefix / "home"),
            "PATH": path,
            "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        }

    def run(self, *arguments: object) -> str:
        """Run its interpreter with these arguments, in a folder of its own; returns what it prints.

        Raises:
            CommandError: its exit code is not 0.
        """
        return run(self.python, *arguments, env=self.variables, cwd=self.prefix / "home")

    def files(self) -> set[str]:
        """Every file and folder, relative to the prefix."""
        return {path.relative_to(self.prefix).as_posix() for path in self.prefix.rglob("*")}


def make_environment(python: Path, prefix: Path) -> Environment:
    """A fresh virtual environment of `python` in `prefix`."""
    run(python, "-m", "venv", prefix)
    (prefix / "home").mkdir()
    return Environment(prefix)
