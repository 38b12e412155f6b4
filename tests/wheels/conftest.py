"""Builds, once for all tests of this folder: every package from the tree and from its sdist, in two directories."""

from __future__ import annotations

import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from wheels.building import Builds, build_from_sdist, build_sdist, build_wheel, repair
from wheels.project import PACKAGES, ROOT, copy_tree, release_environment

HERE = Path(__file__).parent
DIST = ROOT / ".artifacts" / "wheels"


TIMEOUT = 1800
"""Seconds for a test, which may be the one that waits for the compiler."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give the tests of this folder the time of a build."""
    for item in items:
        if item.path.is_relative_to(HERE):
            item.add_marker(pytest.mark.timeout(TIMEOUT))


@pytest.fixture(scope="session")
def builds(tmp_path_factory: pytest.TempPathFactory) -> Builds:
    """Every package, built twice. Minutes, most of them the compiler's."""
    env = release_environment()
    folder = tmp_path_factory.mktemp("builds")
    tree = copy_tree(folder / "a" / "tree")
    sdists = {
        package.name: build_sdist(package, tree, folder / "sdists", env) for package in PACKAGES
    }
    with ThreadPoolExecutor(2) as pool:
        trees = pool.map(lambda p: build_wheel(p, tree, folder / "from-tree", env), PACKAGES)
        # pip unpacks an sdist into a directory of its own.
        others = pool.map(
            lambda p: build_from_sdist(p, sdists[p.name], folder / "from-sdist", env), PACKAGES
        )
        from_tree = dict(zip((p.name for p in PACKAGES), trees, strict=True))
        from_sdist = dict(zip((p.name for p in PACKAGES), others, strict=True))
    shipped = {
        package.name: repair(from_sdist[package.name], folder / "shipped")
        if package.is_compiled
        else from_sdist[package.name]
        for package in PACKAGES
    }
    keep([*shipped.values(), *sdists.values()])
    return Builds(tree, sdists, from_tree, from_sdist, shipped)


def keep(files: list[Path]) -> None:
    """Leave copies for a person to look at."""
    shutil.rmtree(DIST, ignore_errors=True)
    DIST.mkdir(parents=True)
    for path in files:
        shutil.copy(path, DIST)
