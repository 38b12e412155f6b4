"""Options, and the order of the whole: environments, launchers, run, table, files."""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from benchmarks.errors import UnavailableError
from benchmarks.kernels import BY_NAME, IPYRUST, KERNELS, OWN, Kernel, launcher
from benchmarks.launcher import Launcher
from benchmarks.measure import FULL, QUICK, Measure
from benchmarks.measures import MEASURES
from benchmarks.peers_environment import peers_environment
from benchmarks.readme import README, renew, summary
from benchmarks.results import Results
from benchmarks.runner import FLOOR_ROWS, run
from benchmarks.table import report

RESULTS = Path(__file__).parent / "results"
ROUNDS, QUICK_ROUNDS = 5, 1


def main(argv: Sequence[str] | None = None) -> int:
    """Run the suite; 0 when at least one kernel was measured."""
    options = _parser().parse_args(argv)
    if options.list:
        _list()
        return 0
    kernels = _kernels(options.kernels)
    if options.scale:
        return _scale(options, kernels)
    measures = _measures(options.measures)
    with tempfile.TemporaryDirectory(prefix="benchmarks-") as folder:
        scratch = Path(folder)
        results = Results(
            versions={},
            rows=[row for measure in measures for row in measure.rows],
            floor_rows=() if options.no_floors else FLOOR_ROWS,
            effort=QUICK if options.quick else FULL,
            rounds=options.rounds or (QUICK_ROUNDS if options.quick else ROUNDS),
        )
        launchers = _launchers(results, kernels, options.peers_venv, scratch)
        run(results, launchers, measures, scratch)
    page = report(results, options.judged)
    print(page)
    if options.json:
        _write_json(results, options.json)
    if options.save:
        RESULTS.mkdir(exist_ok=True)
        _write_json(results, RESULTS / f"{results.started:%Y-%m-%d}.json")
        (RESULTS / "latest.md").write_text(page)
        README.write_text(renew(README.read_text(), summary(results, options.judged)))
    return 0 if any(results.medians().values()) else 1


def _scale(options: argparse.Namespace, kernels: Sequence[Kernel]) -> int:
    """The growth curves; 0 when at least one was measured."""
    from benchmarks.scale.run import CURVES, page, run_curves, save

    wanted = tuple((options.measures or "").split(","))
    chosen = [curve for curve in CURVES if curve.name.startswith(wanted)]
    if not chosen:
        known = ", ".join(curve.name for curve in CURVES)
        raise SystemExit(f"--measures: unknown {options.measures}; known: {known}")
    with tempfile.TemporaryDirectory(prefix="benchmarks-") as folder:
        results = Results({}, [], (), QUICK if options.quick else FULL, rounds=1)
        launchers = _launchers(results, kernels, options.peers_venv, Path(folder))
        measured = run_curves(launchers, chosen, quick=options.quick)
    print(page(measured, results.versions))
    if options.save:
        save(measured, results.versions, RESULTS)
    return (
        0
        if any(one.figures for by_kernel in measured.values() for one in by_kernel.values())
        else 1
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    add = parser.add_argument
    add("--kernels", metavar="A,B", help="only these kernels (see --list)")
    add("--measures", metavar="X,Y", help="only measures whose names begin so (see --list)")
    add("--quick", action="store_true", help="fewer samples and one round: a look, not a result")
    add("--rounds", type=int, metavar="N", help=f"rounds to take medians over (default {ROUNDS})")
    add("--json", type=Path, metavar="FILE", help="write every round's figures there")
    add(
        "--save",
        action="store_true",
        help="write results/<date>.json, results/latest.md and the README's table",
    )
    add(
        "--scale",
        action="store_true",
        help="the growth curves instead; --measures chooses among them",
    )
    add("--list", action="store_true", help="name the kernels and measures, and end")
    add("--no-floors", action="store_true", help="leave the floors out")
    add("--judged", default=IPYRUST.name, choices=BY_NAME, help="the kernel that marks apply to")
    add("--peers-venv", type=Path, metavar="DIR", help="use these installed peers as they are")
    return parser


def _kernels(names: str | None) -> list[Kernel]:
    if names is None:
        return list(KERNELS)
    unknown = [name for name in names.split(",") if name not in BY_NAME]
    if unknown:
        raise SystemExit(f"--kernels: unknown {', '.join(unknown)}; known: {', '.join(BY_NAME)}")
    return [BY_NAME[name] for name in names.split(",")]


def _measures(prefixes: str | None) -> list[Measure]:
    if prefixes is None:
        return list(MEASURES)
    wanted = tuple(prefixes.split(","))
    unknown = [one for one in wanted if not any(m.name.startswith(one) for m in MEASURES)]
    if unknown:
        raise SystemExit(f"--measures: unknown {', '.join(unknown)}; see --list")
    return [measure for measure in MEASURES if measure.name.startswith(wanted)]


def _launchers(
    results: Results, kernels: Sequence[Kernel], peers_venv: Path | None, scratch: Path
) -> dict[str, Launcher]:
    """Launchers of what is installed; versions and absences go into the results."""
    peers = peers_environment(peers_venv) if any(kernel.peer for kernel in kernels) else OWN
    launchers = {}
    for kernel in kernels:
        environment = peers if kernel.peer else OWN
        results.versions[kernel.name] = ""
        try:
            results.versions[kernel.name] = environment.version(kernel.distribution)
            launchers[kernel.name] = launcher(kernel, environment, scratch)
        except UnavailableError as error:
            results.absent[kernel.name] = str(error)
    return launchers


def _list() -> None:
    print("kernels:")
    for kernel in KERNELS:
        print(f"  {kernel.name}")
    print("measures:")
    for measure in MEASURES:
        print(f"  {measure.name:<28} {'; '.join(row.title for row in measure.rows)}")


def _write_json(results: Results, path: Path) -> None:
    text = json.dumps(results.as_json(), indent=1, ensure_ascii=False)
    path.write_text(text + "\n")
    print(f"wrote {path}", file=sys.stderr)
