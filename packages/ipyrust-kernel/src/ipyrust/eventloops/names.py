"""What %gui and %matplotlib may name, and the switch from one toolkit to another."""

from __future__ import annotations

import threading
from importlib import import_module
from typing import Any

from IPython.core.error import UsageError

from ipyrust.eventloops.integrations import loop_map
from ipyrust.eventloops.toolkit import Toolkit

LOOPLESS = ("inline", "nbagg", "webagg", "notebook", "ipympl", "widget", "asyncio")
"""Names that need no loop besides the kernel's own."""

QT = ("qt", "qt6", "qt5", "pyqt", "pyqt6", "pyqt5", "pyside", "pyside6", "pyside2")
TOOLKITS = {
    **dict.fromkeys(QT, ("qt", "QtToolkit")),
    "tk": ("tk", "TkToolkit"),
    "gtk3": ("gtk", "GtkToolkit"),
    "gtk4": ("gtk", "GtkToolkit"),
    "wx": ("wx", "WxToolkit"),
    "osx": ("cocoa", "CocoaToolkit"),
    "macosx": ("cocoa", "CocoaToolkit"),
}
"""Name → module of this package and class in it."""

GONE = {"gtk": "gtk3 or gtk4", "gtk2": "gtk3 or gtk4", "qt4": "qt"}
"""Toolkits without a version for Python 3 → what to use."""


def make_toolkit(gui: str) -> Toolkit:
    """Import the toolkit that `gui` names.

    Raises:
        UsageError: the name is not known or the toolkit cannot be used; the message says what to do.
    """
    if gui in GONE:
        raise UsageError(f"%gui {gui}: this toolkit does not exist for Python 3; use {GONE[gui]}.")
    if gui not in TOOLKITS:
        known = ", ".join([*TOOLKITS, *LOOPLESS, *filter(None, loop_map)])
        raise UsageError(f"%gui {gui}: not a known event loop; known are {known}.")
    module, name = TOOLKITS[gui]
    toolkit: Toolkit = getattr(import_module(f"ipyrust.eventloops.{module}"), name)(gui)
    return toolkit


def enable_gui(gui: str | None, kernel: Any) -> None:
    """Let the loop that `gui` names run while `kernel` (a KernelFacade) has nothing to do; None = no loop.

    Raises:
        UsageError: as `make_toolkit`, or this is not the main thread.
    """
    if gui is None or gui == "" or gui in LOOPLESS:
        kernel.eventloop = None
        return
    if threading.current_thread() is not threading.main_thread():
        raise UsageError(f"%gui {gui}: a subshell cannot run it; use the main shell.")
    kernel.eventloop = loop_map.get(gui) or make_toolkit(gui)
