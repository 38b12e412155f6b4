"""DAP messages from bytes, however they are cut."""

import json

import pytest

from ipyrust.debugger import framing
from ipyrust.debugger.framing import Decoder, FramingError, encode

MESSAGES = [
    {"seq": 1, "type": "event", "event": "output"},
    {"seq": 2, "body": {"content": "größe = '世界🦀'\n" * 3}},
    {},
]
STREAM = b"".join(map(encode, MESSAGES))


def decode(*chunks: bytes) -> list[dict]:
    decoder = Decoder()
    return [message for chunk in chunks for message in decoder.feed(chunk)]


def test_length_counts_bytes() -> None:
    header, _, content = encode({"text": "世界"}).partition(b"\r\n\r\n")
    assert header == b"Content-Length: %d" % len(content)
    assert len(content) > len(content.decode())


@pytest.mark.parametrize("size", [1, 2, 3, 7, 64, len(STREAM)])
def test_messages_survive_every_cut(size: int) -> None:
    chunks = [STREAM[start : start + size] for start in range(0, len(STREAM), size)]
    assert decode(*chunks) == MESSAGES


def test_other_header_lines_and_any_case() -> None:
    content = b'{"a":1}'
    header = b"Content-Type: application/json\r\ncontent-length:%d\r\n\r\n" % len(content)
    assert decode(header + content) == [{"a": 1}]


def test_header_like_text_in_a_message_is_text() -> None:
    message = {"text": "Content-Length: 5\r\n\r\nhello"}
    assert decode(encode(message) * 2) == [message, message]


def test_lone_surrogates_can_be_sent() -> None:
    (message,) = decode(encode({"text": "\ud800"}))
    assert json.dumps(message)


@pytest.mark.parametrize(
    "data",
    [
        b"Content-Length: -1\r\n\r\n",
        b"Content-Length: 1e3\r\n\r\n",
        b"Content-Length: %d\r\n\r\n" % (framing.MAX_CONTENT_BYTES + 1),
        b"Content-Length: \r\n\r\n",
        b"Something: 1\r\n\r\n",
        b"x" * framing.MAX_HEADER_BYTES,
        b"Content-Length: 2\r\n\r\n[]",
        b"Content-Length: 2\r\n\r\n{]",
        b"Content-Length: 2\r\n\r\n\xff\xff",
    ],
)
def test_what_is_no_message_is_refused(data: bytes) -> None:
    with pytest.raises(FramingError):
        decode(data)


def test_an_unfinished_message_is_awaited() -> None:
    assert decode(STREAM[:-1]) == MESSAGES[:-1]
    assert decode(b"x" * (framing.MAX_HEADER_BYTES - 1)) == []
