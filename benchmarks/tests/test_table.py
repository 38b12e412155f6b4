"""The table says why a cell has no figure, and never shows a silent zero."""

from benchmarks.measure import QUICK, Row
from benchmarks.results import Results, Series
from benchmarks.table import main_table, report

ROW = Row("pass_p50", "pass", "µs")


def _results() -> Results:
    results = Results({"ipyrust": "1", "ipykernel": "7"}, [ROW], (), QUICK, rounds=3)
    results.series["pass_p50"]["ipyrust"] = Series([90.0, 100.0, 400.0])
    results.series["pass_p50"]["ipykernel"] = Series([2000.0])
    return results


def test_median_ratio_and_verdict() -> None:
    line = main_table(_results(), "ipyrust").splitlines()[-1]
    assert "| 100 µs | 2,000 µs | 0.05 × | 0.05 × | ≤ 0.10 × ipykernel **met**" in line


def test_reason_stands_in_the_cell() -> None:
    results = _results()
    results.series["pass_p50"]["ipykernel"] = Series([], ["no reply"])
    assert "| n/a: no reply | – | – |" in main_table(results, "ipyrust")


def test_absent_kernel_is_explained_below() -> None:
    results = _results()
    results.absent["ipykernel"] = "does not start"
    page = report(results, "ipyrust")
    assert "| n/a: see below |" in page
    assert "- ipykernel was not measured: does not start" in page


def test_rounds_that_failed_are_told() -> None:
    results = _results()
    results.series["pass_p50"]["ipykernel"].reasons.append("lost 3 characters")
    assert "1 of 2 rounds gave no figure: lost 3 characters" in report(results, "ipyrust")
