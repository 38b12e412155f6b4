"""The configuration of the release builds, read by cibuildwheel itself. The builds need containers and macOS."""

from __future__ import annotations

import json
import sys
from importlib.resources import files

import pytest

from wheels.building import run
from wheels.project import COMPILED, Package

PLATFORMS = {
    "linux": {
        f"{libc}_{machine}"
        for libc in ("manylinux", "musllinux")
        for machine in ("x86_64", "aarch64")
    },
    "macos": {f"macosx_{machine}" for machine in ("x86_64", "arm64")},
}
PYTHONS = {"ipyrust-core": {"cp311", "cp314t"}, "ipyrust-launcher": {"cp311"}}


@pytest.mark.parametrize("package", COMPILED, ids=lambda package: package.name)
@pytest.mark.parametrize("platform", PLATFORMS)
def test_platforms_that_get_a_wheel(package: Package, platform: str) -> None:
    listed = run(
        sys.executable, "-m", "cibuildwheel", "--print-build-identifiers",
        "--platform", platform, package.folder,
    )  # fmt: skip
    assert set(listed.split()) == {
        f"{python}-{target}" for python in PYTHONS[package.name] for target in PLATFORMS[platform]
    }


@pytest.mark.parametrize("package", COMPILED, ids=lambda package: package.name)
def test_table_fits_the_schema(package: Package) -> None:
    from jsonschema import validate

    schema = files("cibuildwheel").joinpath("resources/cibuildwheel.schema.json").read_text()
    validate(package.metadata["tool"]["cibuildwheel"], json.loads(schema))
