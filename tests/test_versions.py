"""One version: that of the Cargo workspace. What repeats it says the same; what can read it does not repeat it."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ROOT / "packages"
CORE = PACKAGES / "ipyrust-core"


def toml(path: Path) -> dict[str, Any]:
    return tomllib.loads(path.read_text(encoding="utf-8"))


VERSION: str = toml(CORE / "Cargo.toml")["workspace"]["package"]["version"]


def as_numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.split(r"[.-]", version)[:3])


def manifests(pattern: str) -> list[Any]:
    found = sorted(PACKAGES.glob(pattern))
    assert found
    return [pytest.param(path, id=path.relative_to(ROOT).as_posix()) for path in found]


def test_the_version_is_a_release() -> None:
    # Python and cargo spell versions with a suffix differently, so there is none.
    assert re.fullmatch(r"\d+\.\d+\.\d+", VERSION)


def test_every_crate_of_the_workspace_takes_it() -> None:
    members = toml(CORE / "Cargo.toml")["workspace"]["members"]
    taken = {name: toml(CORE / name / "Cargo.toml")["package"]["version"] for name in members}
    assert taken == {name: {"workspace": True} for name in members}


@pytest.mark.parametrize("manifest", manifests("*/Cargo.toml"))
def test_a_crate_of_its_own_says_the_same(manifest: Path) -> None:
    workspace = toml(CORE / "Cargo.toml")["workspace"]["package"]
    package = toml(manifest).get("package", workspace)
    assert package["version"] == VERSION
    assert package["rust-version"] == workspace["rust-version"]


@pytest.mark.parametrize("lock", manifests("*/Cargo.lock"))
def test_the_locked_crates_of_ours_have_it(lock: Path) -> None:
    # Those without a source are not from a registry.
    ours = {one["name"]: one["version"] for one in toml(lock)["package"] if "source" not in one}
    assert ours and ours == dict.fromkeys(ours, VERSION)


@pytest.mark.parametrize("manifest", manifests("*/pyproject.toml"))
def test_pyproject_reads_it(manifest: Path) -> None:
    project = toml(manifest)["project"]
    assert "version" not in project and "version" in project["dynamic"]


@pytest.mark.parametrize("manifest", manifests("*/pyproject.toml"))
def test_our_packages_require_each_other_in_this_version(manifest: Path) -> None:
    project = toml(manifest)["project"]
    extras = project.get("optional-dependencies", {}).values()
    required = [*project.get("dependencies", []), *(line for extra in extras for line in extra)]
    ours = [line for line in required if re.match(r"ipyrust[-_]", line)]
    wrong = [line for line in ours if not line.endswith(f"=={VERSION}") and "[" not in line]
    assert wrong == []


def test_the_kernel_says_the_same() -> None:
    source = (PACKAGES / "ipyrust-kernel/src/ipyrust/_version.py").read_text(encoding="utf-8")
    assert re.findall(r'^__version__ = "(.+)"$', source, re.MULTILINE) == [VERSION]


def test_recipes_say_the_same() -> None:
    recipes = sorted((ROOT / "recipes").glob("**/recipe.yaml"))
    for recipe in recipes:
        lines = recipe.read_text(encoding="utf-8").splitlines()
        said = [
            line.partition(":")[2].strip(" \"'")
            for line in lines
            if line.strip().startswith("version:")
        ]
        assert said
        assert {version for version in said if not version.startswith("${{")} <= {VERSION}


def test_nix_reads_it() -> None:
    # tests/nix changes it in Cargo.toml and sees it change in Nix.
    files = [ROOT / "flake.nix", *ROOT.glob("nix/*.nix")]
    assert len(files) > 1
    assert [file.name for file in files if VERSION in file.read_text(encoding="utf-8")] == []


def test_the_changelog_knows_no_later_version() -> None:
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    first, *released = re.findall(r"^## \[(.+?)\]", text, re.MULTILINE)
    assert first == "Unreleased"
    numbers = [as_numbers(version) for version in released]
    assert numbers == sorted(numbers, reverse=True)
    assert all(version <= as_numbers(VERSION) for version in numbers)


def test_the_readme_says_the_same() -> None:
    said = re.search(
        r"The version is (\d+\.\d+)\b", (ROOT / "README.md").read_text(encoding="utf-8")
    )
    assert said is None or as_numbers(said[1]) == as_numbers(VERSION)[:2]
