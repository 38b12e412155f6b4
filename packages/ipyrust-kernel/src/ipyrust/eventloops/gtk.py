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
        self._sources: dict[int, int] = {}
        self._waits = False

    def wait(self, fds: Sequence[int], timeout: float | None) -> None:
        """See `Toolkit.wait`."""
        # Without an owner the context would be woken by a new source, and not sleep at all.
        if not self._context.acquire():
            return
        self._watch(fds)
        timer = None
        if timeout is not None:
            timer = self._glib.timeout_add(milliseconds(timeout), lambda: True)
        self._waits = True
        try:
            self._context.iteration(True)
        finally:
            self._waits = False
            if timer is not None:
                self._glib.source_remove(timer)
            self._context.release()

    def close(self) -> None:
        """See `Toolkit.close`."""
        self._watch(())

    def _watch(self, fds: Sequence[int]) -> None:
        """Watch these descriptors and no others. Sources are kept, because taking one away wakes the context."""
        condition = self._glib.IOCondition
        for fd in set(self._sources) - set(fds):
            self._glib.source_remove(self._sources.pop(fd))
        for fd in fds:
            if fd not in self._sources:
                self._sources[fd] = self._glib.unix_fd_add_full(
                    self._glib.PRIORITY_DEFAULT,
                    fd,
                    condition.IN | condition.HUP | condition.ERR,
                    self._woken,
                )

    def _woken(self, fd: int, _condition: object) -> bool:
        """Python code, so that signals are handled. In a loop of the user's the descriptor is given up."""
        if not self._waits:
            self._sources.pop(fd, None)
        return self._waits
