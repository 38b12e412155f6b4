"""What no kernel can beat on this machine: the parts it is made of, each measured alone.

The programs run in the suite's own interpreter, which is the one ipyrust runs in.
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import zmq

from benchmarks.client import take
from benchmarks.errors import UnavailableError
from benchmarks.kernels import OWN
from benchmarks.measure import Better, Effort, Figures, Row, p50
from benchmarks.measures.commands import path_of_true, spawned
from benchmarks.measures.footprint import resident_memory

TIMEOUT = 60.0
READY = "ready"
FIRST_CELL = f"""
from IPython.core.interactiveshell import InteractiveShell
shell = InteractiveShell.instance()
shell.displayhook.write_output_prompt = lambda: None
shell.run_cell("1+1", store_history=True)
print({READY!r}, flush=True)
input()
"""
RUN_CELL = """
import statistics, time
from IPython.core.interactiveshell import InteractiveShell
shell = InteractiveShell.instance()
samples = []
for _ in range(1000):
    started = time.perf_counter()
    shell.run_cell("pass", store_history=False)
    samples.append(time.perf_counter() - started)
print(statistics.median(samples))
"""
STRING_IO = """
import io, sys, time
terminal, sys.stdout = sys.stdout, io.StringIO()
started = time.perf_counter()
for i in range(100000): print(i)
elapsed = time.perf_counter() - started
print(100000 / elapsed, file=terminal)
"""


@dataclass(frozen=True, slots=True)
class Floor:
    """A named function and the floors that it finds."""

    rows: tuple[Row, ...]
    run: Callable[[Effort, Path], Figures]


TRUE = Row("true", "`true`: a program that does nothing", "ms")
PYTHON = Row("python", "`python -c pass`", "ms")
IPYTHON = Row("ipython", "import IPython, run a first cell in process", "ms")
IPYTHON_MEMORY = Row("ipython_memory", "memory of that process, RSS", "MB")
ZMQ_ECHO = Row("zmq_echo", "ZMQ echo, DEALER to ROUTER and back", "µs")
RUN_CELL_TIME = Row("run_cell", '`run_cell("pass")` in process', "µs")
RUN_CELL_RATE = Row("run_cell_rate", "the same as a rate", "cells/s", Better.HIGHER)
ECHO_AND_RUN_CELL = Row("echo_and_run_cell", "ZMQ echo + `run_cell`", "µs")
STRING_IO_RATE = Row("string_io", "lines printed into a StringIO", "lines/s", Better.HIGHER)


def true(effort: Effort, scratch: Path) -> Figures:
    """What the system takes to start and end a program."""
    samples = [spawned([path_of_true()], os.environ) for _ in range(10 * effort.starts)]
    return {TRUE.name: p50(samples)}


def python(effort: Effort, scratch: Path) -> Figures:
    """An interpreter that starts and ends."""
    samples = []
    for _ in range(effort.starts):
        started = time.perf_counter()
        _run("pass", scratch)
        samples.append((time.perf_counter() - started) * 1e3)
    return {PYTHON.name: p50(samples)}


def ipython(effort: Effort, scratch: Path) -> Figures:
    """Spawn until IPython has run a cell, and the memory it then has."""
    started = time.perf_counter()
    with subprocess.Popen(
        [sys.executable, "-c", FIRST_CELL],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=OWN.variables(scratch),
        cwd=scratch,
        text=True,
    ) as process:
        assert process.stdin is not None and process.stdout is not None
        limit = threading.Timer(TIMEOUT, process.kill)
        limit.start()
        try:
            for line in process.stdout:
                if line.strip() == READY:
                    break
            else:
                raise UnavailableError("IPython does not run in this interpreter")
            elapsed = time.perf_counter() - started
            _, memory = resident_memory(process.pid)
        finally:
            limit.cancel()
            process.stdin.close()
    return {IPYTHON.name: elapsed * 1e3, IPYTHON_MEMORY.name: memory}


def zmq_echo(effort: Effort, scratch: Path) -> Figures:
    """A ROUTER that libzmq's own proxy loop echoes, without Python, over loopback TCP."""
    context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
    router, dealer = context.socket(zmq.ROUTER), context.socket(zmq.DEALER)
    port = router.bind_to_random_port("tcp://127.0.0.1")
    thread = threading.Thread(target=_echo, args=(router,), daemon=True)
    thread.start()
    dealer.rcvtimeo = int(TIMEOUT * 1000)
    dealer.connect(f"tcp://127.0.0.1:{port}")
    samples = []
    for _ in range(effort.round_trips + 20):
        started = time.perf_counter()
        dealer.send_multipart([b"delimiter", b"header", b"content"])
        take(dealer)
        samples.append(time.perf_counter() - started)
    dealer.close(linger=0)
    context.term()
    thread.join()
    return {ZMQ_ECHO.name: p50(samples[20:]) * 1e6}


def _echo(router: zmq.Socket[bytes]) -> None:
    try:
        zmq.proxy(router, router)
    except zmq.ContextTerminated:
        router.close(linger=0)


def run_cell(effort: Effort, scratch: Path) -> Figures:
    """IPython's share of one cell."""
    seconds = float(_run(RUN_CELL, scratch))
    return {RUN_CELL_TIME.name: seconds * 1e6, RUN_CELL_RATE.name: 1 / seconds}


def string_io(effort: Effort, scratch: Path) -> Figures:
    """Python's share of a print."""
    return {STRING_IO_RATE.name: float(_run(STRING_IO, scratch))}


def _run(program: str, scratch: Path) -> str:
    done = subprocess.run(
        [sys.executable, "-c", program],
        check=False,
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
        env=OWN.variables(scratch),
        cwd=scratch,
    )
    if done.returncode != 0:
        last = done.stderr.strip().rpartition("\n")[2]
        raise UnavailableError(last[:80])
    return done.stdout


FLOORS = (
    Floor((TRUE,), true),
    Floor((PYTHON,), python),
    Floor((IPYTHON, IPYTHON_MEMORY), ipython),
    Floor((ZMQ_ECHO,), zmq_echo),
    Floor((RUN_CELL_TIME, RUN_CELL_RATE), run_cell),
    Floor((STRING_IO_RATE,), string_io),
)
