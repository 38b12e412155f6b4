"""Which request caused this output: the one owner of that fact.

The parent is a ContextVar, so asyncio tasks inherit it. Threads that a cell starts get it from their starter (see
`ipyrust.output.threads`); code with no parent of its own (a C thread, a thread of a library's import) falls back to
the request that the main thread ran last.
"""

from __future__ import annotations

from contextvars import ContextVar
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ipyrust_core._native import Request

parent: ContextVar[Request | None] = ContextVar("ipyrust_parent", default=None)
