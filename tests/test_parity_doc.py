"""docs/parity.md: every test that it names exists, and every row says something about every kernel."""

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


def test_every_row_is_whole() -> None:
    short = [row for row in ROWS if len(cells(row)) != 6 or not all(cells(row)[:5])]
    assert short == []


@pytest.mark.parametrize("row", [row for row in ROWS if cells(row)[0] not in HEADINGS])
def test_the_test_that_is_named_exists(row: str) -> None:
    named = NAMED.findall(cells(row)[5])
    for path, name in named:
        file = ROOT / path if path.startswith("packages/") else ROOT / "tests" / path
        assert re.search(rf"^\s*(?:async )?(?:def|fn) {name}\(", file.read_text(), re.MULTILINE)
    reason = cells(row)[4]
    assert named or " " in reason, "neither a test nor a reason"
