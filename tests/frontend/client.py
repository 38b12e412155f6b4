"""The frontend: five sockets, requests, and the exchange that follows each.

Everything received is filed by the request that caused it, so tests may have several requests under way at once.
"""

from __future__ import annotations

import ast
import time
import uuid
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Self

import zmq

from frontend.patterns import Pattern, busy, idle, reply
from frontend.process import DEADLINE, KernelProcess
from frontend.transcript import Transcript, joined
from frontend.wire import Json, Message, Signer, new_header

DEALERS = ("shell", "control", "stdin")


class Frontend:
    """One client of a kernel, with one session and one identity for shell, control and stdin."""

    def __init__(
        self, kernel: KernelProcess, *, session_id: str | None = None, stdin: bool = True
    ) -> None:
        """Connect, and return once the kernel has confirmed the iopub subscription.

        Without `stdin` that channel is left out until `connect_stdin`.
        """
        self.kernel = kernel
        self.session_id = session_id or str(uuid.uuid4())
        self.connection = kernel.connection
        self.signer = Signer(self.connection["key"], self.connection["signature_scheme"])
        self.welcomes: list[Message] = []
        self.without_parent: list[Message] = []
        self.of_others: list[Message] = []
        self.reply_order: list[str] = []
        self.raw: list[tuple[str, list[bytes]]] | None = None
        self.exchanges: dict[str, Exchange] = {}
        self._inbox: dict[str, list[Message]] = defaultdict(list)
        self._replies: dict[str, list[Message]] = defaultdict(list)
        self._published: dict[str, list[Message]] = defaultdict(list)
        self._poller = zmq.Poller()
        self._sockets: dict[zmq.Socket[bytes], str] = {}
        self.sockets = {
            channel: self._connect(channel) for channel in ("shell", "control", "iopub")
        }
        if stdin:
            self.connect_stdin()
        self._subscribe()

    # -- requests ---------------------------------------------------------------------------------

    def execute(self, code: str, **options: Any) -> Exchange:
        """Ask to run a cell; `options` are content fields."""
        metadata = options.pop("metadata", None)
        content = {
            "code": code,
            "silent": False,
            "store_history": True,
            "user_expressions": {},
            "allow_stdin": False,
            "stop_on_error": True,
            **options,
        }
        return self.request("execute_request", content, metadata=metadata)

    def request(
        self,
        msg_type: str,
        content: Mapping[str, Any] | None = None,
        *,
        channel: str = "shell",
        metadata: Mapping[str, Any] | None = None,
        buffers: Sequence[bytes] = (),
        header: Mapping[str, Any] | None = None,
    ) -> Exchange:
        """Send any request; `header` replaces single header fields."""
        full_header = new_header(msg_type, self.session_id, **(header or {}))
        exchange = self.expect(full_header)
        frames = self.signer.pack(full_header, content or {}, metadata=metadata, buffers=buffers)
        self.send_frames(frames, channel=channel)
        return exchange

    def expect(self, header: Json) -> Exchange:
        """The exchange of a request whose frames the caller sends."""
        exchange = Exchange(self, header)
        self.exchanges[header["msg_id"]] = exchange
        return exchange

    def run(self, code: str) -> Transcript:
        """Run a cell that must succeed; used where another cell is what the test is about."""
        exchange = self.execute(code)
        transcript = exchange.finish()
        assert transcript.reply and transcript.reply.content["status"] == "ok", str(transcript)
        return transcript

    def value(self, expression: str) -> str:
        """`repr` of an expression in the kernel's namespace, without a trace in history."""
        exchange = self.execute(
            "",
            silent=True,
            user_expressions={"value": f"__import__('builtins').repr({expression})"},
        )
        found = exchange.reply.content["user_expressions"]["value"]
        assert found["status"] == "ok", found
        return _unquoted(found["data"]["text/plain"])

    def interrupt(self) -> Transcript:
        """Send interrupt_request and wait until it is confirmed."""
        return self.request("interrupt_request", channel="control").sees(busy, reply("ok"), idle)

    def input_request(self) -> Message:
        """Wait for the kernel's next question on the stdin channel."""
        self.wait_for(lambda: bool(self._inbox["stdin"]), "an input_request")
        return self._inbox["stdin"].pop(0)

    def answer(self, question: Message, value: str) -> None:
        """Answer a question of the kernel."""
        header = new_header("input_reply", self.session_id)
        content = {"value": value, "status": "ok"}
        frames = self.signer.pack(header, content, parent_header=question.header)
        self.send_frames(frames, channel="stdin")

    def send_frames(self, frames: Sequence[bytes], *, channel: str = "shell") -> None:
        """Send frames as they are, right or wrong."""
        self.sockets[channel].send_multipart(list(frames))

    def heartbeat(self, payload: bytes = b"ping") -> bytes:
        """One round trip on the heartbeat channel."""
        with zmq.Context.instance().socket(zmq.REQ) as socket:
            socket.linger = 0
            secure(socket, self.connection)
            socket.connect(self.url("hb"))
            socket.send(payload)
            assert socket.poll(DEADLINE * 1000), "no heartbeat"
            return socket.recv()

    # -- waiting ----------------------------------------------------------------------------------

    def wait_for(self, done: Callable[[], bool], what: str, timeout: float = DEADLINE) -> None:
        """Receive until `done`; a dead kernel and a passed deadline are failures."""
        deadline = time.monotonic() + timeout
        while not done():
            if not self.receive(100):
                self.kernel.check_alive()
                if time.monotonic() > deadline:
                    raise AssertionError(f"waited {timeout} s in vain for {what}")

    def receive(self, timeout_ms: int) -> bool:
        """Receive and file what is there, waiting at most `timeout_ms`; False if it was nothing."""
        ready = self._poller.poll(timeout_ms)
        for socket, _ in ready:
            channel = self._sockets[socket]
            frames = socket.recv_multipart()
            if self.raw is not None:
                self.raw.append((channel, frames))
            self._file(self.signer.unpack(channel, frames))
        return bool(ready)

    def settle(self) -> None:
        """Wait until everything that the kernel sent before now has arrived."""
        self.execute("", silent=True).finish()

    def wait_until_answered(self) -> None:
        """Ask again and again until another kernel on the same addresses answers; then subscribe anew, for order."""
        exchanges = [self.request("kernel_info_request")]

        def is_answered() -> bool:
            if any(self.replies_to(exchange.msg_id) for exchange in exchanges):
                return True
            if not self.receive(200):
                exchanges.append(self.request("kernel_info_request"))
            return False

        self.wait_for(is_answered, "the next kernel")
        self._subscribe()

    def can_be_asked(self) -> bool:
        """Whether the kernel is there to answer: it runs and nobody has sent it home."""
        types = {exchange.header["msg_type"] for exchange in self.exchanges.values()}
        return self.kernel.popen.poll() is None and "shutdown_request" not in types

    def nothing_left(self) -> None:
        """Fail if a finished transcript was not the end of it, or something came uninvited."""
        self.settle()
        late = [
            f"{exchange}: {message}"
            for exchange in self.exchanges.values()
            for message in exchange.unclaimed()
        ]
        uninvited = [
            str(message)
            for filed in (self._published, self._replies)
            for msg_id, messages in filed.items()
            if msg_id not in self.exchanges
            for message in messages
        ]
        left = [*late, *uninvited, *map(str, self._inbox["stdin"])]
        assert not left, "left over:\n" + "\n".join(left)

    # -- sockets ----------------------------------------------------------------------------------

    def url(self, channel: str) -> str:
        """The address of one channel."""
        transport, ip = self.connection["transport"], self.connection["ip"]
        port = self.connection[f"{channel}_port"]
        return f"ipc://{ip}-{port}" if transport == "ipc" else f"{transport}://{ip}:{port}"

    def replies_to(self, msg_id: str) -> list[Message]:
        """What came back to this client for one request."""
        return self._replies[msg_id]

    def published_for(self, msg_id: str) -> list[Message]:
        """What was published with one request as parent."""
        return self._published[msg_id]

    def close(self) -> None:
        """Close all sockets; nothing unsent is kept."""
        for socket in self.sockets.values():
            socket.close(linger=0)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def connect_stdin(self) -> None:
        """Connect the channel that the kernel asks on."""
        self.sockets["stdin"] = self._connect("stdin")

    def _connect(self, channel: str) -> zmq.Socket[bytes]:
        """Connect and wait for the handshake: a ROUTER knows no client that it has not met."""
        socket = zmq.Context.instance().socket(zmq.SUB if channel == "iopub" else zmq.DEALER)
        socket.set_hwm(0)
        if channel in DEALERS:
            socket.routing_id = self.session_id.encode()
        secure(socket, self.connection)
        with socket.get_monitor_socket(zmq.EVENT_HANDSHAKE_SUCCEEDED) as handshake:
            socket.connect(self.url(channel))
            assert handshake.poll(DEADLINE * 1000), f"no handshake on {channel}"
            socket.disable_monitor()
        self._poller.register(socket, zmq.POLLIN)
        self._sockets[socket] = channel
        return socket

    def _subscribe(self) -> None:
        """Subscribe to everything, then to a topic of our own, whose welcome proves both."""
        topic = f"frontend.{self.session_id}"
        self.sockets["iopub"].subscribe(b"")
        self.sockets["iopub"].subscribe(topic.encode())
        self.wait_for(
            lambda: any(welcome.content["subscription"] == topic for welcome in self.welcomes),
            "iopub_welcome",
        )

    def _file(self, message: Message) -> None:
        if message.msg_type == "iopub_welcome":
            self.welcomes.append(message)
        elif message.channel == "stdin":
            self._inbox["stdin"].append(message)
        elif not message.parent_header:
            self.without_parent.append(message)
        elif message.parent_header.get("session") != self.session_id:
            self.of_others.append(message)
        elif message.channel == "iopub":
            self._published[message.parent_header["msg_id"]].append(message)
        else:
            self._replies[message.parent_header["msg_id"]].append(message)
            self.reply_order.append(message.parent_header["msg_id"])


class Exchange:
    """One request and all that comes of it."""

    def __init__(self, frontend: Frontend, header: Json) -> None:
        self.frontend = frontend
        self.header = header
        self.msg_id: str = header["msg_id"]
        self._claimed: int | None = None
        self._is_idle = False
        self._searched = 0  # publications that is_idle has seen; a flood is looked at once
        self._replies_claimed = 1

    @property
    def published(self) -> list[Message]:
        """What was published so far."""
        return self.frontend.published_for(self.msg_id)

    @property
    def is_idle(self) -> bool:
        """Whether `status: idle` has come."""
        published = self.published
        while not self._is_idle and self._searched < len(published):
            self._is_idle = idle.matches(published[self._searched])
            self._searched += 1
        return self._is_idle

    @property
    def reply(self) -> Message:
        """The reply, waited for."""
        replies = self.frontend.replies_to(self.msg_id)
        self.frontend.wait_for(lambda: bool(replies), f"the reply to {self}")
        return replies[0]

    def sees(self, *patterns: Pattern, timeout: float = DEADLINE) -> Transcript:
        """Wait for idle (and for the reply, if one is expected) and compare the whole transcript."""
        replies = self.frontend.replies_to(self.msg_id)
        wants_reply = any(pattern.is_reply for pattern in patterns)
        try:
            self.frontend.wait_for(lambda: self.is_idle, f"idle after {self}", timeout)
            if wants_reply:
                self.frontend.wait_for(lambda: bool(replies), f"the reply to {self}", timeout)
        except AssertionError as failure:
            raise AssertionError(f"{failure}; so far\n{self._transcript()}") from None
        self._claimed = len(self.published)
        self._replies_claimed = int(wants_reply)
        transcript = self._transcript()
        transcript.check(patterns)
        return transcript

    def then_sees(self, *patterns: Pattern) -> None:
        """Wait for what comes after idle (a thread's or a task's output) and compare it."""
        assert self._claimed is not None, "call sees() first"
        start = self._claimed

        def late() -> Transcript:
            return Transcript(joined(self.published[start:]))

        def complete() -> bool:
            try:
                late().check(patterns)
            except AssertionError:
                return False
            return True

        try:
            self.frontend.wait_for(complete, "late output")
        except AssertionError:
            late().check(patterns)
            raise
        self._claimed = len(self.published)

    def reaches(self, pattern: Pattern) -> Message:
        """Wait until a message like this was published; the transcript stays whole."""

        def found() -> Message | None:
            return next(filter(pattern.matches, joined(self.published)), None)

        try:
            self.frontend.wait_for(lambda: found() is not None, f"{pattern}")
        except AssertionError as failure:
            raise AssertionError(f"{failure}; so far\n{self._transcript()}") from None
        message = found()
        assert message
        return message

    def reaches_text(self, text: str) -> None:
        """Wait until the cell has printed this, whatever else it published."""
        self.frontend.wait_for(lambda: text in self._transcript().text(), repr(text))

    def finish(self, timeout: float = DEADLINE) -> Transcript:
        """Wait for idle and the reply, whatever they say."""
        self.frontend.wait_for(lambda: self.is_idle, f"idle after {self}", timeout)
        _ = self.reply
        return self._transcript()

    def unclaimed(self) -> list[Message]:
        """What came after a transcript was said to be complete."""
        if self._claimed is None:
            return []
        replies = self.frontend.replies_to(self.msg_id)
        return [*self.published[self._claimed :], *replies[self._replies_claimed :]]

    def _transcript(self) -> Transcript:
        replies = self.frontend.replies_to(self.msg_id)
        return Transcript(joined(self.published), replies[0] if replies else None)

    def __str__(self) -> str:
        """The kind of request and its number."""
        return f"{self.header['msg_type']} {self.msg_id[:8]}"


def secure(socket: zmq.Socket[bytes], connection: Mapping[str, Any]) -> None:
    """Encrypt, if the connection file has keys, as jupyter_client does: the kernel's pair is the client's, too."""
    if connection.get("curve_publickey"):
        socket.curve_publickey = socket.curve_serverkey = connection["curve_publickey"].encode()
        socket.curve_secretkey = connection["curve_secretkey"].encode()


def _unquoted(text: str) -> str:
    """The string whose repr of a repr `text` is."""
    return ast.literal_eval(text)
