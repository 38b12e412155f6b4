"""A kernel client that costs little: blocking sockets, prepared frames, no JSON while the clock runs.

Every wait has a time limit and notices the kernel's death. Replies and publications are matched by
the parent's msg_id; what belongs to another request is dropped.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from types import TracebackType
from typing import Any, Self

import zmq

from benchmarks.connection import Connection
from benchmarks.errors import NoAnswerError, UnavailableError
from benchmarks.wire import Frames, Message, Request, Signer, has_type, is_child, is_idle

POLL_MS = 250
"""How long one receive blocks before the client looks whether the kernel still lives."""
RECONNECT_MS = 1
"""Sockets connect before the kernel binds; libzmq's own 100 ms would be measured as start-up."""
TIMEOUT = 60.0
"""Seconds any single answer may take unless the measure sets a tighter limit."""

Socket = zmq.Socket[bytes]


def take(socket: Socket, flags: int = 0) -> Frames:
    """Take one message off the socket, as `recv_multipart` does, in three fifths of its time.

    That asks the socket for an option after each frame, which costs as much as the frame. On two processors the time of
    the client is taken from the kernel, and it makes fast kernels look more alike than they are.
    """
    frame = socket.recv(flags, copy=False)
    frames = [frame.bytes]
    while frame.more:
        frame = socket.recv(copy=False)
        frames.append(frame.bytes)
    return frames


class Client:
    """One frontend on all five channels of one kernel."""

    def __init__(self, connection: Connection, check_alive: Callable[[], None]) -> None:
        """Connect all channels; `check_alive` raises KernelDiedError once the kernel has ended."""
        self.signer = Signer(connection.key.encode())
        self._check_alive = check_alive
        self._context: zmq.Context[Socket] = zmq.Context()
        identity = uuid.uuid4().hex.encode()
        self.shell = self._connect(zmq.DEALER, connection.url("shell"), identity)
        self.control = self._connect(zmq.DEALER, connection.url("control"), identity)
        self.stdin = self._connect(zmq.DEALER, connection.url("stdin"), identity)
        self.iopub = self._connect(zmq.SUB, connection.url("iopub"))
        self.hb = self._connect(zmq.REQ, connection.url("hb"))

    def _connect(self, kind: int, url: str, identity: bytes = b"") -> Socket:
        socket = self._context.socket(kind)
        socket.set_hwm(0)
        socket.linger = 0
        socket.rcvtimeo = POLL_MS
        socket.sndtimeo = int(TIMEOUT * 1000)
        socket.setsockopt(zmq.RECONNECT_IVL, RECONNECT_MS)
        if identity:
            socket.setsockopt(zmq.IDENTITY, identity)
        if kind == zmq.SUB:
            socket.setsockopt(zmq.SUBSCRIBE, b"")
        socket.connect(url)
        return socket

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._context.destroy(linger=0)

    # Building requests

    def request(
        self, msg_type: str, content: Mapping[str, Any], buffers: Sequence[bytes] = ()
    ) -> Request:
        """Build a signed request; do this before the clock starts."""
        return self.signer.request(msg_type, content, buffers)

    def execute_request(self, code: str, *, store_history: bool = False) -> Request:
        """Build an execute_request as a notebook sends it, without stdin."""
        content = {
            "code": code,
            "silent": False,
            "store_history": store_history,
            "user_expressions": {},
            "allow_stdin": False,
            "stop_on_error": True,
        }
        return self.request("execute_request", content)

    # Waiting

    def receive(self, socket: Socket, deadline: float) -> Frames:
        """Next message on the socket; `deadline` is a value of time.monotonic()."""
        while True:
            try:
                return take(socket)
            except zmq.Again:
                self._check_alive()
                if time.monotonic() > deadline:
                    raise NoAnswerError("no answer within the time limit") from None

    def reply(
        self, request: Request, *, socket: Socket | None = None, timeout: float = TIMEOUT
    ) -> Frames:
        """Wait for the request's reply, on shell unless told otherwise."""
        deadline = time.monotonic() + timeout
        while True:
            frames = self.receive(socket or self.shell, deadline)
            if is_child(frames, request):
                return frames
            _check_deadline(deadline)

    def idle(self, request: Request, *, timeout: float = TIMEOUT) -> None:
        """Wait until iopub says that the request is done."""
        deadline = time.monotonic() + timeout
        while not is_idle(self.receive(self.iopub, deadline), request):
            _check_deadline(deadline)

    def publications(self, request: Request, *, timeout: float = TIMEOUT) -> list[Frames]:
        """Everything the request published before its idle, undecoded."""
        deadline = time.monotonic() + timeout
        published = []
        while not is_idle(frames := self.receive(self.iopub, deadline), request):
            if is_child(frames, request):
                published.append(frames)
            _check_deadline(deadline)
        return published

    def publication(self, msg_type: bytes, *, timeout: float = TIMEOUT) -> Frames:
        """Wait for the next publication of this type, whatever its parent."""
        deadline = time.monotonic() + timeout
        while not has_type(frames := self.receive(self.iopub, deadline), msg_type):
            _check_deadline(deadline)
        return frames

    # Whole exchanges

    def round_trip(self, request: Request, *, timeout: float = TIMEOUT) -> Frames:
        """Send on shell, wait for the reply and for idle."""
        self.shell.send_multipart(request.frames)
        reply = self.reply(request, timeout=timeout)
        self.idle(request, timeout=timeout)
        return reply

    def run(self, code: str, *, timeout: float = TIMEOUT) -> list[Message]:
        """Run a cell that must succeed and return what it published. Not for the measured path."""
        request = self.execute_request(code)
        self.shell.send_multipart(request.frames)
        publications = self.publications(request, timeout=timeout)
        content = self.signer.decode(self.reply(request, timeout=timeout)).content
        if content["status"] != "ok":
            raise UnavailableError(f"cell failed: {content.get('ename')}: {content.get('evalue')}")
        return [self.signer.decode(frames) for frames in publications]

    def wait_ready(self, timeout: float = TIMEOUT) -> None:
        """Return once a kernel_info round trip has shown itself on shell and on iopub."""
        deadline = time.monotonic() + timeout
        while True:
            request = self.request("kernel_info_request", {})
            self.shell.send_multipart(request.frames)
            self.reply(request, timeout=timeout)
            try:
                # The clock of this wait is the subscription's way to the kernel.
                return self.idle(request, timeout=POLL_MS / 1000)
            except NoAnswerError:
                _check_deadline(deadline)


def _check_deadline(deadline: float) -> None:
    if time.monotonic() > deadline:
        raise NoAnswerError("no answer within the time limit")
