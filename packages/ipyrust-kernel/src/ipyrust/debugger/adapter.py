"""debugpy's adapter: a process of its own between the frontend's requests and pydevd in this process.

We are its client over two pipes, so no other user of the machine can be; pydevd connects to it over loopback TCP, and
after that nothing listens (`adapter_program`). The adapter ends when its pipe does: after `stop`, and when this process
dies however it may.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable

from ipyrust.debugger.connection import Connection
from ipyrust.debugger.framing import Json

PROGRAM = os.path.join(os.path.dirname(__file__), "adapter_program.py")
STOP_GRACE = 2.0
"""Seconds in which the adapter may end by itself."""


class Adapter:
    """A running adapter and the connection to it."""

    def __init__(
        self,
        directory: str,
        *,
        on_event: Callable[[Json], None],
        on_close: Callable[[], None],
    ) -> None:
        """Start the adapter whose package is `directory`.

        A session of its own keeps it out of the process group that interrupts are sent to.
        """
        self._process = subprocess.Popen(
            [sys.executable, PROGRAM, directory],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        assert self._process.stdin is not None and self._process.stdout is not None
        read_fd, write_fd = (
            os.dup(self._process.stdout.fileno()),
            os.dup(self._process.stdin.fileno()),
        )
        self._process.stdin.close()
        self._process.stdout.close()
        self.connection = Connection(read_fd, write_fd, on_event=on_event, on_close=on_close)

    def stop(self) -> None:
        """End the adapter, and close its ports with it. Returns when it has ended."""
        self.connection.close_writing()
        try:
            self._process.wait(STOP_GRACE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self.connection.join(STOP_GRACE)
