"""Spawn until the first answers. The clock starts just before the process is spawned."""

from __future__ import annotations

import time

from benchmarks.launcher import Launcher
from benchmarks.measure import Effort, Figures, Measure, Row, p50
from benchmarks.wire import Request

START_INFO = Row("start_info", "spawn → kernel_info reply", "ms", floor="python")
START_CELL = Row("start_cell", "spawn → first cell's reply", "ms", floor="ipython")


def kernel_info(launcher: Launcher, effort: Effort) -> Figures:
    """The request waits in the client's socket while the kernel starts."""
    return {START_INFO.name: p50([_start(launcher, "info") for _ in range(effort.starts)])}


def first_cell(launcher: Launcher, effort: Effort) -> Figures:
    """The same with `1+1` in an execute_request, history stored, as the very first request."""
    return {START_CELL.name: p50([_start(launcher, "cell") for _ in range(effort.starts)])}


def _start(launcher: Launcher, kind: str) -> float:
    with launcher.spawned() as kernel:
        client = kernel.client
        request: Request
        if kind == "info":
            request = client.request("kernel_info_request", {})
        else:
            request = client.execute_request("1+1", store_history=True)
        client.shell.send_multipart(request.frames)
        client.reply(request)
        return (time.perf_counter() - kernel.spawned_at) * 1e3


MEASURES = (
    Measure("start_info", (START_INFO,), kernel_info),
    Measure("start_cell", (START_CELL,), first_cell),
)
