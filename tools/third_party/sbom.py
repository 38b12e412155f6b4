"""The bill of materials: CycloneDX, in JSON, with the crates and the C libraries of a wheel.

maturin could write one of the crates by itself. Its file names the directory of the build, so two builds would differ,
and it knows nothing of the C libraries; this one has neither a time nor a place in it.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from third_party.c_libraries import CLibrary
from third_party.crates import Crate, RustPackage


def bill_of_materials(
    package: RustPackage, crates: Sequence[Crate], libraries: Sequence[CLibrary]
) -> str:
    """The text of the file."""
    (root,) = (crate for crate in crates if crate.is_ours and crate.name == package.crate)
    checksums = _checksums(package)
    others = [crate for crate in crates if crate is not root]
    purls = {crate.id: _crate_purl(crate) for crate in crates}
    document = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {
            "component": {
                "type": "library",
                "bom-ref": purls[root.id],
                "name": package.name,
                "version": root.version,
                "licenses": [{"expression": root.licence}],
                "purl": f"pkg:pypi/{package.name}@{root.version}",
            }
        },
        "components": [
            *(_crate(crate, checksums) for crate in others),
            *(_library(library) for library in libraries),
        ],
        "dependencies": [
            *(
                {
                    "ref": purls[crate.id],
                    "dependsOn": sorted(
                        [purls[other] for other in crate.needs]
                        + [_library_purl(lib) for lib in libraries if lib.carrier == crate.id]
                    ),
                }
                for crate in crates
            ),
            *(
                {
                    "ref": _library_purl(library),
                    "dependsOn": [
                        _library_purl(other) for other in libraries if other.name in library.needs
                    ],
                }
                for library in libraries
            ),
        ],
    }
    return json.dumps(document, indent=1) + "\n"


def _crate(crate: Crate, checksums: dict[str, str]) -> dict[str, Any]:
    component: dict[str, Any] = {
        "type": "library",
        "bom-ref": _crate_purl(crate),
        "name": crate.name,
        "version": crate.version,
        "licenses": [{"expression": crate.licence}],
    }
    if not crate.is_ours:
        component["hashes"] = [{"alg": "SHA-256", "content": checksums[crate.id]}]
        component["purl"] = _crate_purl(crate)
    return component


def _library(library: CLibrary) -> dict[str, Any]:
    return {
        "type": "library",
        "bom-ref": _library_purl(library),
        "name": library.name,
        "version": library.version,
        "description": f"compiled from the sources in the crate {library.carrier}",
        "licenses": [{"expression": library.licence}],
        "purl": _library_purl(library),
        "externalReferences": [{"type": "website", "url": library.homepage}],
    }


def _crate_purl(crate: Crate) -> str:
    return f"pkg:cargo/{crate.name}@{crate.version.replace('+', '%2B')}"


def _library_purl(library: CLibrary) -> str:
    return f"pkg:generic/{library.name}@{library.version}"


def _checksums(package: RustPackage) -> dict[str, str]:
    """`NAME@VERSION` → SHA-256 of the crate's file, from the lock file next to the manifest or above it."""
    lock = next(
        folder / "Cargo.lock"
        for folder in package.cargo_manifest.parents
        if (folder / "Cargo.lock").exists()
    )
    return {
        f"{entry['name']}@{entry['version']}": entry["checksum"]
        for entry in _read(lock)["package"]
        if "checksum" in entry
    }


def _read(path: Path) -> dict[str, Any]:
    with path.open("rb") as file:
        return tomllib.load(file)
