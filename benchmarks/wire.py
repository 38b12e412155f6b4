"""Jupyter messages ↔ ZMQ frames. Knows no socket; requests are built before the clock starts."""

from __future__ import annotations

import hashlib
import hmac
import json
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, NamedTuple

DELIMITER = b"<IDS|MSG>"
LONGEST_STATUS = 100
"""Bytes of a status publication's content at most."""
Frames = list[bytes]


class Request(NamedTuple):
    """A signed request, ready for a DEALER."""

    msg_id: bytes
    frames: Frames


class Message(NamedTuple):
    """A decoded reply or publication."""

    msg_type: str
    parent_id: str | None
    content: dict[str, Any]
    buffers: Sequence[bytes]


@dataclass(slots=True)
class Signer:
    """Builds and checks signed frames for one connection."""

    key: bytes
    session_id: str = field(default_factory=lambda: uuid.uuid4().hex)
    _count: int = 0

    def sign(self, parts: Sequence[bytes]) -> bytes:
        """Hex HMAC over header, parent_header, metadata and content."""
        return hmac.new(self.key, b"".join(parts), hashlib.sha256).hexdigest().encode()

    def request(
        self, msg_type: str, content: Mapping[str, Any], buffers: Sequence[bytes] = ()
    ) -> Request:
        """Build one request with a msg_id of its own; never send it twice (replay window)."""
        self._count += 1
        msg_id = f"{self.session_id}_{self._count}"
        header = {
            "msg_id": msg_id,
            "msg_type": msg_type,
            "username": "benchmarks",
            "session": self.session_id,
            "date": datetime.now(UTC).isoformat().replace("+00:00", "Z"),
            "version": "5.4",
        }
        parts = [json.dumps(header).encode(), b"{}", b"{}", json.dumps(content).encode()]
        return Request(msg_id.encode(), [DELIMITER, self.sign(parts), *parts, *buffers])

    def decode(self, frames: Frames) -> Message:
        """Decode and check a received message; ValueError when the signature is wrong."""
        start = frames.index(DELIMITER)
        signature, parts, buffers = (
            frames[start + 1],
            frames[start + 2 : start + 6],
            frames[start + 6 :],
        )
        if not hmac.compare_digest(signature, self.sign(parts)):
            raise ValueError(f"wrong signature {signature!r}")
        header, parent_header, _, content = (json.loads(part) for part in parts)
        return Message(header["msg_type"], parent_header.get("msg_id"), content, buffers)


# The tests below run on the measured path: they look for bytes instead of decoding JSON.


def is_child(frames: Frames, request: Request) -> bool:
    """True when the parent_header names the request."""
    return request.msg_id + b'"' in frames[frames.index(DELIMITER) + 3]


def has_type(frames: Frames, msg_type: bytes) -> bool:
    """True when the header holds the quoted msg_type."""
    return b'"' + msg_type + b'"' in frames[frames.index(DELIMITER) + 2]


def is_idle(frames: Frames, request: Request) -> bool:
    """True for the status publication that ends the request. Of most messages the content's length says enough."""
    content = frames[frames.index(DELIMITER) + 5]
    return (
        len(content) <= LONGEST_STATUS
        and b'"idle"' in content
        and has_type(frames, b"status")
        and is_child(frames, request)
    )
