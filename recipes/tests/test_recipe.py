"""`recipes/ipyrust/recipe.yaml`: valid, and what it becomes on every platform with conda-forge's pins."""

from __future__ import annotations

import json
import shutil
import tomllib
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from conda_channel.our_recipe import PLATFORMS, build, conda_forge_variants, fetch_crates, render
from conda_channel.places import RECIPE, ROOT, VARIANTS, ChannelError

SCHEMAS = Path(__file__).parent / "schemas"
KERNEL_PROJECT = ROOT / "packages" / "ipyrust-kernel" / "pyproject.toml"


def recipe() -> dict[str, Any]:
    content: dict[str, Any] = yaml.safe_load(RECIPE.read_text(encoding="utf-8"))
    return content


def validate(content: object) -> None:
    schema = json.loads((SCHEMAS / "recipe.schema.json").read_text(encoding="utf-8"))
    jsonschema.validate(content, schema)


def test_the_recipe_is_valid() -> None:
    validate(recipe())


def test_the_schema_refuses_a_misspelt_key() -> None:
    content = recipe()
    content["outputs"][0]["requirement"] = content["outputs"][0].pop("requirements")
    with pytest.raises(jsonschema.ValidationError):
        validate(content)


@pytest.mark.parametrize("platform", PLATFORMS)
def test_the_engine_is_built_once_for_each_platform_and_the_rest_once(platform: str) -> None:
    names = [
        variant.recipe.package.name for variant in render(platform, conda_forge_variants(platform))
    ]
    noarch = ["ipyrust-kernel", "ipyrust"] if platform == "linux-64" else []
    assert names == ["ipyrust-core", *noarch]


@pytest.mark.parametrize("platform", PLATFORMS)
def test_the_build_takes_conda_forges_pins(platform: str) -> None:
    variant = render(platform, conda_forge_variants(platform))[0].variant
    pins = {
        name: str(variant[name]) for name in ("target_platform", "python", "zeromq", "c_stdlib")
    }
    assert pins == {
        "target_platform": platform,
        "python": "3.11.* *_cpython",
        "zeromq": "4.3.5",
        "c_stdlib": "sysroot" if platform.startswith("linux") else "macosx_deployment_target",
    }


def test_pins_of_the_recipe_are_those_of_variants_yaml() -> None:
    """Every key that a render used comes from the file, except what the tool itself knows."""
    known = set(yaml.safe_load(VARIANTS.read_text(encoding="utf-8")))
    used = {
        name
        for platform in PLATFORMS
        for variant in render(platform, conda_forge_variants(platform))
        for name in variant.variant
    }
    assert used - known == {"target_platform", "build_platform"}


def test_the_version_is_that_of_the_sources() -> None:
    cargo = tomllib.loads((ROOT / "packages/ipyrust-core/Cargo.toml").read_text(encoding="utf-8"))
    assert recipe()["context"]["version"] == cargo["workspace"]["package"]["version"]


def test_the_kernel_needs_what_its_wheel_needs() -> None:
    project = tomllib.loads(KERNEL_PROJECT.read_text(encoding="utf-8"))["project"]
    of_wheel = {text for text in project["dependencies"] if not text.startswith("ipyrust-")}
    kernel = next(out for out in recipe()["outputs"] if out["package"]["name"] == "ipyrust-kernel")
    of_package = {text.replace(" ", "") for text in kernel["requirements"]["run"]}
    ours = {"python>=${{python_min}}", "ipyrust-core==${{version}}"}
    assert of_package == of_wheel | ours
    assert project["requires-python"] == ">=" + recipe()["context"]["python_min"]


def test_the_build_tools_are_those_of_the_sources() -> None:
    for output, projects in {
        "ipyrust-core": ["ipyrust-core", "ipyrust-launcher"],
        "ipyrust-kernel": ["ipyrust-kernel"],
    }.items():
        content = next(out for out in recipe()["outputs"] if out["package"]["name"] == output)
        host = {text.replace(" ", "") for text in content["requirements"]["host"]}
        for project in projects:
            text = (ROOT / "packages" / project / "pyproject.toml").read_text(encoding="utf-8")
            assert set(tomllib.loads(text)["build-system"]["requires"]) - host == set(), project


@pytest.mark.timeout(1800)
def test_without_the_channels_libzmq_there_is_no_build(tmp_path: Path) -> None:
    """Even where the machine has a libzmq of its own, and although the sources could build one."""
    fetch_crates()
    content = recipe()
    core = content["outputs"][0]
    core["requirements"]["host"].remove("zeromq")
    content["outputs"] = [core]
    broken = tmp_path / "recipe.yaml"
    broken.write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")
    shutil.copy(RECIPE.parent / "run_a_cell.py", tmp_path)
    with pytest.raises(ChannelError, match="cannot build"):
        build(tmp_path / "output", broken, test=False)
    log = (tmp_path / "output" / "build.log").read_text(encoding="utf-8")
    assert "was asked for the installed libzmq, but pkg-config finds none" in log
    assert not list(tmp_path.glob("output/*/*.conda"))
