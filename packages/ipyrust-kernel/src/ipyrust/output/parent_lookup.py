"""Which request does the running code work for, and how libraries name it.

The parent itself lives in `ipyrust_core.parent`: a ContextVar, which tasks inherit. Here are the two things around it:
`make_parent_lookup` adds threads (a thread's first output asks who started it), and `ParentMessages` translates between
requests and the message dicts that `get_parent()` and `set_parent()` of IPython kernels speak.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import TYPE_CHECKING, Any
from weakref import WeakValueDictionary

from ipyrust.output.threads import thread_parents
from ipyrust_core.parent import parent
from ipyrust_core.wire_json import decode

if TYPE_CHECKING:
    from ipyrust_core._native import Request

ParentLookup = Callable[[], "Request | None"]

REMEMBERED_MESSAGES = 256
"""How many message dicts handed to user code can still be mapped back to their request."""
REMEMBERED_LARGE = 4
"""How many of them may be large; older large ones are known only while somebody else keeps them alive."""
REMEMBERED_LARGE_BYTES = 16 << 20
"""What the large ones may keep in memory together; one that is larger by itself is not kept."""
LARGE = 65_536
"""Bytes from which on a request is large."""


class LastRequest:
    """The request that the main thread ran last: the parent of code that nobody started."""

    request: Request | None = None


def make_parent_lookup(last: LastRequest) -> ParentLookup:
    """Make the callable that every output asks: the parent of the calling task or thread.

    It costs one ContextVar read where a parent is known. A thread that a cell started adopts its starter's parent on
    its first call; code that nobody started (a C thread) gets the request of `last`, each time anew.
    """
    get = parent.get

    def adopt() -> Request | None:
        thread = threading._active.get(threading.get_ident())  # type: ignore[attr-defined]
        request = thread_parents.get(thread) if thread is not None else None
        if request is None:
            return last.request
        parent.set(request)
        return request

    def current_parent() -> Request | None:
        return get() or adopt()

    return current_parent


class ParentMessages:
    """Requests as the message dicts of IPython's API, and back again."""

    def __init__(self) -> None:
        self._known: WeakValueDictionary[str, Request] = WeakValueDictionary()
        self._small: OrderedDict[str, Request] = OrderedDict()
        self._large: OrderedDict[str, Request] = OrderedDict()

    def message(self, request: Request | None) -> dict[str, Any]:
        """The whole request as a dict (header, metadata, content …), remembered for `find`; {} for None."""
        if request is None:
            return {}
        self.remember(request)
        return {
            "header": decode(request.header),
            "msg_id": request.msg_id,
            "msg_type": request.msg_type,
            "parent_header": decode(request.parent_header),
            "metadata": decode(request.metadata),
            "content": decode(request.content),
            "buffers": list(request.buffers),
        }

    def header(self, request: Request | None) -> dict[str, Any]:
        """The header of the request as a dict, remembered for `find`; {} for None."""
        if request is None:
            return {}
        self.remember(request)
        header: dict[str, Any] = decode(request.header)
        return header

    def remember(self, request: Request) -> None:
        """Keep `request`, so that a dict that names it can be mapped back; the oldest ones are forgotten."""
        msg_id = request.msg_id
        if self._known.get(msg_id) is not request:
            self._known[msg_id] = request
        is_large = request.size_bytes >= LARGE
        kept, most = (
            (self._large, REMEMBERED_LARGE) if is_large else (self._small, REMEMBERED_MESSAGES)
        )
        kept[msg_id] = request
        kept.move_to_end(msg_id)
        while len(kept) > most or (is_large and _total_bytes(kept) > REMEMBERED_LARGE_BYTES):
            kept.popitem(last=False)

    def find(self, message: Any) -> Request | None:
        """The request that a message dict or a header dict names; None when it is unknown or no such dict."""
        if not isinstance(message, dict):
            return None
        header = message.get("header", message)
        msg_id = header.get("msg_id") if isinstance(header, dict) else None
        return self._known.get(msg_id) if isinstance(msg_id, str) else None


def _total_bytes(requests: OrderedDict[str, Request]) -> int:
    return sum(request.size_bytes for request in requests.values())
