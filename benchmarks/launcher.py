"""Starts and ends kernel processes. Each leads a session of its own; only that group is signalled."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from benchmarks.client import Client
from benchmarks.connection import Connection, free_connection
from benchmarks.errors import KernelDiedError, UnavailableError

SHUTDOWN_TIMEOUT = 2.0
"""Seconds between shutdown_request and SIGKILL."""

InterruptMode = Literal["signal", "message"]


class KernelProcess:
    """One kernel process, its process group and its log."""

    def __init__(self, argv: Sequence[str], env: Mapping[str, str], cwd: Path, log: Path) -> None:
        self._argv, self._env, self._cwd, self._log = argv, env, cwd, log
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """Process id, equal to the process group id."""
        assert self._process is not None, "not started"
        return self._process.pid

    def start(self) -> None:
        """Spawn, in a new session, with its output in the log file."""
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                self._argv,
                env=self._env,
                cwd=self._cwd,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def check_alive(self) -> None:
        """Raise KernelDiedError, with the exit code and the log's last line, once it has ended."""
        status = self._exit_status()
        if status is None:
            return
        cause = f"signal {-status}" if status < 0 else f"exit code {status}"
        last = self._log.read_text(errors="replace").strip().rpartition("\n")[2]
        raise KernelDiedError(f"kernel died, {cause}" + (f": {last[:80]}" if status > 0 else ""))

    def signal_group(self, number: signal.Signals) -> None:
        """Signal the kernel's process group, as Jupyter does."""
        os.killpg(self.pid, number)

    def end(self, *, grace: float) -> None:
        """Give the process `grace` seconds, kill what is left of its group, and reap it."""
        if self._process is None:
            return
        deadline = time.monotonic() + grace
        while self._exit_status() is None and time.monotonic() < deadline:
            time.sleep(0.005)  # the clock is the kernel's exit, bounded by grace
        with suppress(ProcessLookupError, PermissionError):
            self.signal_group(signal.SIGKILL)
        self._process.wait(timeout=10)

    def _exit_status(self) -> int | None:
        """Exit code or negative signal, None while alive.

        The process is left unreaped where the platform allows, so that its group id stays ours.
        """
        assert self._process is not None, "not started"
        if self._process.returncode is not None or not hasattr(os, "waitid"):
            return self._process.poll()
        result = os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        if result is None:
            return None
        return result.si_status if result.si_code == os.CLD_EXITED else -result.si_status


@dataclass(frozen=True, slots=True)
class RunningKernel:
    """A spawned kernel and the client connected to it."""

    client: Client
    connection: Connection
    process: KernelProcess
    scratch: Path
    spawned_at: float
    """time.perf_counter() just before the spawn."""

    @property
    def pid(self) -> int:
        """Process id of the kernel."""
        return self.process.pid

    def marker_code(self) -> tuple[str, Path]:
        """A line of code that creates a file, and the file: "the cell runs", past all channels."""
        path = self.scratch / "running"
        path.unlink(missing_ok=True)
        return f"open({str(path)!r}, 'w').close()\n", path

    def wait_marker(self, path: Path, *, settle: float, timeout: float = 10.0) -> None:
        """Wait until the cell has created its marker, and `settle` seconds more."""
        deadline = time.monotonic() + timeout
        while not path.exists():
            self.process.check_alive()
            if time.monotonic() > deadline:
                raise UnavailableError("the cell did not start")
            time.sleep(0.002)  # the clock is the cell's first line
        time.sleep(settle)  # the clock is the cell, which by then is in its loop, sleep or hold


@dataclass(frozen=True, slots=True)
class Launcher:
    """Starts one kind of kernel as often as a measure asks."""

    name: str
    argv: tuple[str, ...]
    """Command with `{connection_file}` in it."""
    env: Mapping[str, str]
    scratch: Path
    """Folder of this kernel alone: working directory, connection file, log, history."""
    interrupt_mode: InterruptMode = "signal"

    @contextmanager
    def spawned(self) -> Iterator[RunningKernel]:
        """Spawn with sockets already connecting, and end the kernel on leaving."""
        connection = free_connection()
        connection_file = self.scratch / "connection.json"
        connection.write(connection_file)
        argv = [part.replace("{connection_file}", str(connection_file)) for part in self.argv]
        process = KernelProcess(argv, self.env, self.scratch, self.scratch / "kernel.log")
        with Client(connection, process.check_alive) as client:
            grace = 0.0
            spawned_at = time.perf_counter()
            try:
                process.start()
                yield RunningKernel(client, connection, process, self.scratch, spawned_at)
                request = client.request("shutdown_request", {"restart": False})
                client.control.send_multipart(request.frames)
                grace = SHUTDOWN_TIMEOUT
            finally:
                process.end(grace=grace)

    @contextmanager
    def started(self) -> Iterator[RunningKernel]:
        """A kernel that has answered on shell and iopub and has run its first cell."""
        with self.spawned() as kernel:
            kernel.client.wait_ready()
            kernel.client.run("pass")
            yield kernel
