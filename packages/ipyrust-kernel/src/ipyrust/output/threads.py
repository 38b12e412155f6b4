"""Output of a thread goes to the cell that started the thread.

Threads do not inherit ContextVars, so `Thread.start` notes the starter's parent beside the thread, without any change
to how the thread runs; `parent_lookup` reads the note on the thread's first output. The workers of a
ThreadPoolExecutor serve many cells, so there each submitted call carries the submitter's parent.
"""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

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

    threading.Thread.start = start_with_parent  # type: ignore[method-assign, assignment]
    restore_executor = _patch_executor(current_parent)
    try:
        yield
    finally:
        restore_executor()
        if threading.Thread.start is start_with_parent:
            threading.Thread.start = start  # type: ignore[method-assign]


def _patch_executor(current_parent: ParentLookup) -> Callable[[], None]:
    """Make `ThreadPoolExecutor.submit` carry the parent; returns what undoes it."""
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

    ThreadPoolExecutor.submit = submit_with_parent  # type: ignore[method-assign, assignment]

    def restore() -> None:
        if ThreadPoolExecutor.submit is submit_with_parent:
            ThreadPoolExecutor.submit = submit  # type: ignore[method-assign]

    return restore


def _call_with_parent(
    request: Request, fn: Callable[..., Any], /, *args: Any, **kwargs: Any
) -> Any:
    __tracebackhide__ = True
    token = parent.set(request)
    try:
        return fn(*args, **kwargs)
    finally:
        parent.reset(token)
