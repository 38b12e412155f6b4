"""How soon a running cell is interrupted: three kinds of cell, by interrupt_request and by SIGINT.

Both ways are measured for every kernel, because frontends use both: the kernelspec's
interrupt_mode says which one a Jupyter client takes.
"""

from __future__ import annotations

import signal
import time
from functools import partial

from benchmarks.errors import NoAnswerError, UnavailableError
from benchmarks.launcher import InterruptMode, Launcher, RunningKernel
from benchmarks.measure import Effort, Figures, Measure, Row, p50

SETTLE_SECONDS = 0.2
TIMEOUT = 5.0
CELLS = {
    "loop": "while True: pass",
    "sleep": "import time; time.sleep(60)",
    "await": "import asyncio; await asyncio.sleep(60)",
}


def interrupt(
    launcher: Launcher, effort: Effort, *, row: Row, code: str, mode: InterruptMode
) -> Figures:
    """From sending the interrupt to the cell's error reply; the kernel must be usable afterwards."""
    with launcher.started() as kernel:
        samples = [_interrupt(kernel, code, mode) for _ in range(effort.interrupts)]
    return {row.name: p50(samples) * 1e3}


def _interrupt(kernel: RunningKernel, code: str, mode: InterruptMode) -> float:
    client = kernel.client
    marker_code, marker = kernel.marker_code()
    cell = client.execute_request(marker_code + code)
    order = client.request("interrupt_request", {})
    client.shell.send_multipart(cell.frames)
    kernel.wait_marker(marker, settle=SETTLE_SECONDS)
    started = time.perf_counter()
    if mode == "message":
        client.control.send_multipart(order.frames)
    else:
        kernel.process.signal_group(signal.SIGINT)
    try:
        reply = client.reply(cell, timeout=TIMEOUT)
    except NoAnswerError:
        raise UnavailableError(f"not interrupted within {TIMEOUT:.0f} s") from None
    elapsed = time.perf_counter() - started
    status = client.signer.decode(reply).content["status"]
    if status != "error":
        raise UnavailableError(f"reply was {status!r}, not 'error'")
    client.idle(cell, timeout=TIMEOUT)
    client.round_trip(client.execute_request("pass"), timeout=TIMEOUT)
    return elapsed


def _measure(cell: str, mode: InterruptMode) -> Measure:
    way = "SIGINT" if mode == "signal" else "interrupt_request"
    row = Row(f"interrupt_{cell}_{mode}", f"{way} of `{CELLS[cell].split('; ')[-1]}`", "ms")
    return Measure(row.name, (row,), partial(interrupt, row=row, code=CELLS[cell], mode=mode))


MODES: tuple[InterruptMode, ...] = ("message", "signal")
MEASURES = tuple(_measure(cell, mode) for cell in CELLS for mode in MODES)
