"""The connection file: five free loopback ports and a key."""

from __future__ import annotations

import json
import os
import random
import socket
import uuid
from dataclasses import dataclass
from itertools import cycle, islice
from pathlib import Path

CHANNELS = ("shell", "iopub", "stdin", "control", "hb")
PORTS = range(20_000, 32_000)
"""Below the usual ephemeral range, so that no outgoing connection takes a port we just tested."""
_in_turn = cycle(random.sample(PORTS, len(PORTS)))
"""No port is picked twice soon: kernels that are started at once have not bound theirs when the next one picks."""


@dataclass(frozen=True, slots=True)
class Connection:
    """Where one kernel listens."""

    ports: dict[str, int]
    key: str
    ip: str = "127.0.0.1"

    def url(self, channel: str) -> str:
        """ZMQ endpoint of the channel."""
        return f"tcp://{self.ip}:{self.ports[channel]}"

    def write(self, path: Path) -> None:
        """Write the connection file, readable by its owner only."""
        content = {
            "transport": "tcp",
            "ip": self.ip,
            "signature_scheme": "hmac-sha256",
            "key": self.key,
            "kernel_name": "",
            **{f"{channel}_port": port for channel, port in self.ports.items()},
        }
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w") as file:
            json.dump(content, file)


def free_connection() -> Connection:
    """Pick five ports that nobody listens on."""
    ports: dict[str, int] = {}
    for port in islice(_in_turn, 200):
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        ports[CHANNELS[len(ports)]] = port
        if len(ports) == len(CHANNELS):
            return Connection(ports, uuid.uuid4().hex)
    raise OSError("no five free ports on the loopback interface")
