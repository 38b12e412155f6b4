"""What libraries expect of `session` and `pub_socket`: objects through which one can send messages on IOPub.

They exist for code written against ipykernel, a jupyter_client running in a cell and `register_hook` users included.
Whatever is sent through them is published by the engine, with the parent that the message names.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from ipyrust_core.parent import parent as parent_variable

if TYPE_CHECKING:
    from typing_extensions import Buffer

    from ipyrust.output.publisher import Publisher

Message = dict[str, Any]


class PublishingSocket:
    """Stands where ipykernel has its IOPub socket; only a token, since no socket is reachable from Python."""

    closed = False


class SessionFacade:
    """Makes messages and publishes them, in the manner of a jupyter_client session."""

    username = "username"

    def __init__(self, publisher: Publisher) -> None:
        self._publisher = publisher
        self._numbers = itertools.count()
        self.session: str = publisher.core.session_id
        """`header.session` of what the kernel sends."""

    @property
    def bsession(self) -> bytes:
        """`session` as bytes."""
        return self.session.encode()

    @property
    def key(self) -> bytes:
        """What messages are signed with."""
        return str(self._publisher.core.connection_info.get("key", "")).encode()

    @property
    def signature_scheme(self) -> str:
        """How messages are signed."""
        return str(self._publisher.core.connection_info.get("signature_scheme", "hmac-sha256"))

    def msg_header(self, msg_type: str) -> Message:
        """A new header."""
        return {
            "msg_id": f"{self.session}_{os.getpid()}_{next(self._numbers)}",
            "msg_type": msg_type,
            "username": self.username,
            "session": self.session,
            "date": datetime.now(UTC),
            "version": "5.5",
        }

    def msg(
        self,
        msg_type: str,
        content: Mapping[str, Any] | None = None,
        parent: Message | None = None,
        header: Message | None = None,
        metadata: Mapping[str, Any] | None = None,
    ) -> Message:
        """A message dict that `send` takes."""
        header = header or self.msg_header(msg_type)
        return {
            "header": header,
            "msg_id": header["msg_id"],
            "msg_type": header["msg_type"],
            "parent_header": (parent or {}).get("header", parent or {}),
            "content": dict(content or {}),
            "metadata": dict(metadata or {}),
        }

    def send(
        self,
        stream: object,
        msg_or_type: Message | str,
        content: Mapping[str, Any] | None = None,
        parent: Message | None = None,
        ident: bytes | Sequence[bytes] | None = None,
        buffers: Sequence[Buffer] | None = None,
        track: bool = False,
        header: Message | None = None,
        metadata: Mapping[str, Any] | None = None,
    ) -> Message:
        """Publish a message on IOPub and return it. `stream`, `track` and the header's own ids have no effect."""
        if isinstance(msg_or_type, str):
            message = self.msg(msg_or_type, content, parent, header, metadata)
        else:
            message = msg_or_type
            buffers = buffers or message.get("buffers")
        topic = ident[0] if isinstance(ident, (list, tuple)) and ident else ident
        token = self._adopt(message.get("parent_header"))
        try:
            self._publisher.publish(
                str(message["header"]["msg_type"]),
                message["content"],
                metadata=message.get("metadata"),
                buffers=tuple(buffers or ()),
                topic=topic if isinstance(topic, bytes) else None,
            )
        finally:
            if token is not None:
                parent_variable.reset(token)
        return message

    def _adopt(self, parent_header: Any) -> Any:
        request = self._publisher.messages.find(parent_header)
        return parent_variable.set(request) if request is not None else None
