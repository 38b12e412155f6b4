"""The one way from IPython to IOPub: encode once, ask for the parent, hand over.

Order needs no flushing here: streams and publications go through the engine's one outbox.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ipyrust_core.errors import CoreClosedError
from ipyrust_core.wire_json import encode

if TYPE_CHECKING:
    from typing_extensions import Buffer

    from ipyrust.output.parent_lookup import LastRequest, ParentLookup, ParentMessages
    from ipyrust.output.stream import Streams
    from ipyrust_core._native import KernelCore

EMPTY = b"{}"


class Publisher:
    """Publishes IOPub messages with the parent of the calling task or thread."""

    def __init__(
        self,
        core: KernelCore,
        *,
        last: LastRequest,
        messages: ParentMessages,
        current_parent: ParentLookup,
        streams: Streams,
    ) -> None:
        self.core = core
        self.last = last
        self.current_parent = current_parent
        self.messages = messages
        self.streams = streams

    def publish(
        self,
        msg_type: str,
        content: Mapping[str, Any],
        *,
        metadata: Mapping[str, Any] | None = None,
        buffers: Sequence[Buffer] = (),
        topic: bytes | None = None,
    ) -> None:
        """Queue one message. Dropped once the kernel is closed; waits while the outbox is full.

        Raises:
            TypeError, ValueError: `content` or `metadata` cannot be sent as JSON.
        """
        self.streams.flush_foreign()
        encoded = encode(content)
        try:
            self.core.publish(
                msg_type,
                encoded,
                parent=self.current_parent(),
                metadata=encode(metadata) if metadata else EMPTY,
                buffers=buffers,
                topic=topic,
            )
        except CoreClosedError:
            pass
