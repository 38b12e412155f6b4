"""The control thread: requests that need Python but must not wait for the main thread (debugger, new subshells).

It is started by the engine when the first such request arrives, so a kernel that needs none has none.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from ipyrust_core import dispatch, stacks
from ipyrust_core.errors import CoreClosedError
from ipyrust_core.log import log

if TYPE_CHECKING:
    from ipyrust_core._native import Request
    from ipyrust_core.kernel import Kernel


def _serve(request: Request, kernel: Kernel) -> None:
    """The engine has answered requests about subshells already; what they need of Python is done here."""
    if request.msg_type in ("create_subshell_request", "delete_subshell_request"):
        kernel.subshells.start_new()
    elif request.msg_type == "interrupt_request":
        kernel.subshells.interrupt(request.subshell_id)
    elif request.msg_type == "stack_request":
        stacks.answer(request, kernel)
    else:
        dispatch.serve(request, kernel, None)


class ControlThread:
    """Serves `core.control` until it is closed."""

    def __init__(self) -> None:
        self._kernel: Kernel | None = None
        self._ready = threading.Event()
        self._running = threading.Lock()

    def start(self, kernel: Kernel) -> None:
        """Requests may be served from now on: the interpreter is ready."""
        self._kernel = kernel
        self._ready.set()

    def serve(self) -> None:
        """Serve requests; called once, by the engine, on a thread of its own. Waits until the interpreter is ready."""
        with self._running:
            self._ready.wait()
            kernel = self._kernel
            if kernel is None:
                return
            while True:
                try:
                    request = kernel.core.control.get()
                    if request is not None:
                        _serve(request, kernel)
                except CoreClosedError:
                    return
                except Exception:
                    log.exception("a control request failed")

    def stop(self) -> None:
        """Wait until the thread, if there is one, has left Python; the queue is closed already."""
        self._ready.set()
        if self._running.acquire(timeout=1.0):
            self._running.release()
