"""What the kernel needs of a GUI toolkit: to wait in its loop."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil
from typing import Any, Protocol

applications: list[Any] = []
"""Application objects that the kernel made. They live as long as it does: the user's windows belong to them."""


class Toolkit(Protocol):
    """A GUI toolkit whose loop runs while the kernel has nothing to do. Making one imports the toolkit."""

    def wait(self, fds: Sequence[int], timeout: float | None) -> None:
        """Serve the toolkit's events; see `ipyrust_core.kernel.IdleHook`."""

    def close(self) -> None:
        """Let go of what waiting needed. Windows and timers of the user stay as they are."""


def milliseconds(timeout: float) -> int:
    """`timeout` seconds for a toolkit's timer, never too short."""
    return ceil(timeout * 1000)
