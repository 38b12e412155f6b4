"""A kernel that a template forked, as its starter sees it: the part of `subprocess.Popen` that Jupyter uses."""

from __future__ import annotations

import os
import select
import signal
import socket
import subprocess

from ipyrust.warm import wire

LOST = 1
"""Exit code of a kernel whose template died before it: nobody can tell its own."""


class WarmProcess:
    """Not our child, so its end is told by the template; and if that is gone, by the system.

    Parameters:
        pid: the kernel's.
        link: the connection to the template, on which the exit status comes.
    """

    stdin = stdout = stderr = None

    def __init__(self, pid: int, link: socket.socket) -> None:
        self.pid = pid
        self.returncode: int | None = None
        self._link: socket.socket | None = link
        self._handle = _handle_of(pid)

    def poll(self) -> int | None:
        """The exit code, negative for a signal; None while it runs. Does not block."""
        self._look(0)
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Wait for the end and return the exit code.

        Raises:
            subprocess.TimeoutExpired: it still runs after `timeout` seconds.
        """
        self._look(timeout)
        if self.returncode is None:
            raise subprocess.TimeoutExpired("ipyrust-warm", timeout or 0)
        return self.returncode

    def send_signal(self, number: int) -> None:
        """Send it a signal; nothing happens after its end."""
        if self.poll() is None:
            try:
                if self._handle is not None:
                    signal.pidfd_send_signal(self._handle, number)
                else:
                    os.kill(self.pid, number)
            except ProcessLookupError:
                pass

    def terminate(self) -> None:
        """SIGTERM."""
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """SIGKILL."""
        self.send_signal(signal.SIGKILL)

    def _look(self, timeout: float | None) -> None:
        while self.returncode is None:
            if self._link is None:
                self._look_without_template(timeout)
                return
            if not _is_readable(self._link, timeout):
                return
            try:
                message, _ = wire.receive(self._link)
                self._end(int(message["status"]))
            except (OSError, KeyError, ValueError, TypeError):
                self._link.close()
                self._link = None

    def _look_without_template(self, timeout: float | None) -> None:
        if self._handle is not None:
            ended = _is_readable(self._handle, timeout)
        else:
            try:
                os.kill(self.pid, 0)
                ended = False
            except ProcessLookupError:
                ended = True
        if ended:
            self._end(LOST)

    def _end(self, status: int) -> None:
        self.returncode = status
        if self._link is not None:
            self._link.close()
            self._link = None
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None


def _is_readable(fd: int | socket.socket, timeout: float | None) -> bool:
    """Whether there is something to read within `timeout` seconds.

    A server may have more descriptors open than `select.select` can tell apart.
    """
    poll = select.poll()
    poll.register(fd, select.POLLIN)
    return bool(poll.poll(None if timeout is None else max(0.0, timeout) * 1000))


def _handle_of(pid: int) -> int | None:
    """A handle that stays with this process even if its number is given to another; None where there is none."""
    try:
        return os.pidfd_open(pid)
    except (AttributeError, OSError):
        return None
