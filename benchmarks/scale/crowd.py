"""Many kernels on one machine: started at once, and idle side by side."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace

from benchmarks.launcher import Launcher, RunningKernel
from benchmarks.measures.footprint import PROC, SETTLE_SECONDS, resident_memory
from benchmarks.scale.curve import Curve

IDLE_SECONDS = 10.0


def started_at_once(launcher: Launcher, sizes: Sequence[int], samples: int) -> list[float]:
    """From the first spawn until each has answered its first cell, in ms."""
    figures = []
    for size in sizes:
        with _spawned(launcher, size) as kernels:
            requests = [kernel.client.execute_request("1+1") for kernel in kernels]
            for kernel, request in zip(kernels, requests, strict=True):
                kernel.client.shell.send_multipart(request.frames)
            for kernel, request in zip(kernels, requests, strict=True):
                kernel.client.reply(request)
            figures.append((time.perf_counter() - kernels[0].spawned_at) * 1e3)
    return figures


def memory_each(launcher: Launcher, sizes: Sequence[int], samples: int) -> list[float]:
    """PSS of each of so many idle kernels, in MB: what they share is divided."""
    figures = []
    for size in sizes:
        with _ready(launcher, size) as kernels:
            figures.append(sum(resident_memory(kernel.pid)[0] for kernel in kernels) / size)
    return figures


def idle_cpu(launcher: Launcher, sizes: Sequence[int], samples: int) -> list[float]:
    """Processor time that so many idle kernels take together, in ms per second."""
    figures = []
    for size in sizes:
        with _ready(launcher, size) as kernels:
            time.sleep(SETTLE_SECONDS)  # the clock is the kernels' own: start-up work must be over
            before, since = _cpu_seconds(kernels), time.monotonic()
            time.sleep(IDLE_SECONDS)  # the clock is the wall: a rate is measured
            used = _cpu_seconds(kernels) - before
            figures.append(used * 1e3 / (time.monotonic() - since))
    return figures


@contextmanager
def _spawned(launcher: Launcher, count: int) -> Iterator[list[RunningKernel]]:
    with ExitStack() as stack:
        kernels = []
        for number in range(count):
            folder = launcher.scratch / f"of-many-{number}"
            folder.mkdir(exist_ok=True)
            own = replace(launcher, scratch=folder)
            kernels.append(stack.enter_context(own.spawned()))
        yield kernels


@contextmanager
def _ready(launcher: Launcher, count: int) -> Iterator[list[RunningKernel]]:
    with _spawned(launcher, count) as kernels:
        for kernel in kernels:
            kernel.client.wait_ready()
            kernel.client.run("pass")
        yield kernels


def _cpu_seconds(kernels: Sequence[RunningKernel]) -> float:
    ticks = 0
    for kernel in kernels:
        fields = (PROC / str(kernel.pid) / "stat").read_text().rpartition(")")[2].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


CURVES = (
    Curve(
        *("starts", "until every kernel has run a cell", "kernels started at once", "ms"),
        *((1, 2, 5, 10), (1, 2)),
        started_at_once,
    ),
    Curve(
        *("memory", "memory of each, PSS", "idle kernels", "MB"),
        *((1, 10, 100), (1, 3)),
        memory_each,
    ),
    Curve(
        *("idle", "processor time of all", "idle kernels", "ms/s"),
        *((1, 10, 100), (1, 3)),
        idle_cpu,
    ),
)
