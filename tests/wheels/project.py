"""The packages that have wheels, the environment in which releases are built, and a copy of the tree to build in."""

from __future__ import annotations

import os
import shutil
import subprocess
import tomllib
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
RELEASE_TIME = 1_700_000_000
"""SOURCE_DATE_EPOCH of the builds: any fixed time will do."""


@dataclass(frozen=True)
class Package:
    """A folder under `packages/` with a `pyproject.toml`."""

    folder: Path

    @cached_property
    def metadata(self) -> dict[str, Any]:
        """Its `pyproject.toml`."""
        return tomllib.loads((self.folder / "pyproject.toml").read_text(encoding="utf-8"))

    @property
    def name(self) -> str:
        """Name of the distribution."""
        name: str = self.metadata["project"]["name"]
        return name

    @property
    def file_prefix(self) -> str:
        """How the names of its wheel and sdist begin."""
        return self.name.replace("-", "_") + "-"

    @property
    def is_compiled(self) -> bool:
        """Whether its wheel depends on the platform."""
        return self.metadata["build-system"]["build-backend"] == "maturin"


PACKAGES = [Package(path.parent) for path in sorted((ROOT / "packages").glob("*/pyproject.toml"))]
COMPILED = [package for package in PACKAGES if package.is_compiled]
(CORE,) = (package for package in PACKAGES if package.name == "ipyrust-core")
(KERNEL,) = (package for package in PACKAGES if package.name == "ipyrust-kernel")


def release_environment(package: Package) -> dict[str, str]:
    """The environment of a build of `package`, as its `tool.cibuildwheel` sets it, with this machine's toolchain."""
    hidden = ("PYTHONPATH", "VIRTUAL_ENV", "CARGO_TARGET_DIR", "RUSTC_WRAPPER")
    variables = {name: value for name, value in os.environ.items() if name not in hidden}
    variables.setdefault("CARGO_HOME", str(Path.home() / ".cargo"))
    table = package.metadata["tool"].get("cibuildwheel", {}).get("environment", {})
    for name, value in table.items():
        if name not in ("CARGO_HOME", "PATH"):
            for known in ("HOME", "CARGO_HOME"):
                value = value.replace(f"${known}", variables[known])
            assert "$" not in value, f"{name}={value}"
            variables[name] = value
    variables["SOURCE_DATE_EPOCH"] = str(RELEASE_TIME)
    return variables


def copy_tree(destination: Path) -> Path:
    """Copy what belongs to the repository, and nothing that a build has left in it; returns `destination`."""
    names = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    ).stdout.split("\0")
    for name in filter(None, names):
        if (ROOT / name).is_file():
            (destination / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, destination / name, follow_symlinks=False)
    return destination
