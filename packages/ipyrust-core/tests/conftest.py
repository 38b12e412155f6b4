"""A core in this process and a client of it: pyzmq's sockets and jupyter_client's `Session`, over real addresses."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
import zmq
from jupyter_client.session import Session

from ipyrust_core import KernelCore, Request

PATIENCE_MS = 20_000
"""Longer than anything here takes on a busy machine; only a failing test waits so long."""

KERNEL_INFO = b'{"status":"ok"}'


class Wire:
    """One core and one client. The client's subscription is known to the core before the constructor returns."""

    def __init__(self, directory: Path, **fields: Any) -> None:
        self.directory = directory
        path = directory / "connection.json"
        path.write_text(json.dumps({"transport": "tcp", "key": "sesame", **fields}))
        with open(directory / "log", "wb") as log:
            self.core = KernelCore(str(path), kernel_info=KERNEL_INFO, log_fd=log.fileno())
        info = self.core.connection_info
        self.session = Session(
            key=info["key"].encode(), signature_scheme=info["signature_scheme"], check_pid=False
        )
        self.context = zmq.Context()
        self.sockets = {
            name: self._connect(kind, f"tcp://{info['ip']}:{info[f'{name}_port']}")
            for name, kind in [
                ("shell", zmq.DEALER),
                ("control", zmq.DEALER),
                ("stdin", zmq.DEALER),
                ("iopub", zmq.SUB),
            ]
        }
        assert [self.receive("iopub")["msg_type"] for _ in range(2)] == ["iopub_welcome", "status"]

    def _connect(self, kind: int, address: str) -> zmq.Socket[bytes]:
        socket = self.context.socket(kind)
        socket.linger = 0
        socket.rcvtimeo = PATIENCE_MS
        if kind == zmq.SUB:
            socket.subscribe(b"")
        else:
            socket.identity = self.session.bsession
        socket.connect(address)
        return socket

    def ask(
        self,
        msg_type: str,
        content: Any = None,
        *,
        channel: str = "shell",
        metadata: Any = None,
        buffers: Sequence[bytes] = (),
    ) -> dict[str, Any]:
        """Send a request as jupyter_client does, and return it."""
        message = self.session.msg(msg_type, content=content, metadata=metadata)
        self.sockets[channel].send_multipart([*self.session.serialize(message), *buffers])
        return message

    def ask_raw(self, msg_type: str, content: bytes, metadata: bytes = b"{}") -> None:
        """Send a request whose content and metadata need not be JSON objects."""
        header = json.dumps(self.session.msg_header(msg_type), default=str).encode()
        parts = [header, b"{}", metadata, content]
        self.sockets["shell"].send_multipart([b"<IDS|MSG>", self.session.sign(parts), *parts])

    def request(self, msg_type: str, content: Any = None, **more: Any) -> Request:
        """Send a request and take it off the core's queue."""
        self.ask(msg_type, content, **more)
        return self.taken()

    def taken(self) -> Request:
        """The next request for the main thread."""
        request = self.core.shell.get(timeout=PATIENCE_MS / 1000)
        assert request is not None, "no request arrived"
        return request

    def receive(self, channel: str) -> dict[str, Any]:
        """The next message, checked and decoded by `Session`."""
        frames = self.sockets[channel].recv_multipart()
        _, rest = self.session.feed_identities(frames)
        return self.session.deserialize(rest)

    def transcript(self, msg_id: str) -> list[str]:
        """What is published for a request until its idle: states of `status`, types of everything else."""
        seen: list[str] = []
        while "idle" not in seen:
            message = self.receive("iopub")
            if message["parent_header"].get("msg_id") == msg_id:
                content, msg_type = message["content"], message["msg_type"]
                seen.append(content["execution_state"] if msg_type == "status" else msg_type)
        return seen

    def close(self) -> None:
        """Close the core and the client."""
        self.core.close(0.1)
        self.context.destroy(linger=0)


@pytest.fixture
def new_wire(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Wire]]:
    """Make a `Wire` with these fields in its connection file."""
    wires: list[Wire] = []

    def make(**fields: Any) -> Wire:
        wires.append(Wire(tmp_path_factory.mktemp("wire"), **fields))
        return wires[-1]

    yield make
    for wire in wires:
        wire.close()


@pytest.fixture
def wire(new_wire: Callable[..., Wire]) -> Wire:
    """A `Wire` on loopback tcp with a key."""
    return new_wire()


@pytest.fixture(scope="module")
def long_wire(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Wire]:
    """One `Wire` for all examples of a property test."""
    wire = Wire(tmp_path_factory.mktemp("wire"))
    yield wire
    wire.close()
