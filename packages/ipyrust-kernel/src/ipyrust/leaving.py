"""The end of the process: threads of user code that never end must not keep a kernel that was shut down."""

from __future__ import annotations

import atexit
import os
import sys
import threading
import time

GRACE = 1.0
"""Seconds that all threads of user code together get to come to their end."""


def leave(code: int) -> int:
    """Return `code` if the process can end in the ordinary way; else run the exit hooks and end it here."""
    deadline = time.monotonic() + GRACE
    for thread in threading.enumerate():
        if thread is not threading.main_thread() and not thread.daemon:
            thread.join(max(0.0, deadline - time.monotonic()))
            if thread.is_alive():
                _end_now(code)
    return code


def _end_now(code: int) -> None:
    try:
        atexit._run_exitfuncs()
        for stream in (sys.__stdout__, sys.__stderr__):
            if stream is not None:
                stream.flush()
    finally:
        os._exit(code)
