"""The same sources give the same bytes, wherever they are built."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from wheels.building import Builds
from wheels.project import PACKAGES, ROOT

NAMES = [package.name for package in PACKAGES]


def digest_of_members(wheel: Path) -> dict[str, int]:
    with zipfile.ZipFile(wheel) as archive:
        return {entry.filename: entry.CRC for entry in archive.infolist()}


@pytest.mark.parametrize("name", NAMES)
def test_tree_and_sdist_give_the_same_wheel(builds: Builds, name: str) -> None:
    one, other = builds.from_tree[name], builds.from_sdist[name]
    assert one.name == other.name
    assert digest_of_members(one) == digest_of_members(other)
    assert one.read_bytes() == other.read_bytes()


@pytest.mark.parametrize("name", NAMES)
def test_wheel_names_no_place_of_the_machine(builds: Builds, name: str) -> None:
    places = {
        "home": str(Path.home()).encode(),
        "repository": str(ROOT).encode(),
        "build": str(builds.tree.parents[1]).encode(),
    }
    found = []
    with zipfile.ZipFile(builds.shipped[name]) as archive:
        for member in archive.namelist():
            content = archive.read(member)
            found += [f"{member}: {what}" for what, place in places.items() if place in content]
    assert found == []
