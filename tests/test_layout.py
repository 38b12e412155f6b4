"""The tree is the diagram: ARCHITECTURE.md names every source file."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parent.parent
SOURCES = (
    "packages/ipyrust-core/engine/src/**/*.rs",
    "packages/ipyrust-core/libzmq/**/*.rs",
    "packages/ipyrust-core/python/src/**/*.rs",
    "packages/ipyrust-core/ipyrust_core/**/*.py",
    "packages/ipyrust-launcher/src/**/*",
    "packages/ipyrust-kernel/src/**/*.py",
    "tools/**/*.py",
)
MARKER_BYTES = 400
"""A package marker below this size holds no code worth naming."""


def source_files() -> set[str]:
    found = {path for pattern in SOURCES for path in ROOT.glob(pattern)}
    return {
        path.relative_to(ROOT).as_posix()
        for path in found
        if path.suffix in {".rs", ".py"}
        and not {"tests", "tests.rs"} & set(path.relative_to(ROOT).parts)
        and not (path.name == "__init__.py" and path.stat().st_size < MARKER_BYTES)
    }


def named_files() -> set[str]:
    text = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
    named, folder = set(), ""
    for line in text.splitlines():
        if heading := re.match(r"### `(.+)/`$", line):
            folder = heading[1]
        elif folder and (row := re.match(r"\| `(.+?)` \| .+ \|$", line)):
            named.add(f"{folder}/{row[1]}")
    return named


def test_architecture_names_every_source_file() -> None:
    assert source_files() - named_files() == set()


def test_architecture_names_no_file_that_is_gone() -> None:
    assert {name for name in named_files() if not (ROOT / name).exists()} == set()
