"""The shape every measure has: a function from a launcher and an effort to one figure per row."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum

from benchmarks.launcher import Launcher

Figures = Mapping[str, float]
"""One figure per row name, in the row's unit."""


class Better(Enum):
    """Which direction is an improvement."""

    LOWER = "lower"
    HIGHER = "higher"


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table."""

    name: str
    title: str
    unit: str
    better: Better = Better.LOWER
    floor: str | None = None
    """Name of the floor (`floors.py`) that bounds this row, if one does."""


@dataclass(frozen=True, slots=True)
class Effort:
    """How much of everything one round does. Sizes that a row's title names are not efforts."""

    starts: int
    round_trips: int
    requests: int
    large_messages: int
    interrupts: int
    holds: int
    idle_seconds: float


FULL = Effort(
    starts=3,
    round_trips=1000,
    requests=50,
    large_messages=9,
    interrupts=5,
    holds=2,
    idle_seconds=10.0,
)
QUICK = Effort(
    starts=1,
    round_trips=200,
    requests=15,
    large_messages=1,
    interrupts=3,
    holds=1,
    idle_seconds=3.0,
)


@dataclass(frozen=True, slots=True)
class Measure:
    """A named function and the rows that it fills."""

    name: str
    rows: tuple[Row, ...]
    run: Callable[[Launcher, Effort], Figures]


def p50(samples: Sequence[float]) -> float:
    """Median."""
    return statistics.median(samples)


def p99(samples: Sequence[float]) -> float:
    """99th percentile by nearest rank: a sample that was really seen."""
    return sorted(samples)[math.ceil(0.99 * len(samples)) - 1]
