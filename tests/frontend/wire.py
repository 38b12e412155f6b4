"""The wire format as the frontend speaks it: frames ↔ message, signature made and checked.

Written without jupyter_client, which serves as an oracle in `wire/test_oracle.py`.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

DELIMITER = b"<IDS|MSG>"
PROTOCOL_VERSION = "5.4"

Json = dict[str, Any]


@dataclass(frozen=True)
class Message:
    """One message as received: checked signature, decoded JSON."""

    channel: str
    identities: tuple[bytes, ...]
    header: Json
    parent_header: Json
    metadata: Json
    content: Json
    buffers: tuple[bytes, ...] = ()

    @property
    def msg_type(self) -> str:
        """`header.msg_type`."""
        return self.header["msg_type"]

    @property
    def topic(self) -> bytes:
        """The frame that iopub subscriptions are matched with."""
        return self.identities[0] if self.identities else b""

    def __str__(self) -> str:
        """One line for a failed transcript."""
        content = repr(self.content)
        return f"{self.msg_type} {content if len(content) < 300 else content[:300] + '…'}"


class Signer:
    """The key of one connection, and what it signs."""

    def __init__(self, key: str, scheme: str = "hmac-sha256") -> None:
        self.key = key.encode()
        self.digest = getattr(hashlib, scheme.removeprefix("hmac-"))

    def sign(self, parts: Sequence[bytes]) -> bytes:
        """Hex digest over the four JSON frames; empty without a key."""
        if not self.key:
            return b""
        return hmac.new(self.key, b"".join(parts), self.digest).hexdigest().encode()

    def frames(self, parts: Sequence[bytes], buffers: Sequence[bytes] = ()) -> list[bytes]:
        """Delimiter, signature, the four parts and the buffers."""
        return [DELIMITER, self.sign(parts), *parts, *buffers]

    def pack(
        self,
        header: Mapping[str, Any],
        content: Any,
        *,
        parent_header: Mapping[str, Any] | None = None,
        metadata: Mapping[str, Any] | None = None,
        buffers: Sequence[bytes] = (),
    ) -> list[bytes]:
        """All frames of one message, signed."""
        parts = [encode(part) for part in (header, parent_header or {}, metadata or {}, content)]
        return self.frames(parts, buffers)

    def unpack(self, channel: str, frames: Sequence[bytes]) -> Message:
        """Read one message; an AssertionError says what is wrong with it."""
        assert DELIMITER in frames, f"no delimiter on {channel}: {frames!r:.300}"
        start = list(frames).index(DELIMITER)
        identities, rest = tuple(frames[:start]), list(frames[start + 1 :])
        assert len(rest) >= 5, f"only {len(rest)} frames after the delimiter on {channel}"
        signature, parts, buffers = rest[0], rest[1:5], tuple(rest[5:])
        assert hmac.compare_digest(signature, self.sign(parts)), f"wrong signature on {channel}"
        header, parent_header, metadata, content = (json.loads(part) for part in parts)
        return Message(channel, identities, header, parent_header, metadata, content, buffers)


def encode(value: Any) -> bytes:
    """JSON as compact UTF-8; lone surrogates stay escaped."""
    try:
        return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
    except UnicodeEncodeError:
        return json.dumps(value, separators=(",", ":")).encode()


def new_header(msg_type: str, session_id: str, **extra: Any) -> Json:
    """A header with a fresh msg_id; `extra` adds fields or replaces them."""
    return {
        "msg_id": uuid.uuid4().hex,
        "msg_type": msg_type,
        "session": session_id,
        "username": "tester",
        "date": datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z"),
        "version": PROTOCOL_VERSION,
        **extra,
    }
