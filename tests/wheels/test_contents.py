"""What is in the wheels: the libraries they need, the ABI, the licences, the bill of materials."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path
from typing import Any

import pytest

from wheels.building import Builds, run
from wheels.project import COMPILED, CORE, PACKAGES, ROOT

COMPILED_NAMES = [package.name for package in COMPILED]
ON_EVERY_LINUX = {
    "libc.so.6", "libm.so.6", "libpthread.so.0", "libdl.so.2", "librt.so.1", "libgcc_s.so.1",
    "libstdc++.so.6", "ld-linux-x86-64.so.2", "ld-linux-aarch64.so.1",
}  # fmt: skip
"""What the manylinux policies let a wheel take from the system, as far as we need it."""


def members(wheel: Path) -> list[str]:
    with zipfile.ZipFile(wheel) as archive:
        return archive.namelist()


def read(wheel: Path, suffix: str) -> str:
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith(suffix))
        return archive.read(name).decode()


def binaries(wheel: Path, folder: Path) -> list[Path]:
    """The ELF files of the wheel, unpacked."""
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder)
    files = [path for path in folder.rglob("*") if path.is_file()]
    return [path for path in files if path.read_bytes()[:4] == b"\x7fELF"]


@pytest.mark.parametrize("name", COMPILED_NAMES)
def test_binary_needs_nothing_that_a_linux_may_lack(
    builds: Builds, name: str, tmp_path: Path
) -> None:
    (binary,) = binaries(builds.shipped[name], tmp_path)
    needed = set(re.findall(r"\(NEEDED\).*\[(.+)\]", run("readelf", "--dynamic", binary)))
    assert needed
    assert needed - ON_EVERY_LINUX == set()


@pytest.mark.parametrize("name", COMPILED_NAMES)
def test_auditwheel_is_content(builds: Builds, name: str) -> None:
    wheel = builds.shipped[name]
    assert re.search(r"-manylinux_2_\d+_\w+\.whl$", wheel.name), wheel.name
    report = " ".join(run(sys.executable, "-m", "auditwheel", "show", wheel).split())
    tag = wheel.name.removesuffix(".whl").split("-")[-1].split(".")[0]
    assert f'"{tag}"' in report
    assert ".libs/" not in "\n".join(members(wheel)), "a library was grafted into the wheel"


def test_core_keeps_to_the_stable_abi(builds: Builds) -> None:
    wheel = builds.shipped[CORE.name]
    assert "-cp311-abi3-" in wheel.name
    report = run(sys.executable, "-m", "abi3audit", "--strict", "--report", wheel)
    results = json.loads(report[report.index("{") :])["specs"][str(wheel)]["wheel"]
    audited = [entry["name"] for entry in results if entry["result"]["is_abi3"]]
    assert audited == ["_native.abi3.so"]
    assert [entry["result"]["non_abi3_symbols"] for entry in results] == [[]]


def test_index_would_take_the_files(builds: Builds) -> None:
    output = run(
        sys.executable, "-m", "twine", "check", "--strict",
        *builds.wheel_files, *builds.sdists.values(),
    )  # fmt: skip
    assert output.count("PASSED") == 2 * len(PACKAGES)


def test_versions_are_one(builds: Builds) -> None:
    versions = {
        re.search(r"^Version: (.+)$", read(wheel, ".dist-info/METADATA"), re.MULTILINE)[1]  # type: ignore[index]
        for wheel in builds.wheel_files
    }
    assert len(versions) == 1


@pytest.mark.parametrize("name", [package.name for package in PACKAGES])
def test_wheel_and_sdist_have_the_licence(builds: Builds, name: str) -> None:
    licence = (ROOT / "LICENSE").read_text(encoding="utf-8")
    assert read(builds.shipped[name], ".dist-info/licenses/LICENSE") == licence
    listing = run("tar", "-tzf", builds.sdists[name])
    assert re.search(r"^[^/]+/LICENSE$", listing, re.MULTILINE)


def test_third_party_files_are_up_to_date() -> None:
    run(sys.executable, ROOT / "tools" / "third_party", "--check")


@pytest.mark.parametrize("name", COMPILED_NAMES)
def test_every_crate_that_cargo_links_is_named(builds: Builds, name: str) -> None:
    """The oracle is cargo's own tree for this machine; the files are made from its metadata for all of them."""
    (package,) = (package for package in COMPILED if package.name == name)
    linked = crates_linked_here(package.folder)
    document = bill_of_materials(builds.shipped[name], name)
    listed = {f"{entry['name']} {entry['version']}" for entry in document["components"]}
    notice = read(builds.shipped[name], ".dist-info/licenses/THIRDPARTY.txt")
    assert linked - listed == set()
    assert {crate for crate in linked if f"  {crate}: " not in notice} == set()


def crates_linked_here(folder: Path) -> set[str]:
    manifest = tomllib.loads((folder / "pyproject.toml").read_text(encoding="utf-8"))
    cargo = folder / manifest["tool"]["maturin"].get("manifest-path", "Cargo.toml")
    tree = run(
        "cargo", "tree", "--locked", "--manifest-path", cargo,
        "--edges", "normal,no-proc-macro", "--prefix", "none", "--format", "{p}",
    )  # fmt: skip
    lines = [line.removesuffix(" (*)") for line in tree.splitlines() if line]
    return {line.replace(" v", " ", 1) for line in lines if "(" not in line}


def bill_of_materials(wheel: Path, name: str) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(read(wheel, f".dist-info/sboms/{name}.cdx.json"))
    return document


def test_c_libraries_are_named_with_the_version_that_runs(builds: Builds) -> None:
    wheel = builds.shipped[CORE.name]
    components = {
        entry["name"]: entry for entry in bill_of_materials(wheel, CORE.name)["components"]
    }
    assert components["libzmq"]["licenses"] == [{"expression": "MPL-2.0"}]
    assert components["libsodium"]["licenses"] == [{"expression": "ISC"}]
    notice = read(wheel, ".dist-info/licenses/THIRDPARTY.txt")
    assert "Mozilla Public License Version 2.0" in notice and "ISC License" in notice
    probe = "import ipyrust_core as core; print(*core.libzmq_version(), sep='.')"
    code = f"import sys; sys.path.insert(0, {str(wheel_folder(wheel, builds))!r}); {probe}"
    answer = subprocess.run(
        [sys.executable, "-I", "-c", code], capture_output=True, text=True, check=True
    )
    assert answer.stdout.strip() == components["libzmq"]["version"]


def wheel_folder(wheel: Path, builds: Builds) -> Path:
    folder = builds.tree.parent / "unpacked"
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder)
    return folder


@pytest.mark.parametrize("name", COMPILED_NAMES)
def test_bill_of_materials_is_well_formed(builds: Builds, name: str) -> None:
    document = bill_of_materials(builds.shipped[name], name)
    assert document["bomFormat"] == "CycloneDX"
    references = [entry["bom-ref"] for entry in document["components"]]
    references.append(document["metadata"]["component"]["bom-ref"])
    assert len(references) == len(set(references))
    assert {entry["ref"] for entry in document["dependencies"]} == set(references)
    reached = {other for entry in document["dependencies"] for other in entry["dependsOn"]}
    assert reached - set(references) == set()
