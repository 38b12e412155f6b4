"""Small cells: one at a time until reply and idle, and a thousand at once."""

from __future__ import annotations

import time

import zmq

from benchmarks.client import TIMEOUT, Client, take
from benchmarks.errors import NoAnswerError, UnavailableError
from benchmarks.launcher import Launcher
from benchmarks.measure import Better, Effort, Figures, Measure, Row, p50, p99
from benchmarks.wire import Frames, is_idle

PIPELINED = 1000
WARM_UP = 20

PASS_P50 = Row("pass_p50", "`pass`, reply and idle, p50", "µs", floor="echo_and_run_cell")
PASS_P99 = Row("pass_p99", "`pass`, reply and idle, p99", "µs", floor="echo_and_run_cell")
HISTORY_P50 = Row("history_p50", "`1+1` with history, p50", "µs", floor="echo_and_run_cell")
HISTORY_P99 = Row("history_p99", "`1+1` with history, p99", "µs", floor="echo_and_run_cell")
PIPELINE = Row(
    "pipelined", f"{PIPELINED} pipelined `pass` cells", "cells/s", Better.HIGHER, "run_cell_rate"
)


def pass_round_trip(launcher: Launcher, effort: Effort) -> Figures:
    """`pass`, not stored in history: the cost of the kernel itself."""
    with launcher.started() as kernel:
        samples = _round_trips(kernel.client, "pass", effort, store_history=False)
    return {PASS_P50.name: p50(samples), PASS_P99.name: p99(samples)}


def history_round_trip(launcher: Launcher, effort: Effort) -> Figures:
    """`1+1`, stored in history, with its execute_result."""
    with launcher.started() as kernel:
        samples = _round_trips(kernel.client, "1+1", effort, store_history=True)
    return {HISTORY_P50.name: p50(samples), HISTORY_P99.name: p99(samples)}


def pipelined(launcher: Launcher, effort: Effort) -> Figures:
    """Send all at once; the clock stops at the last reply and the last idle."""
    with launcher.started() as kernel:
        client = kernel.client
        requests = [client.execute_request("pass") for _ in range(PIPELINED)]
        replies: list[Frames] = []
        idle = False
        poller = zmq.Poller()
        poller.register(client.shell, zmq.POLLIN)
        poller.register(client.iopub, zmq.POLLIN)
        deadline = time.monotonic() + TIMEOUT
        started = time.perf_counter()
        for request in requests:
            client.shell.send_multipart(request.frames)
        while len(replies) < PIPELINED or not idle:
            poller.poll(250)
            replies += _waiting(client.shell)
            ends = [is_idle(frames, requests[-1]) for frames in _waiting(client.iopub)]
            idle = idle or any(ends)
            if time.monotonic() > deadline:
                raise NoAnswerError(f"{len(replies)} of {PIPELINED} replies in {TIMEOUT:.0f} s")
        elapsed = time.perf_counter() - started
        parents = [client.signer.decode(frames).parent_id for frames in replies]
        if parents != [request.msg_id.decode() for request in requests]:
            raise UnavailableError("replies out of order")
    return {PIPELINE.name: PIPELINED / elapsed}


def _round_trips(client: Client, code: str, effort: Effort, *, store_history: bool) -> list[float]:
    """Latencies in µs, the first few left out."""
    requests = [
        client.execute_request(code, store_history=store_history)
        for _ in range(WARM_UP + effort.round_trips)
    ]
    samples = []
    for request in requests:
        started = time.perf_counter()
        reply = client.round_trip(request)
        samples.append((time.perf_counter() - started) * 1e6)
        if b'"ok"' not in reply[-1]:
            raise UnavailableError("a reply was not ok")
    return samples[WARM_UP:]


def _waiting(socket: zmq.Socket[bytes]) -> list[Frames]:
    """Everything that has arrived by now."""
    received = []
    while True:
        try:
            received.append(take(socket, zmq.NOBLOCK))
        except zmq.Again:
            return received


MEASURES = (
    Measure("pass", (PASS_P50, PASS_P99), pass_round_trip),
    Measure("history", (HISTORY_P50, HISTORY_P99), history_round_trip),
    Measure("pipelined", (PIPELINE,), pipelined),
)
