"""What a curve is, and the samples that most of them take."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from benchmarks.client import Client
from benchmarks.launcher import Launcher
from benchmarks.measure import p50

Run = Callable[[Launcher, Sequence[int], int], Sequence[float]]
"""From a launcher, the sizes (ascending) and a number of samples to one figure a size."""
WARM_UP = 50


@dataclass(frozen=True, slots=True)
class Curve:
    """One growth curve."""

    name: str
    title: str
    """What is measured."""
    x: str
    """What grows."""
    unit: str
    sizes: tuple[int, ...]
    quick_sizes: tuple[int, ...]
    run: Run


@dataclass(slots=True)
class Measured:
    """One curve of one kernel."""

    sizes: list[int]
    figures: list[float] = field(default_factory=list)
    reason: str = ""
    """Why there are no figures."""

    @property
    def growth(self) -> float | None:
        """The last figure over the first."""
        return self.figures[-1] / self.figures[0] if self.figures and self.figures[0] else None


def round_trips(client: Client, samples: int, code: str = "pass") -> float:
    """p50 of a cell's round trip in µs, reply and idle."""
    requests = [client.execute_request(code) for _ in range(WARM_UP + samples)]
    taken = []
    for request in requests:
        started = time.perf_counter()
        client.round_trip(request)
        taken.append(time.perf_counter() - started)
    return p50(taken[WARM_UP:]) * 1e6


def run_many(client: Client, count: int, code: str = "pass", burst: int = 500) -> float:
    """Run a cell `count` times, at most `burst` of them on the way; returns the seconds that took."""
    started = time.perf_counter()
    while count > 0:
        requests = [client.execute_request(code) for _ in range(min(burst, count))]
        count -= len(requests)
        for request in requests:
            client.shell.send_multipart(request.frames)
        for request in requests:
            client.reply(request)
            client.idle(request)
    return time.perf_counter() - started
