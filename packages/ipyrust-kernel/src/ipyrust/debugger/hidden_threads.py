"""Threads of the kernel's own, which a debugger neither shows nor stops: it would stop itself."""

from __future__ import annotations

import threading


def hide(thread: threading.Thread) -> threading.Thread:
    """Mark `thread` with the two attributes that pydevd asks for."""
    thread.pydev_do_not_trace = True  # type: ignore[attr-defined]
    thread.is_pydev_daemon_thread = True  # type: ignore[attr-defined]
    return thread
