"""Buffers between Python and the wire: what is copied, what is not, and that it arrives as it was at the call."""

from __future__ import annotations

import ctypes
import sys
import time
from array import array
from collections.abc import Callable
from typing import Any

import pytest

PATIENCE = 20.0
"""Seconds; only a failing test waits so long."""

SIZES = [1, 1000, 100_000, 2_000_000, 4 << 20, 5_000_001]
"""Around every size at which buffers are treated another way."""


def pattern(size: int) -> bytes:
    return bytes(range(251)) * (size // 251) + bytes(size % 251)


def replied(wire: Any, *buffers: Any) -> list[bytes]:
    """The buffers of a reply, as the client sees them."""
    wire.request("execute_request", {}).reply(b"{}", buffers=buffers)
    return [bytes(buffer) for buffer in wire.receive("shell")["buffers"]]


def wait_until(done: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + PATIENCE
    while not done():
        assert time.monotonic() < deadline, what
        time.sleep(0.005)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview, lambda data: array("b", data)])
def test_content_arrives(wire, kind, size):
    assert replied(wire, kind(pattern(size))) == [pattern(size)]


@pytest.mark.parametrize("size", SIZES)
def test_what_is_changed_after_the_call_arrives_as_it_was(wire, size):
    changing = bytearray(pattern(size))
    wire.request("execute_request", {}).reply(b"{}", buffers=[changing])
    changing[:] = bytes(size)
    (received,) = wire.receive("shell")["buffers"]
    assert received == pattern(size)


def test_a_read_only_view_of_something_that_changes_is_copied(wire):
    changing = bytearray(pattern(100_000))
    wire.request("execute_request", {}).reply(b"{}", buffers=[memoryview(changing).toreadonly()])
    changing[:] = bytes(100_000)
    (received,) = wire.receive("shell")["buffers"]
    assert received == pattern(100_000)


@pytest.mark.parametrize(
    "empty",
    [b"", bytearray(), memoryview(b""), memoryview(b"abc")[3:], array("d"), (ctypes.c_int * 0)()],
    ids=["bytes", "bytearray", "memoryview", "slice", "array", "ctypes"],
)
def test_empty_buffers(wire, empty):
    assert replied(wire, empty, b"behind") == [b"", b"behind"]


def test_many_buffers_keep_their_order(wire):
    sent = [b"%d" % i * (i % 7) for i in range(2000)]
    assert replied(wire, *sent) == sent


def test_items_of_any_shape_and_type(wire):
    class Point(ctypes.Structure):
        _fields_ = (("x", ctypes.c_int16), ("y", ctypes.c_int16))

    square = memoryview(bytes(range(16))).cast("B", (4, 4))
    points = (Point * 2)((1, 2), (3, 4))
    assert replied(wire, square, points) == [bytes(range(16)), bytes(points)]


@pytest.mark.parametrize("size", [1000, 100_000])
def test_a_received_frame_is_refused_when_it_is_turned_round(wire, size):
    (frame,) = wire.request("comm_msg", {"comm_id": "c"}, buffers=[pattern(size)]).buffers
    request = wire.request("execute_request", {})
    for view in [frame[::-1], frame[::2]]:
        with pytest.raises(BufferError, match="contiguous"):
            request.reply(b"{}", buffers=[view])
    request.reply(b"{}", buffers=[frame, frame[1:], frame[:0], frame.toreadonly()])
    received = [bytes(buffer) for buffer in wire.receive("shell")["buffers"]]
    assert received == [pattern(size), pattern(size)[1:], b"", pattern(size)]


@pytest.mark.parametrize("wrong", [1, "text", None])
def test_what_is_no_buffer_is_refused(wire, wrong):
    request = wire.request("execute_request", {})
    with pytest.raises(TypeError, match="bytes-like"):
        request.reply(b"{}", buffers=[wrong])
    assert not request.is_replied


@pytest.mark.parametrize("make", [lambda data: data, memoryview], ids=["bytes", "memoryview"])
def test_large_bytes_are_lent_and_given_back(wire, make):
    large = pattern(5_000_000)
    before = sys.getrefcount(large)
    request = wire.request("execute_request", {})
    request.reply(b"{}", buffers=[make(large)])
    assert sys.getrefcount(large) == before + 1
    (received,) = wire.receive("shell")["buffers"]
    assert received == large
    # The thread that sent them has no GIL; whoever calls the module next gives them back.
    wait_until(
        lambda: bool(request.msg_id) and sys.getrefcount(large) == before,
        "the bytes were not given back",
    )


@pytest.mark.parametrize(
    "other",
    [
        lambda large: large[:1000],
        lambda large: bytearray(large),
        lambda large: memoryview(large)[1:],
    ],
    ids=["small", "bytearray", "part"],
)
def test_other_objects_are_not_kept(wire, other):
    large = pattern(5_000_000)
    buffer = other(large)
    before = sys.getrefcount(buffer), sys.getrefcount(large)
    wire.request("execute_request", {}).reply(b"{}", buffers=[buffer])
    assert (sys.getrefcount(buffer), sys.getrefcount(large)) == before
    wire.receive("shell")


@pytest.mark.parametrize("make", [lambda data: data, memoryview], ids=["itself", "memoryview"])
def test_bytes_with_an_end_of_their_own_are_not_kept(wire, make):
    """Their `__del__` would run where they are sent, under the locks of the engine."""

    class Ending(bytes):
        def __del__(self) -> None:
            ended.append(True)

    ended: list[bool] = []
    sent = [make(Ending(pattern(100_000)))]
    wire.request("execute_request", {}).reply(b"{}", buffers=sent)
    sent.clear()
    assert ended == [True]
    (received,) = wire.receive("shell")["buffers"]
    assert received == pattern(100_000)


def test_large_content_is_lent_and_given_back(wire):
    content = b'{"text":"' + b"x" * 100_000 + b'"}'
    before = sys.getrefcount(content)
    request = wire.request("execute_request", {})
    request.reply(content)
    assert wire.receive("shell")["content"] == {"text": "x" * 100_000}
    wait_until(
        lambda: bool(request.msg_id) and sys.getrefcount(content) == before,
        "the content was not given back",
    )
