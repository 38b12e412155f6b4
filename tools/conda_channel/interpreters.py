"""The CPythons of this machine that can become packages of the channel."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from conda_channel.places import ChannelError

OLDEST_MINOR = 11
NEWEST_MINOR = 14
PROBE = """
import json, sys, sysconfig
print(json.dumps({
    "version": "%d.%d.%d" % sys.version_info[:3],
    "base": sys.base_prefix,
    "final": sys.version_info.releaselevel == "final" and sys.implementation.name == "cpython",
    "gil": not sysconfig.get_config_var("Py_GIL_DISABLED"),
    "headers": sysconfig.get_path("include"),
}))
"""


@dataclass(frozen=True)
class Interpreter:
    """A CPython with its standard library and headers under one directory."""

    version: str
    base: Path

    @property
    def minor_version(self) -> str:
        """As "3.11"."""
        return self.version.rpartition(".")[0]

    @property
    def executable(self) -> Path:
        """The program."""
        return self.base / "bin" / f"python{self.minor_version}"


def find_interpreters(wanted: Sequence[str] = ()) -> list[Interpreter]:
    """One CPython for each minor version, the first found on PATH or in pyenv's folder; oldest first.

    Args:
        wanted: minor versions that must be there, as "3.12".

    Raises:
        ChannelError: a wanted one is missing, or there is none at all.
    """
    found: dict[str, Interpreter] = {}
    for program in candidates():
        interpreter = probe(program)
        if interpreter is not None:
            found.setdefault(interpreter.minor_version, interpreter)
    missing = [version for version in wanted if version not in found]
    if missing:
        have = ", ".join(sorted(found, key=minor_number)) or "none"
        raise ChannelError(
            f"no CPython {', '.join(missing)} with headers on PATH or in pyenv's folder (found: {have}); "
            "install it, or leave it out of --python"
        )
    if not found:
        raise ChannelError(
            f"no CPython >= 3.{OLDEST_MINOR} with headers on PATH or in pyenv's folder: install one"
        )
    return [found[version] for version in sorted(found, key=minor_number)]


def minor_number(version: str) -> int:
    """11 of "3.11"."""
    return int(version.split(".")[1])


def candidates() -> Iterator[str]:
    """Programs that may be a CPython, without starting them."""
    folders = os.environ.get("PATH", os.defpath).split(os.pathsep)
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv") / "versions"
    if pyenv.is_dir():
        folders += [str(folder / "bin") for folder in sorted(pyenv.iterdir(), reverse=True)]
    for minor in range(OLDEST_MINOR, NEWEST_MINOR + 1):
        for folder in folders:
            program = shutil.which(f"python3.{minor}", path=folder)
            if program is not None:
                yield program


def probe(program: str) -> Interpreter | None:
    """The CPython that `program` is; None when it does not start or cannot be repackaged."""
    try:
        done = subprocess.run(
            [program, "-I", "-c", PROBE],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=True,
            text=True,
            timeout=30,
        )
        about = json.loads(done.stdout)
    except (OSError, subprocess.SubprocessError, ValueError):
        return None
    base = Path(about["base"])
    headers = Path(about["headers"])
    whole = headers.is_relative_to(base) and (headers / "Python.h").exists()
    # A distribution's own Python is patched to look for packages elsewhere and would not find those of a prefix.
    of_distribution = base == Path("/usr")
    if of_distribution or not (about["final"] and about["gil"] and whole):
        return None
    return Interpreter(about["version"], base)
