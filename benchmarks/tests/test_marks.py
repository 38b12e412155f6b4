"""Marks name rows that exist, and are judged only on what was measured."""

import pytest

from benchmarks.floors import FLOORS
from benchmarks.marks import BEST_PEER, IPYKERNEL, MARKS, Mark, Medians, Verdict
from benchmarks.measure import Better, Row
from benchmarks.measures import MEASURES
from benchmarks.runner import FLOOR_ROWS

LOW = Row("low", "", "ms")
HIGH = Row("high", "", "/s", Better.HIGHER)


def test_row_names_are_unique() -> None:
    names = [row.name for measure in MEASURES for row in measure.rows]
    names += [row.name for floor in FLOORS for row in floor.rows]
    assert len(names) == len(set(names))


def test_every_mark_and_floor_names_a_row() -> None:
    rows = [row for measure in MEASURES for row in measure.rows]
    assert set(MARKS) <= {row.name for row in rows}
    assert {row.floor for row in rows} - {None} <= {row.name for row in FLOOR_ROWS}


@pytest.mark.parametrize(
    ("row", "ours", "theirs", "verdict"),
    [
        (LOW, 5.0, 10.0, Verdict.MET),
        (LOW, 5.1, 10.0, Verdict.MISSED),
        (HIGH, 5.0, 10.0, Verdict.MET),
        (HIGH, 4.9, 10.0, Verdict.MISSED),
    ],
)
def test_half_of_ipykernel(row: Row, ours: float, theirs: float, verdict: Verdict) -> None:
    medians = {row.name: {"ipyrust": ours, "ipykernel": theirs}}
    assert Mark(0.5, IPYKERNEL).judge(medians, "ipyrust", row) is verdict


@pytest.mark.parametrize("medians", [{}, {"low": {"ipyrust": 1.0}}, {"low": {"ipykernel": 1.0}}])
def test_unmeasured_sides_leave_a_mark_open(medians: Medians) -> None:
    assert Mark(1.0, IPYKERNEL).judge(medians, "ipyrust", LOW) is Verdict.OPEN


def test_best_peer_follows_the_rows_direction() -> None:
    figures = {"ipyrust": 3.0, "a": 2.0, "b": 4.0}
    medians = {"low": figures, "high": figures}
    assert BEST_PEER.value(medians, "ipyrust", LOW) == 2.0
    assert BEST_PEER.value(medians, "ipyrust", HIGH) == 4.0
