"""Comm messages there and back. The clock stops at the echo: comm_msg has no reply."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass

from benchmarks.client import TIMEOUT, Client
from benchmarks.errors import NoAnswerError, UnavailableError
from benchmarks.launcher import Launcher, RunningKernel
from benchmarks.measure import Better, Effort, Figures, Measure, Row, p50
from benchmarks.wire import Frames, Request

PIPELINED = 1000
BUFFER_BYTES = 32_000_000
WARM_UP = 20
OPEN = """
import comm
_bench_comm = comm.create_comm(target_name="benchmarks.echo", data={})

def _bench_echo(message):
    data, buffers = message["content"]["data"], message.get("buffers")
    _bench_comm.send(data=data, buffers=buffers or [])

_bench_comm.on_msg(_bench_echo)
"""
"""The kernel opens the comm, as widgets do: the one way that every kernel serves."""

ECHO = Row("comm_echo", "comm echo, p50", "µs", floor="zmq_echo")
PIPELINE = Row("comm_pipelined", f"{PIPELINED} pipelined comm echoes", "echoes/s", Better.HIGHER)
BUFFER = Row("comm_32mb", "comm echo of a 32 MB buffer", "ms")


def echo(launcher: Launcher, effort: Effort) -> Figures:
    """One small comm_msg at a time."""
    with launcher.started() as kernel:
        comm = _open(kernel)
        requests = [comm.message(i) for i in range(WARM_UP + effort.round_trips)]
        samples = [_echo(comm, request)[0] for request in requests]
    return {ECHO.name: p50(samples[WARM_UP:]) * 1e6}


def pipelined(launcher: Launcher, effort: Effort) -> Figures:
    """All sent at once; the clock stops at the last echo, and order is checked."""
    with launcher.started() as kernel:
        comm = _open(kernel)
        requests = [comm.message(i) for i in range(PIPELINED)]
        started = time.perf_counter()
        for request in requests:
            comm.client.shell.send_multipart(request.frames)
        echoes = [comm.client.publication(b"comm_msg") for _ in requests]
        elapsed = time.perf_counter() - started
        data = [comm.client.signer.decode(frames).content["data"] for frames in echoes]
        if data != [{"i": i} for i in range(PIPELINED)]:
            raise UnavailableError("echoes lost or out of order")
    return {PIPELINE.name: PIPELINED / elapsed}


def buffer(launcher: Launcher, effort: Effort) -> Figures:
    """A binary buffer both ways, compared after the clock has stopped."""
    sent = os.urandom(BUFFER_BYTES)
    with launcher.started() as kernel:
        comm = _open(kernel)
        samples = []
        for i in range(effort.large_messages):
            elapsed, frames = _echo(comm, comm.message(i, sent))
            if frames[-1] != sent:
                raise UnavailableError("the buffer came back changed")
            samples.append(elapsed)
    return {BUFFER.name: p50(samples) * 1e3}


@dataclass(frozen=True, slots=True)
class _Comm:
    """The frontend's end of the comm."""

    client: Client
    comm_id: str

    def message(self, i: int, *buffers: bytes) -> Request:
        """Build one comm_msg."""
        content = {"comm_id": self.comm_id, "data": {"i": i}}
        return self.client.request("comm_msg", content, buffers)


def _open(kernel: RunningKernel) -> _Comm:
    """Have the kernel open the comm, and prove one echo."""
    opened = [m for m in kernel.client.run(OPEN) if m.msg_type == "comm_open"]
    if not opened:
        raise UnavailableError("no comm_open published")
    comm = _Comm(kernel.client, opened[0].content["comm_id"])
    try:
        _echo(comm, comm.message(-1), timeout=3.0)
    except NoAnswerError:
        raise UnavailableError("no comm echo within 3 s") from None
    return comm


def _echo(comm: _Comm, request: Request, timeout: float = TIMEOUT) -> tuple[float, Frames]:
    """Seconds until the echo, and the echo."""
    started = time.perf_counter()
    comm.client.shell.send_multipart(request.frames)
    frames = comm.client.publication(b"comm_msg", timeout=timeout)
    return time.perf_counter() - started, frames


MEASURES = (
    Measure("comm_echo", (ECHO,), echo),
    Measure("comm_pipelined", (PIPELINE,), pipelined),
    Measure("comm_32mb", (BUFFER,), buffer),
)
