"""The README's table holds the figures of the last saved run, and no others."""

import json
from datetime import UTC, datetime

import pytest

from benchmarks.cli import RESULTS
from benchmarks.measure import QUICK, Better, Row
from benchmarks.readme import BEGIN, END, README, renew, summary
from benchmarks.results import Results, Series

ROWS = [
    Row("pass_p50", "pass", "µs"),
    Row("lines", "lines", "lines/s", Better.HIGHER),
    Row("unmarked", "no mark", "ms"),
]


@pytest.fixture
def results() -> Results:
    """A run of three kernels."""
    versions = {"ipyrust": "1", "ipykernel": "7", "xeus-python": "0.19"}
    machine = {"system": "Linux", "processor": "a processor", "cpus": 2, "python": "3.11"}
    started = datetime(2026, 1, 2, tzinfo=UTC)
    results = Results(versions, ROWS, (), QUICK, rounds=3, started=started, machine=machine)
    for name, figure in {"ipyrust": 100.0, "ipykernel": 2000.0, "xeus-python": 500.0}.items():
        results.series["pass_p50"][name] = Series([figure])
        results.series["lines"][name] = Series([figure], ["once not"])
    return results


def test_a_line_for_each_row_with_a_mark(results: Results) -> None:
    heading, _, _, *lines = filter(None, summary(results, "ipyrust").splitlines())
    assert "3 rounds on 2026-01-02: Linux, a processor, 2 CPUs, Python 3.11" in heading
    assert heading.endswith("ipyrust 1, ipykernel 7, xeus-python 0.19.")
    assert lines == [
        "| pass | 100 µs | 2,000 µs | 0.05 × | 500 µs (xeus-python) | 0.2 × | met |",
        "| lines | 100 lines/s | 2,000 lines/s | 0.05 × | 500 lines/s (xeus-python) | 0.2 × | missed |",
    ]


def test_it_says_the_same_of_what_was_saved(results: Results) -> None:
    saved = json.loads(json.dumps(results.as_json()))
    assert summary(Results.from_json(saved), "ipyrust") == summary(results, "ipyrust")


def test_what_is_around_it_stays() -> None:
    text = f"before {BEGIN} old {END} after"
    assert renew(text, "new") == f"before {BEGIN}\n\nnew\n\n{END} after"


def test_the_readme_is_up_to_date() -> None:
    saved = max(RESULTS.glob("20*.json"))
    text = README.read_text()
    results = Results.from_json(json.loads(saved.read_text()))
    assert renew(text, summary(results, "ipyrust")) == text
