"""Packages as a release before this one would have left them: the built ones under a lower version.

They differ from the new ones in the version wherever packages state it, and by a module that exists no more.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from pathlib import Path

from rattler.index import index_fs
from rattler.package_streaming import extract
from rattler_build import assemble_package

OLD_VERSION = "0.0.9"
REMOVED_MODULE = "module_of_old"


def make_older(packages: Mapping[str, Path], channel: Path) -> None:
    """Write and index a channel with an older version of each package."""
    for name, path in packages.items():
        content = channel.parent / f"{channel.name}-{name}"
        extract(path, content)
        index = json.loads((content / "info/index.json").read_text(encoding="utf-8"))
        version = index["version"]
        (content / "info").rename(channel.parent / f"{channel.name}-{name}-info")
        for info in content.glob("site-packages/*.dist-info"):
            metadata = info / "METADATA"
            text = metadata.read_text(encoding="utf-8")
            metadata.write_text(text.replace(version, OLD_VERSION), encoding="utf-8")
            info.rename(info.with_name(info.name.replace(version, OLD_VERSION)))
        for package in content.glob("site-packages/ipyrust*/__init__.py"):
            package.with_name(f"{REMOVED_MODULE}.py").touch()
        assemble_package(
            name,
            OLD_VERSION,
            index["subdir"],
            "0",
            channel / index["subdir"],
            files_dir=content,
            depends=[text.replace(version, OLD_VERSION) for text in index["depends"]],
            noarch=index.get("noarch"),
            compression_level=1,
        )
    asyncio.run(index_fs(channel, write_zst=False, write_shards=False, force=True))
