"""A core in memory: records what the interpreter publishes, and plays the dispatch around it. No sockets."""

from __future__ import annotations

import asyncio
import itertools
import json
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ipyrust.interpreter import IPythonInterpreter
from ipyrust.options import KernelOptions
from ipyrust_core.errors import StdinNotAllowedError
from ipyrust_core.interpreter import Cell, CommMessage
from ipyrust_core.parent import parent
from ipyrust_core.wire_json import encode

_numbers = itertools.count(1)


@dataclass(frozen=True, eq=False)
class FakeRequest:
    """A request, with the attributes of the native one that the interpreter reads."""

    msg_type: str
    content_dict: Mapping[str, Any] = field(default_factory=dict)
    metadata_dict: Mapping[str, Any] = field(default_factory=dict)
    buffers: Sequence[memoryview] = ()
    session_id: str = "client"
    channel: str = "shell"
    subshell_id: str | None = None
    msg_id: str = field(default_factory=lambda: f"msg-{next(_numbers)}")
    identities: Sequence[bytes] = (b"client",)

    @property
    def header(self) -> bytes:
        return encode(
            {"msg_id": self.msg_id, "msg_type": self.msg_type, "session": self.session_id}
        )

    @property
    def parent_header(self) -> bytes:
        return b"{}"

    @property
    def metadata(self) -> bytes:
        return encode(self.metadata_dict)

    @property
    def content(self) -> bytes:
        return encode(self.content_dict)

    @property
    def size_bytes(self) -> int:
        return len(self.content) + sum(view.nbytes for view in self.buffers)


@dataclass
class Publication:
    """One IOPub message."""

    msg_type: str
    content: dict[str, Any]
    parent: FakeRequest | None = None
    metadata: dict[str, Any] = field(default_factory=dict)
    buffers: list[Any] = field(default_factory=list)
    topic: bytes | None = None


class FakeStreamWriter:
    """Records texts; neighbours with the same parent become one publication, as in the engine."""

    def __init__(self, core: FakeCore, name: str, current: Callable[[], Any]) -> None:
        self._core, self._name, self._current = core, name, current

    def write(self, text: str, /) -> int:
        if not isinstance(text, str):
            raise TypeError(f"write() argument must be str, not {type(text).__name__}")
        self._core.write_stream(self._name, text, parent=self._current())
        return len(text)

    def flush(self) -> None:
        pass


class FakeShellQueue:
    closed = False

    def close(self) -> None:
        self.closed = True


class FakeCore:
    """Stands in for KernelCore."""

    connection_file = "kernel-test.json"
    connection_info: Mapping[str, Any] = {"transport": "tcp", "shell_port": 1}
    session_id = "kernel-session"
    journal_path: str | None = None

    def __init__(self) -> None:
        self.names: dict[str, int] = {}
        self.publications: list[Publication] = []
        self.comm_routes: list[tuple[str, str | None, str | None]] = []
        self.shell = FakeShellQueue()
        self._lock = threading.Lock()

    def publish(
        self,
        msg_type: str,
        content: bytes,
        *,
        parent: Any,
        metadata: bytes = b"{}",
        buffers: Sequence[Any] = (),
        topic: bytes | None = None,
    ) -> None:
        with self._lock:
            self.publications.append(
                Publication(
                    msg_type,
                    json.loads(content),
                    parent,
                    json.loads(metadata),
                    list(buffers),
                    topic,
                )
            )

    def write_stream(self, name: str, text: str, *, parent: Any) -> None:
        text = text.encode("utf-8", "backslashreplace").decode()
        with self._lock:
            last = self.publications[-1] if self.publications else None
            if (
                last is not None
                and last.msg_type == "stream"
                and last.content["name"] == name
                and last.parent is parent
            ):
                last.content["text"] += text
            else:
                content = {"name": name, "text": text}
                self.publications.append(Publication("stream", content, parent))

    def stream_writer(
        self, name: str, parent: Callable[[], Any], fallback: Callable[[], Any]
    ) -> FakeStreamWriter:
        return FakeStreamWriter(self, name, lambda: parent() or fallback())

    def comm_sent(self, comm_id: str, message_id: str | None, subshell_id: str | None) -> None:
        self.comm_routes.append((comm_id, message_id, subshell_id))

    def comm_closed(self, comm_id: str) -> None:
        self.comm_routes.append((comm_id, "closed", None))

    def name_cell(self, name: str, execution_count: int) -> None:
        self.names[name] = execution_count

    def subshell_ids(self) -> list[str]:
        return []

    def original_fd(self, fd: int) -> int:
        return fd


class FakeKernel:
    """Stands in for ipyrust_core.kernel.Kernel."""

    def __init__(self) -> None:
        self.core = FakeCore()
        self.loop = asyncio.new_event_loop()
        self.answers: list[str] | None = None
        self.prompts: list[tuple[str, bool]] = []
        self.comms_served = 0

    @property
    def parent(self) -> Any:
        return parent.get()

    def input(self, prompt: str = "", *, password: bool = False) -> str:
        if self.answers is None:
            raise StdinNotAllowedError("stdin is not allowed")
        self.prompts.append((prompt, password))
        return self.answers.pop(0)

    def exit(self, *, restart: bool = False) -> None:
        self.core.shell.close()

    def serve_comms(self) -> int:
        self.comms_served += 1
        return 0


@dataclass
class Outcome:
    """What one cell brought about."""

    reply: dict[str, Any]
    publications: list[Publication]
    request: FakeRequest

    def of_type(self, msg_type: str) -> list[Publication]:
        return [item for item in self.publications if item.msg_type == msg_type]

    def text(self, name: str = "stdout") -> str:
        return "".join(
            item.content["text"] for item in self.of_type("stream") if item.content["name"] == name
        )

    @property
    def types(self) -> list[str]:
        return [item.msg_type for item in self.publications]

    @property
    def result(self) -> Any:
        """text/plain of the cell's value."""
        (item,) = self.of_type("execute_result")
        return item.content["data"].get("text/plain")


class Frontend:
    """Plays dispatch and client: runs requests against an interpreter as the core does."""

    def __init__(self, interpreter: Any, kernel: FakeKernel) -> None:
        self.interpreter = interpreter
        self.kernel = kernel
        self._streams_installed = False

    def install_streams(self) -> None:
        """Put the kernel's streams back into `sys`: pytest has replaced them since the set-up."""
        if not self._streams_installed:
            self.interpreter.ipython.publisher.streams.install()
            self._streams_installed = True

    def execute(self, code: str, **fields: Any) -> Outcome:
        """Run one cell to its end."""
        self.install_streams()
        silent = fields.get("silent", False)
        request = FakeRequest("execute_request", {"code": code}, fields.get("metadata", {}))
        cell = Cell(
            request=request,  # type: ignore[arg-type]
            code=code,
            silent=silent,
            store_history=fields.get("store_history", not silent),
            user_expressions=fields.get("user_expressions", {}),
            allow_stdin=fields.get("allow_stdin", False),
            stop_on_error=True,
            metadata=request.metadata_dict,
        )
        start = len(self.kernel.core.publications)
        token = parent.set(request)  # type: ignore[arg-type]
        try:
            reply = self._drive(cell)
        finally:
            parent.reset(token)
        encode(reply)
        return Outcome(dict(reply), self.kernel.core.publications[start:], request)

    def _drive(self, cell: Cell) -> Any:
        if self.interpreter.runs_async(cell.code):
            return self.kernel.loop.run_until_complete(self.interpreter.execute(cell))
        coroutine = self.interpreter.execute(cell)
        try:
            coroutine.send(None)
        except StopIteration as end:
            return end.value
        raise AssertionError("a cell that must not suspend did")

    def comm(self, msg_type: str, content: Mapping[str, Any], **fields: Any) -> list[Publication]:
        """Deliver one comm message and return what it published."""
        self.install_streams()
        request = FakeRequest(msg_type, content)
        message = CommMessage(
            request=request,  # type: ignore[arg-type]
            msg_type=msg_type,
            content=content,
            metadata=fields.get("metadata", {}),
            buffers=fields.get("buffers", ()),
        )
        start = len(self.kernel.core.publications)
        token = parent.set(request)  # type: ignore[arg-type]
        try:
            self.interpreter.comm(message)
        finally:
            parent.reset(token)
        return self.kernel.core.publications[start:]


def start_frontend(options: KernelOptions) -> Frontend:
    """A started interpreter with somebody to talk to it."""
    kernel = FakeKernel()
    interpreter = IPythonInterpreter(lambda: options)
    interpreter.start(kernel)  # type: ignore[arg-type]
    return Frontend(interpreter, kernel)


def stop_frontend(frontend: Frontend) -> None:
    """Shut the interpreter down."""
    frontend.interpreter.shutdown(restart=False)
    frontend.kernel.loop.close()
