"""What a provisioner and a template say to each other: one JSON object a line, over a Unix stream socket.

The first line goes to the template and carries the kernel's standard streams with it. `{"pid": …}` or
`{"refused": why}` comes back at once. The starter answers a pid with `GO`, which the kernel waits for; if it gave up in
the meantime, the kernel ends. `{"status": …}` (see `os.waitstatus_to_exitcode`) comes when the kernel has ended.
"""

from __future__ import annotations

import json
import os
import socket
import struct
import sys
import time
from typing import Any

GO = {"go": True}
"""From the starter to the kernel: it is known, and may begin."""
MAX_LINE_BYTES = 4 << 20
"""A line that is longer is refused; environments are smaller."""
CHUNK_BYTES = 65536


class WireError(OSError):
    """What came is no message, or nothing came."""


def send(link: socket.socket, message: dict[str, Any], fds: tuple[int, ...] = ()) -> None:
    """Send one message, with file descriptors if there are any. Blocks as long as the socket's timeout."""
    data = json.dumps(message).encode() + b"\n"
    sent = socket.send_fds(link, [data], fds) if fds else 0
    link.sendall(data[sent:])


def receive(
    link: socket.socket, fds: int = 0, *, within: float | None = None
) -> tuple[dict[str, Any], list[int]]:
    """The next message and at most `fds` descriptors.

    What comes behind the message stays in the socket, except behind one that brings descriptors.

    Args:
        link: the connection.
        fds: how many descriptors may come along.
        within: seconds that the whole message may take, in pieces of any size; the socket's timeout is what is left of
            them afterwards. None: blocks as long as the socket's timeout for each piece.

    Raises:
        WireError: the other side has gone, or sent something else.
        TimeoutError: it was too slow.
    """
    received: list[int] = []
    until = None if within is None else time.monotonic() + within
    try:
        return _message(_line(link, fds, received, until)), received
    except BaseException:
        for fd in received:
            os.close(fd)
        raise


def _line(link: socket.socket, fds: int, received: list[int], until: float | None) -> bytes:
    """All up to the end of the line; descriptors that come with it are added to `received`."""
    data = b""
    while not data.endswith(b"\n"):
        if until is not None:
            link.settimeout(_left(until))
        if fds:
            chunk, new, _flags, _address = socket.recv_fds(link, CHUNK_BYTES, fds)
            received += new
        else:
            waiting = link.recv(CHUNK_BYTES, socket.MSG_PEEK)
            chunk = link.recv(waiting.find(b"\n") + 1 or len(waiting)) if waiting else b""
        data += chunk
        if not chunk:
            raise WireError("the other side of the warm start hung up")
        if len(data) > MAX_LINE_BYTES:
            raise WireError("a message is too long")
    return data


def _left(until: float) -> float:
    """Seconds until then."""
    left = until - time.monotonic()
    if left <= 0:
        raise TimeoutError("a message took too long")
    return left


def _message(line: bytes) -> dict[str, Any]:
    try:
        message = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise WireError(f"a message is not JSON: {error}") from None
    if not isinstance(message, dict):
        raise WireError("a message is not an object")
    return message


def is_own_user(link: socket.socket) -> bool:
    """Whether the process at the other end runs as this user."""
    if sys.platform == "linux":
        credentials = link.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
        _pid, uid, _gid = struct.unpack("3i", credentials)
        return bool(uid == os.geteuid())
    return True  # The directory of the socket lets nobody else in (`key.socket_path`).
