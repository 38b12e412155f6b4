"""Tk.

All Tcl interpreters of a thread share one loop, so an interpreter without Tk is enough to wait in it. It needs no
display, and it does not become the default root, which belongs to the user.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from IPython.core.error import UsageError

from ipyrust.eventloops.toolkit import milliseconds


class TkToolkit:
    """Tk's loop."""

    def __init__(self, gui: str) -> None:
        """Import tkinter.

        Raises:
            UsageError: this Python has none.
        """
        try:
            import tkinter
        except ImportError:
            raise UsageError(
                f"%gui {gui} needs tkinter, which this Python does not have; install it: "
                "conda install tk, apt install python3-tk, dnf install python3-tkinter or brew install python-tk"
            ) from None
        self._readable = tkinter.READABLE
        self._tcl: Any = tkinter.Tcl().tk

    def wait(self, fds: Sequence[int], timeout: float | None) -> None:
        """See `Toolkit.wait`."""
        timer = None
        if timeout is not None:
            timer = self._tcl.createtimerhandler(milliseconds(timeout), self._woken)
        for fd in fds:
            self._tcl.createfilehandler(fd, self._readable, self._woken)
        try:
            self._tcl.dooneevent(0)
        finally:
            for fd in fds:
                self._tcl.deletefilehandler(fd)
            if timer is not None:
                timer.deletetimerhandler()

    def close(self) -> None:
        """See `Toolkit.close`."""

    def _woken(self, *_: object) -> None:
        """Python code, so that signals are handled."""
