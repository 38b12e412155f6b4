"""Waiting for requests and serving them, while the event loop turns in between.

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
    from ipyrust_core.interpreter import Content
    from ipyrust_core.shells import Shell


def serve_requests(shell: Shell) -> None:
    """Serve the shell's queue on this thread until it is closed, or until this process is a forked child."""
    while not shell.kernel.is_forked_child:
        try:
            dispatch.serve(_next_request(shell.queue, shell.loop), shell.kernel, shell)
        except CoreClosedError:
            return
        except KeyboardInterrupt:
            continue  # Between two cells there is nothing to interrupt.


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


def run_suspending(shell: Shell, task: asyncio.Task[Content]) -> Content:
    """Turn the loop until the cell's task is done; comm messages are served whenever it waits."""

    def serve_comm() -> None:
        request = shell.queue.get_nowait(comms_only=True)
        if request is not None:
            dispatch.serve(request, shell.kernel, shell)

    fd = shell.queue.fileno(comms_only=True)
    shell.loop.add_reader(fd, serve_comm)
    try:
        return shell.loop.run_until_complete(task)
    finally:
        shell.loop.remove_reader(fd)
