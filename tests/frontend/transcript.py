"""Messages compared with patterns: exact, ordered, nothing left over.

Order is a fact of one channel only, so iopub is compared in order and the reply beside it. A kernel may cut
the text of a stream wherever it likes: neighbouring stream messages of one name are joined before they are compared.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from frontend.patterns import Pattern
from frontend.wire import Message


@dataclass(frozen=True)
class Transcript:
    """All that one request caused: what was published, in order, and the reply."""

    published: tuple[Message, ...]
    reply: Message | None = None

    def one(self, msg_type: str) -> Message:
        """The only publication of this type."""
        found = [message for message in self.published if message.msg_type == msg_type]
        assert len(found) == 1, f"{len(found)} × {msg_type} in\n{self}"
        return found[0]

    def text(self, name: str = "stdout") -> str:
        """All the text of one stream."""
        return "".join(
            message.content["text"]
            for message in self.published
            if message.msg_type == "stream" and message.content["name"] == name
        )

    def check(self, patterns: Sequence[Pattern]) -> None:
        """Fail, with both sides written out, unless every pattern has its message and the reverse."""
        on_iopub = [pattern for pattern in patterns if not pattern.is_reply]
        replies = [pattern for pattern in patterns if pattern.is_reply]
        same = len(on_iopub) == len(self.published) and all(
            pattern.matches(message)
            for pattern, message in zip(on_iopub, self.published, strict=True)
        )
        same_reply = all(self.reply and pattern.matches(self.reply) for pattern in replies)
        if not (same and same_reply):
            expected = "\n".join(f"    {pattern}" for pattern in patterns)
            raise AssertionError(f"expected\n{expected}\nbut saw\n{self}")

    def __str__(self) -> str:
        """One line a message."""
        return "\n".join(f"    {message}" for message in (*self.published, self.reply) if message)


def joined(messages: Iterable[Message]) -> tuple[Message, ...]:
    """The messages, with neighbours of one stream made one."""
    merged: list[Message] = []
    for message in messages:
        last = merged[-1] if merged else None
        if last and is_stream(last) and is_stream(message) and same_stream(last, message):
            text = last.content["text"] + message.content["text"]
            merged[-1] = replace(last, content={**last.content, "text": text})
        else:
            merged.append(message)
    return tuple(merged)


def is_stream(message: Message) -> bool:
    """Whether it carries printed text."""
    return message.msg_type == "stream"


def same_stream(one: Message, other: Message) -> bool:
    """Whether both were printed to the same stream by the same cell."""
    return one.content["name"] == other.content["name"] and one.parent_header == other.parent_header
