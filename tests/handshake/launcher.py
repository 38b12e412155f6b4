"""A launcher that is told the ports (JEP 66): its registration socket, its file, its answers.

Two forms are in use. The specification's (5.6, as in xeus) sends one signed frame of content; Positron's (as in ark) is
a `handshake_request` that is answered by a `handshake_reply`. Written without the code of the kernel: from the
specification, and from what the supervisor of Positron does.
"""

from __future__ import annotations

import hmac
import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Self

import zmq

from frontend import DEADLINE, DELIMITER, KernelProcess, KernelUnderTest, Signer
from frontend.process import CHANNEL_PORTS, write_private
from frontend.wire import encode, new_header

Form = Literal["content", "message"]


@dataclass(frozen=True)
class Handshake:
    """One request of a kernel, its signature checked."""

    route: tuple[bytes, ...]
    """What a ROUTER puts in front of its answer."""
    header: dict[str, Any]
    content: dict[str, Any]

    @property
    def ports(self) -> dict[str, int]:
        """The five ports, as a connection file has them."""
        return {name: int(self.content[name]) for name in CHANNEL_PORTS}


class Launcher:
    """One registration socket, for as many kernels as the test starts."""

    def __init__(
        self,
        form: Form = "message",
        *,
        transport: str = "tcp",
        ip: str = "127.0.0.1",
        curve: Mapping[str, str] | None = None,
    ) -> None:
        """Bind. `ip` is a path's beginning for ipc; `curve` makes the socket a CURVE server with these keys."""
        self.form = form
        self.transport = transport
        self.ip = ip
        self.signer = Signer(secrets.token_hex(16))
        self.socket = zmq.Context.instance().socket(zmq.ROUTER)
        self.socket.linger = 0
        if curve:
            self.socket.curve_secretkey = curve["curve_secretkey"].encode()
            self.socket.curve_server = True
        if transport == "tcp":
            self.port = self.socket.bind_to_random_port(f"tcp://{ip}")
        else:
            self.port = 1
            self.socket.bind(f"ipc://{ip}-{self.port}")

    def file(self, **changes: Any) -> dict[str, Any]:
        """What a registration file holds; `changes` adds to it."""
        address = "registration_ip" if self.form == "content" else "ip"
        return {
            "transport": self.transport,
            address: self.ip,
            "registration_port": self.port,
            "signature_scheme": "hmac-sha256",
            "key": self.signer.key.decode(),
            **({"kernel_id": "a-kernel"} if self.form == "content" else {}),
            **changes,
        }

    def receive(self) -> Handshake:
        """The next request of a kernel."""
        assert self.socket.poll(DEADLINE * 1000), "no kernel registers"
        frames = self.socket.recv_multipart()
        start = frames.index(DELIMITER)
        route, (signature, *parts) = tuple(frames[:start]), frames[start + 1 :]
        assert len(parts) == (1 if self.form == "content" else 4)
        assert hmac.compare_digest(signature, self.signer.sign(parts))
        header = {} if self.form == "content" else json.loads(parts[0])
        return Handshake(route, header, json.loads(parts[-1]))

    def answer(
        self,
        handshake: Handshake,
        content: Any,
        *,
        msg_type: str = "handshake_reply",
        signer: Signer | None = None,
    ) -> None:
        """Answer with any content."""
        signer = signer or self.signer
        if self.form == "content":
            frames = signer.frames([encode(content)])
        else:
            header = new_header(msg_type, "launcher")
            frames = signer.pack(header, content, parent_header=handshake.header)
        self.socket.send_multipart([*handshake.route, *frames])

    def accept(self, handshake: Handshake) -> None:
        """Say that the ports are known."""
        self.answer(handshake, "ACK" if self.form == "content" else {"status": "ok"})

    def close(self) -> None:
        """Stop listening."""
        self.socket.close(linger=0)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class RegisteredKernel(KernelProcess):
    """A kernel that is started with a registration file, and whose ports its launcher learns."""

    def __init__(
        self, kernel: KernelUnderTest, folder: Path, file: Mapping[str, Any], **options: Any
    ) -> None:
        """Start it with a registration file of this content."""
        self.file = file
        super().__init__(kernel, folder, **options)

    def before_start(self) -> None:
        """Put the registration file where a connection file would be."""
        self.connection_file.unlink()
        write_private(self.connection_file, json.dumps(self.file))

    def listens_on(self, ports: Mapping[str, int]) -> None:
        """Note what the launcher was told, for clients to connect."""
        ip = self.file.get("ip") or self.file["registration_ip"]
        self._connection = {**self.file, "ip": ip, **ports}

    @property
    def own_files(self) -> list[Path]:
        """The connection files that the kernel wrote."""
        return sorted((self.folder / "runtime").glob("kernel-*.json"))
