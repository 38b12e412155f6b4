"""The C and C++ libraries that are compiled into a wheel, found in the crates that carry their sources."""

from __future__ import annotations

import re
import tarfile
from collections.abc import Sequence
from dataclasses import dataclass

from third_party.crates import Crate


@dataclass(frozen=True)
class CLibrary:
    """A library that is linked statically."""

    name: str
    version: str
    licence: str
    """An SPDX expression."""
    homepage: str
    carrier: str
    """`NAME@VERSION` of the crate with its sources."""
    licence_text: str
    needs: tuple[str, ...] = ()
    """Names of the libraries it calls."""


def c_libraries(crates: Sequence[Crate]) -> list[CLibrary]:
    """The libraries whose sources are among `crates`, by name."""
    found: list[CLibrary] = []
    for crate in crates:
        if crate.name == "zeromq-src":
            found += _of_zeromq(crate)
        elif crate.name == "libsodium-sys-stable":
            found.append(_sodium(crate))
    return sorted(found, key=lambda library: library.name)


def _of_zeromq(crate: Crate) -> list[CLibrary]:
    vendor = crate.folder / "vendor"
    header = (vendor / "include" / "zmq.h").read_text(encoding="utf-8")
    numbers = re.findall(r"#define ZMQ_VERSION_(?:MAJOR|MINOR|PATCH) (\d+)", header)
    sha1 = (vendor / "external" / "sha1" / "license.txt").read_text(encoding="utf-8")
    return [
        CLibrary(
            "libzmq",
            ".".join(numbers),
            "MPL-2.0",
            "https://zeromq.org",
            crate.id,
            (vendor / "LICENSE").read_text(encoding="utf-8"),
            needs=("libsodium", "wide-sha1"),
        ),
        # One file that libzmq keeps beside its own, under another licence. It has no version, so the last year of
        # its copyright stands for one.
        CLibrary("wide-sha1", "1998", "BSD-3-Clause", "https://www.kame.net", crate.id, sha1),
    ]


def _sodium(crate: Crate) -> CLibrary:
    with tarfile.open(crate.folder / "LATEST.tar.gz") as archive:

        def read(name: str) -> str:
            file = archive.extractfile(f"libsodium-stable/{name}")
            assert file is not None, name
            return file.read().decode()

        version = re.search(r"AC_INIT\(\[libsodium\],\s*\[([\d.]+)\]", read("configure.ac"))
        assert version is not None, "libsodium's configure.ac names no version"
        return CLibrary(
            "libsodium",
            version[1],
            "ISC",
            "https://libsodium.org",
            crate.id,
            read("LICENSE"),
        )
