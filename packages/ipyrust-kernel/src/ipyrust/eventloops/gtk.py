"""GTK 3 and GTK 4: GLib's default main context, which is all that GTK itself runs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from IPython.core.error import UsageError

from ipyrust.eventloops.toolkit import milliseconds


class GtkToolkit:
    """GLib's loop, with GTK imported."""

    def __init__(self, gui: str) -> None:
        """Import GTK; `gui` ends with its major version.

        Raises:
            UsageError: it is not installed, or another version of it is in use.
        """
        version = gui[-1]
        try:
            import gi

            gi.require_version("Gtk", f"{version}.0")
            from gi.repository import GLib, Gtk
        except ImportError:
            raise UsageError(
                f"%gui {gui} needs PyGObject and GTK {version}, which this Python does not have; install them: "
                f"conda install pygobject gtk{version}, or apt install python3-gi gir1.2-gtk-{version}.0"
            ) from None
        except ValueError as error:
            raise UsageError(f"%gui {gui}: {error}") from None
        Gtk.init_check()
        self._glib: Any = GLib
        self._context: Any = GLib.MainContext.default()

    def wait(self, fds: Sequence[int], timeout: float | None) -> None:
        """See `Toolkit.wait`."""
        glib = self._glib
        condition = glib.IOCondition.IN | glib.IOCondition.HUP | glib.IOCondition.ERR
        sources = [
            glib.unix_fd_add_full(glib.PRIORITY_DEFAULT, fd, condition, self._woken) for fd in fds
        ]
        if timeout is not None:
            sources.append(
                glib.timeout_add(milliseconds(timeout), self._woken, priority=glib.PRIORITY_DEFAULT)
            )
        try:
            self._context.iteration(True)
        finally:
            for source in sources:
                glib.source_remove(source)

    def close(self) -> None:
        """See `Toolkit.close`."""

    def _woken(self, *_: object) -> bool:
        """Python code, so that signals are handled; True keeps the source until it is removed."""
        return True
