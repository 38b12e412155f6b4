"""Qt, through any of its four bindings.

`processEvents` and not `exec`: once somebody has called `quit()`, Qt ends every nested `exec` of the thread at once.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from IPython.core.error import UsageError

from ipyrust.eventloops.toolkit import applications, milliseconds

BINDINGS = {"pyside6": "PySide6", "pyqt6": "PyQt6", "pyqt5": "PyQt5", "pyside2": "PySide2"}
"""Value of QT_API → package."""
CHOICES = {
    "qt": ("pyqt6", "pyside6", "pyqt5", "pyside2"),
    "qt6": ("pyqt6", "pyside6"),
    "qt5": ("pyqt5", "pyside2"),
    "pyqt": ("pyqt6", "pyqt5"),
    "pyside": ("pyside6", "pyside2"),
    **{api: (api,) for api in BINDINGS},
}
"""Name for %gui → bindings that serve, the best first (IPython's order)."""


def choose_binding(gui: str) -> str:
    """The binding (a key of BINDINGS) to use for `gui`: the one that is imported, that QT_API names, or is installed.

    Raises:
        UsageError: there is none.
    """
    choices = CHOICES[gui]
    for api, package in BINDINGS.items():
        if f"{package}.QtCore" in sys.modules:
            if api in choices:
                return api
            raise UsageError(
                f"%gui {gui}: {package} is imported already, and a process can use one binding of Qt only; "
                "restart the kernel first."
            )
    asked = os.environ.get("QT_API", "").lower()
    for api in (asked, *choices):
        if api in choices and find_spec(BINDINGS[api]) is not None:
            return api
    wanted = " or ".join(BINDINGS[api] for api in choices)
    raise UsageError(
        f"%gui {gui} needs {wanted}, which this Python does not have; install it: "
        f"%pip install {BINDINGS[choices[-1] if gui == 'qt6' else choices[0]]}"
    )


def check_display(gui: str) -> None:
    """Qt ends the process when it finds no display, so look first.

    Raises:
        UsageError: there is none.
    """
    variables = ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM")
    if sys.platform == "linux" and not any(map(os.environ.get, variables)):
        raise UsageError(
            f"%gui {gui} needs a display: DISPLAY and WAYLAND_DISPLAY are not set "
            "(without one, set QT_QPA_PLATFORM=offscreen)."
        )


class QtToolkit:
    """Qt's loop."""

    def __init__(self, gui: str) -> None:
        """Import the binding and make the application, if the user has not made it.

        Raises:
            UsageError: no binding, or no display.
        """
        api = choose_binding(gui)
        os.environ["QT_API"] = api  # for matplotlib and others that choose a binding
        self._core: Any = import_module(f"{BINDINGS[api]}.QtCore")
        self._app: Any = self._core.QCoreApplication.instance()
        if self._app is None:
            check_display(gui)
            widgets: Any = import_module(f"{BINDINGS[api]}.QtWidgets")
            self._app = widgets.QApplication(["ipyrust"])
            applications.append(self._app)
        if hasattr(self._app, "setQuitOnLastWindowClosed"):
            self._app.setQuitOnLastWindowClosed(False)
        self._loop: Any = self._core.QEventLoop(self._app)
        self._timer: Any = self._core.QTimer(self._app)
        self._timer.setSingleShot(True)
        self._timer.setTimerType(self._core.Qt.TimerType.PreciseTimer)
        self._timer.timeout.connect(self._woken)
        self._notifiers: dict[int, Any] = {}
        self._until_something_happens = self._core.QEventLoop.ProcessEventsFlag.WaitForMoreEvents
        self._deletions = int(getattr(self._core.QEvent.Type.DeferredDelete, "value", 52))
        show_errors_in_slots()

    def wait(self, fds: Sequence[int], timeout: float | None) -> None:
        """See `Toolkit.wait`."""
        for fd in fds:
            self._notifier(fd).setEnabled(True)
        if timeout is not None:
            self._timer.start(milliseconds(timeout))
        self._loop.processEvents(self._until_something_happens)
        # What was marked with deleteLater() outside of any loop.
        self._core.QCoreApplication.sendPostedEvents(None, self._deletions)
        self._timer.stop()
        for fd, notifier in self._notifiers.items():
            notifier.setEnabled(False)
            if fd not in fds:
                notifier.deleteLater()
        self._notifiers = {fd: self._notifiers[fd] for fd in fds}

    def close(self) -> None:
        """See `Toolkit.close`."""
        for notifier in self._notifiers.values():
            notifier.deleteLater()
        self._notifiers.clear()

    def _notifier(self, fd: int) -> Any:
        if fd not in self._notifiers:
            readable = self._core.QSocketNotifier.Type.Read
            self._notifiers[fd] = self._core.QSocketNotifier(fd, readable, self._app)
            self._notifiers[fd].activated.connect(self._woken)
        return self._notifiers[fd]

    def _woken(self, *_: object) -> None:
        """Python code, so that signals are handled; that an event was served is what ends the wait."""


def show_errors_in_slots() -> None:
    """PyQt ends the process at an exception in a slot, unless somebody has set an excepthook."""
    if sys.excepthook is sys.__excepthook__:
        sys.excepthook = lambda *error: sys.__excepthook__(*error)
