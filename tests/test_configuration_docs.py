"""docs/configuration.md names every option of the command line and every environment variable that is read."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from ipyrust.command_line import ALIASES, FLAGS, HELP, LIST_OPTIONS, SHOW_CONFIG, VERSION
from ipyrust.ipython.kernel_traits import VARIABLES

ROOT = Path(__file__).parents[1]
TEXT = (ROOT / "docs" / "configuration.md").read_text()
SOURCES = sorted((ROOT / "packages").glob("ipyrust-*/**/ipyrust*/**/*.py"))
READS = re.compile(r"environ(?:\.get)?[\[(]\s*\"([A-Z_0-9]+)\"")
NOT_FOR_USERS = {"PROGRAMDATA", "PATH", "PYDEVD_USE_CYTHON"}


@pytest.mark.parametrize("name", sorted({*ALIASES, *FLAGS, *HELP, *SHOW_CONFIG, *VERSION}))
def test_every_option_is_named(name: str) -> None:
    assert f"`{'-' if len(name) == 1 else '--'}{name}`" in TEXT


@pytest.mark.parametrize("name", sorted(LIST_OPTIONS))
def test_every_list_is_named(name: str) -> None:
    assert name in TEXT


def test_every_variable_is_named() -> None:
    read = {name for path in SOURCES for name in READS.findall(path.read_text())}
    assert "JPY_SESSION_NAME" in read, "the search finds nothing"
    unnamed = {name for name in {*read, *VARIABLES} - NOT_FOR_USERS if f"`{name}`" not in TEXT}
    assert not unnamed
