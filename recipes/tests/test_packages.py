"""What the built packages hold and depend on."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from rattler.package_streaming import extract
from rattler_build import Package
from support import OUTPUT

from conda_channel.our_recipe import source_of_recipe
from conda_channel.places import CHANNEL, ROOT, STANDIN_VARIANTS
from conda_channel.prefixes import Prefix

pytestmark = pytest.mark.timeout(1800)  # the first test waits for the build
LINKED = "ipyrust_core/_native.abi3.so"


@pytest.fixture(scope="module")
def zeromq_pin() -> str:
    """What conda-forge's run export says of the version that the channel has."""
    version = yaml.safe_load(STANDIN_VARIANTS.read_text(encoding="utf-8"))["zeromq"][0]
    major, minor, _ = version.split(".")
    return f"zeromq >={version},<{major}.{int(minor) + 1}.0a0"


def test_the_engine_serves_every_python_and_pins_the_channels_libzmq(
    packages: dict[str, Path], zeromq_pin: str
) -> None:
    core = Package.from_file(packages["ipyrust-core"])
    assert core.subdir == "linux-64"
    assert core.noarch == "python"
    assert zeromq_pin in core.depends
    assert "cpython >=3.11" in core.depends
    assert "_python_abi3_support 1.*" in core.depends
    assert not [text for text in core.depends if text.startswith("python_abi")]


def test_the_kernel_is_for_every_platform(packages: dict[str, Path]) -> None:
    kernel = Package.from_file(packages["ipyrust-kernel"])
    assert (kernel.subdir, kernel.noarch) == ("noarch", "python")
    assert f"ipyrust-core =={kernel.version}" in kernel.depends
    assert not [text for text in kernel.depends if "standin" in text or "_0" in text]


def test_the_metapackage_brings_kernel_and_debugger(packages: dict[str, Path]) -> None:
    both = Package.from_file(packages["ipyrust"])
    assert (both.subdir, both.noarch) == ("noarch", "generic")
    assert both.depends == [f"ipyrust-kernel =={both.version}", "debugpy >=1.8"]
    assert [name for name in both.files if not name.startswith("info/")] == []


def test_the_installed_engine_links_the_environments_libzmq(
    packages: dict[str, Path], prefix: Prefix
) -> None:
    prefix.install(["python 3.11.*", "ipyrust-core"], [OUTPUT, CHANNEL])
    native = prefix.path / "lib/python3.11/site-packages" / LINKED
    needed = patchelf("--print-needed", native).split()
    assert "libzmq.so.5" in needed
    assert not [name for name in needed if "sodium" in name or "stdc++" in name]
    paths = patchelf("--print-rpath", native).strip().split(":")
    assert all(path.startswith("$ORIGIN/") for path in paths)
    libraries = {(native.parent / path.replace("$ORIGIN", ".")).resolve() for path in paths}
    assert prefix.path.resolve() / "lib" in libraries


def patchelf(option: str, path: Path) -> str:
    return subprocess.run(
        ["patchelf", option, path], check=True, capture_output=True, text=True
    ).stdout


def test_no_path_of_the_machine_is_in_the_engine(packages: dict[str, Path], tmp_path: Path) -> None:
    extract(packages["ipyrust-core"], tmp_path)
    native = (tmp_path / "site-packages" / LINKED).read_bytes()
    assert str(ROOT).encode() not in native


@pytest.mark.parametrize("project", ["ipyrust-core", "ipyrust-launcher"])
def test_licences_of_all_linked_crates_are_in_the_package(
    packages: dict[str, Path], tmp_path: Path, project: str
) -> None:
    extract(packages["ipyrust-core"], tmp_path)
    notices = tmp_path / "info/licenses/packages" / project / "THIRDPARTY.yml"
    content = yaml.safe_load(notices.read_text(encoding="utf-8"))
    bundled = {
        entry["package_name"]: entry["licenses"] for entry in content["third_party_libraries"]
    }
    linked = linked_crates(project)
    assert linked
    assert linked - set(bundled) == set()
    for name in linked:
        assert all(licence["text"] for licence in bundled[name]), name


def linked_crates(project: str) -> set[str]:
    """Names of the crates of others that end up in the package."""
    command = ["cargo", "tree", "--locked", "--no-default-features", "--prefix=none"]
    command += ["--edges=normal", "--target=x86_64-unknown-linux-gnu", "--format={p}"]
    tree = subprocess.run(
        command, cwd=ROOT / "packages" / project, check=True, capture_output=True, text=True
    ).stdout
    return {
        line.split()[0]
        for line in tree.splitlines()
        if line and not re.search(r"\(/|\(proc-macro", line)
    }


def test_building_again_gives_the_same_bytes(packages: dict[str, Path], tmp_path: Path) -> None:
    with source_of_recipe():
        for path in packages.values():
            rebuilt = Package.from_file(path).rebuild(test="skip", output_dir=tmp_path)
            assert rebuilt.is_identical, path.name


def test_the_kernelspec_is_that_of_the_command(packages: dict[str, Path], tmp_path: Path) -> None:
    extract(packages["ipyrust-kernel"], tmp_path)
    spec: dict[str, Any] = json.loads(
        (tmp_path / "share/jupyter/kernels/ipyrust/kernel.json").read_text(encoding="utf-8")
    )
    assert spec["argv"][0].endswith("/bin/python")
    assert spec["argv"][-4:] == ["-m", "ipyrust", "-f", "{connection_file}"]
