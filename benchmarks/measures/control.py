"""The control channel and the heartbeat: idle, and while C code in a cell holds the GIL."""

from __future__ import annotations

import time

from benchmarks.client import Client
from benchmarks.errors import NoAnswerError, UnavailableError
from benchmarks.launcher import Launcher, RunningKernel
from benchmarks.measure import Effort, Figures, Measure, Row, p50
from benchmarks.wire import Request

WARM_UP = 20
HOLD_SECONDS = 1.5
SETTLE_SECONDS = 0.3
"""How far into the hold the question is asked."""
HOLD = f"""
import ctypes, threading, time
ticks = [time.monotonic()]
def tick():
    while len(ticks) < 400:
        time.sleep(0.01)
        ticks.append(time.monotonic())
ticker = threading.Thread(target=tick, daemon=True)
ticker.start()
ctypes.PyDLL(None).usleep({int(HOLD_SECONDS * 1e6)})
time.sleep(0.05)
seen = list(ticks)
print("longest silence", max(b - a for a, b in zip(seen, seen[1:])))
"""
"""PyDLL calls keep the GIL; the ticking thread proves that they did."""

CONTROL_IDLE = Row("control_idle", "kernel_info on control", "µs", floor="zmq_echo")
CONTROL_HELD = Row("control_held", "kernel_info on control, GIL held 1.5 s", "ms", floor="zmq_echo")
HEARTBEAT = Row("heartbeat", "heartbeat", "µs", floor="zmq_echo")
HEARTBEAT_HELD = Row("heartbeat_held", "heartbeat, GIL held 1.5 s", "ms", floor="zmq_echo")


def control_idle(launcher: Launcher, effort: Effort) -> Figures:
    """Round trips on control until the reply, nothing else running."""
    with launcher.started() as kernel:
        samples = [_ask_control(kernel.client) for _ in range(WARM_UP + effort.round_trips)]
    return {CONTROL_IDLE.name: p50(samples[WARM_UP:]) * 1e6}


def control_held(launcher: Launcher, effort: Effort) -> Figures:
    """One question on control 0.3 s into a hold; a kernel bound to the GIL answers 1.2 s later."""
    with launcher.started() as kernel:
        _ask_control(kernel.client)
        samples = []
        for _ in range(effort.holds):
            request = _hold_gil(kernel)
            samples.append(_ask_control(kernel.client))
            _check_held(kernel.client, request)
    return {CONTROL_HELD.name: p50(samples) * 1e3}


def heartbeat_idle(launcher: Launcher, effort: Effort) -> Figures:
    """Echo on the heartbeat channel, nothing else running."""
    with launcher.started() as kernel:
        samples = [_beat(kernel.client) for _ in range(WARM_UP + effort.round_trips)]
    return {HEARTBEAT.name: p50(samples[WARM_UP:]) * 1e6}


def heartbeat_held(launcher: Launcher, effort: Effort) -> Figures:
    """One echo on the heartbeat channel 0.3 s into a hold."""
    with launcher.started() as kernel:
        _beat(kernel.client)
        samples = []
        for _ in range(effort.holds):
            request = _hold_gil(kernel)
            samples.append(_beat(kernel.client))
            _check_held(kernel.client, request)
    return {HEARTBEAT_HELD.name: p50(samples) * 1e3}


def _ask_control(client: Client) -> float:
    """Seconds until the kernel_info_reply on control."""
    request = client.request("kernel_info_request", {})
    started = time.perf_counter()
    client.control.send_multipart(request.frames)
    try:
        client.reply(request, socket=client.control, timeout=5.0)
    except NoAnswerError:
        raise UnavailableError("no kernel_info_reply on control within 5 s") from None
    return time.perf_counter() - started


def _beat(client: Client) -> float:
    """Seconds until the heartbeat's echo."""
    started = time.perf_counter()
    client.hb.send(b"ping")
    try:
        client.receive(client.hb, time.monotonic() + 5.0)
    except NoAnswerError:
        raise UnavailableError("no heartbeat within 5 s") from None
    return time.perf_counter() - started


def _hold_gil(kernel: RunningKernel) -> Request:
    """Start the cell that holds the GIL and return 0.3 s into the hold."""
    marker_code, marker = kernel.marker_code()
    request = kernel.client.execute_request(marker_code + HOLD)
    kernel.client.shell.send_multipart(request.frames)
    kernel.wait_marker(marker, settle=SETTLE_SECONDS)
    return request


def _check_held(client: Client, request: Request) -> None:
    """Wait for the cell's end; the GIL must have been held for the time we claim."""
    published = [client.signer.decode(frames) for frames in client.publications(request)]
    client.reply(request)
    text = "".join(m.content["text"] for m in published if m.msg_type == "stream")
    if float(text.split()[-1] if text.split() else 0) < 0.9 * HOLD_SECONDS:
        raise UnavailableError("the cell could not hold the GIL")


MEASURES = (
    Measure("control_idle", (CONTROL_IDLE,), control_idle),
    Measure("control_held", (CONTROL_HELD,), control_held),
    Measure("heartbeat", (HEARTBEAT,), heartbeat_idle),
    Measure("heartbeat_held", (HEARTBEAT_HELD,), heartbeat_held),
)
