"""A channel of metadata without packages: enough to solve an environment, nothing to install.

A compiled wheel that no test installs is not downloaded for every Python; its metadata is asked for, which is all a
solve reads. The same serves Pythons that the machine does not have: then `python` itself is such a record. Every build
string says `records`.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from conda_channel.resolution import Distribution
from conda_channel.wheels import WheelConverter

LABEL = "records"


class Records:
    """Collects records, and writes them as a channel."""

    def __init__(self, converter: WheelConverter) -> None:
        self.converter = converter
        self._packages: dict[str, dict[str, dict[str, Any]]] = {"noarch": {}, "linux-64": {}}

    def add_wheel(self, item: Distribution, python: str) -> None:
        """A wheel's metadata, as its package would have it."""
        build = self.converter.build_string(item, python).replace("standin", LABEL)
        self._add(
            self.converter.subdir(item),
            self.converter.names.conda(item.name),
            item.version,
            build,
            self.converter.depends(item, python),
            item.sha256,
        )

    def add_python(self, minor_version: str) -> None:
        """A Python that this machine does not have."""
        tag = "cp" + minor_version.replace(".", "")
        abi = f"python_abi {minor_version}.* *_{tag}"
        self._add("linux-64", "python", f"{minor_version}.0", f"{LABEL}_{tag}", [abi])
        self._add("noarch", "python_abi", minor_version, f"{LABEL}_{tag}", [])
        version = f"{minor_version}.0"
        build = f"py{minor_version.replace('.', '')}_{LABEL}"
        self._add(
            "noarch",
            "cpython",
            version,
            build,
            [f"python {minor_version}.*", f"python_abi * *_{tag}"],
        )
        self._add(
            "noarch",
            "python-gil",
            version,
            build,
            [f"cpython {version}.*", f"python_abi * *_{tag}"],
        )

    def write(self, folder: Path) -> None:
        """Write `repodata.json` of each subdirectory."""
        for subdir, packages in self._packages.items():
            place = folder / subdir
            place.mkdir(parents=True, exist_ok=True)
            content = {
                "info": {"subdir": subdir},
                "packages": {},
                "packages.conda": packages,
                "repodata_version": 1,
            }
            text = json.dumps(content, indent=1, sort_keys=True)
            (place / "repodata.json").write_text(text, encoding="utf-8")

    def _add(
        self, subdir: str, name: str, version: str, build: str, depends: list[str], sha256: str = ""
    ) -> None:
        self._packages[subdir][f"{name}-{version}-{build}.conda"] = {
            "name": name,
            "version": version,
            "build": build,
            "build_number": 0,
            "depends": depends,
            "subdir": subdir,
            "sha256": sha256 or "0" * 64,
            "size": 0,
        }
