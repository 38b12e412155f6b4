"""The main thread: wait for a request, serve it, and let the event loop turn in between.

While the event loop has nothing to do the thread sleeps in one native wait for both, requests and the loop's selector;
a kernel that is idle does not wake. While the loop has tasks, it runs and is stopped by the first request.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from ipyrust_core import dispatch
from ipyrust_core.errors import CoreClosedError

if TYPE_CHECKING:
    from ipyrust_core._native import Request, RequestQueue
    from ipyrust_core.event_loop import KernelEventLoop
    from ipyrust_core.kernel import Kernel


def serve_requests(kernel: Kernel, queue: RequestQueue, loop: KernelEventLoop) -> None:
    """Serve `queue` on this thread until it is closed."""
    while True:
        try:
            request = _next_request(queue, loop)
            dispatch.serve(request, kernel, queue)
        except CoreClosedError:
            return
        except KeyboardInterrupt:
            continue  # Between two cells there is nothing to interrupt.
        if kernel.core_is_forked:
            return


def _next_request(queue: RequestQueue, loop: KernelEventLoop) -> Request:
    while True:
        request = queue.get_nowait()
        if request is None and loop.is_quiet():
            request = queue.get(fd=loop.selector_fd())
        if request is not None:
            return request
        _turn(queue, loop)


def _turn(queue: RequestQueue, loop: KernelEventLoop) -> None:
    """Let the loop run until a request waits or nothing is left to do."""
    if loop.is_quiet():
        loop.turn_once()
        return
    loop.add_reader(queue.fileno(), loop.stop)
    try:
        loop.run_forever()
    finally:
        loop.remove_reader(queue.fileno())


def run_suspending(
    kernel: Kernel,
    queue: RequestQueue,
    loop: KernelEventLoop,
    task: asyncio.Task[dict[str, object]],
) -> dict[str, object]:
    """Turn the loop until the cell's task is done; comm messages are served whenever it waits."""

    def serve_comm() -> None:
        request = queue.get_nowait(comms_only=True)
        if request is not None:
            dispatch.serve(request, kernel, queue)

    fd = queue.fileno(comms_only=True)
    loop.add_reader(fd, serve_comm)
    try:
        return loop.run_until_complete(task)
    finally:
        loop.remove_reader(fd)
