"""What a message may look like.

A pattern names a message type and the content fields that matter. Calling a pattern narrows it:
`error`, `error("ZeroDivisionError")`, `error("ZeroDivisionError", "division by zero")`, `reply(status="ok")`.

An expected value is compared by equality, except: a compiled regular expression is searched in the text, a mapping
is a subset of the mapping found, and a function is asked.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from frontend.wire import Message


@dataclass(frozen=True)
class Pattern:
    """A message type, and what must be in the content."""

    msg_type: str
    positional: tuple[str, ...] = ()
    fields: Mapping[str, Any] = field(default_factory=dict)

    def __call__(self, *values: Any, **fields: Any) -> Pattern:
        """The same pattern with more fields required."""
        by_position = dict(zip(self.positional, values, strict=False))
        assert len(by_position) == len(values), f"{self.msg_type} takes {self.positional}"
        return replace(self, fields={**self.fields, **by_position, **fields})

    @property
    def is_reply(self) -> bool:
        """Whether it comes on the channel of the request and not on iopub."""
        return self.msg_type == "*_reply"

    def matches(self, message: Message) -> bool:
        """Whether `message` looks like this."""
        types_agree = (
            message.msg_type.endswith("_reply")
            if self.is_reply
            else message.msg_type == self.msg_type
        )
        return types_agree and agrees(self.fields, message.content)

    def __str__(self) -> str:
        """One line for a failed transcript."""
        fields = ", ".join(f"{name}={value!r}" for name, value in self.fields.items())
        return f"{self.msg_type}({fields})"


def agrees(expected: Any, found: Any) -> bool:
    """Whether `found` is what was expected."""
    if isinstance(expected, re.Pattern):
        return isinstance(found, str) and expected.search(found) is not None
    if isinstance(expected, Mapping):
        return isinstance(found, Mapping) and all(
            name in found and agrees(value, found[name]) for name, value in expected.items()
        )
    if isinstance(expected, Callable):
        return bool(expected(found))
    return type(expected) is type(found) and expected == found


def result(text: str | re.Pattern[str]) -> Pattern:
    """An execute_result with this text/plain."""
    return execute_result(data={"text/plain": text})


status = Pattern("status", ("execution_state",))
busy, idle, starting = status("busy"), status("idle"), status("starting")
execute_input = Pattern("execute_input", ("code",))
execute_result = Pattern("execute_result", ("data",))
display_data = Pattern("display_data", ("data",))
update_display_data = Pattern("update_display_data", ("data",))
clear_output = Pattern("clear_output", ("wait",))
error = Pattern("error", ("ename", "evalue"))
stdout = Pattern("stream", ("text",), {"name": "stdout"})
stderr = Pattern("stream", ("text",), {"name": "stderr"})
comm_open = Pattern("comm_open", ("data",))
comm_msg = Pattern("comm_msg", ("data",))
comm_close = Pattern("comm_close", ("data",))
reply = Pattern("*_reply", ("status",))
