"""`run_kernel`, and `Kernel`: what an interpreter may ask of the core."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

from ipyrust_core import dispatch, wire_json
from ipyrust_core._native import KernelCore, Request
from ipyrust_core.control import ControlThread
from ipyrust_core.errors import StdinNotAllowedError
from ipyrust_core.event_loop import KernelEventLoop, Parking
from ipyrust_core.interpreter import Interpreter
from ipyrust_core.interrupts import Interrupts
from ipyrust_core.parent import parent as current_parent
from ipyrust_core.processes import end_children
from ipyrust_core.shells import MainShell, Subshells

if TYPE_CHECKING:
    from typing_extensions import Buffer

log = logging.getLogger("ipyrust")

EXIT_CODES = {"shutdown": 0, "restart": 0, "closed": 0, "parent_died": 1, "io_error": 70}
"""Exit code of the process by the engine's reason to stop."""


class Kernel:
    """The running kernel, handed to `Interpreter.start`."""

    def __init__(self, core: KernelCore, interpreter: Interpreter, loop: KernelEventLoop) -> None:
        self.core = core
        self.interpreter = interpreter
        self.loop = loop
        """The main thread's event loop: it lives as long as the kernel and runs between cells."""
        self.stop_on_error_timeout = 0.0
        """Seconds after a failed cell in which newly arriving cells are aborted, too."""
        self.subshells = Subshells(self)
        self.interrupts = Interrupts(core, self.subshells)
        self.parking = Parking()
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

    def serve_comms(self) -> int:
        """Deliver the comm messages that wait in the shell queue now, in the middle of a cell; returns how many."""
        count = 0
        while (request := self.core.shell.get_nowait(comms_only=True)) is not None:
            dispatch.serve(request, self, None)
            count += 1
        return count


def run_kernel(
    connection_file: str,
    interpreter: Interpreter,
    *,
    log_fd: int = 2,
    parent_pid: int | None = None,
    capture_fds: bool = False,
) -> int:
    """Serve `interpreter` on the addresses of `connection_file` until shutdown. Main thread only.

    Args:
        connection_file: path of the JSON connection file.
        interpreter: the language.
        log_fd: file descriptor for the engine's log lines.
        parent_pid: exit when this process ends; None = JPY_PARENT_PID of the environment, 0 = watch nobody.
        capture_fds: publish what is written to file descriptors 1 and 2.

    Returns:
        The exit code for the process (`EXIT_CODES`).

    Raises:
        ConnectionFileError: the connection file cannot be used.
        BindError: an address cannot be bound.
        Exception: whatever `interpreter.start` raises.
    """
    control = ControlThread()
    core = KernelCore(
        connection_file,
        kernel_info=wire_json.encode({"status": "ok", **interpreter.kernel_info()}),
        log_fd=log_fd,
        parent_pid=_watched_pid(parent_pid),
        capture_fds=capture_fds,
        serve_control=control.serve,
    )
    try:
        return _serve(core, interpreter, control)
    finally:
        core.close()


def _serve(core: KernelCore, interpreter: Interpreter, control: ControlThread) -> int:
    loop = KernelEventLoop()
    asyncio.set_event_loop(loop)
    kernel = Kernel(core, interpreter, loop)
    os.register_at_fork(after_in_child=lambda: _forked(kernel))
    with ExitStack() as stack:
        stack.enter_context(kernel.interrupts.installed())
        stack.enter_context(kernel.parking.installed())
        interpreter.start(kernel)
        control.start(kernel)
        MainShell(kernel, core.shell, loop).serve()
        if kernel.is_forked_child:
            os._exit(0)  # A child that came to the end of the cell that forked it.
        control.stop()
        reason = core.exit_reason or "closed"
        interpreter.shutdown(restart=reason == "restart")
        end_children()
    loop.close()
    return EXIT_CODES[reason]


def _forked(kernel: Kernel) -> None:
    kernel.is_forked_child = True
    kernel.core.child_after_fork()


def _watched_pid(parent_pid: int | None) -> int | None:
    if parent_pid is not None:
        return parent_pid or None
    text = os.environ.get("JPY_PARENT_PID", "")
    return int(text) if text.isdecimal() else None

