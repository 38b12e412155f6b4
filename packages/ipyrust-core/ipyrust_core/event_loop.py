"""The main thread's event loop: it lives between cells, and plain cells may use it although nothing turns it.

Goal: in a plain cell both `asyncio.create_task(...)` and `asyncio.run(...)` work. The first needs a *running* loop, the
second refuses to start beside one. asyncio asks the two questions through two functions: tasks ask
`get_running_loop`, the refusals ask `events._get_running_loop`. So while a plain cell runs, the kernel's loop is
*parked*: it is the running loop for `get_running_loop`, and `_get_running_loop` says that nothing runs. When a loop
that the cell turned itself comes to its end, `_set_running_loop(None)` goes back to the parked loop. Tasks that the
cell created begin once it is done.

What this does not give: a plain cell cannot wait for such a task (it would wait for itself), as in every kernel.
"""

from __future__ import annotations

import asyncio
import threading
from asyncio import events
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, cast


class KernelEventLoop(asyncio.SelectorEventLoop):
    """asyncio's own selector loop, with a question and a state more."""

    _ending = False

    def end(self) -> None:
        """Close the loop: its thread serves no more requests."""
        self._ending = True
        self.close()

    def close(self) -> None:
        """Refuse, unless it is the end: the kernel needs the loop for the next cell."""
        if not self._ending:
            raise RuntimeError("Cannot close a running event loop")
        super().close()

    def is_quiet(self) -> bool:
        """Whether nothing is due, scheduled or watched beside the loop's own wake-up."""
        internals = cast(Any, self)
        return (
            not internals._ready
            and not internals._scheduled
            and len(internals._selector.get_map()) <= 1
        )

    def selector_fd(self) -> int:
        """A file descriptor that polls readable when the loop has something to do."""
        return int(cast(Any, self)._selector.fileno())

    def due_in(self) -> float | None:
        """Seconds until something is to run although no descriptor became readable; None = never."""
        internals = cast(Any, self)
        if internals._ready:
            return 0.0
        if internals._scheduled:
            return max(0.0, float(internals._scheduled[0].when()) - self.time())
        return None

    def wakeup_fd(self) -> int:
        """A file descriptor that ends a wait for `selector_fd` when it is written to (`signal.set_wakeup_fd`)."""
        return int(cast(Any, self)._csock.fileno())

    def turn_once(self) -> None:
        """Run what is due now, without waiting."""
        self.call_soon(self.stop)
        self.run_forever()


class Parking:
    """Which threads have a parked loop, and the two functions of asyncio that take it into account."""

    def __init__(self) -> None:
        self._threads = threading.local()
        self._get: Callable[[], asyncio.AbstractEventLoop | None] = cast(
            Any, events
        )._get_running_loop
        self._set: Callable[[asyncio.AbstractEventLoop | None], None] = cast(
            Any, events
        )._set_running_loop

    def _parked(self) -> asyncio.AbstractEventLoop | None:
        return getattr(self._threads, "loop", None)

    def _get_running_loop(self) -> asyncio.AbstractEventLoop | None:
        running = self._get()
        return None if running is self._parked() else running

    def _set_running_loop(self, loop: asyncio.AbstractEventLoop | None) -> None:
        self._set(self._parked() if loop is None else loop)

    @contextmanager
    def installed(self) -> Iterator[None]:
        """Replace asyncio's two functions, and put them back."""
        asyncio_events = cast(Any, events)
        asyncio_events._get_running_loop = self._get_running_loop
        asyncio_events._set_running_loop = self._set_running_loop
        try:
            yield
        finally:
            asyncio_events._get_running_loop = self._get
            asyncio_events._set_running_loop = self._set

    def parked(self, loop: asyncio.AbstractEventLoop) -> Parked:
        """Context manager: park `loop` on this thread while the block runs."""
        return Parked(self, loop)

    def park(self, loop: asyncio.AbstractEventLoop | None) -> None:
        """Park `loop` on this thread from now on; None = none any more."""
        self._threads.loop = loop
        self._set(loop)


class Parked:
    """See `Parking.parked`. Not a generator: it is entered for every cell."""

    def __init__(self, parking: Parking, loop: asyncio.AbstractEventLoop) -> None:
        self._parking = parking
        self._loop = loop

    def __enter__(self) -> None:
        self._parking.park(self._loop)

    def __exit__(self, *exc_info: object) -> None:
        self._parking.park(None)
