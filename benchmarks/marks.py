"""The marks: what ipyrust must reach, as formulas over figures of the same run. No figures here.

A mark is judged only when everything its formula names was measured.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum

from benchmarks.measure import Better, Row

Medians = Mapping[str, Mapping[str, float]]
"""Row name → kernel name → median."""


class Verdict(Enum):
    """What became of a mark."""

    MET = "met"
    MISSED = "missed"
    OPEN = "not measured"


@dataclass(frozen=True, slots=True)
class Reference:
    """A named value that a mark is relative to."""

    name: str
    value: Callable[[Medians, str, Row], float | None]
    """From the medians, the judged kernel and the row."""


def peer(name: str) -> Reference:
    """The same row of one peer; never of the judged kernel itself."""
    return Reference(
        name,
        lambda medians, judged, row: (
            None if name == judged else medians.get(row.name, {}).get(name)
        ),
    )


def peer_in(name: str, row_name: str) -> Reference:
    """Another row of one peer."""
    return Reference(
        f"{name}'s {row_name}",
        lambda medians, judged, row: (
            None if name == judged else medians.get(row_name, {}).get(name)
        ),
    )


def own(row_name: str) -> Reference:
    """Another row of the judged kernel."""
    return Reference(
        f"own {row_name}", lambda medians, judged, row: medians.get(row_name, {}).get(judged)
    )


def best_peer(medians: Medians, judged: str, row: Row) -> float | None:
    """The best figure that any other kernel has in this row."""
    others = [figure for name, figure in medians.get(row.name, {}).items() if name != judged]
    if not others:
        return None
    return min(others) if row.better is Better.LOWER else max(others)


IPYKERNEL = peer("ipykernel")
IPYMINI = peer("ipymini")
XEUS = peer("xeus-python")
BEST_PEER = Reference("best peer", best_peer)
ONE = Reference("", lambda medians, judged, row: 1.0)
"""For absolute marks."""


@dataclass(frozen=True, slots=True)
class Mark:
    """figure ≤ factor × reference, or ≥ where higher is better."""

    factor: float
    reference: Reference

    def text(self, row: Row) -> str:
        """The formula as it is printed."""
        relation = "≤" if row.better is Better.LOWER else "≥"
        if self.reference is ONE:
            return f"{relation} {self.factor:g}"
        return f"{relation} {self.factor:.2f} × {self.reference.name}"

    def judge(self, medians: Medians, judged: str, row: Row) -> Verdict:
        """Compare; OPEN unless both sides were measured."""
        figure = medians.get(row.name, {}).get(judged)
        value = self.reference.value(medians, judged, row)
        if figure is None or value is None:
            return Verdict.OPEN
        limit = self.factor * value
        met = figure <= limit if row.better is Better.LOWER else figure >= limit
        return Verdict.MET if met else Verdict.MISSED


_INTERRUPTS = {
    f"interrupt_{cell}_{mode}": (Mark(1.0, BEST_PEER),)
    for cell in ("loop", "sleep", "await")
    for mode in ("message", "signal")
}
MARKS: Mapping[str, tuple[Mark, ...]] = {
    "start_info": (Mark(0.15, IPYKERNEL),),
    "start_cell": (Mark(0.45, IPYKERNEL), Mark(1.0, XEUS)),
    "start_warm": (Mark(0.15, peer_in("ipykernel", "start_cell")),),
    "pass_p50": (Mark(0.10, IPYKERNEL), Mark(0.40, XEUS)),
    "pass_p99": (Mark(0.10, IPYKERNEL), Mark(0.40, XEUS), Mark(2.0, own("pass_p50"))),
    "history_p50": (Mark(0.15, IPYKERNEL),),
    "pipelined": (Mark(14.0, IPYKERNEL),),
    "control_idle": (Mark(1.0, IPYMINI),),
    "control_held": (Mark(1.0, IPYMINI),),
    "lines": (Mark(7.0, IPYKERNEL),),
    "print_30mb": (Mark(0.5, BEST_PEER),),
    "displays": (Mark(1.4, BEST_PEER),),
    "comm_echo": (Mark(0.2, IPYKERNEL), Mark(1.0, IPYMINI)),
    "comm_pipelined": (Mark(2.5, IPYMINI),),
    "comm_32mb": (Mark(0.6, IPYKERNEL),),
    **_INTERRUPTS,
    "complete": (Mark(0.8, IPYKERNEL),),
    "inspect": (Mark(0.8, IPYKERNEL),),
    "memory_rss": (Mark(0.7, IPYKERNEL),),
    "wake_ups": (Mark(0.0, ONE),),
    "threads": (Mark(4.0, ONE),),
    "command_version_added": (Mark(0.01, own("module_version_added")),),
    "command_help_added": (Mark(0.01, own("module_version_added")),),
}
