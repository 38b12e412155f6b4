"""macOS's own toolkit, as matplotlib's macosx backend uses it, through the input hook of IPython's terminal."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

from IPython.core.error import UsageError

from ipyrust.eventloops.joint import JointFd


class CocoaToolkit:
    """The loop of NSApp."""

    def __init__(self, gui: str) -> None:
        """Load the frameworks.

        Raises:
            UsageError: this is not macOS.
        """
        if sys.platform != "darwin":
            raise UsageError(f"%gui {gui} exists on macOS only.")
        from IPython.terminal.pt_inputhooks.osx import inputhook

        self._inputhook: Any = inputhook
        self._joint: JointFd = JointFd()

    def wait(self, fds: Sequence[int], timeout: float | None) -> None:
        """See `Toolkit.wait`."""
        self._joint.watch(fds, timeout)
        self._inputhook(self._joint)

    def close(self) -> None:
        """See `Toolkit.close`."""
        self._joint.close()
