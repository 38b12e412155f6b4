"""wxWidgets. It cannot wait for file descriptors, so they are looked at every `PERIOD` milliseconds."""

from __future__ import annotations

import select
from collections.abc import Sequence
from typing import Any

from IPython.core.error import UsageError

from ipyrust.eventloops.toolkit import applications, milliseconds

PERIOD = 15


class WxToolkit:
    """wx's loop."""

    def __init__(self, gui: str) -> None:
        """Import wx and make the application, if the user has not made it.

        Raises:
            UsageError: wx is not installed, or there is no display.
        """
        try:
            import wx
        except ImportError:
            raise UsageError(
                f"%gui {gui} needs wxPython, which this Python does not have; install it: "
                "%pip install wxPython, or conda install wxpython"
            ) from None
        self._wx: Any = wx
        try:
            self._app: Any = wx.App.Get() or wx.App(redirect=False, clearSigInt=False)
            applications.append(self._app)
        except (SystemExit, SystemError) as error:
            raise UsageError(f"%gui {gui} needs a display: {error}") from None
        self._app.SetExitOnFrameDelete(False)

    def wait(self, fds: Sequence[int], timeout: float | None) -> None:
        """See `Toolkit.wait`; lasts one period at most."""
        wx = self._wx
        if select.select(fds, [], [], 0)[0]:
            return
        period = PERIOD if timeout is None else min(PERIOD, max(1, milliseconds(timeout)))
        loop = wx.GUIEventLoop()
        with wx.EventLoopActivator(loop):
            timer = wx.CallLater(period, loop.Exit)
            loop.Run()
            timer.Stop()

    def close(self) -> None:
        """See `Toolkit.close`."""
