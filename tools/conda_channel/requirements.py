"""What the channel must hold: everything that `pixi.toml` and the recipe ask for by name."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from conda_channel.names import Names
from conda_channel.places import RECIPE
from task_runner.manifest import MACHINE_PROGRAMS, Manifest, read_manifest, version_specifier

NOTEBOOK = ("jupyter_client", "nbclient", "nbconvert")
"""What runs a notebook on an installed kernel."""

NOT_FROM_PYPI = {
    *MACHINE_PROGRAMS,
    "_python_abi3_support",
    "cargo-bundle-licenses",
    "cpython",
    "crossenv",
    "python-abi3",
    "python-gil",
    "python_abi",
} - {"pip"}
"""Packages that other recipes of the channel make."""

OURS = {"ipyrust", "ipyrust-core", "ipyrust-kernel"}


def manifest_requirements(manifest: Manifest) -> dict[str, str]:
    """Conda package → version specifier as pip writes it, over all features."""
    found: dict[str, str] = {}
    for feature in manifest.features.values():
        for name, spec in feature.get("dependencies", {}).items():
            if name not in NOT_FROM_PYPI | OURS:
                found[name] = version_specifier(name, spec)
    return found


def recipe_requirements(path: Path = RECIPE) -> dict[str, str]:
    """The same for every requirement of a recipe's outputs and tests."""
    found: dict[str, str] = {}
    for text in specs_of(yaml.safe_load(path.read_text(encoding="utf-8"))):
        name, _, version = text.partition(" ")
        if (
            "${{" not in name
            and not name.startswith("cross-python")
            and name not in NOT_FROM_PYPI | OURS
        ):
            found[name] = "" if "${{" in version else version.strip()
    return found


def specs_of(node: Any, inside: bool = False) -> Iterator[str]:
    """Every match spec under the recipe's `requirements`, whatever its conditions."""
    if isinstance(node, str):
        if inside:
            yield node
    elif isinstance(node, list):
        for item in node:
            yield from specs_of(item, inside)
    elif isinstance(node, dict):
        for key, value in node.items():
            if key in ("if", "ignore_run_exports"):
                continue
            yield from specs_of(value, inside or key == "requirements")


def all_requirements() -> tuple[list[str], Names]:
    """Requirements for pip, sorted, and how the channel names what they bring."""
    wanted = manifest_requirements(read_manifest())
    for name, version in [
        *recipe_requirements().items(),
        *((name, "") for name in ("pip", *NOTEBOOK)),
    ]:
        wanted.setdefault(name, version)
    names = Names(wanted)
    return sorted(
        names.pypi(name) + pip_version(version) for name, version in wanted.items()
    ), names


def pip_version(version: str) -> str:
    """A conda version as pip writes it: `1.2.*` means `==1.2.*`."""
    return "==" + version if re.match(r"\d", version) else version


def tested_packages() -> list[str]:
    """PyPI names of what an environment with the kernel and a notebook client needs."""
    return sorted({*recipe_requirements(), "pip", *NOTEBOOK})
