"""PyPI names ↔ the names of conda-forge.

conda-forge keeps the underscores of some projects. Our manifests and our recipe spell such names as conda-forge does,
and the channel follows them; packages that only others depend on keep PyPI's name.
"""

from __future__ import annotations

from collections.abc import Iterable

from packaging.utils import canonicalize_name

from task_runner.manifest import PYPI_NAMES


class Names:
    """How the channel calls a distribution of PyPI."""

    def __init__(self, spelled: Iterable[str]) -> None:
        """`spelled`: package names as they are written in manifests and recipes."""
        self._conda = {canonicalize_name(name): name for name in sorted(spelled)}
        for conda_name, pypi_name in PYPI_NAMES.items():
            self._conda[canonicalize_name(pypi_name)] = conda_name

    def conda(self, pypi_name: str) -> str:
        """The package's name in the channel."""
        canonical = canonicalize_name(pypi_name)
        return self._conda.get(canonical, canonical)

    def pypi(self, conda_name: str) -> str:
        """The distribution's name on PyPI."""
        return PYPI_NAMES.get(conda_name, conda_name)
