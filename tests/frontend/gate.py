"""Where kernel and test wait for each other: named pipes, and a line that a cell prints once it awaits."""

from __future__ import annotations

import os
import select
from pathlib import Path
from typing import Self

from frontend.process import DEADLINE


class Gate:
    """Open for one reader at each `open()`."""

    def __init__(self, folder: Path, name: str = "gate") -> None:
        self.path = folder / name
        os.mkfifo(self.path)
        self._fd = os.open(self.path, os.O_RDWR)

    @property
    def wait(self) -> str:
        """An expression in Python that returns once the gate is opened."""
        return f"open({str(self.path)!r}).readline()"

    def open(self) -> None:
        """Let one waiter through, now or when it comes."""
        os.write(self._fd, b"\n")

    def close(self) -> None:
        """Release the pipe."""
        os.close(self._fd)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def printed_when_waiting(text: str) -> str:
    """A statement after which asyncio prints `text` as soon as the cell awaits something.

    A `print` before the `await` comes too early for an interrupt: it may hit IPython between the making of the cell's
    coroutine and its first step, and Python then warns of a coroutine that was never awaited.
    """
    return f"import asyncio; _ = asyncio.get_running_loop().call_soon(print, {text!r})\n"


class Lifeline:
    """A pipe that tells when the last process that holds its other end is gone."""

    def __init__(self, path: Path) -> None:
        self.path = path
        os.mkfifo(path)
        self._fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK)

    def is_held(self, timeout: float = 0.0) -> bool:
        """Whether some process still holds the pipe; waits at most `timeout` seconds for its end."""
        ready, _, _ = select.select([self._fd], [], [], timeout)
        return not (ready and os.read(self._fd, 1) == b"")

    def wait_until_released(self) -> None:
        """Wait for the end of every holder."""
        assert not self.is_held(DEADLINE), "a process is still there"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._fd)
