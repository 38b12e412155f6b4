"""Results → Markdown. Decides nothing: figures come from `results`, verdicts from `marks`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from benchmarks.marks import MARKS, Verdict, best_peer
from benchmarks.measure import Row
from benchmarks.results import Results, Series

BASELINE = "ipykernel"
NONE = "–"


def report(results: Results, judged: str) -> str:
    """The whole page: when and where, the table, the floors, what went wrong in single rounds."""
    where = results.machine
    heading = (
        f"{results.started:%Y-%m-%d %H:%M}, {where['system']}, {where['processor']}, "
        f"{where['cpus']} CPUs, Python {where['python']}; "
        f"medians of {results.rounds} round(s), kernels taking turns."
    )
    parts = [heading, main_table(results, judged)]
    if results.floor_rows:
        parts.append(floor_table(results))
    if notes := [*_absences(results), *_notes(results)]:
        parts.append("\n".join(notes))
    return "\n\n".join(parts) + "\n"


def main_table(results: Results, judged: str) -> str:
    """One line per row: kernels, two ratios of the judged kernel, its marks, the floor."""
    medians = results.medians()
    floors = {row.name: row for row in results.floor_rows}
    header = [
        "measure",
        *(f"{name} {version}".strip() for name, version in results.versions.items()),
        f"{judged} / {BASELINE}",
        f"{judged} / best peer",
        "mark",
        "floor",
    ]
    lines = []
    for row in results.rows:
        figures = medians.get(row.name, {})
        figure = figures.get(judged)
        baseline = None if judged == BASELINE else figures.get(BASELINE)
        floor = floors.get(row.floor or "")
        lines.append(
            [
                row.title,
                *(_kernel_cell(results, row, name) for name in results.versions),
                ratio(figure, baseline),
                ratio(figure, best_peer(medians, judged, row)),
                _marks(results, judged, row),
                _cell(results.floors[floor.name], floor) if floor else NONE,
            ]
        )
    return markdown(header, lines)


def floor_table(results: Results) -> str:
    """The floors, measured in the suite's own interpreter."""
    return markdown(
        ["floor", "figure"],
        [[row.title, _cell(results.floors[row.name], row)] for row in results.floor_rows],
    )


def number(value: float) -> str:
    """Three significant digits, thousands separated."""
    if value == 0 or abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}"


def _kernel_cell(results: Results, row: Row, name: str) -> str:
    if name in results.absent:
        return "n/a: see below"
    return _cell(results.series[row.name][name], row)


def _cell(series: Series, row: Row) -> str:
    if series.median is not None:
        return f"{number(series.median)} {row.unit}".strip()
    return f"n/a: {series.reasons[-1] if series.reasons else 'not measured'}"


def ratio(figure: float | None, reference: float | None) -> str:
    """How many times the reference a figure is."""
    if figure is None or not reference:
        return NONE
    return f"{number(figure / reference)} ×"


def _marks(results: Results, judged: str, row: Row) -> str:
    medians = results.medians()
    texts = []
    for mark in MARKS.get(row.name, ()):
        verdict = mark.judge(medians, judged, row)
        shown = "" if verdict is Verdict.OPEN else f" **{verdict.value}**"
        texts.append(mark.text(row) + shown)
    return "; ".join(texts) or NONE


def _absences(results: Results) -> Iterable[str]:
    return (f"- {name} was not measured: {reason}" for name, reason in results.absent.items())


def _notes(results: Results) -> Iterable[str]:
    """Rows whose median does not stand on every round."""
    for row in results.rows:
        for name in results.versions:
            series = results.series[row.name][name]
            if series.figures and series.reasons:
                count = len(series.reasons)
                share = f"{count} of {count + len(series.figures)} rounds gave no figure"
                yield f"- {row.title}, {name}: {share}: {series.reasons[-1]}"


def markdown(header: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    """Left-aligned first column, the rest to the right; pipes in cells are escaped."""
    cells = [[cell.replace("|", "\\|").replace("\n", " ") for cell in line] for line in lines]
    rule = ["---", *("---:" for _ in header[1:])]
    return "\n".join("| " + " | ".join(line) + " |" for line in (header, rule, *cells))
