"""Warm start: from the request to a template until the first cell's reply. Only ipyrust has templates."""

from __future__ import annotations

import os
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from benchmarks.client import Client
from benchmarks.connection import free_connection
from benchmarks.errors import KernelDiedError, UnavailableError
from benchmarks.launcher import Launcher
from benchmarks.measure import Effort, Figures, Measure, Row, p50

START_WARM = Row("start_warm", "warm start → first cell's reply", "ms")
READY_WITHIN = 60.0
"""Seconds that a template may take to import everything."""


def first_cell(launcher: Launcher, effort: Effort) -> Figures:
    """As `start_cell`, with a template that is ready: the kernel is forked, not spawned."""
    if "ipyrust" not in launcher.argv:
        raise UnavailableError("no warm start")
    with _template(launcher) as path:
        _start(launcher, path)  # The first fork touches what the others find touched.
        return {START_WARM.name: p50([_start(launcher, path) for _ in range(effort.starts)])}


@contextmanager
def _template(launcher: Launcher) -> Iterator[Path]:
    path = launcher.scratch / "warm.sock"
    python = launcher.argv[: launcher.argv.index("-m")]
    command = [*python, "-m", "ipyrust.warm", "template", "--socket", str(path)]
    process = subprocess.Popen(command, env=dict(launcher.env), cwd=launcher.scratch)
    try:
        deadline = time.monotonic() + READY_WITHIN
        while not path.exists():
            if process.poll() is not None or time.monotonic() > deadline:
                raise UnavailableError("the template did not get ready")
            time.sleep(0.01)  # the clock is the template's imports
        yield path
    finally:
        process.terminate()
        process.wait(timeout=10)


def _start(launcher: Launcher, path: Path) -> float:
    from ipyrust.warm import wire
    from ipyrust.warm.process import WarmProcess

    connection = free_connection()
    connection_file = launcher.scratch / "connection.json"
    connection.write(connection_file)
    after_module = launcher.argv.index("-m") + 2
    arguments = [
        part.replace("{connection_file}", str(connection_file))
        for part in launcher.argv[after_module:]
    ]
    message = {
        "arguments": arguments,
        "directory": str(launcher.scratch),
        "environment": dict(launcher.env),
    }
    kernel: WarmProcess | None = None

    def check_alive() -> None:
        if kernel is not None and kernel.poll() is not None:
            raise KernelDiedError(f"kernel died, exit code {kernel.returncode}")

    with Client(connection, check_alive) as client, open(os.devnull, "r+b") as null:
        request = client.execute_request("1+1", store_history=True)
        client.shell.send_multipart(request.frames)
        started = time.perf_counter()
        link = socket.socket(socket.AF_UNIX)
        link.connect(str(path))
        wire.send(link, message, (null.fileno(), null.fileno(), null.fileno()))
        answer, _ = wire.receive(link)
        wire.send(link, wire.GO)
        kernel = WarmProcess(int(answer["pid"]), link)
        try:
            client.reply(request)
            taken = time.perf_counter() - started
            shutdown = client.request("shutdown_request", {"restart": False})
            client.control.send_multipart(shutdown.frames)
            with suppress(subprocess.TimeoutExpired):
                kernel.wait(5)
        finally:
            kernel.kill()
    return taken * 1e3


MEASURES = (Measure("start_warm", (START_WARM,), first_cell),)
