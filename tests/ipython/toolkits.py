"""GUI toolkits as the tests use them: how to start a timer in each and how to show a window."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache

import pytest


@dataclass(frozen=True)
class Toolkit:
    """One toolkit: `timer` calls `fire` once after 50 ms, `window` calls `drawn` when it is on the screen."""

    gui: str
    imports: str
    timer: str
    window: str
    needs_display: bool = True

    def __str__(self) -> str:
        """Name of the test."""
        return self.gui

    def require(self) -> None:
        """Skip the test if this Python does not have the toolkit."""
        if not _can_import(self.imports):
            pytest.skip(f"no {self.gui} here")


@cache
def _can_import(code: str) -> bool:
    return (
        subprocess.run([sys.executable, "-c", code], capture_output=True, check=False).returncode
        == 0
    )


TK = Toolkit(
    "tk",
    "import tkinter",
    "clock = tkinter.Tcl(); clock.after(50, fire)",
    "root = tkinter.Tk(); root.bind('<Map>', lambda event: drawn())",
)
QT = Toolkit(
    "qt",
    "from PySide6 import QtCore, QtWidgets",
    "QtCore.QTimer.singleShot(50, fire)",
    "class Window(QtWidgets.QWidget):\n    def paintEvent(self, event): drawn()\n"
    "window = Window(); window.show()",
    needs_display=False,
)
GTK = tuple(
    Toolkit(
        f"gtk{version}",
        f"import gi; gi.require_version('Gtk', '{version}.0'); from gi.repository import GLib, Gtk",
        "GLib.timeout_add(50, lambda: bool(fire()))",
        "window = Gtk.Window(); window.connect('map', lambda *_: drawn()); window.present()",
    )
    for version in (3, 4)
)
WX = Toolkit(
    "wx",
    "import wx",
    "clock = wx.CallLater(50, fire)",
    "frame = wx.Frame(None); frame.Bind(wx.EVT_PAINT, lambda event: drawn()); frame.Show()",
)
TOOLKITS = (TK, QT, *GTK, WX)


@contextmanager
def display() -> Iterator[str]:
    """A virtual display of our own; its name."""
    program = shutil.which("Xvfb")
    if program is None:
        pytest.skip("no Xvfb here")
    reading, writing = os.pipe()
    command = [program, "-displayfd", str(writing), "-noreset", "-screen", "0", "640x480x24"]
    server = subprocess.Popen(
        command, pass_fds=(writing,), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    os.close(writing)
    try:
        with open(reading) as pipe:
            number = pipe.readline().strip()
        assert number, "Xvfb did not start"
        yield f":{number}"
    finally:
        server.terminate()
        server.wait()
