"""Which crates end up in a wheel: the normal dependencies on any platform that has wheels, as cargo resolves them.

Proc macros and build dependencies run while compiling and are not in the wheel. The exception are the crates that
carry C sources which are compiled and linked: see `c_libraries`.
"""

from __future__ import annotations

import json
import subprocess
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

CARRIERS = ("libsodium-sys-stable", "zeromq-src")
"""The crates with C sources that our build compiles. What they need, they need to compile."""

TARGETS = (
    "aarch64-apple-darwin",
    "aarch64-unknown-linux-gnu",
    "aarch64-unknown-linux-musl",
    "x86_64-apple-darwin",
    "x86_64-unknown-linux-gnu",
    "x86_64-unknown-linux-musl",
)
"""The platforms that have wheels, by Rust's names."""


Package = dict[str, Any]
"""An entry of what `cargo metadata` says."""


class CargoError(Exception):
    """cargo cannot say what a package is made of; the message is one line that says why."""


@dataclass(frozen=True)
class RustPackage:
    """A folder under `packages/` that maturin builds."""

    folder: Path
    name: str
    """Of the Python distribution."""
    cargo_manifest: Path

    @cached_property
    def crate(self) -> str:
        """Name of the crate that becomes the wheel."""
        return str(_toml(self.cargo_manifest)["package"]["name"])


@dataclass(frozen=True, order=True)
class Crate:
    """One crate of the closure."""

    name: str
    version: str
    licence: str
    """An SPDX expression."""
    folder: Path = field(compare=False)
    is_ours: bool = field(compare=False)
    needs: tuple[str, ...] = field(compare=False)
    """Names and versions, as `NAME@VERSION`, of the crates it needs that are in the closure."""

    @property
    def id(self) -> str:
        """`NAME@VERSION`."""
        return f"{self.name}@{self.version}"


def rust_packages(folder: Path) -> list[RustPackage]:
    """The packages under `folder` whose build backend is maturin, by name."""
    found = []
    for path in sorted(folder.glob("*/pyproject.toml")):
        project = _toml(path)
        if project["build-system"]["build-backend"] == "maturin":
            manifest = project["tool"]["maturin"].get("manifest-path", "Cargo.toml")
            found.append(
                RustPackage(path.parent, project["project"]["name"], path.parent / manifest)
            )
    return found


def linked_crates(package: RustPackage) -> list[Crate]:
    """Every crate that is linked into the wheel of `package` on one of `TARGETS`, sorted; runs cargo.

    Raises:
        CargoError: cargo is missing, or the lock file does not fit the manifests.
    """
    crates: dict[str, Crate] = {}
    for target in TARGETS:
        for crate in _closure(_metadata(package.cargo_manifest, target), package.crate):
            before = crates.get(crate.id, crate)
            needs = tuple(sorted({*before.needs, *crate.needs}))
            crates[crate.id] = Crate(
                crate.name, crate.version, crate.licence, crate.folder, crate.is_ours, needs
            )
    return sorted(crates.values())


def _closure(metadata: dict[str, Any], root: str) -> Iterator[Crate]:
    packages = {package["id"]: package for package in metadata["packages"]}
    nodes = {node["id"]: node for node in metadata["resolve"]["nodes"]}
    waiting = [id_ for id_, package in packages.items() if package["name"] == root]
    seen = set(waiting)
    while waiting:
        id_ = waiting.pop()
        package = packages[id_]
        needed = [
            dependency["pkg"]
            for dependency in nodes[id_]["deps"]
            if _is_linked(package, dependency, packages[dependency["pkg"]])
        ]
        waiting.extend(set(needed) - seen)
        seen.update(needed)
        yield Crate(
            package["name"],
            package["version"],
            (package["license"] or "NOASSERTION").replace("/", " OR "),
            Path(package["manifest_path"]).parent,
            package["source"] is None,
            tuple(f"{packages[other]['name']}@{packages[other]['version']}" for other in needed),
        )


def _is_linked(package: Package, dependency: Package, needed: Package) -> bool:
    """Whether the code of `needed`, or C code that it carries, is in the binary."""
    if package["name"] in CARRIERS:
        return False
    kinds = {kind["kind"] for kind in dependency["dep_kinds"]}
    is_proc_macro = any("proc-macro" in target["kind"] for target in needed["targets"])
    return (None in kinds and not is_proc_macro) or needed["name"] in CARRIERS


def _metadata(manifest: Path, target: str) -> dict[str, Any]:
    command = ["cargo", "metadata", "--format-version=1", "--locked", "--filter-platform", target]
    try:
        answer = subprocess.run(
            [*command, "--manifest-path", manifest], capture_output=True, text=True, check=False
        )
    except FileNotFoundError:
        raise CargoError("cargo is not on PATH: install a Rust toolchain") from None
    if answer.returncode != 0:
        reasons = [
            line for line in answer.stderr.splitlines() if line.startswith("error")
        ] or answer.stderr.splitlines()
        raise CargoError(f"{manifest}: {reasons[0] if reasons else 'cargo metadata failed'}")
    metadata: dict[str, Any] = json.loads(answer.stdout)
    return metadata


def _toml(path: Path) -> dict[str, Any]:
    with path.open("rb") as file:
        return tomllib.load(file)
