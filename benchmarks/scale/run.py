"""Runs the curves for every kernel and writes what came out: a table, JSON, and a plot of each curve."""

from __future__ import annotations

import gc
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from benchmarks.errors import UnavailableError
from benchmarks.launcher import Launcher
from benchmarks.scale import crowd, curves
from benchmarks.scale.curve import Curve, Measured

CURVES = (*curves.CURVES, *crowd.CURVES)
SAMPLES, QUICK_SAMPLES = 300, 50

Results = dict[str, dict[str, Measured]]
"""Curve → kernel → what was measured."""


def run_curves(
    launchers: Mapping[str, Launcher], chosen: Sequence[Curve], *, quick: bool
) -> Results:
    """Measure every curve of every kernel; one that fails has a reason instead of figures."""
    results: Results = {}
    for curve in chosen:
        sizes = list(curve.quick_sizes if quick else curve.sizes)
        for name, launcher in launchers.items():
            measured = results.setdefault(curve.name, {})[name] = Measured(sizes)
            gc.collect()
            try:
                samples = QUICK_SAMPLES if quick else SAMPLES
                measured.figures = list(curve.run(launcher, sizes, samples))
            except (UnavailableError, OSError) as error:
                measured.reason = str(error) or type(error).__name__
            shown = measured.reason or ", ".join(f"{figure:,.0f}" for figure in measured.figures)
            print(
                f"  {curve.name:<12} {name:<12} {shown} {curve.unit}", file=sys.stderr, flush=True
            )
    return results


def page(results: Results, versions: Mapping[str, str]) -> str:
    """The table: one line a curve and kernel, and by how much the cost grew."""
    lines = ["# How costs grow", ""]
    lines += [f"- {name} {version}" for name, version in versions.items() if version]
    for curve in CURVES:
        if curve.name not in results:
            continue
        sizes = next(iter(results[curve.name].values())).sizes
        lines += ["", f"## {curve.x}: {curve.title}, {curve.unit}", ""]
        lines += [
            f"| kernel | {' | '.join(f'{size:,}' for size in sizes)} | last / first |",
            f"|{' --- |' * (len(sizes) + 2)}",
        ]
        lines += [_line(name, one) for name, one in results[curve.name].items()]
    return "\n".join(lines) + "\n"


def _line(name: str, measured: Measured) -> str:
    if measured.growth is None:
        reason = measured.reason or "no processor time that could be seen"
        figures = [f"{figure:,.1f}" for figure in measured.figures]
        return f"| {name} | {' | '.join(figures)}{' | ' if figures else ''}{reason} |"
    figures = [f"{figure:,.1f}" for figure in measured.figures]
    return f"| {name} | {' | '.join(figures)} | {measured.growth:.2f} × |"


def save(results: Results, versions: Mapping[str, str], folder: Path) -> None:
    """Write `scale.json`, `scale.md` and `scale-CURVE.svg` into `folder`."""
    folder.mkdir(exist_ok=True)
    (folder / "scale.md").write_text(page(results, versions))
    content = {
        "versions": dict(versions),
        "curves": {
            curve: {
                name: {"sizes": one.sizes, "figures": one.figures, "reason": one.reason}
                for name, one in measured.items()
            }
            for curve, measured in results.items()
        },
    }
    (folder / "scale.json").write_text(json.dumps(content, indent=1) + "\n")
    for curve in CURVES:
        if curve.name in results:
            _plot(curve, results[curve.name], folder / f"scale-{curve.name}.svg")


def _plot(curve: Curve, measured: Mapping[str, Measured], path: Path) -> None:
    import matplotlib as mpl

    mpl.use("svg")
    mpl.rcParams["svg.hashsalt"] = "ipyrust"  # else every run changes every id
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(6, 3.6), layout="constrained")
    for name, one in measured.items():
        if one.figures:
            axes.plot(one.sizes, one.figures, marker="o", label=name)
    axes.set(xlabel=curve.x, ylabel=f"{curve.title} ({curve.unit})", ylim=(0, None))
    axes.set_xscale("symlog")
    axes.legend()
    figure.savefig(path, metadata={"Date": None})
    pyplot.close(figure)
