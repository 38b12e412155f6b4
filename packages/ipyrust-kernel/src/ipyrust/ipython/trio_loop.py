"""`--trio-loop`: all cells in one Trio run, whose background tasks go on between cells.

The run is a guest of the kernel's asyncio loop, so nothing else has to change: requests are taken as ever, and Trio's
tasks advance whenever the loop turns. As under ipykernel, `GLOBAL_NURSERY` is a builtin, and an error in one of its
tasks is shown but ends no other task.
"""

from __future__ import annotations

import asyncio
import builtins
import contextvars
import sys
import threading
import traceback
from collections.abc import Coroutine, Generator
from typing import TYPE_CHECKING, Any

import trio
from IPython.core.async_helpers import _trio_runner
from outcome import Error

if TYPE_CHECKING:
    from ipyrust_core.kernel import Kernel


class TrioLoop:
    """Runs cells as tasks of its one Trio run. Main thread only; elsewhere a cell gets a run of its own."""

    def __init__(self, kernel: Kernel) -> None:
        self._kernel = kernel
        self._done: asyncio.Future[None] | None = None
        self._nursery: trio.Nursery | None = None

    def __str__(self) -> str:
        """What %autoawait says."""
        return "trio"

    def __call__(self, cell: Coroutine[Any, Any, Any]) -> Any:
        """Run one cell and return its result. Blocks, turning the kernel's loop."""
        if threading.current_thread() is not threading.main_thread():
            return _trio_runner(cell)
        loop = self._kernel.loop
        nursery = self._started()
        result: asyncio.Future[Any] = loop.create_future()
        task = CellTask(cell, result)
        # A task inherits the context of the code that starts it; here that must be the cell's.
        contextvars.copy_context().run(nursery.start_soon, task.run)
        interrupts: Any = self._kernel.interrupts
        with interrupts.awaiting(task):
            while not result.done():
                try:
                    loop.run_until_complete(result)
                except KeyboardInterrupt:
                    if not result.done():
                        task.interrupt()
        return result.result()

    def close(self) -> None:
        """Cancel all tasks and end the run."""
        if self._nursery is not None and self._done is not None and not self._done.done():
            self._nursery.cancel_scope.cancel()
            self._kernel.loop.run_until_complete(self._done)

    def _started(self) -> trio.Nursery:
        loop = self._kernel.loop
        if self._done is None or self._done.done():
            self._done = done = loop.create_future()
            ready: asyncio.Future[trio.Nursery] = loop.create_future()
            trio.lowlevel.start_guest_run(
                self._main,
                ready,
                run_sync_soon_threadsafe=loop.call_soon_threadsafe,
                run_sync_soon_not_threadsafe=loop.call_soon,
                done_callback=lambda _outcome: done.set_result(None),
                host_uses_signal_set_wakeup_fd=True,
            )
            self._nursery = loop.run_until_complete(ready)
        assert self._nursery is not None
        return self._nursery

    async def _main(self, ready: asyncio.Future[trio.Nursery]) -> None:
        async with trio.open_nursery() as nursery:
            setattr(nursery, "_add_exc", show_error)  # noqa: B010  # what ipykernel does, too
            builtins.GLOBAL_NURSERY = nursery  # type: ignore[attr-defined]
            ready.set_result(nursery)
            await trio.sleep_forever()


def show_error(error: BaseException, *_: object, **_options: object) -> None:
    """Show the error of a background task, and let the others go on."""
    if not isinstance(error, trio.Cancelled):
        traceback.print_exception(error, file=sys.stderr)


class CellTask:
    """A cell as a Trio task, which an interrupt can reach while it waits (see `ipyrust_core.interrupts`)."""

    def __init__(self, cell: Coroutine[Any, Any, Any], result: asyncio.Future[Any]) -> None:
        self._cell = cell
        self._result = result
        self._scope = trio.CancelScope()
        self.is_interrupted = False

    @property
    def is_running(self) -> bool:
        """Whether the cell's own code is being executed at this moment, rather than awaiting."""
        return bool(self._cell.cr_running)  # type: ignore[attr-defined]

    def interrupt(self) -> None:
        """End the wait of the cell with KeyboardInterrupt. For signal handlers."""
        self.is_interrupted = True
        self._result.get_loop().call_soon_threadsafe(self._scope.cancel)

    async def run(self) -> None:
        """The task."""
        with self._scope:
            try:
                self._result.set_result(await self)
            except BaseException as error:
                if self._result.done():
                    raise
                self._result.set_exception(error)
                if isinstance(error, trio.Cancelled):
                    raise

    def __await__(self) -> Generator[Any, Any, Any]:
        """Drive the cell. Trio sends outcomes; a cancellation that is an interrupt becomes KeyboardInterrupt."""
        try:
            wanted = self._cell.send(None)
            while True:
                try:
                    value = yield wanted
                except BaseException as error:
                    wanted = self._cell.throw(error)
                else:
                    wanted = self._cell.send(self._as_interrupt(value))
        except StopIteration as stop:
            return stop.value

    def _as_interrupt(self, value: Any) -> Any:
        cancelled = isinstance(value, Error) and isinstance(value.error, trio.Cancelled)
        if not (cancelled and self.is_interrupted):
            return value
        self.is_interrupted = False
        return Error(KeyboardInterrupt())
