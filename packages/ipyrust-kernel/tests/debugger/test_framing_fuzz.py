"""Whatever bytes a debug adapter sends: messages or one kind of error, and the same ones however they are cut."""

import json
from collections.abc import Sequence
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from ipyrust.debugger.framing import MAX_CONTENT_BYTES, Decoder, FramingError, encode

repeatable = settings(max_examples=100, deadline=None, derandomize=True)

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=10,
)
MESSAGE = st.dictionaries(st.text(), JSON, max_size=4)
PIECE = st.one_of(
    st.builds(encode, MESSAGE),
    st.binary(max_size=40),
    st.sampled_from(
        [
            b"\r\n\r\n",
            b"\r\n",
            b"Content-Length: ",
            b"content-LENGTH:0\r\n\r\n",
            b"Content-Length: 5\r\n\r\n[1,2]",
            b"Content-Length: -1\r\n\r\n",
            b"Content-Length: 1_0\r\n\r\n",
            b"Content-Length: \xb2\r\n\r\n",
            b"Content-Length: %d\r\n\r\n" % (MAX_CONTENT_BYTES + 1),
            b"Content-Length: 3\r\n\r\nNaN",
            b"Content-Length: 2\r\n\r\n{}",
            b"Content-Length: 7\r\n\r\n" + b"[" * 7,
            b"x" * 5_000,
        ]
    ),
)


def outcome(chunks: Sequence[bytes]) -> tuple[list[str], bool]:
    """The messages, as text because NaN is not itself, and whether an error ended them."""
    decoder, messages = Decoder(), []
    try:
        for chunk in chunks:
            messages.extend(json.dumps(message) for message in decoder.feed(chunk))
    except FramingError:
        return messages, True
    return messages, False


@repeatable
@given(st.lists(PIECE, max_size=6), st.lists(st.integers(0, 6_000), max_size=6))
def test_cuts_change_nothing(pieces: list[bytes], cuts: list[int]) -> None:
    stream = b"".join(pieces)
    ends = [0, *sorted(cut % (len(stream) + 1) for cut in cuts), len(stream)]
    chunks = [stream[start:end] for start, end in pairwise(ends)]
    whole, bytewise = outcome([stream]), outcome([bytes([byte]) for byte in stream])
    assert outcome(chunks) == whole == bytewise


@repeatable
@given(st.lists(MESSAGE, max_size=4))
def test_what_is_encoded_is_decoded(messages: list[dict]) -> None:
    decoder = Decoder()
    decoded = list(decoder.feed(b"".join(map(encode, messages))))
    assert decoded == [json.loads(json.dumps(message)) for message in messages]


@repeatable
@given(st.lists(MESSAGE, min_size=1, max_size=3), st.integers(0), st.binary(max_size=3))
def test_a_damaged_stream_is_read_or_refused(messages: list[dict], at: int, damage: bytes) -> None:
    stream = b"".join(map(encode, messages))
    at %= len(stream)
    read, _ = outcome([stream[:at] + damage + stream[at + 1 :]])
    before = outcome([stream[:at]])[0]
    assert read[: len(before)] == before, "what came before is not changed by it"
