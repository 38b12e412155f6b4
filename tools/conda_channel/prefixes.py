"""Environments: what `conda create`, `conda install` and `pixi install` do, with the same solver and installer."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from rattler import (
    Channel,
    ChannelPriority,
    MatchSpec,
    PrefixRecord,
    RepoDataRecord,
    VirtualPackage,
    install,
    solve,
)

from conda_channel.places import CACHE


def solve_specs(
    specs: Sequence[str], channels: Sequence[Path], locked: Sequence[RepoDataRecord] = ()
) -> list[RepoDataRecord]:
    """The packages that satisfy `specs` on this machine.

    Raises:
        rattler.exceptions.SolverError: there are none; the message says why.
    """
    return asyncio.run(
        solve(
            [Channel(channel.as_uri()) for channel in channels],
            [MatchSpec(spec) for spec in specs],
            platforms=["linux-64", "noarch"],
            locked_packages=list(locked),
            virtual_packages=VirtualPackage.detect(),
            channel_priority=ChannelPriority.Disabled,
        )
    )


class Prefix:
    """An environment at a directory."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def install(self, specs: Sequence[str], channels: Sequence[Path]) -> None:
        """Make the environment hold what `specs` ask for, and remove what they do not."""
        records = solve_specs(specs, channels)
        asyncio.run(
            install(
                records,
                self.path,
                cache_dir=CACHE / "packages",
                installed_packages=self.installed(),
                show_progress=False,
            )
        )

    def installed(self) -> list[PrefixRecord]:
        """What it holds."""
        metadata = self.path / "conda-meta"
        return [PrefixRecord.from_path(path) for path in sorted(metadata.glob("*.json"))]

    def versions(self) -> dict[str, str]:
        """Name → version of what it holds."""
        return {record.name.normalized: str(record.version) for record in self.installed()}

    def program(self, name: str) -> Path:
        """Path of a command."""
        return self.path / "bin" / name

    def files(self) -> set[str]:
        """Every file and directory in it, as relative paths; those of directories end in a slash."""
        found: set[str] = set()
        for folder, folders, names in os.walk(self.path):
            place = Path(folder).relative_to(self.path)
            found |= {str(place / name) for name in names}
            found |= {f"{place / name}/" for name in folders}
        return found


def not_activated(home: Path) -> Mapping[str, str]:
    """The process environment of somebody who activated nothing and whose home is empty."""
    return {"PATH": os.defpath, "HOME": str(home), "LANG": "C.UTF-8"}
