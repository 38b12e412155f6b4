"""stack_request: the stacks of all threads, as Python knows them.

The engine asks for them through the control thread, and answers without Python when this takes too long (`stacks.rs`).
"""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Iterator
from types import FrameType
from typing import TYPE_CHECKING, Any

from ipyrust_core.errors import AlreadyRepliedError

if TYPE_CHECKING:
    from ipyrust_core._native import Request
    from ipyrust_core.kernel import Kernel

MOST_FRAMES = 100
"""Calls that are told of one thread, the innermost first."""


def answer(request: Request, kernel: Kernel) -> None:
    """Answer a stack_request, unless the engine has done so in the meantime."""
    if request.is_replied:
        return
    # Names of threads and files may hold what UTF-8 has no bytes for.
    found = json.dumps(threads(kernel), ensure_ascii=False).encode("utf-8", "replace")
    content = kernel.core.stack_content(found)
    with request:
        try:
            request.reply(content)
        except AlreadyRepliedError:
            pass


def threads(kernel: Kernel) -> list[dict[str, Any]]:
    """Every thread with its calls but the one that asks. A cell that waits begins with what it awaits."""
    names = {thread.ident: thread.name for thread in threading.enumerate()}
    return [
        {
            "id": thread_id,
            "name": names.get(thread_id),
            "frames": [*_awaited(kernel, thread_id), *_calls(frame)][:MOST_FRAMES],
        }
        for thread_id, frame in sys._current_frames().items()
        if thread_id != threading.get_ident()
    ]


def _awaited(kernel: Kernel, thread_id: int) -> list[dict[str, Any]]:
    cell = kernel.suspended.get(thread_id)
    if cell is None or cell.is_running:
        return []
    return [_call(frame, frame.f_lineno) for frame in reversed(list(cell.awaited_frames()))]


def _calls(frame: FrameType | None) -> Iterator[dict[str, Any]]:
    while frame is not None:
        yield _call(frame, frame.f_lineno)
        frame = frame.f_back


def _call(frame: FrameType, line: int | None) -> dict[str, Any]:
    code = frame.f_code
    return {"file": code.co_filename, "line": line, "function": code.co_qualname}
