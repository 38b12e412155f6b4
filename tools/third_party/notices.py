"""THIRDPARTY.txt: who wrote what is in the wheel besides us, and the licence texts, each once."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator, Sequence

from third_party.c_libraries import CLibrary
from third_party.crates import Crate, RustPackage

LICENCE_FILE = re.compile(r"(licen[cs]e|copying|copyright|notice|unlicense)", re.IGNORECASE)
RULE = "=" * 80

INTRODUCTION = (
    "Wheels of {name} contain, beside our own code, what is listed here. The list is made from\n"
    "Cargo.lock by tools/third_party of the repository."
)
RUNTIMES = (
    "The standard library of Rust (https://www.rust-lang.org, MIT OR Apache-2.0) is linked, too, in\n"
    "the version of the compiler that built the wheel; its licence texts are among those below. So\n"
    "are, on Linux, parts of the runtime libraries of GCC (GPL-3.0-or-later WITH GCC-exception-3.1,\n"
    "which asks for nothing where a program is linked to them)."
)
SOURCES = (
    "The source code of libzmq, which the Mozilla Public License asks us to point to, is unmodified\n"
    "and part of the crate {carrier}, to be had from crates.io."
)


def notice(package: RustPackage, crates: Sequence[Crate], libraries: Sequence[CLibrary]) -> str:
    """The text of the file."""
    texts: dict[str, str] = {}
    owners: dict[str, list[str]] = {}
    for owner, text in _texts(crates, libraries):
        words = " ".join(text.split())  # copies of a licence differ in white space
        texts.setdefault(words, _tidy(text))
        owners.setdefault(words, []).append(owner)
    parts = [
        INTRODUCTION.format(name=package.name),
        *([_list("Libraries in C and C++", libraries)] if libraries else []),
        *(
            SOURCES.format(carrier=library.carrier)
            for library in libraries
            if library.licence == "MPL-2.0"
        ),
        _list("Crates", [crate for crate in crates if not crate.is_ours]),
        RUNTIMES,
    ]
    for words, text in texts.items():
        parts.append(f"{RULE}\n{_wrapped(owners[words])}\n{RULE}\n\n{text}")
    return "\n\n".join(parts) + "\n"


def _texts(crates: Sequence[Crate], libraries: Sequence[CLibrary]) -> Iterator[tuple[str, str]]:
    for library in libraries:
        yield f"{library.name} {library.version}", library.licence_text
    for crate in crates:
        if crate.is_ours:
            continue
        files = sorted(
            path
            for path in crate.folder.iterdir()
            if path.is_file() and LICENCE_FILE.match(path.name)
        )
        assert files or crate.licence, f"{crate.id} names no licence"
        for path in files:
            yield f"{crate.name} {crate.version}", path.read_text(encoding="utf-8")


def _list(title: str, entries: Sequence[Crate | CLibrary]) -> str:
    lines = [f"  {entry.name} {entry.version}: {entry.licence}" for entry in entries]
    return "\n".join([f"{title}:", "", *lines])


def _wrapped(owners: Sequence[str]) -> str:
    return textwrap.fill(", ".join(dict.fromkeys(owners)), 80, break_on_hyphens=False)


def _tidy(text: str) -> str:
    """The text with plain line ends, and no white space at them or around."""
    return "\n".join(line.rstrip() for line in text.splitlines()).strip("\n")
