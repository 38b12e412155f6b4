"""Bytes ↔ messages of the Debug Adapter Protocol. No I/O.

A message is a header of ASCII lines, an empty line, and as many *bytes* of JSON as `Content-Length` says. Frames
arrive cut anywhere.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

MAX_HEADER_BYTES = 4096
MAX_CONTENT_BYTES = 256 * 1024 * 1024

Json = dict[str, Any]


class FramingError(ValueError):
    """The peer sent what is no DAP message; the connection cannot be used any more."""


def encode(message: Mapping[str, Any]) -> bytes:
    """One message as bytes."""
    content = json.dumps(message, ensure_ascii=False, default=str, separators=(",", ":"))
    data = content.encode("utf-8", "backslashreplace")
    return b"Content-Length: %d\r\n\r\n%b" % (len(data), data)


class Decoder:
    """Collects bytes until they make messages; holds at most one unfinished message."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._length: int | None = None

    def feed(self, data: bytes) -> Iterator[Json]:
        """Take bytes and yield the messages that are complete now.

        Raises:
            FramingError: a header is malformed or too long, a message is too long or no JSON object.
        """
        self._buffer += data
        while (content := self._next()) is not None:
            yield decode_content(content)

    def _next(self) -> bytes | None:
        if self._length is None:
            end = self._buffer.find(b"\r\n\r\n", 0, MAX_HEADER_BYTES)
            if end < 0:
                if len(self._buffer) >= MAX_HEADER_BYTES:
                    raise FramingError(f"no end of a header within {MAX_HEADER_BYTES} bytes")
                return None
            self._length = content_length(bytes(self._buffer[:end]))
            del self._buffer[: end + 4]
        if len(self._buffer) < self._length:
            return None
        content = bytes(self._buffer[: self._length])
        del self._buffer[: self._length]
        self._length = None
        return content


def content_length(header: bytes) -> int:
    """The number in a header's `Content-Length` line."""
    for line in header.split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.strip().lower() == b"content-length":
            digits = value.strip()
            if digits.isdigit() and len(digits) < 12 and int(digits) <= MAX_CONTENT_BYTES:
                return int(digits)
            raise FramingError(f"Content-Length is {digits[:40]!r}; at most {MAX_CONTENT_BYTES}")
    raise FramingError(f"no Content-Length in the header {header[:80]!r}")


def decode_content(content: bytes) -> Json:
    """The JSON object of one message."""
    try:
        message = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise FramingError(f"a message is no JSON: {error}") from error
    if not isinstance(message, dict):
        raise FramingError(f"a message is a {type(message).__name__}, not an object")
    return message
