"""Output of a thread goes to the cell that started the thread.

Threads do not inherit ContextVars, so `Thread.start` notes the starter's parent beside the thread, without any change
to how the thread runs; `parent_lookup` reads the note on the thread's first output. The workers of a
ThreadPoolExecutor serve many cells, so there each submitted call carries the submitter's parent.
"""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from ipyrust.replaced import replaced
from ipyrust.when_imported import when_imported
from ipyrust_core.parent import parent

if TYPE_CHECKING:
    from concurrent.futures import Future, ThreadPoolExecutor

    from ipyrust.output.parent_lookup import ParentLookup
    from ipyrust_core._native import Request

thread_parents: WeakKeyDictionary[threading.Thread, Request] = WeakKeyDictionary()
"""The request that each living thread was started for."""


@contextmanager
def threads_follow_their_starter(current_parent: ParentLookup) -> Iterator[None]:
    """While it is entered, threads and executor calls remember the parent of the code that started them."""
    start: Any = threading.Thread.start

    @functools.wraps(start)
    def start_with_parent(thread: threading.Thread) -> None:
        request = current_parent()
        if request is not None:
            thread_parents[thread] = request
        start(thread)

    with (
        ExitStack() as stack,
        replaced(threading.Thread, "start", start_with_parent),
        when_imported(
            ("concurrent.futures.thread",), lambda: _patch_executor(current_parent, stack)
        ),
    ):
        yield


def _patch_executor(current_parent: ParentLookup, stack: ExitStack) -> None:
    """Make `ThreadPoolExecutor.submit` carry the parent, until `stack` is closed."""
    from concurrent.futures.thread import ThreadPoolExecutor

    submit: Any = ThreadPoolExecutor.submit

    @functools.wraps(submit)
    def submit_with_parent(
        self: ThreadPoolExecutor, fn: Callable[..., Any], /, *args: Any, **kwargs: Any
    ) -> Future[Any]:
        request = current_parent()
        if request is None:
            future = submit(self, fn, *args, **kwargs)
        else:
            future = submit(self, _call_with_parent, request, fn, *args, **kwargs)
        return future  # type: ignore[no-any-return]

    stack.enter_context(replaced(ThreadPoolExecutor, "submit", submit_with_parent))


def _call_with_parent(
    request: Request, fn: Callable[..., Any], /, *args: Any, **kwargs: Any
) -> Any:
    __tracebackhide__ = True
    token = parent.set(request)
    try:
        return fn(*args, **kwargs)
    finally:
        parent.reset(token)
