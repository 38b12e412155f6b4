"""A shell: one line of execution with its queue, its event loop and a way to interrupt its cells.

There is the main shell, on the main thread, and any number of subshells (JEP 91), each on a thread of its own over the
same interpreter. They differ in one thing: the main thread is interrupted by a signal, which ends system calls, too;
another thread only by an exception that Python raises at its next bytecode.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import TYPE_CHECKING, Any, TypeVar

from ipyrust_core._native import raise_in_thread
from ipyrust_core.errors import CoreClosedError
from ipyrust_core.event_loop import KernelEventLoop
from ipyrust_core.interpreter import Cell, Content
from ipyrust_core.interrupts import Interruptible
from ipyrust_core.log import log
from ipyrust_core.main_loop import run_suspending, serve_requests

if TYPE_CHECKING:
    from ipyrust_core._native import Request, RequestQueue
    from ipyrust_core.kernel import IdleHook, Kernel

Result = TypeVar("Result")

REPEAT_AFTER = 0.5
"""Seconds in which a second interrupt of the same cell counts as the first one, come by another way."""


class Shell:
    """What the main shell and subshells share: how a cell is run."""

    def __init__(self, kernel: Kernel, queue: RequestQueue, loop: KernelEventLoop) -> None:
        self.kernel = kernel
        self.queue = queue
        self.loop = loop

    @property
    def idle_hook(self) -> IdleHook | None:
        """What waits in place of this thread, if anything does."""
        return None

    def serve(self) -> None:
        """Serve the queue on the calling thread until it is closed."""
        serve_requests(self)

    def run_cell(self, cell: Cell) -> Content:
        """Run one cell where an interrupt may hit it, and return its reply content."""
        try:
            return self.interruptibly(cell.request, lambda: self._run(cell))
        except CoreClosedError:
            raise
        except BaseException as error:
            # A bug of the interpreter, or an interrupt that came as the cell was just done.
            log.debug("the interpreter raised", exc_info=True)
            name, text = type(error).__name__, _text_of(error)
            shown = {"ename": name, "evalue": text, "traceback": [f"{name}: {text}"]}
            self.kernel.publish("error", shown)
            count = self.kernel.interpreter.execution_count
            return {"status": "error", **shown, "execution_count": count}

    def _run(self, cell: Cell) -> Content:
        interpreter = self.kernel.interpreter
        suspends = interpreter.runs_async(cell.code)
        running = interpreter.execute(cell)
        if suspends:
            return self._run_suspending(running)
        with self.kernel.parking.parked(self.loop):
            return _run_at_once(running)

    def _run_suspending(self, running: Coroutine[Any, Any, Content]) -> Content:
        driver = Interruptible(running)
        thread_id = threading.get_ident()
        with self.awaiting(driver):
            self.kernel.suspended[thread_id] = driver
            try:
                driver.start(self.loop)
                return run_suspending(self, driver)
            finally:
                self.kernel.suspended.pop(thread_id, None)

    def interruptibly(self, request: Request, work: Callable[[], Result]) -> Result:
        """Call `work`; while it runs, an interrupt raises KeyboardInterrupt in it."""
        end = self.end
        try:
            self.begin(request)
            return work()
        finally:
            # No `with` and no method of ours: Python looks for signals when it enters a function, so an interrupt there
            # would leave the window open. On the main shell this is one call of C, before which it does not look.
            end()

    @property
    def end(self) -> Callable[[], object]:
        """Called, interrupts may not hit any more."""
        raise NotImplementedError

    def begin(self, request: Request) -> None:
        """Interrupts may hit from now on."""
        raise NotImplementedError

    def awaiting(self, cell: Interruptible) -> Any:
        """Context manager: an interrupt while the loop sleeps ends the wait of `cell`."""
        raise NotImplementedError


def _text_of(error: BaseException) -> str:
    try:
        return str(error)
    except Exception:  # Code of the user's.
        return ""


def _run_at_once(running: Coroutine[Any, Any, Content]) -> Content:
    try:
        running.send(None)
    except StopIteration as done:
        content: Content = done.value
        return content
    running.close()
    raise RuntimeError("the interpreter suspended a cell of which it said that it does not")


class MainShell(Shell):
    """The shell of the main thread."""

    @property
    def idle_hook(self) -> IdleHook | None:
        """See `Kernel.idle_hook`."""
        return self.kernel.idle_hook

    def begin(self, request: Request) -> None:
        """Open the interrupt window."""
        self.kernel.interrupts.renew()
        self.kernel.core.begin_execution(request)

    @property
    def end(self) -> Callable[[], object]:
        """Closes the interrupt window."""
        return self.kernel.core.end_execution

    def awaiting(self, cell: Interruptible) -> Any:
        """See `Interrupts.awaiting`."""
        return self.kernel.interrupts.awaiting(cell)


class Subshell(Shell):
    """A shell on a thread of its own."""

    def __init__(self, kernel: Kernel, subshell_id: str) -> None:
        super().__init__(kernel, kernel.core.open_subshell(subshell_id), KernelEventLoop())
        self.subshell_id = subshell_id
        self.thread = threading.Thread(
            target=self._run_thread, name=f"ipyrust-subshell-{subshell_id[:8]}", daemon=True
        )
        # Reentrant: the signal handler takes it, and may interrupt itself.
        self._lock = threading.RLock()
        self._running = False
        self._raised = False
        self._raised_at = 0.0
        self._awaiting: Interruptible | None = None

    def _run_thread(self) -> None:
        import asyncio

        asyncio.set_event_loop(self.loop)
        try:
            self.serve()
        finally:
            self.loop.end()

    def begin(self, request: Request) -> None:
        """Note that a cell runs."""
        with self._lock:
            self._running, self._raised = True, False

    @property
    def end(self) -> Callable[[], object]:
        """Notes that no cell runs."""
        return self._end_surely

    def _end_surely(self) -> None:
        """End even if an interrupt comes at this very moment; it was meant for what is over."""
        while True:
            try:
                self._end()
            except KeyboardInterrupt:
                continue
            return

    def _end(self) -> None:
        """Note that none runs, and take an interrupt that came too late for it.

        Taking it back (`raise_in_thread(…, None)`) would leave Python's flag for pending exceptions set, and a traced
        main thread spinning on it; so it is raised here, where it does no harm.
        """
        with self._lock:
            self._running = False
            if self._raised:
                with suppress(KeyboardInterrupt):
                    for _ in range(
                        100
                    ):  # At one of these jumps back Python raises what is pending.
                        pass

    def awaiting(self, cell: Interruptible) -> Any:
        """See `_Awaiting`."""
        return _Awaiting(self, cell)

    def interrupt(self) -> None:
        """Raise KeyboardInterrupt in the cell that runs, if one does. Safe from any thread."""
        with self._lock:
            if not self._running:
                return
            now = time.monotonic()
            if self._raised and now - self._raised_at < REPEAT_AFTER:
                return
            self._raised, self._raised_at = True, now
            if self._awaiting is not None:
                self._awaiting.interrupt()
            elif self.thread.ident is not None:
                raise_in_thread(self.thread.ident, KeyboardInterrupt)


class _Awaiting:
    """While it is entered, an interrupt goes to the cell's task: its steps are short or it waits."""

    def __init__(self, shell: Subshell, cell: Interruptible) -> None:
        self._shell = shell
        self._cell = cell

    def __enter__(self) -> None:
        with self._shell._lock:
            self._shell._awaiting = self._cell

    def __exit__(self, *exc_info: object) -> None:
        with self._shell._lock:
            self._shell._awaiting = None


class Subshells:
    """All subshells with a thread. Used from the control thread and from the main thread's signal handler."""

    def __init__(self, kernel: Kernel) -> None:
        self._kernel = kernel
        self._open: dict[str, Subshell] = {}

    def start_new(self) -> None:
        """Give every subshell that the engine has opened a thread, and forget those that it has closed."""
        ids = self._kernel.core.subshell_ids()
        for subshell_id in ids:
            if subshell_id not in self._open:
                try:
                    shell = Subshell(self._kernel, subshell_id)
                    shell.thread.start()
                except KeyError:
                    continue  # Deleted in the meantime.
                except (OSError, RuntimeError) as error:
                    log.warning(
                        "a subshell has no thread (%s); its requests are answered with errors",
                        error,
                    )
                    self._kernel.core.close_subshell(subshell_id)
                    continue
                self._open[subshell_id] = shell
        for subshell_id in set(self._open) - set(ids):
            # A cell that still runs there has lost its client; without an interrupt its thread might never end.
            self._open.pop(subshell_id).interrupt()

    def interrupt(self, subshell_id: str | None = None) -> None:
        """Interrupt the cell that a subshell runs; None = every subshell's."""
        for each_id, shell in list(self._open.items()):
            if subshell_id in (None, each_id):
                shell.interrupt()
