"""Virtual environments as people have them: with ipyrust, without, half of it, moved, linked, and things in its way."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Mapping
from pathlib import Path

import ipyrust
import ipyrust_core
from frontend import DEADLINE

KERNEL = Path(ipyrust.__file__).parent
CORE = Path(ipyrust_core.__file__).parent


class Environment:
    """A virtual environment made by `python -m venv`, with a copy of the launcher in its `bin`."""

    def __init__(self, prefix: Path, launcher: Path) -> None:
        self.prefix = prefix
        subprocess.run(
            [sys.executable, "-m", "venv", "--without-pip", prefix],
            check=True,
            timeout=DEADLINE,
            env=_bare_variables(),
        )
        shutil.copy2(launcher, self.launcher)

    @property
    def python(self) -> Path:
        """The interpreter."""
        return self.prefix / "bin" / "python"

    @property
    def launcher(self) -> Path:
        """The `ipyrust` command of this environment."""
        return self.prefix / "bin" / "ipyrust"

    @property
    def site(self) -> Path:
        """The directory of packages."""
        [found] = self.prefix.glob("lib/python3.*/site-packages")
        return found

    @property
    def kernels(self) -> Path:
        """The environment's kernelspecs."""
        return self.prefix / "share" / "jupyter" / "kernels"

    def add_paths(self, *directories: Path | str) -> None:
        """A `.pth` file with these directories, as an editable installation leaves one."""
        text = "".join(f"{directory}\n" for directory in directories)
        (self.site / f"test-{len(list(self.site.glob('*.pth')))}.pth").write_text(text)

    def add_dependencies(self) -> None:
        """IPython and the rest, from the environment that runs the tests."""
        self.add_paths(
            *dict.fromkeys([sysconfig.get_path("purelib"), sysconfig.get_path("platlib")])
        )

    def add_ipyrust(self) -> Environment:
        """The kernel and the engine under test, with what they need."""
        self.add_paths(KERNEL.parent, CORE.parent)
        self.add_dependencies()
        return self

    def copy_kernel(self, version: str | None = None) -> Path:
        """The kernel as files of the environment; its package."""
        package = self.site / "ipyrust"
        shutil.copytree(KERNEL, package, ignore=shutil.ignore_patterns("__pycache__"))
        if version is not None:
            (package / "_version.py").write_text(f'__version__ = "{version}"\n')
        return package

    def copy_core(self, *, native: bool) -> Path:
        """The engine as files of the environment, or what a failed installation leaves of it; its package."""
        left_out = ("__pycache__",) if native else ("__pycache__", "_native*")
        package = self.site / "ipyrust_core"
        shutil.copytree(CORE, package, ignore=shutil.ignore_patterns(*left_out))
        return package

    def add_distribution(self, name: str, version: str) -> None:
        """Metadata as an installer leaves it."""
        directory = self.site / f"{name.replace('-', '_')}-{version}.dist-info"
        directory.mkdir()
        (directory / "METADATA").write_text(
            f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
        )

    def add_unrelated_ipyrust(self) -> Path:
        """The files of the unrelated distribution `ipyrust`, which installs over ours; its package."""
        package = self.site / "ipyrust"
        package.mkdir(exist_ok=True)
        (package / "__init__.py").write_text("")
        (package / "__main__.py").write_text("print('not ours')\n")
        self.add_distribution("ipyrust", "0.0.1")
        return package

    def trap(self, marker: Path) -> None:
        """Replace the interpreter by a program that leaves `marker` when somebody starts it."""
        for name in ("python", "python3"):
            (self.prefix / "bin" / name).unlink()
            (self.prefix / "bin" / name).write_text(f"#!/bin/sh\ntouch '{marker}'\nexit 99\n")
            (self.prefix / "bin" / name).chmod(0o755)


class Machine:
    """A user's account: a home folder, variables, and what is run there."""

    def __init__(self, home: Path) -> None:
        self.home = home
        home.mkdir(exist_ok=True)

    @property
    def user_kernels(self) -> Path:
        """The user's kernelspecs; that folder is chosen by a variable, so that it is the same on every platform."""
        return self.home / "data" / "kernels"

    def variables(
        self, changes: Mapping[str, str | bytes | None] | None = None
    ) -> dict[str, str | bytes]:
        """What a program of this user gets; None takes a variable away."""
        found: dict[str, str | bytes] = {
            **_bare_variables(),
            "HOME": str(self.home),
            "JUPYTER_DATA_DIR": str(self.home / "data"),
            "IPYTHONDIR": str(self.home / "ipython"),
            "PATH": "/usr/bin:/bin",
        }
        for name, value in (changes or {}).items():
            if value is None:
                found.pop(name, None)
            else:
                found[name] = value
        return found

    def run(
        self,
        program: Path | str,
        *arguments: str | bytes | Path,
        cwd: Path | None = None,
        **changes: str | bytes | None,
    ) -> subprocess.CompletedProcess[str]:
        """Run to the end."""
        return subprocess.run(
            [program, *arguments],
            env=self.variables(changes),
            cwd=cwd or self.home,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=2 * DEADLINE,
            check=False,
        )

    def output(
        self, program: Path | str, *arguments: str | Path, **changes: str | bytes | None
    ) -> str:
        """Run something that succeeds without a word on stderr; what it prints."""
        ended = self.run(program, *arguments, **changes)
        assert (ended.returncode, ended.stderr) == (0, ""), ended
        return ended.stdout

    def complaint(
        self,
        code: int,
        program: Path | str,
        *arguments: str | bytes | Path,
        **changes: str | bytes | None,
    ) -> str:
        """Run something that fails with this code and one line; the line."""
        ended = self.run(program, *arguments, **changes)
        assert ended.returncode == code, ended
        assert ended.stdout == ""
        assert ended.stderr.startswith("ipyrust: "), ended
        assert ended.stderr.count("\n") == 1, ended
        assert ended.stderr.rstrip("\n").isprintable(), ended
        return ended.stderr.removeprefix("ipyrust: ").rstrip("\n")


def _bare_variables() -> dict[str, str | bytes]:
    """The test run's variables without those that lead to interpreters and kernels."""
    prefixes = ("PYTHON", "JUPYTER", "IPYRUST", "CONDA", "VIRTUAL_ENV", "XDG_", "IPYTHON")
    return {name: value for name, value in os.environ.items() if not name.startswith(prefixes)}


def tree(directory: Path) -> dict[str, bytes | str]:
    """Every file below `directory` with its content and mode, links as their targets."""
    found: dict[str, bytes | str] = {}
    for path in sorted(directory.rglob("*")):
        name = str(path.relative_to(directory))
        if path.is_symlink():
            found[name] = os.readlink(path)
        elif path.is_file():
            found[name] = path.read_bytes() + oct(path.stat().st_mode).encode()
        else:
            found[name] = oct(path.stat().st_mode)
    return found
