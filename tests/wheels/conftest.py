"""Builds, once for all tests of this folder: every package from the tree and from its sdist, in two directories."""

from __future__ import annotations

import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from wheels.building import Builds, build_from_sdist, build_sdist, build_wheel, repair
from wheels.project import PACKAGES, ROOT, Package, copy_tree, release_environment

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
    environments = {package.name: release_environment(package) for package in PACKAGES}
    folder = tmp_path_factory.mktemp("builds")
    tree = copy_tree(folder / "a" / "tree")

    def sdist(package: Package) -> Path:
        return build_sdist(package, tree, folder / "sdists", environments[package.name])

    def wheel(package: Package) -> Path:
        return build_wheel(package, tree, folder / "from-tree", environments[package.name])

    def wheel_from_sdist(package: Package) -> Path:  # pip unpacks it into a directory of its own
        out = folder / "from-sdist"
        return build_from_sdist(package, sdists[package.name], out, environments[package.name])

    names = [package.name for package in PACKAGES]
    with ThreadPoolExecutor(2) as pool:
        sdists = dict(zip(names, pool.map(sdist, PACKAGES), strict=True))
        wheels, others = pool.map(wheel, PACKAGES), pool.map(wheel_from_sdist, PACKAGES)
        from_tree = dict(zip(names, wheels, strict=True))
        from_sdist = dict(zip(names, others, strict=True))
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
