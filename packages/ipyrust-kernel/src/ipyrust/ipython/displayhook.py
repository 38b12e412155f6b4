"""`execute_result`: the value of a cell's last expression (messaging specification, "Code execution results")."""

from __future__ import annotations

from typing import Any

from IPython.core.displayhook import DisplayHook

from ipyrust.ipython.speaks_for_parent import Message, SpeaksForParent


class ZMQShellDisplayHook(SpeaksForParent, DisplayHook):
    """IPython's display hook, publishing instead of printing."""

    @property
    def msg(self) -> Message | None:
        """Content under construction on this thread, between `start_displayhook` and `finish_displayhook`."""
        return getattr(self._thread_local, "msg", None)

    @msg.setter
    def msg(self, content: Message | None) -> None:
        self._thread_local.msg = content

    def quiet(self) -> bool:
        """Whether the cell ends in ";". Only code with a semicolon in it is worth IPython's tokenizer."""
        history = self.shell.history_manager.input_hist_parsed  # type: ignore[union-attr]
        if not history or ";" not in history[-1]:
            return False
        return bool(super().quiet())  # type: ignore[no-untyped-call]

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
