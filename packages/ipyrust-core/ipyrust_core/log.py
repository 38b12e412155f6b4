"""Where our own log lines go: to the process's standard error as it was, never into a user's cell."""

from __future__ import annotations

import logging
import os

log = logging.getLogger("ipyrust")


def log_to(fd: int) -> None:
    """Write warnings of the `ipyrust` logger to a duplicate of file descriptor `fd`, one line each."""
    stream = open(  # noqa: SIM115 (it lives as long as the logger)
        os.dup(fd), "w", encoding="utf-8", errors="backslashreplace", buffering=1
    )
    handler = logging.StreamHandler(stream)
    handler.setFormatter(logging.Formatter("ipyrust: %(message)s"))
    log.handlers[:] = [handler]
    log.propagate = False
