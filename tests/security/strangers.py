"""Clients that must get nothing, and what the system says about a process's listening sockets."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import zmq

from frontend import Frontend
from frontend.wire import new_header

SILENCE_MS = 300
"""How long nothing must come; what would come, comes in a few milliseconds."""
KINDS = {
    "shell": zmq.DEALER,
    "control": zmq.DEALER,
    "stdin": zmq.DEALER,
    "iopub": zmq.SUB,
    "hb": zmq.REQ,
}
Keys = Callable[[zmq.Socket[bytes], Mapping[str, Any]], None]


def plain(socket: zmq.Socket[bytes], connection: Mapping[str, Any]) -> None:
    """No encryption."""


def wrong_server_key(socket: zmq.Socket[bytes], connection: Mapping[str, Any]) -> None:
    """Encryption for a server that this kernel is not."""
    socket.curve_publickey, socket.curve_secretkey = zmq.curve_keypair()
    socket.curve_serverkey, _ = zmq.curve_keypair()


def heartbeats_key(socket: zmq.Socket[bytes], connection: Mapping[str, Any]) -> None:
    """The server's public key and a pair of the client's own, as jupyter_client's heartbeat has them."""
    socket.curve_publickey, socket.curve_secretkey = zmq.curve_keypair()
    socket.curve_serverkey = connection["curve_publickey"].encode()


def answers(frontend: Frontend, keys: Keys) -> dict[str, bool]:
    """Which channels say anything to a client with these keys that signs its requests as it should.

    All five sockets wait at the same time. A silent one cannot be told from a slow one, so an honest exchange follows
    the requests: what the kernel answers, it answers in order.
    """
    sockets: dict[str, zmq.Socket[bytes]] = {}
    try:
        for channel, kind in KINDS.items():
            socket = sockets[channel] = zmq.Context.instance().socket(kind)
            socket.linger = 0
            keys(socket, frontend.connection)
            if kind == zmq.SUB:
                socket.subscribe(b"")
            socket.connect(frontend.url(channel))
        for channel in ("shell", "control"):
            header = new_header("kernel_info_request", "stranger")
            _offer(sockets[channel], frontend.signer.pack(header, {}))
        _offer(sockets["hb"], [b"ping"])
        frontend.run("'honest'")
        return {channel: bool(socket.poll(SILENCE_MS)) for channel, socket in sockets.items()}
    finally:
        for socket in sockets.values():
            socket.close()


def _offer(socket: zmq.Socket[bytes], frames: list[bytes]) -> None:
    """Send, unless the kernel has hung up already: then there is nobody to send to, and never an answer."""
    with suppress(zmq.Again):
        socket.send_multipart(frames, zmq.NOBLOCK)


def listening(pid: int) -> set[tuple[str, int]]:
    """The addresses on which a process listens for TCP, as (address in hex, port). Linux."""
    inodes = {
        os.readlink(link).removeprefix("socket:[").removesuffix("]")
        for link in Path(f"/proc/{pid}/fd").iterdir()
        if link.is_symlink()
    }
    found = set()
    for table in ("tcp", "tcp6"):
        path = Path("/proc/net") / table
        for line in path.read_text().splitlines()[1:] if path.exists() else ():
            fields = line.split()
            address, _, port = fields[1].partition(":")
            if fields[3] == "0A" and fields[9] in inodes:
                found.add((address, int(port, 16)))
    return found


def children(pid: int) -> list[int]:
    """The processes that a process has started and that run. Linux."""
    tasks = Path(f"/proc/{pid}/task").iterdir()
    return [int(child) for task in tasks for child in (task / "children").read_text().split()]
