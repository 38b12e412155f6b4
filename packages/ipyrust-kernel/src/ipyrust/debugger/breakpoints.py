"""`breakpoint()`: stops in the attached debugger, and opens pdb when there is none.

debugpy takes `sys.breakpointhook` for itself when it is imported; here it gets it only while it is attached.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any


@contextmanager
def kept_breakpointhook() -> Iterator[None]:
    """The hook of before is in place again after the block."""
    before = sys.breakpointhook
    try:
        yield
    finally:
        sys.breakpointhook = before


class BreakpointHook:
    """Puts a debugger's hook in place, unless the user has chosen one."""

    def __init__(self) -> None:
        self._before: Callable[..., Any] | None = None
        self._ours: Callable[..., Any] | None = None

    def install(self, stop: Callable[[FrameType], object]) -> None:
        """From now on `breakpoint()` calls `stop` with its caller's frame.

        PYTHONBREAKPOINT and a hook of the user's own win.
        """
        if os.environ.get("PYTHONBREAKPOINT") or sys.breakpointhook is not sys.__breakpointhook__:
            return

        def hook(*_arguments: object, **_options: object) -> None:
            stop(sys._getframe(1))

        self._before, self._ours = sys.breakpointhook, hook
        sys.breakpointhook = hook

    def restore(self) -> None:
        """Put the hook of before back, if ours is still there."""
        if self._before is not None and sys.breakpointhook is self._ours:
            sys.breakpointhook = self._before
        self._before = self._ours = None
