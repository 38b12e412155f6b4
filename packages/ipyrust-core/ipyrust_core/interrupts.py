"""What SIGINT does on the main thread.

Goal: an interrupt raises KeyboardInterrupt in the cell it was meant for, and nowhere else. The engine knows which
execution a signal belongs to (`interrupt.rs`); this handler asks it and then chooses between the two ways in which a
cell can be reached:

- Python code of the cell runs (also inside its task): raise right here, in it.
- The cell awaits: there is no frame of the cell to raise in, so its task is cancelled, and `Interruptible` turns the
  cancellation into a KeyboardInterrupt at the very `await`. If some other task keeps the loop busy, the interrupt is
  raised in that one first, because the loop would never come to the cell otherwise.

Python discards an exception that is raised in a destructor, in a hook around a fork or in a callback of C code. Such a
KeyboardInterrupt is raised again a moment later, where the cell feels it; while the process forks, only then.

What still fails: code that swallows KeyboardInterrupt goes on, as everywhere in Python.
"""

from __future__ import annotations

# `signal.getsignal` tries to make an enum of the handler that it found; this is the function itself.
import _signal  # type: ignore[import-not-found]
import asyncio
import operator
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Coroutine, Generator, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import TYPE_CHECKING, Any

from ipyrust_core._native import SignalHandler
from ipyrust_core.log import log

if TYPE_CHECKING:
    from ipyrust_core._native import KernelCore
    from ipyrust_core.shells import Subshells

    UnraisableHook = Callable[[sys.UnraisableHookArgs], object]

INSIST_WITHIN = 3.0
"""Seconds within which a second interrupt counts as a repetition of one that hit nothing."""


class Interruptible:
    """Drives a cell's coroutine inside a task, and can raise KeyboardInterrupt where it waits."""

    def __init__(self, cell: Coroutine[Any, Any, Any]) -> None:
        self._cell = cell
        self._task: asyncio.Task[Any] | None = None
        self._interrupted = False

    def start(self, loop: asyncio.AbstractEventLoop) -> asyncio.Task[Any]:
        """Make the task."""

        async def run() -> Any:
            return await self

        self._task = loop.create_task(run(), name="ipyrust-cell")
        return self._task

    def finish(self, loop: asyncio.AbstractEventLoop) -> Any:
        """Turn `loop` until the task is done, and return its result. Blocks."""
        task = self._task or self.start(loop)
        task.add_done_callback(lambda _: loop.stop())
        while not task.done():  # Also after a `loop.stop()` of user code.
            try:
                loop.run_forever()
            except KeyboardInterrupt:
                if not task.done():
                    self.interrupt()  # It hit another task, or asyncio between two steps.
            except SystemExit as error:
                log.warning("a task called sys.exit(%s), which does not end the kernel", error)
        return task.result()

    @property
    def is_done(self) -> bool:
        """Whether the task has come to its end."""
        return self._task is not None and self._task.done()

    def awaited_frames(self) -> Iterator[FrameType]:
        """The frames of the cell and of what it awaits, the outermost first."""
        step: Any = self._cell
        while step is not None:
            for kind in ("cr", "gi", "ag"):
                if hasattr(step, f"{kind}_frame"):
                    break
            else:
                return
            frame = getattr(step, f"{kind}_frame")
            if frame is not None:
                yield frame
            step = getattr(step, "gi_yieldfrom" if kind == "gi" else f"{kind}_await")

    @property
    def task(self) -> asyncio.Task[Any] | None:
        """The task, once started."""
        return self._task

    @property
    def is_running(self) -> bool:
        """Whether the cell's own code is being executed at this moment, rather than awaiting."""
        return bool(self._cell.cr_running)  # type: ignore[attr-defined]

    @property
    def is_interrupted(self) -> bool:
        """Whether an interrupt was asked for that the cell has not felt yet."""
        return self._interrupted

    def interrupt(self) -> None:
        """End the wait of the cell with KeyboardInterrupt. For signal handlers and other threads."""
        if self._task is not None:
            self._interrupted = True
            self._task.get_loop().call_soon_threadsafe(self._cancel)

    def _cancel(self) -> None:
        if self._task is not None and not self._task.done():
            self._task.cancel()

    def __await__(self) -> Generator[Any, Any, Any]:
        try:
            future = self._cell.send(None)
            while True:
                try:
                    value = yield future
                except asyncio.CancelledError as error:
                    future = self._cell.throw(self._as_interrupt(error))
                except BaseException as error:
                    future = self._cell.throw(_without_our_frame(error))
                else:
                    future = self._cell.send(value)
        except StopIteration as stop:
            return stop.value

    def _as_interrupt(self, error: asyncio.CancelledError) -> BaseException:
        if not self._interrupted:
            return _without_our_frame(error)
        self._interrupted = False
        if self._task is not None:
            self._task.uncancel()
        return KeyboardInterrupt()


def _without_our_frame(error: BaseException) -> BaseException:
    """What the cell awaited has raised this; that it came through here is of no interest to the user."""
    trace = error.__traceback__
    return error.with_traceback(None if trace is None else trace.tb_next)


class Interrupts:
    """The SIGINT handler of the main thread."""

    def __init__(self, core: KernelCore, subshells: Subshells) -> None:
        self._core = core
        self._subshells = subshells
        self._awaiting: Interruptible | None = None
        self._ignored_at = float("-inf")
        self._handler = SignalHandler(self._is_to_raise, core.put_interrupt_off)

    @contextmanager
    def installed(self) -> Iterator[None]:
        """Handle SIGINT while the block runs; the handlers of before come back.

        A signal that comes just before a system call, or before the event loop goes to sleep, ends neither. So Python
        tells the engine of it at once, and the engine pokes the main thread until our handler has run.
        """
        before = signal.signal(signal.SIGINT, self._handler)
        # What it is called with does not matter; being written in C, it leaves no trace in profilers and debuggers.
        poke_before = signal.signal(signal.SIGURG, operator.is_)
        fd_before = self._note_signals()
        # Of the hooks around a fork, those that are there by now (logging's, which holds its lock) lie within ours.
        os.register_at_fork(
            before=self._handler.fork_begins,
            after_in_parent=self._handler.fork_ended,
            after_in_child=self._handler.forked,
        )
        hook_before, sys.unraisablehook = sys.unraisablehook, self._noticing(sys.unraisablehook)
        try:
            yield
        finally:
            sys.unraisablehook = hook_before
            signal.set_wakeup_fd(fd_before)
            signal.signal(signal.SIGURG, poke_before)
            signal.signal(signal.SIGINT, before)

    def _noticing(self, hook: UnraisableHook) -> UnraisableHook:
        """`hook`, and an interrupt that Python discards comes again."""

        def notice(unraisable: sys.UnraisableHookArgs) -> None:
            # `current_thread` would make a Thread object, for ever, for one that Python knows nothing of.
            on_main_thread = threading.get_ident() == threading.main_thread().ident
            if unraisable.exc_type is KeyboardInterrupt and on_main_thread:
                self._core.interrupt_lost()
            hook(unraisable)

        return notice

    @contextmanager
    def awaiting(self, cell: Interruptible) -> Iterator[None]:
        """While the block runs, an interrupt between two steps of the loop ends the wait of `cell`."""
        before, self._awaiting = self._awaiting, cell
        try:
            yield
        finally:
            self._awaiting = before

    def renew(self) -> None:
        """Put our handler back if a cell replaced it: the next cell must be interruptible, too."""
        if _signal.getsignal(signal.SIGINT) is not self._handler:
            signal.signal(signal.SIGINT, self._handler)
        # asyncio leaves none when its last handler of a signal is removed.
        theirs = self._note_signals()
        if theirs not in (-1, self._core.signal_fd()):
            signal.set_wakeup_fd(theirs)

    def _note_signals(self) -> int:
        """Let Python tell the engine of signals; returns the descriptor that it told before, or -1."""
        return signal.set_wakeup_fd(self._core.signal_fd(), warn_on_full_buffer=False)

    def _is_to_raise(self, frame: FrameType | None) -> bool:
        """Whether the handler raises here and now; else it was nobody's interrupt, or the cell's task was told."""
        self._subshells.interrupt()
        if not self._core.interrupt_wanted():
            return self._insists(frame)
        cell = self._awaiting
        if cell is None or cell.is_running or _another_task_runs(cell):
            return True
        if cell.is_interrupted and not _is_machinery(frame):
            return True  # The second interrupt of a wait that does not end is raised in the callback that keeps it.
        cell.interrupt()
        return False

    def _insists(self, frame: FrameType | None) -> bool:
        """Outside of cells an interrupt hits nothing, unless it is repeated while code of the user's does not end."""
        if _is_machinery(frame) or not _is_of_the_user(frame):
            return False
        now = time.monotonic()
        insists, self._ignored_at = now - self._ignored_at < INSIST_WITHIN, now
        return insists


def _another_task_runs(cell: Interruptible) -> bool:
    """Whether code of another task than the cell's is being executed; asyncio's steps between tasks do not count."""
    try:
        task = asyncio.current_task()
    except RuntimeError:
        return False
    return (
        task is not None and task is not cell.task and getattr(task.get_coro(), "cr_running", False)
    )


def _is_of_the_user(frame: FrameType | None) -> bool:
    """Whether a callback of the loop or of a toolkit, or a startup file, has led to the frame.

    Nothing else may be interrupted outside of a cell's window: a request would stay unanswered if the encoding of its
    reply were, and the kernel would not survive it in its start.
    """
    while frame is not None:
        name = str(frame.f_globals.get("__name__", ""))
        if name.partition(".")[0] in ("asyncio", "selectors"):
            return True
        if name == "ipyrust_core.main_loop":
            return True
        if name == "IPython.core.shellapp" and frame.f_code.co_name != "<module>":
            return True  # It runs a startup file, and is not being imported itself.
        if name == "ipyrust_core.dispatch":
            return False
        frame = frame.f_back
    return False


def _is_machinery(frame: FrameType | None) -> bool:
    """Whether an exception in this frame would break the event loop, which would lose the step it was about to plan."""
    name = str(frame.f_globals.get("__name__", "")) if frame is not None else ""
    return name.partition(".")[0] in ("asyncio", "selectors", "ipyrust_core")
