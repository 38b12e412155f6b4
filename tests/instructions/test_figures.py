"""Instructions of a message, beside those in benchmarks/instructions.json."""

from __future__ import annotations

import json
import platform
import subprocess
from collections.abc import Callable
from typing import Any

import pytest

from instructions.callgrind import CountedKernel
from instructions.conftest import PROFILE, ROOT

FILE = ROOT / "benchmarks" / "instructions.json"
TOLERANCE = 0.1
LINES = 200

Json = dict[str, Any]


def figures(count: Callable[..., CountedKernel]) -> dict[str, int]:
    """What is compared, in instructions."""
    plain, signed = count(key=""), count()
    cell = plain.cells(1_000)
    lines = plain.cells(50, f"lines {LINES}")
    comm = {"comm_id": "comm-0", "data": {"method": "update", "state": {"value": 1}}}
    return {
        "cell": round(cell),
        "signed_cell": round(signed.cells(300)),
        "line_of_output": round((lines - cell) / LINES),
        "comm_msg": round(plain.requests(500, "comm_msg", comm)),
    }


def circumstances() -> Json:
    """What the figures depend on beside the sources."""
    rustc = subprocess.run(["rustc", "--version"], check=True, capture_output=True, text=True)
    return {
        "rustc": rustc.stdout.split()[1],
        "machine": platform.machine(),
        "profile": {"inherits": "release", **PROFILE},
    }


def test_a_message_costs_what_it_did(
    count: Callable[..., CountedKernel], pytestconfig: pytest.Config
) -> None:
    found, here = figures(count), circumstances()
    print(json.dumps(found))
    if pytestconfig.getoption("--record"):
        FILE.write_text(json.dumps({**here, "instructions": found}, indent=2) + "\n")
        return
    recorded = json.loads(FILE.read_text())
    if recorded["machine"] != here["machine"]:
        pytest.skip(f"the figures are of {recorded['machine']}, this is {here['machine']}")
    wrong = compare(recorded["instructions"], found)
    by = "" if recorded["rustc"] == here["rustc"] else f" (figures of rustc {recorded['rustc']})"
    assert not wrong, "; ".join(wrong) + by


def compare(recorded: dict[str, int], found: dict[str, int]) -> list[str]:
    """A line for each figure that is not near the recorded one, worse or better."""
    assert recorded.keys() == found.keys(), "record the figures: ./run instructions --record"
    lines = []
    for name, figure in found.items():
        change = figure / recorded[name] - 1
        if abs(change) > TOLERANCE:
            advice = "find out why" if change > 0 else "better: ./run instructions --record"
            lines.append(f"{name}: {figure}, {change:+.0%} of {recorded[name]}, {advice}")
    return lines


@pytest.mark.parametrize(
    ("found", "advice"),
    [(1_000, None), (1_099, None), (1_101, "find out why"), (899, "--record"), (901, None)],
)
def test_figures_may_differ_by_a_tenth(found: int, advice: str | None) -> None:
    lines = compare({"cell": 1_000}, {"cell": found})
    assert not lines if advice is None else advice in lines[0]


def test_another_set_of_figures_is_no_match() -> None:
    with pytest.raises(AssertionError, match="--record"):
        compare({"cell": 1}, {"cell": 1, "reply": 1})
