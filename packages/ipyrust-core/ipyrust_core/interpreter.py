"""What the core asks of a language: the `Interpreter` protocol and the values that cross it.

There is no base class to inherit and nothing is probed: an object that has these members is an interpreter.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

if TYPE_CHECKING:
    from ipyrust_core._native import Request
    from ipyrust_core.kernel import Kernel

Content = Mapping[str, Any]
"""The content of a message: plain Python values that JSON knows (numpy scalars, bytes and datetimes are converted)."""


class Cell(NamedTuple):
    """One execute_request, checked and decoded (messaging specification, "Execute")."""

    request: Request
    code: str
    silent: bool
    store_history: bool
    user_expressions: Mapping[str, str]
    allow_stdin: bool
    stop_on_error: bool
    metadata: Mapping[str, Any]

    @property
    def cell_id(self) -> str | None:
        """`metadata.cellId`, as JupyterLab sends it."""
        return self.metadata.get("cellId")


class CommMessage(NamedTuple):
    """One comm_open, comm_msg or comm_close (messaging specification, "Custom Messages")."""

    request: Request
    msg_type: str
    content: Content
    metadata: Content
    buffers: Sequence[memoryview]

    def as_message(self) -> dict[str, Any]:
        """The message in the form `comm` and ipywidgets take: header, parent_header, metadata, content, buffers."""
        from ipyrust_core.wire_json import decode

        return {
            "header": decode(self.request.header),
            "msg_id": self.request.msg_id,
            "msg_type": self.msg_type,
            "parent_header": decode(self.request.parent_header),
            "metadata": dict(self.metadata),
            "content": dict(self.content),
            "buffers": list(self.buffers),
        }


class Interpreter(Protocol):
    """A language, as the core sees it.

    Life: `kernel_info()` before any socket is bound (it must be cheap: it is on the way of the first answer), then
    `start(kernel)` once the sockets answer (imports belong here), then requests one at a time on the main thread,
    then `shutdown()`. All methods return reply *content* with `status` ("ok" or "error") in it; an exception out of
    one of them is a bug of the interpreter and becomes a reply with `status: error`.
    """

    @property
    def execution_count(self) -> int:
        """The number that the next stored cell gets; published in `execute_input`."""

    def kernel_info(self) -> Content:
        """Content of kernel_info_reply, less `status`."""

    def start(self, kernel: Kernel) -> None:
        """Get ready to execute. Called once, on the main thread, after the sockets are bound."""

    def runs_async(self, code: str) -> bool:
        """Whether `execute` of this code may suspend (top-level await). If False it must finish without suspending."""

    async def execute(self, cell: Cell) -> Content:
        """Run one cell and return execute_reply's content. Runs between `execute_input` and the reply."""

    def complete(self, code: str, cursor_pos: int) -> Content:
        """complete_reply; positions in unicode code points."""

    def inspect(
        self, code: str, cursor_pos: int, detail_level: int, omit_sections: Sequence[str]
    ) -> Content:
        """inspect_reply."""

    def is_complete(self, code: str) -> Content:
        """is_complete_reply: status complete, incomplete (with indent), invalid or unknown."""

    def history(self, content: Content) -> Content:
        """history_reply for hist_access_type tail, range or search."""

    def comm(self, message: CommMessage) -> None:
        """Deliver one comm message. Nothing is replied."""

    def comm_info(self, target_name: str | None) -> Content:
        """comm_info_reply; None = every target."""

    def debug(self, request: Content) -> Content:
        """Answer one DAP request (debug_request). Called on the control thread, while cells may run."""

    def shutdown(self, *, restart: bool) -> None:
        """The kernel is about to end: run exit hooks, save history, restore what was replaced."""
