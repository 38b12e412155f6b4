"""docs/parity.md and docs/clients.md: every test that they name exists, and every row of parity is whole."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
LINES = (ROOT / "docs" / "parity.md").read_text().splitlines()
ROWS = [line for line in LINES if line.startswith("| ")]
NAMED = re.compile(r"`([\w./-]+\.(?:py|rs))::(\w+)`")
HEADINGS = ("item", "library", "complaint", "feature")


def cells(row: str) -> list[str]:
    """The cells of a row."""
    return [cell.strip() for cell in row.strip("|").split("|")]


def exists(path: str, name: str) -> bool:
    """Whether the file `path` has a test `name`."""
    file = ROOT / path if path.startswith("packages/") else ROOT / "tests" / path
    return bool(re.search(rf"^\s*(?:async )?(?:def|fn) {name}\(", file.read_text(), re.MULTILINE))


def test_every_row_is_whole() -> None:
    short = [row for row in ROWS if len(cells(row)) != 6 or not all(cells(row)[:5])]
    assert short == []


@pytest.mark.parametrize("row", [row for row in ROWS if cells(row)[0] not in HEADINGS])
def test_the_test_that_is_named_exists(row: str) -> None:
    named = NAMED.findall(cells(row)[5])
    for path, name in named:
        assert exists(path, name)
    reason = cells(row)[4]
    assert named or " " in reason, "neither a test nor a reason"


def test_the_tests_of_clients_exist() -> None:
    named = NAMED.findall((ROOT / "docs" / "clients.md").read_text())
    assert named
    assert [(path, name) for path, name in named if not exists(path, name)] == []
