"""Requests and replies over two pipes, with the test as debugger."""

import os
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from ipyrust.debugger.connection import Connection, DebuggerGoneError, ReplyTimeoutError
from ipyrust.debugger.framing import Decoder, encode


class Peer:
    """The other side of a connection."""

    def __init__(self) -> None:
        self.read_fd, kernel_writes = os.pipe()
        kernel_reads, self.write_fd = os.pipe()
        self.events: list[dict] = []
        self.closed = threading.Event()
        self.decoder = Decoder()
        self.connection = Connection(
            kernel_reads, kernel_writes, on_event=self.events.append, on_close=self.closed.set
        )

    def receive(self, count: int) -> list[dict]:
        found: list[dict] = []
        while len(found) < count:
            found += self.decoder.feed(os.read(self.read_fd, 65536))
        return found

    def send(self, **message: object) -> None:
        os.write(self.write_fd, encode(message))

    def reply(self, request: dict, **fields: object) -> None:
        self.send(type="response", request_seq=request["seq"], success=True, **fields)

    def close(self) -> None:
        for fd in (self.write_fd, self.read_fd):
            try:
                os.close(fd)
            except OSError:
                pass


@pytest.fixture
def peer() -> Iterator[Peer]:
    peer = Peer()
    yield peer
    peer.close()
    assert peer.closed.wait(5)
    assert peer.connection.join(5)


def test_replies_find_their_request_in_any_order(peer: Peer) -> None:
    with ThreadPoolExecutor(3) as pool:
        asked = {n: pool.submit(peer.connection.request, f"c{n}", {"n": n}, 5) for n in range(3)}
        for request in reversed(peer.receive(3)):
            peer.reply(request, body=request["arguments"])
        assert {n: future.result()["body"]["n"] for n, future in asked.items()} == {
            0: 0,
            1: 1,
            2: 2,
        }


def test_events_and_stray_replies_do_not_answer_a_request(peer: Peer) -> None:
    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(peer.connection.request, "threads", None, 5)
        (request,) = peer.receive(1)
        assert "arguments" not in request
        peer.send(type="event", event="stopped", seq=1)
        peer.send(type="response", request_seq=999, success=True)
        peer.send(type="response")
        peer.reply(request, body="right")
        assert asked.result()["body"] == "right"
    assert [event["event"] for event in peer.events] == ["stopped"]


def test_no_reply_is_an_error_and_a_late_one_is_dropped(peer: Peer) -> None:
    with pytest.raises(ReplyTimeoutError, match=r"slow: no answer within 0\.01 s"):
        peer.connection.request("slow", None, 0.01)
    (late,) = peer.receive(1)
    peer.reply(late, body="late")
    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(peer.connection.request, "next", None, 5)
        peer.reply(peer.receive(1)[0], body="next")
        assert asked.result()["body"] == "next"


def test_the_end_wakes_who_waits(peer: Peer) -> None:
    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(peer.connection.request, "threads", None, 5)
        peer.receive(1)
        peer.close()
        with pytest.raises(DebuggerGoneError):
            asked.result()
    with pytest.raises(DebuggerGoneError):
        peer.connection.request("threads", None, 5)


def test_nonsense_ends_the_connection(peer: Peer) -> None:
    os.write(peer.write_fd, b"nonsense\r\n\r\n")
    assert peer.closed.wait(5)


def test_a_failing_event_handler_does_not_end_the_connection(peer: Peer) -> None:
    peer.connection._on_event = {}.__getitem__  # type: ignore[assignment]
    peer.send(type="event", event="x")
    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(peer.connection.request, "threads", None, 5)
        peer.reply(peer.receive(1)[0])
        assert asked.result()["success"]


def test_closing_tells_the_peer(peer: Peer) -> None:
    peer.connection.close_writing()
    assert os.read(peer.read_fd, 1) == b""
    with pytest.raises(DebuggerGoneError):
        peer.connection.request("threads", None, 5)


def test_the_reading_thread_is_hidden_from_debuggers(peer: Peer) -> None:
    (reader,) = (thread for thread in threading.enumerate() if thread.name == "ipyrust-debug")
    assert reader.pydev_do_not_trace and reader.is_pydev_daemon_thread  # type: ignore[attr-defined]
