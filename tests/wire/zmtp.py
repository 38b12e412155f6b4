"""ZMTP 3.0 by hand, for peers that break off, announce too much, or send a byte at a time."""

from __future__ import annotations

import socket
from typing import Any

from frontend import DEADLINE

SIGNATURE = b"\xff" + bytes(8) + b"\x7f"
GREETING = SIGNATURE + b"\x03\x00" + b"NULL".ljust(20, b"\0") + b"\0" + bytes(31)
LONG_FRAME = b"\x02"


def connect(connection: dict[str, Any], channel: str) -> socket.socket:
    """A bare TCP connection to one channel of a kernel."""
    address = (connection["ip"], connection[f"{channel}_port"])
    return socket.create_connection(address, DEADLINE)


def ready(socket_type: bytes) -> bytes:
    """The command that ends the handshake of the NULL mechanism."""
    name, value = b"Socket-Type", len(socket_type).to_bytes(4, "big") + socket_type
    body = b"\x05READY" + bytes([len(name)]) + name + value
    return b"\x04" + bytes([len(body)]) + body


def shake_hands(peer: socket.socket, socket_type: bytes = b"DEALER") -> None:
    """Speak the handshake to its end."""
    peer.sendall(GREETING)
    receive(peer, len(GREETING))
    peer.sendall(ready(socket_type))
    _, size = receive(peer, 2)
    receive(peer, size)


def announce(peer: socket.socket, size: int) -> None:
    """Begin a frame of this size."""
    peer.sendall(LONG_FRAME + size.to_bytes(8, "big"))


def receive(peer: socket.socket, size: int) -> bytes:
    """Exactly so many bytes."""
    data = b""
    while len(data) < size:
        more = peer.recv(size - len(data))
        assert more, f"the connection ended after {len(data)} of {size} bytes"
        data += more
    return data
