"""One DAP connection: requests get numbers of our own, replies find their request by number, events are handed on.

A thread reads for as long as the connection is open. Replies with a callback, and events, are handled on that thread,
so what they do must not wait for another reply.
"""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable, Mapping
from typing import Any

from ipyrust.debugger.framing import Decoder, FramingError, Json, encode
from ipyrust.debugger.hidden_threads import hide

log = logging.getLogger("ipyrust")

CHUNK_BYTES = 65536
MAX_PENDING = 1000
"""Requests under way at once."""


class DebuggerGoneError(Exception):
    """The connection ended before the reply came."""


class ReplyTimeoutError(Exception):
    """No reply within the time allowed."""


class Waiter:
    """One thread's wait for one reply."""

    def __init__(self) -> None:
        self._done = threading.Event()
        self._reply: Json | None = None

    def __call__(self, reply: Json | None) -> None:
        """Take the reply, on the reading thread."""
        self._reply = reply
        self._done.set()

    def wait(self, timeout: float) -> Json:
        """The reply. Raises ReplyTimeoutError or DebuggerGoneError."""
        if not self._done.wait(timeout):
            raise ReplyTimeoutError(f"no answer within {timeout:g} s")
        if self._reply is None:
            raise DebuggerGoneError("the debugger's connection ended")
        return self._reply


OnReply = Callable[["Json | None"], None]


class Connection:
    """Speaks DAP over two file descriptors, which it closes in the end."""

    def __init__(
        self,
        read_fd: int,
        write_fd: int,
        *,
        on_event: Callable[[Json], None],
        on_close: Callable[[], None],
    ) -> None:
        self._read_fd, self._write_fd = read_fd, write_fd
        self._on_event, self._on_close = on_event, on_close
        self._pending: dict[int, OnReply] = {}
        self._last_seq = 0
        self._closed = False
        self._lock = threading.Lock()
        self._write_lock = threading.Lock()
        self._reader = hide(threading.Thread(target=self._read, name="ipyrust-debug", daemon=True))
        self._reader.start()

    def request(self, command: str, arguments: Mapping[str, Any] | None, timeout: float) -> Json:
        """Send a request and wait at most `timeout` seconds for its reply.

        Raises:
            ReplyTimeoutError: no reply came in time; a late one is dropped.
            DebuggerGoneError: the connection ended.
        """
        waiter = Waiter()
        seq = self.send(command, arguments, waiter)
        try:
            return waiter.wait(timeout)
        except ReplyTimeoutError as error:
            raise ReplyTimeoutError(f"{command}: {error}") from None
        finally:
            self._pending.pop(seq, None)

    def send(self, command: str, arguments: Mapping[str, Any] | None, on_reply: OnReply) -> int:
        """Send a request; `on_reply` gets the reply, or None when the connection ends first. Returns its number."""
        message: Json = {"type": "request", "command": command}
        if arguments is not None:
            message["arguments"] = arguments
        with self._lock:
            if self._closed:
                raise DebuggerGoneError("the debugger's connection has ended")
            if len(self._pending) >= MAX_PENDING:
                raise DebuggerGoneError(f"{MAX_PENDING} requests are unanswered")
            self._last_seq += 1
            seq = message["seq"] = self._last_seq
            self._pending[seq] = on_reply
        try:
            self._write(encode(message))
        except OSError as error:
            self._pending.pop(seq, None)
            raise DebuggerGoneError(f"cannot write to the debugger: {error}") from error
        return seq

    def close_writing(self) -> None:
        """Tell the peer that nothing more will come; it ends, and the reading thread with it."""
        with self._write_lock:
            if self._write_fd >= 0:
                os.close(self._write_fd)
                self._write_fd = -1

    def join(self, timeout: float) -> bool:
        """Wait for the reading thread's end; True if it has ended, or is the caller."""
        if self._reader is not threading.current_thread():
            self._reader.join(timeout)
            return not self._reader.is_alive()
        return True

    def _write(self, data: bytes) -> None:
        with self._write_lock:
            if self._write_fd < 0:
                raise BrokenPipeError("closed")
            view = memoryview(data)
            while view:
                view = view[os.write(self._write_fd, view) :]

    def _read(self) -> None:
        decoder = Decoder()
        try:
            while data := os.read(self._read_fd, CHUNK_BYTES):
                for message in decoder.feed(data):
                    self._handle(message)
        except (OSError, FramingError) as error:
            log.warning("the debugger's connection is unusable: %s", error)
        finally:
            self._end()

    def _handle(self, message: Json) -> None:
        try:
            if message.get("type") == "event":
                self._on_event(message)
            elif message.get("type") == "response":
                on_reply = self._pending.pop(message.get("request_seq", 0), None)
                if on_reply is not None:
                    on_reply(message)
        except Exception:
            log.exception("a message of the debugger could not be handled")

    def _end(self) -> None:
        with self._lock:
            self._closed = True
        self.close_writing()
        os.close(self._read_fd)
        for seq in list(self._pending):
            on_reply = self._pending.pop(seq, None)
            if on_reply is not None:
                on_reply(None)
        self._on_close()
