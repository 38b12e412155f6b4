"""Waiting for requests and serving them, while the event loop turns in between.

While the event loop has nothing to do the thread sleeps in one native wait for both, requests and the loop's selector;
a kernel that is idle does not wake. While the loop has tasks, it runs and is stopped by the first request.

If there is a `Kernel.idle_hook` (a GUI toolkit), it does the waiting, and the loop is turned whenever it is due.
"""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

from ipyrust_core import dispatch
from ipyrust_core.errors import CoreClosedError
from ipyrust_core.log import log

if TYPE_CHECKING:
    from ipyrust_core._native import Request, RequestQueue
    from ipyrust_core.event_loop import KernelEventLoop
    from ipyrust_core.interpreter import Content
    from ipyrust_core.interrupts import Interruptible
    from ipyrust_core.kernel import IdleHook
    from ipyrust_core.shells import Shell


def serve_requests(shell: Shell) -> None:
    """Serve the shell's queue on this thread until it is closed, or until this process is a forked child."""
    while not shell.kernel.is_forked_child:
        try:
            dispatch.serve(_next_request(shell), shell.kernel, shell)
        except CoreClosedError:
            return
        except KeyboardInterrupt:
            continue  # Between two cells there is nothing to interrupt.
        except BaseException:  # SystemExit of a task, a toolkit's callback: not the kernel's end.
            log.exception("something that ran between two requests raised")


def _next_request(shell: Shell) -> Request:
    queue, loop = shell.queue, shell.loop
    while True:
        request = queue.get_nowait()
        if request is None and shell.idle_hook is None and loop.is_quiet():
            request = queue.get(fd=loop.selector_fd())
        if request is not None:
            return request
        if shell.idle_hook is None:
            _turn(queue, loop)
        else:
            _turn_beside(shell.idle_hook, shell, queue.fileno())


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


def _turn_beside(hook: IdleHook, shell: Shell, *fds: int) -> None:
    """Let `hook` wait for `fds` and the loop, then turn the loop once. What the hook calls may create tasks."""
    loop = shell.loop
    wakeup_fd = signal.set_wakeup_fd(loop.wakeup_fd(), warn_on_full_buffer=False)
    try:
        with shell.kernel.parking.parked(loop):
            hook((*fds, loop.selector_fd()), loop.due_in())
    except Exception:
        log.exception("waiting in a toolkit's loop failed; the toolkit is given up")
        shell.kernel.idle_hook = None
    finally:
        signal.set_wakeup_fd(wakeup_fd)
    loop.turn_once()


def run_suspending(shell: Shell, cell: Interruptible) -> Content:
    """Turn the loop until the cell is done; comm messages are served whenever it waits."""

    def serve_comm() -> None:
        request = shell.queue.get_nowait(comms_only=True)
        if request is not None:
            dispatch.serve(request, shell.kernel, None)

    fd = shell.queue.fileno(comms_only=True)
    shell.loop.add_reader(fd, serve_comm)
    try:
        while shell.idle_hook is not None and not cell.is_done:
            try:
                _turn_beside(shell.idle_hook, shell)
            except KeyboardInterrupt:
                cell.interrupt()  # As in `Interruptible.finish`.
        content: Content = cell.finish(shell.loop)
        return content
    finally:
        shell.loop.remove_reader(fd)
