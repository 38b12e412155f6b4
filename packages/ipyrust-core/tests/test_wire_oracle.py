"""What `jupyter_client.session.Session` packs the engine takes, and what the engine packs `Session` takes."""

from __future__ import annotations

import hashlib
import hmac
import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ipyrust_core import wire_json

SCHEMES = [f"hmac-{name}" for name in ("md5", "sha1", "sha224", "sha256", "sha384", "sha512")]

# Session itself replaces lone surrogates, so text that it sends has none.
text = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | text
)
# Session turns strings that look like a date into one, in headers only; so content is compared as it is.
json_values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(text, inner, max_size=4),
    max_leaves=12,
)
objects = st.dictionaries(text, json_values, max_size=5)
buffers = st.lists(st.binary(max_size=200), max_size=3)

property_test = settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


def data_of(message: dict[str, Any]) -> list[bytes]:
    return [bytes(buffer) for buffer in message["buffers"]]


@property_test
@given(content=objects, metadata=objects, data=buffers)
def test_what_session_sends_is_taken_whole(long_wire, content, metadata, data):
    sent = long_wire.ask("execute_request", content, metadata=metadata, buffers=data)
    request = long_wire.taken()
    assert request.msg_id == sent["msg_id"]
    assert request.session_id == long_wire.session.session
    assert json.loads(request.content) == content
    assert json.loads(request.metadata) == metadata
    assert [bytes(buffer) for buffer in request.buffers] == data
    assert json.loads(request.header)["msg_type"] == "execute_request"


@property_test
@given(content=objects, metadata=objects, data=buffers)
def test_replies_are_taken_whole_by_session(long_wire, content, metadata, data):
    request = long_wire.request("execute_request", {})
    request.reply(wire_json.encode(content), metadata=wire_json.encode(metadata), buffers=data)
    reply = long_wire.receive("shell")
    assert reply["msg_type"] == "execute_reply"
    assert reply["parent_header"]["msg_id"] == request.msg_id
    assert (reply["content"], reply["metadata"]) == (content, metadata)
    assert data_of(reply) == data


@property_test
@given(content=objects, metadata=objects, data=buffers, topic=st.binary(min_size=1, max_size=20))
def test_publications_are_taken_whole_by_session(long_wire, content, metadata, data, topic):
    request = long_wire.request("execute_request", {})
    long_wire.core.publish(
        "display_data",
        wire_json.encode(content),
        parent=request,
        metadata=wire_json.encode(metadata),
        buffers=data,
        topic=topic,
    )
    long_wire.core.flush()
    frames = long_wire.sockets["iopub"].recv_multipart()
    assert frames[0] == topic
    message = long_wire.session.deserialize(frames[2:])
    assert message["parent_header"]["msg_id"] == request.msg_id
    assert (message["content"], message["metadata"]) == (content, metadata)
    assert data_of(message) == data


@property_test
@given(written=st.text(min_size=1, max_size=300))
def test_stream_text_arrives_as_it_was_written(long_wire, written):
    request = long_wire.request("execute_request", {})
    long_wire.core.write_stream("stdout", written, parent=request)
    long_wire.core.flush()
    message = long_wire.receive("iopub")
    assert message["content"] == {
        "name": "stdout",
        # Lone surrogates have no UTF-8; they are shown as escapes.
        "text": written.encode("utf-8", "backslashreplace").decode(),
    }


# Hypothesis also tries words that it finds in the sources, such as these.
known_stems = {"kernel_info", "connect", "interrupt", "shutdown", "execute", "complete"}
known_stems |= {"inspect", "is_complete", "history", "comm_info"}
unknown_stems = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20).filter(
    lambda stem: stem not in known_stems
)


@property_test
@given(msg_type=unknown_stems)
def test_unknown_types_are_answered_in_json(long_wire, msg_type):
    sent = long_wire.ask(f"{msg_type}_request")
    reply = long_wire.receive("shell")
    assert reply["msg_type"] == f"{msg_type}_reply"
    assert reply["content"]["ename"] == "UnknownMessageType"
    assert long_wire.transcript(sent["msg_id"]) == ["busy", "idle"]


@pytest.mark.parametrize("scheme", SCHEMES)
def test_signatures_are_those_of_hashlib(new_wire, scheme):
    wire = new_wire(signature_scheme=scheme, key="schlüssel")
    request = wire.request("execute_request", {"code": "é"})  # The engine took Session's signature.
    request.reply(b'{"status":"ok"}')
    _, digest, *parts = wire.sockets["shell"].recv_multipart()
    expected = hmac.new("schlüssel".encode(), b"".join(parts), getattr(hashlib, scheme[5:]))
    assert digest == expected.hexdigest().encode()


def test_without_a_key_the_signature_is_empty(new_wire):
    wire = new_wire(key="")
    wire.request("execute_request", {}).reply(b"{}")
    assert wire.sockets["shell"].recv_multipart()[1] == b""


def test_buffers_cross_without_a_copy_and_read_only(wire):
    request = wire.request("comm_msg", {"comm_id": "c"}, buffers=[b"x" * 100_000])
    (buffer,) = request.buffers
    assert (buffer.readonly, buffer.nbytes, buffer.format) == (True, 100_000, "B")


@pytest.mark.parametrize(
    "buffer",
    [
        bytearray(b"abcd"),
        memoryview(b"abcd"),
        memoryview(b"abcd").cast("H"),
        memoryview(b"aXbXcXdX")[::2],
    ],
    ids=["bytearray", "memoryview", "shorts", "strided"],
)
def test_buffers_of_other_kinds(wire, buffer):
    request = wire.request("execute_request", {})
    if not memoryview(buffer).contiguous:
        with pytest.raises(BufferError, match="contiguous"):
            request.reply(b"{}", buffers=[buffer])
        return
    request.reply(b"{}", buffers=[buffer])
    assert data_of(wire.receive("shell")) == [b"abcd"]


def test_jupyter_client_dates_are_understood(wire):
    request = wire.request("execute_request", {})
    request.reply(b"{}")
    reply = wire.receive("shell")
    assert reply["header"]["date"].utcoffset().total_seconds() == 0
    assert reply["header"]["version"] == "5.5"
    assert reply["parent_header"]["date"] == json_date(request.header)


def json_date(header: bytes) -> Any:
    from jupyter_client.jsonutil import extract_dates

    return extract_dates(json.loads(header))["date"]
