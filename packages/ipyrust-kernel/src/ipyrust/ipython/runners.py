"""`%autoawait trio`: a Trio run for each cell, with interrupts that come where Trio can take them.

Trio makes an interrupt safe itself, but only where it finds Python's own SIGINT handler at its start; one that raises
between two steps of it would look like a bug of Trio. So Trio installs its handler, and ours goes before it, which asks
the engine whether the signal is meant for this cell.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any

from IPython.core.async_helpers import _trio_runner

Runner = Callable[[Awaitable[Any]], Any]


def safe_runner(runner: Runner, interrupt_wanted: Callable[[], bool]) -> Runner:
    """`runner`, or one that does the same and can be interrupted."""
    if runner is not _trio_runner:
        return runner

    def run_with_trio(cell: Awaitable[Any]) -> Any:
        import trio

        if threading.current_thread() is not threading.main_thread():
            return runner(cell)

        async def run() -> Any:
            with _asking_first(interrupt_wanted):
                return await cell

        with _plain_signals():
            return trio.run(run)

    return run_with_trio


@contextmanager
def _plain_signals() -> Iterator[None]:
    """Handle signals as a new Python process does."""
    handler = signal.signal(signal.SIGINT, signal.default_int_handler)
    wakeup_fd = signal.set_wakeup_fd(-1)
    try:
        yield
    finally:
        signal.set_wakeup_fd(wakeup_fd)
        if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
            signal.signal(signal.SIGINT, handler)


@contextmanager
def _asking_first(wanted: Callable[[], bool]) -> Iterator[None]:
    """Call the present handler of SIGINT only for signals that are `wanted`."""
    handler: Any = signal.getsignal(signal.SIGINT)

    def ask(signum: int, frame: Any) -> None:
        if wanted():
            handler(signum, frame)

    signal.signal(signal.SIGINT, ask)
    try:
        yield
    finally:
        if signal.getsignal(signal.SIGINT) is ask:
            signal.signal(signal.SIGINT, handler)
