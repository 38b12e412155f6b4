"""The README's table: what a saved run found, beside ipykernel and the best of the others.

It stands between two comments in the README and is written by `--save`; a test holds it against the saved run.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from benchmarks.marks import MARKS, Verdict
from benchmarks.measure import Better, Row
from benchmarks.results import Results
from benchmarks.table import BASELINE, NONE, markdown, number, ratio

README = Path(__file__).parents[1] / "README.md"
BEGIN, END = "<!-- figures of ./run bench --save -->", "<!-- end of figures -->"


def summary(results: Results, judged: str) -> str:
    """When, where, and one line for each row that has a mark."""
    machine = results.machine
    heading = (
        f"Medians of {results.rounds} rounds on {results.started:%Y-%m-%d}: "
        f"{machine['system']}, {machine['processor']}, {machine['cpus']} CPUs, "
        f"Python {machine['python']}; kernels took turns. "
        + ", ".join(f"{name} {version}" for name, version in results.versions.items())
        + "."
    )
    header = ["measure", judged, BASELINE, "ratio", "best other", "ratio", "mark"]
    rows = [row for row in results.rows if row.name in MARKS]
    return f"{heading}\n\n{markdown(header, [_line(results, row, judged) for row in rows])}"


def _line(results: Results, row: Row, judged: str) -> Sequence[str]:
    medians = results.medians()
    figures = medians.get(row.name, {})
    figure, baseline = figures.get(judged), figures.get(BASELINE)
    others = {name: value for name, value in figures.items() if name not in (judged, BASELINE)}
    choose = min if row.better is Better.LOWER else max
    best = choose(others, key=lambda name: others[name], default=None)
    verdicts = [mark.judge(medians, judged, row) for mark in MARKS[row.name]]
    return [
        row.title,
        _cell(figure, row),
        _cell(baseline, row),
        ratio(figure, baseline),
        NONE if best is None else f"{_cell(others[best], row)} ({best})",
        ratio(figure, others.get(best or "")),
        _verdict(verdicts),
    ]


def _cell(figure: float | None, row: Row) -> str:
    return NONE if figure is None else f"{number(figure)} {row.unit}".strip()


def _verdict(verdicts: Sequence[Verdict]) -> str:
    judged = [verdict for verdict in verdicts if verdict is not Verdict.OPEN]
    if not judged:
        return NONE
    met = judged.count(Verdict.MET)
    if met == len(judged):
        return "met"
    return "missed" if met == 0 else f"{met} of {len(judged)} met"


def renew(text: str, figures: str) -> str:
    """A README's text with these figures between the two comments."""
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n\n{figures}\n\n{END}{after}"
