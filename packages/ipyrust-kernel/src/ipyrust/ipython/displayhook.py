"""`execute_result`: the value of a cell's last expression (messaging specification, "Code execution results")."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

from IPython.core.displayhook import DisplayHook

from ipyrust.ipython.running_cell import running_cell
from ipyrust.ipython.speaks_for_parent import Message, SpeaksForParent

if TYPE_CHECKING:
    from IPython.core.interactiveshell import ExecutionResult


class ZMQShellDisplayHook(SpeaksForParent, DisplayHook):
    """IPython's display hook, publishing instead of printing. What belongs to one result is kept per thread."""

    _of_thread = threading.local()
    _names_lock = threading.RLock()

    @property
    def msg(self) -> Message | None:
        """Content under construction on this thread, between `start_displayhook` and `finish_displayhook`."""
        return getattr(self._of_thread, "msg", None)

    @msg.setter
    def msg(self, content: Message | None) -> None:
        self._of_thread.msg = content

    @property
    def exec_result(self) -> ExecutionResult | None:
        """Where the value of the cell on this thread is noted."""
        return getattr(self._of_thread, "exec_result", None)

    @exec_result.setter
    def exec_result(self, result: ExecutionResult | None) -> None:
        self._of_thread.exec_result = result

    @property
    def _is_active(self) -> bool:
        return getattr(self._of_thread, "is_active", False)

    @_is_active.setter
    def _is_active(self, is_active: bool) -> None:
        self._of_thread.is_active = is_active

    def quiet(self) -> bool:
        """Whether the cell ends in ";". Only code with a semicolon in it is worth IPython's tokenizer."""
        cell = running_cell.get()
        if cell is None:
            return bool(super().quiet())  # type: ignore[no-untyped-call]
        if ";" not in cell.source:
            return False
        return bool(self.semicolon_at_end_of_expression(cell.source))  # type: ignore[no-untyped-call]

    def update_user_ns(self, result: Any) -> None:
        """Set `_`, `__`, `___` and `_N`; one cell at a time, for IPython compares what it set with what is there."""
        with self._names_lock:
            super().update_user_ns(result)  # type: ignore[no-untyped-call]

    def start_displayhook(self) -> None:
        """Begin one result."""
        super().start_displayhook()  # type: ignore[no-untyped-call]
        self.msg = {"data": {}, "metadata": {}}

    def write_output_prompt(self) -> None:
        """Note the number of the cell."""
        if self.msg is not None:
            self.msg["execution_count"] = self.prompt_count

    def write_format_data(
        self, format_dict: dict[str, Any], md_dict: dict[str, Any] | None = None
    ) -> None:
        """Note the representations of the value."""
        if self.msg is not None:
            self.msg["data"] = format_dict
            self.msg["metadata"] = md_dict or {}

    def finish_displayhook(self) -> None:
        """Publish what was noted, unless the value has no representation."""
        content, self.msg = self.msg, None
        self._is_active = False
        if content is not None and content["data"]:
            self._publish("execute_result", content)

    def abandon(self) -> None:
        """Forget a result whose formatting failed."""
        self.msg = None
        self._is_active = False


ZMQShellDisplayHook.__module__ = "ipykernel.displayhook"
