"""The order of a run. Kernels take turns within every measure, so that noise meets them all."""

from __future__ import annotations

import gc
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from benchmarks.errors import UnavailableError
from benchmarks.floors import ECHO_AND_RUN_CELL, FLOORS, RUN_CELL_TIME, ZMQ_ECHO
from benchmarks.launcher import Launcher
from benchmarks.measure import Figures, Measure, Row
from benchmarks.results import Results, Series

FLOOR_ROWS = (*(row for floor in FLOORS for row in floor.rows), ECHO_AND_RUN_CELL)


def run(
    results: Results,
    launchers: Mapping[str, Launcher],
    measures: Sequence[Measure],
    scratch: Path,
) -> None:
    """Fill `results`, round by round."""
    ready = {name: one for name, one in launchers.items() if _starts(results, one)}
    for number in range(results.rounds):
        _say(f"round {number + 1} of {results.rounds}")
        _run_floors(results, scratch)
        for measure in measures:
            for name in _rotated(list(ready), number):
                _run_measure(results, measure, ready[name])


def _starts(results: Results, launcher: Launcher) -> bool:
    """Start the kernel once, untimed: it warms the file cache, and may turn out not to work."""
    try:
        with launcher.started():
            return True
    except UnavailableError as error:
        results.absent[launcher.name] = f"does not start: {error}"
        _say(f"{launcher.name} does not start: {error}")
        return False


def _rotated(names: list[str], number: int) -> list[str]:
    """Each round another kernel goes first."""
    first = number % len(names) if names else 0
    return names[first:] + names[:first]


def _run_measure(results: Results, measure: Measure, launcher: Launcher) -> None:
    all_series = [results.series[row.name][launcher.name] for row in measure.rows]
    if any(series.hopeless for series in all_series):
        return
    gc.collect()
    gc.disable()
    try:
        figures = measure.run(launcher, results.effort)
    except UnavailableError as error:
        _say(f"  {measure.name:<28} {launcher.name:<12} n/a: {error}")
        for series in all_series:
            series.reasons.append(str(error))
    else:
        _record(all_series, measure.rows, figures)
        shown = ", ".join(f"{figures[row.name]:,.1f} {row.unit}".strip() for row in measure.rows)
        _say(f"  {measure.name:<28} {launcher.name:<12} {shown}")
    finally:
        gc.enable()


def _run_floors(results: Results, scratch: Path) -> None:
    folder = scratch / "floors"
    folder.mkdir(exist_ok=True)
    if not results.floor_rows:
        return
    for floor in FLOORS:
        all_series = [results.floors[row.name] for row in floor.rows]
        try:
            _record(all_series, floor.rows, floor.run(results.effort, folder))
        except UnavailableError as error:
            for series in all_series:
                series.reasons.append(str(error))
    echo, cell = results.floors[ZMQ_ECHO.name], results.floors[RUN_CELL_TIME.name]
    if echo.median is not None and cell.median is not None:
        results.floors[ECHO_AND_RUN_CELL.name] = Series([echo.median + cell.median])


def _record(all_series: Sequence[Series], rows: Sequence[Row], figures: Figures) -> None:
    for series, row in zip(all_series, rows, strict=True):
        series.figures.append(figures[row.name])


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
