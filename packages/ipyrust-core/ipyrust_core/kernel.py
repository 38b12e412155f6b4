"""`Kernel`: what an interpreter may ask of the core, and the life of the main thread around it."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

from ipyrust_core import dispatch, wire_json
from ipyrust_core._native import KernelCore, Request
from ipyrust_core.control import ControlThread
from ipyrust_core.errors import StdinNotAllowedError
from ipyrust_core.event_loop import KernelEventLoop, Parking
from ipyrust_core.interpreter import Interpreter
from ipyrust_core.interrupts import Interruptible, Interrupts
from ipyrust_core.log import log_to
from ipyrust_core.parent import parent as current_parent
from ipyrust_core.processes import end_children
from ipyrust_core.shells import MainShell, Subshells

if TYPE_CHECKING:
    from typing_extensions import Buffer


IdleHook = Callable[[Sequence[int], float | None], None]
"""Waits between cells, in a GUI toolkit's loop for instance, and serves its own events meanwhile.

Called with file descriptors and a time in seconds (None = for ever): it returns once one of them is readable or the
time is over, or earlier. It must run some Python code before it returns, so that signals are handled.
"""


EXIT_DELAY = 0.1
"""Seconds that clients get to read the reply of the cell that said `quit`, and for what they ask before they leave."""


class Kernel:
    """The running kernel, handed to `Interpreter.start`."""

    def __init__(self, core: KernelCore, interpreter: Interpreter, loop: KernelEventLoop) -> None:
        self.core = core
        self.interpreter = interpreter
        self.loop = loop
        """The main thread's event loop: it lives as long as the kernel and runs between cells."""
        self.idle_hook: IdleHook | None = None
        """Waits in place of the main thread, between cells and while a cell awaits; None = the kernel waits itself."""
        self.stop_on_error_timeout = 0.0
        """Seconds after a failed cell in which newly arriving cells are aborted, too."""
        self.subshells = Subshells(self)
        self.interrupts = Interrupts(core, self.subshells)
        self.parking = Parking()
        self.suspended: dict[int, Interruptible] = {}
        """Cells that may be awaiting, by the identifier of their thread."""
        self.is_forked_child = False
        """Whether this process is a forked child of the kernel, to which no socket belongs."""

    @property
    def parent(self) -> Request | None:
        """The request that the calling thread or task works for; None where there is none."""
        return current_parent.get()

    def publish(
        self,
        msg_type: str,
        content: Mapping[str, Any],
        *,
        metadata: Mapping[str, Any] | None = None,
        buffers: Sequence[Buffer] = (),
        topic: bytes | None = None,
    ) -> None:
        """Publish one IOPub message with the current parent. Waits while the outbox is full."""
        self.core.publish(
            msg_type,
            wire_json.encode(content),
            parent=current_parent.get(),
            metadata=wire_json.encode(metadata) if metadata else b"{}",
            buffers=buffers,
            topic=topic,
        )

    def flush(self, timeout: float = 10.0) -> bool:
        """Wait until everything published so far is on its way; False when `timeout` seconds were not enough."""
        return self.core.flush(timeout)

    def input(self, prompt: str = "", *, password: bool = False) -> str:
        """Ask the client of the current parent for one line (stdin channel). Blocks until it answers.

        Raises:
            StdinNotAllowedError: the request did not set `allow_stdin`, or there is none.
            KeyboardInterrupt: the cell was interrupted.
        """
        parent = current_parent.get()
        if parent is None or not wire_json.decode(parent.content).get("allow_stdin", False):
            raise StdinNotAllowedError(
                "the client that runs this cell does not support input requests"
            )
        return self.core.request_input(prompt, password=password, parent=parent)

    def exit(self, *, restart: bool = False) -> None:
        """Stop serving soon after the request that is being served has its reply, as after a shutdown_request."""

        def exit_later() -> None:
            self.loop.call_later(EXIT_DELAY, lambda: self.core.request_exit(restart=restart))

        self.loop.call_soon_threadsafe(exit_later)

    def serve_comms(self) -> int:
        """Deliver the comm messages that wait in this shell's queue, in the middle of a cell; returns how many."""
        parent = current_parent.get()
        subshell_id = parent.subshell_id if parent is not None else None
        queue = self.core.shell if subshell_id is None else self.core.open_subshell(subshell_id)
        count = 0
        while (request := queue.get_nowait(comms_only=True)) is not None:
            dispatch.serve(request, self, None)
            count += 1
        return count


def serve(core: KernelCore, interpreter: Interpreter, control: ControlThread) -> str:
    """Start the interpreter and serve until the engine says to stop; returns the reason. Main thread only.

    Raises whatever `interpreter.start` raises.
    """
    log_to(core.original_fd(2))
    loop = KernelEventLoop()
    asyncio.set_event_loop(loop)
    kernel = Kernel(core, interpreter, loop)
    os.register_at_fork(after_in_child=lambda: _forked(kernel))
    with ExitStack() as stack:
        stack.enter_context(kernel.interrupts.installed())
        stack.enter_context(kernel.parking.installed())
        interpreter.start(kernel)
        control.start(kernel)
        try:
            MainShell(kernel, core.shell, loop).serve()
        finally:
            if kernel.is_forked_child:
                os._exit(0)  # A child that came to the end of the cell that forked it.
            core.begin_cleanup()
            control.stop()
            end_children()
            interpreter.shutdown(restart=core.exit_reason == "restart")
    loop.end()
    return core.exit_reason or "closed"


def _forked(kernel: Kernel) -> None:
    kernel.is_forked_child = True
    signal.set_wakeup_fd(-1)  # The parent's engine must not take the child's signals for its own.
    kernel.core.child_after_fork()
