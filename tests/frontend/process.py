"""One kernel process: started in a session of its own, always ended, with whatever it started.

The connection file names port 0 for every channel; the kernel binds what is free and writes the numbers back.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import signal
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import zmq

from frontend.kernels import KernelUnderTest

CHANNEL_PORTS = ("shell_port", "iopub_port", "stdin_port", "control_port", "hb_port")
TRANSPORTS = ("tcp", "ipc", "tcp+curve", "ipc+curve")
"""How frames may travel; `curve` is CurveZMQ on all five sockets."""
DEADLINE = float(os.environ.get("IPYRUST_TEST_DEADLINE", "20"))
"""Seconds until a wait is a failure. Generous: nothing is proved by being quick."""


class KernelDiedError(AssertionError):
    """The kernel process ended while a message was awaited."""


class KernelProcess:
    """A kernel under test and the folder that it lives in."""

    def __init__(
        self,
        kernel: KernelUnderTest,
        folder: Path,
        *,
        env: Mapping[str, str | None] | None = None,
        connection: Mapping[str, Any] | None = None,
        arguments: tuple[str, ...] = (),
        cwd: Path | None = None,
    ) -> None:
        """Write the connection file and start the process; `env` None removes a variable."""
        self.folder = folder
        self.connection_file = folder / "kernel.json"
        self.ipython_dir = folder / "ipython"
        self._connection: dict[str, Any] | None = None
        write_private(self.connection_file, json.dumps(connection_info(**(connection or {}))))
        self.before_start()
        self.stderr_file = folder / "stderr.txt"
        with self.stderr_file.open("wb") as stderr, (folder / "stdout.txt").open("wb") as stdout:
            self.popen = subprocess.Popen(
                [*kernel.argv(self.connection_file), *arguments],
                stdin=subprocess.DEVNULL,
                stdout=stdout,
                stderr=stderr,
                env=kernel_environment(folder, env or {}),
                cwd=cwd or folder,
                start_new_session=True,
            )

    def before_start(self) -> None:
        """Hook for tests that spoil the connection file."""

    @property
    def pid(self) -> int:
        """Process id, which is the process group's id too."""
        return self.popen.pid

    @property
    def connection(self) -> dict[str, Any]:
        """The connection file's content once the kernel has written its ports."""
        deadline = time.monotonic() + DEADLINE
        while self._connection is None:
            self.check_alive()
            found = read_connection(self.connection_file)
            if found and all(found.get(port) for port in CHANNEL_PORTS):
                self._connection = found
            elif time.monotonic() > deadline:
                raise AssertionError(f"no ports in {found} after {DEADLINE} s; {self.stderr}")
            else:
                time.sleep(0.01)  # the file's content is the clock; nothing announces a change
        return self._connection

    @property
    def stderr(self) -> str:
        """What the process wrote to its own standard error so far."""
        return self.stderr_file.read_text(errors="replace")

    @property
    def stdout(self) -> str:
        """What the process wrote to its own standard output so far."""
        return (self.folder / "stdout.txt").read_text(errors="replace")

    def check_alive(self) -> None:
        """Fail at once, with its last words, when the process has ended."""
        if self.popen.poll() is not None:
            code, last_words = self.popen.returncode, self.stderr[-2000:]
            raise KernelDiedError(f"the kernel ended with exit code {code}; stderr: {last_words}")

    def signal_group(self, number: int) -> None:
        """Send a signal to the process group, as jupyter_client does."""
        os.killpg(self.pid, number)

    def wait(self, timeout: float = DEADLINE) -> int:
        """Wait for the process to end by itself; its exit code."""
        return self.popen.wait(timeout)

    def close(self) -> None:
        """End the process and its group, whatever state they are in."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)
        self.popen.wait(DEADLINE)


def connection_info(**changes: Any) -> dict[str, Any]:
    """Content of a connection file for tcp on loopback, ports left to the kernel."""
    return {
        "transport": "tcp",
        "ip": "127.0.0.1",
        **dict.fromkeys(CHANNEL_PORTS, 0),
        "key": secrets.token_hex(16),
        "signature_scheme": "hmac-sha256",
        "kernel_name": "",
        **changes,
    }


def addresses(transport: str, folder: Path) -> dict[str, Any]:
    """What a connection file says about one of TRANSPORTS; sockets that are files are in `folder`."""
    kind, _, curve = transport.partition("+")
    entries = {"transport": kind, "ip": str(folder / "s") if kind == "ipc" else "127.0.0.1"}
    return {**entries, **curve_pair()} if curve else entries


def curve_pair() -> dict[str, str]:
    """A new key pair, as a connection file has it."""
    public, secret = zmq.curve_keypair()
    return {"curve_publickey": public.decode(), "curve_secretkey": secret.decode()}


def write_private(path: Path, text: str) -> None:
    """Write a file that nobody else may read."""
    path.touch(mode=0o600)
    path.write_text(text)


def read_connection(path: Path) -> dict[str, Any] | None:
    """The file's content, or None while it is being rewritten."""
    try:
        return json.loads(path.read_text())
    except (FileNotFoundError, json.JSONDecodeError):
        return None


def kernel_environment(folder: Path, changes: Mapping[str, str | None]) -> dict[str, str]:
    """This process's environment, with the kernel's files in `folder` and no trace of pytest."""
    env: dict[str, str | None] = {
        **os.environ,
        "IPYTHONDIR": str(folder / "ipython"),
        "JUPYTER_RUNTIME_DIR": str(folder / "runtime"),
        "JUPYTER_CONFIG_DIR": str(folder / "jupyter"),
        "JPY_PARENT_PID": str(os.getpid()),
        "PYTEST_CURRENT_TEST": None,
        "MPLBACKEND": None,
        "PYTHONUNBUFFERED": None,
        "COLUMNS": None,
        **changes,
    }
    return {name: value for name, value in env.items() if value is not None}
