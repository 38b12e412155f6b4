"""The flake evaluates, for every system, and says what is wrong with a wrong one. Nothing is built here."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest

from nix.command import SYSTEM, Nix

SYSTEMS = ["aarch64-darwin", "aarch64-linux", "x86_64-darwin", "x86_64-linux"]
OUTPUTS = {
    "apps": ["default", "ipyrust"],
    "checks": ["cell", "ipyrust"],
    "devShells": ["default"],
    "packages": ["default", "ipyrust", "ipyrust-core", "ipyrust-kernel", "ipyrust-launcher"],
}
Changed = Callable[[str, str, str], Nix]


def cargo_version(flake: Path) -> str:
    manifest = flake / "packages/ipyrust-core/Cargo.toml"
    version: str = tomllib.loads(manifest.read_text())["workspace"]["package"]["version"]
    return version


def test_every_file_parses(nix: Nix) -> None:
    files = [nix.flake / "flake.nix", *nix.flake.glob("nix/*.nix"), *nix.nixpkgs.glob("*.nix")]
    assert len(files) > 10
    for file in files:
        nix.parse(file)


def test_flake_check_accepts_it(nix: Nix) -> None:
    nix.output("flake", "check", "--no-build", ".")


def test_flake_show_lists_the_same_for_every_system(nix: Nix) -> None:
    shown = json.loads(nix.output("flake", "show", "--json", "."))
    found = {
        kind: {system: sorted(names) for system, names in shown[kind].items()} for kind in OUTPUTS
    }
    assert found == {kind: dict.fromkeys(SYSTEMS, names) for kind, names in OUTPUTS.items()}
    assert sorted(shown["formatter"]) == SYSTEMS
    assert list(shown["overlays"]) == ["default"]


@pytest.mark.parametrize("system", SYSTEMS)
def test_everything_evaluates_for(nix: Nix, system: str) -> None:
    packages = [
        f"{kind}.{system}.{name}" for kind in OUTPUTS if kind != "apps" for name in OUTPUTS[kind]
    ]
    for attribute in [*packages, f"formatter.{system}"]:
        path = nix.output("eval", "--raw", f".#{attribute}.drvPath")
        assert path.startswith(str(nix.state / "store")) and path.endswith(".drv")
    for name in OUTPUTS["apps"]:
        assert nix.output("eval", "--raw", f".#apps.{system}.{name}.program").endswith(
            "/bin/ipyrust"
        )


def test_the_version_is_that_of_cargo_toml(nix: Nix, changed: Changed) -> None:
    version = cargo_version(nix.flake)
    other = changed(
        "packages/ipyrust-core/Cargo.toml", f'\nversion = "{version}"', '\nversion = "97.98.99"'
    )
    for package in ("ipyrust-core", "ipyrust-kernel"):
        for flake, expected in ((nix, version), (other, "97.98.99")):
            name = flake.output("eval", "--raw", f".#packages.{SYSTEM}.{package}.name")
            assert name == f"python3-{package}-{expected}"


@pytest.mark.parametrize("requirement", ["no_such.Library>=1", "no-such-library"])
def test_dependencies_are_those_of_pyproject_toml(changed: Changed, requirement: str) -> None:
    flake = changed(
        "packages/ipyrust-kernel/pyproject.toml", '  "comm>=', f'  "{requirement}",\n  "comm>='
    )
    said = flake.error("eval", f".#packages.{SYSTEM}.ipyrust-kernel.drvPath")
    assert "attribute 'no-such-library' missing" in said


def test_a_requirement_with_a_marker_is_refused_by_name(changed: Changed) -> None:
    flake = changed(
        "packages/ipyrust-kernel/pyproject.toml", '"comm>=', '"x>=1; os_name==\'nt\'", "comm>='
    )
    said = flake.error("eval", f".#packages.{SYSTEM}.ipyrust-kernel.drvPath")
    assert "requirement x>=1; os_name=='nt': only a name and versions" in said


def test_the_definition_is_the_kernelspec(nix: Nix) -> None:
    spec = json.loads(
        (nix.flake / "packages/ipyrust-kernel/src/ipyrust/resources/kernel.json").read_text()
    )
    definition = json.loads(
        nix.output("eval", "--json", f".#packages.{SYSTEM}.ipyrust-kernel.definition")
    )
    interpreter, *arguments = definition["argv"]
    assert interpreter.startswith(str(nix.state / "store")) and arguments == spec["argv"][1:]
    assert definition["displayName"] == spec["display_name"]
    assert definition["interruptMode"] == spec["interrupt_mode"]
    assert definition["language"] == spec["language"]
    assert definition["metadata"] == spec["metadata"]


@pytest.mark.parametrize(
    ("file", "old", "new", "said"),
    [
        ("nix/ipyrust-core.nix", "  buildInputs =", "  buildInputz =", "unknown attribute buildInputz"),
        ("nix/ipyrust-core.nix", "  zeromq,", "  zeromq,  zmq,", "called without required argument 'zmq'"),
        ("nix/ipyrust-core.nix", "maturinBuildHook", "maturinHook", "attribute 'maturinHook' missing"),
        ("nix/ipyrust.nix", "packages.ipyrust-kernel ", "packages.ipyrust-cernel ", "'ipyrust-cernel' missing"),
        ("nix/ipyrust-kernel.nix", "displayName =", "display_name =", "unknown attribute display_name"),
        ("nix/shell.nix", "inputsFrom", "inputFrom", "unknown attribute inputFrom"),
        ("nix/overlay.nix", "prev.pythonPackagesExtensions", "prev.pythonExtensions", "'pythonExtensions' missing"),
        ("flake.nix", "ipyrust-core ipyrust-kernel", "ipyrust-cor ipyrust-kernel", "attribute 'ipyrust-cor' missing"),
    ],
)  # fmt: skip
def test_a_wrong_name_is_found(changed: Changed, file: str, old: str, new: str, said: str) -> None:
    assert said in changed(file, old, new).error("flake", "check", "--no-build", ".")


def test_a_crate_without_a_checksum_is_refused(changed: Changed) -> None:
    # Such a crate, one from git say, needs a hash in nix/ipyrust-core.nix.
    crate = '[[package]]\nname = "from-git"\nversion = "1.0.0"\nsource = "git+https://example.org/x#0"\n\n'
    first = '[[package]]\nname = "bytes"'
    flake = changed("packages/ipyrust-core/Cargo.lock", first, crate + first)
    said = flake.error("eval", f".#packages.{SYSTEM}.ipyrust-core.drvPath")
    assert "no checksum of from-git" in said
