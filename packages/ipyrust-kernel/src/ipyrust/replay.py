"""Output that a client was not there to see, asked of the kernel (`docs/messages.md`, "replay_request").

For programs that use jupyter_client, on the client's side:

    for message in follow(client, msg_id):  # what was missed, then what comes, until the cell is done
        show(message)

Only the client that is passed in is used; nothing of jupyter_client is imported.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from queue import Empty
from typing import Any, Protocol

Message = dict[str, Any]
"""One message as jupyter_client has it: header, msg_id, msg_type, parent_header, metadata, content, buffers."""

SUBSCRIBED_WITHIN = 0.5
"""Seconds after which the kernel is asked again whether our subscription has reached it."""


class ReplayError(Exception):
    """The kernel has nothing to replay; the text says why."""

    def __init__(self, ename: str, evalue: str) -> None:
        super().__init__(f"{ename}: {evalue}")
        self.ename = ename
        """UnknownExecution, NothingKept or BadContent."""


class Session(Protocol):
    """What is used of `client.session`."""

    def msg(self, msg_type: str, content: Any = None) -> Message:
        """A new message."""


class Channel(Protocol):
    """What is used of `client.control_channel` and `client.iopub_channel`."""

    def send(self, msg: Message, /) -> None:
        """Send a message."""

    def get_msg(self, *, timeout: float) -> Message:
        """The next message; raises `queue.Empty` after `timeout` seconds."""


class Client(Protocol):
    """What is used of jupyter_client's `BlockingKernelClient`, whose channels must be open."""

    @property
    def session(self) -> Session:
        """Makes and signs messages."""

    @property
    def control_channel(self) -> Any:
        """A `Channel`."""

    @property
    def iopub_channel(self) -> Any:
        """A `Channel`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptExecution:
    """An execution of which the kernel keeps what it published."""

    msg_id: str
    session: str
    """The `header.session` of the client that asked for it."""
    execution_state: str
    """`busy` until its last status was published, then `idle`."""
    has_reply: bool
    messages: int
    """How many publications are kept."""
    last_seq: int
    """Number of the last publication, kept or not."""
    dropped: int
    """How many publications are not kept any more, because the execution or all of them reached a bound."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Replayed:
    """What the kernel keeps of one execution."""

    messages: list[Message]
    """The publications, in order and as they were sent; each has its number as `seq`."""
    reply: Message | None
    """The execute_reply; None while there is none."""
    execution_state: str
    last_seq: int
    """What to pass as `after` in order to hear only of what comes now."""
    dropped: int
    """How many publications of the execution are lost."""


def kept_executions(client: Client, *, timeout: float = 10.0) -> list[KeptExecution]:
    """All executions that the kernel keeps output of, the oldest first.

    Raises:
        ReplayError: the kernel keeps nothing.
        TimeoutError: no answer within `timeout` seconds; other kernels know no replay_request.
    """
    content = _ask(client, {}, timeout)["content"]
    names = KeptExecution.__dataclass_fields__
    return [KeptExecution(**{name: each[name] for name in names}) for each in content["executions"]]


def replay(client: Client, msg_id: str, *, after: int = 0, timeout: float = 10.0) -> Replayed:
    """Everything that the execute_request `msg_id` has published so far, whoever asked for it.

    Only the control channel is used; other replies that wait there are passed over.

    Args:
        client: a connected client.
        msg_id: `header.msg_id` of the execute_request.
        after: leave out publications up to this number.
        timeout: seconds to wait for an answer.

    Raises:
        ReplayError: the execution has not begun or was forgotten, or the kernel keeps nothing.
        TimeoutError: no answer in time; other kernels know no replay_request.
    """
    messages: list[Message] = []
    while True:
        answer = _ask(client, {"msg_id": msg_id, "after": after}, timeout)
        content, buffers = answer["content"], iter(answer["buffers"])
        messages += [_message(each, buffers) for each in content["messages"]]
        after = content["after"]
        if not content["more"]:
            break
    return Replayed(
        messages=messages,
        reply=_message(content["reply"], buffers) if content["reply"] else None,
        execution_state=content["execution_state"],
        last_seq=content["last_seq"],
        dropped=content["dropped"],
    )


def follow(
    client: Client,
    msg_id: str,
    *,
    after: int = 0,
    timeout: float = 10.0,
    silence: float | None = None,
) -> Iterator[Message]:
    """What the execution has published so far, then what it publishes, each once and in order, until its `idle`.

    Reads `client.iopub_channel`; messages of other requests are passed over. `client.wait_for_ready()` is not needed
    (and does not return while a cell keeps printing).

    Args:
        client: a connected client.
        msg_id: `header.msg_id` of the execute_request.
        after: leave out publications up to this number.
        timeout: seconds to wait for an answer.
        silence: seconds that the execution may publish nothing; None = for ever.

    Raises:
        ReplayError, TimeoutError: as `replay`; TimeoutError also after `silence`.
    """
    live = _subscribe(client, msg_id, timeout)
    replayed = replay(client, msg_id, after=after, timeout=timeout)
    seen = {message["msg_id"] for message in replayed.messages}
    yield from replayed.messages
    if replayed.execution_state == "idle":
        return
    while True:
        message = live.pop(0) if live else _published(client, silence)
        if message is None:
            raise TimeoutError(f"{msg_id} published nothing for {silence} s")
        if _parent(message) != msg_id or message["msg_id"] in seen:
            continue
        yield message
        if message["msg_type"] == "status" and message["content"]["execution_state"] == "idle":
            return


def _subscribe(client: Client, msg_id: str, timeout: float) -> list[Message]:
    """Wait until publications reach us; returns those of `msg_id` that have."""
    found: list[Message] = []
    deadline = time.monotonic() + timeout
    while time.monotonic() < deadline:
        request = _send(client, {})
        ask_again = time.monotonic() + SUBSCRIBED_WITHIN
        while (left := ask_again - time.monotonic()) > 0:
            message = _published(client, left)
            if message is None:
                break
            if _parent(message) == request:
                return found
            if _parent(message) == msg_id:
                found.append(message)
    raise TimeoutError(f"no publication reached this client within {timeout} s")


def _published(client: Client, timeout: float | None) -> Message | None:
    """The next publication; None if there is none for `timeout` seconds."""
    try:
        message: Message = client.iopub_channel.get_msg(timeout=timeout)
    except Empty:
        return None
    return message


def _parent(message: Message) -> Any:
    return message["parent_header"].get("msg_id")


def _send(client: Client, content: dict[str, Any]) -> str:
    """Send a replay_request; returns its msg_id."""
    request = client.session.msg("replay_request", content)
    client.control_channel.send(request)
    return str(request["header"]["msg_id"])


def _ask(client: Client, content: dict[str, Any], timeout: float) -> Message:
    """The reply to a replay_request, if it is one that says ok."""
    request = _send(client, content)
    deadline = time.monotonic() + timeout
    while (left := deadline - time.monotonic()) > 0:
        try:
            reply: Message = client.control_channel.get_msg(timeout=left)
        except Empty:
            break
        if _parent(reply) == request:
            answer = reply["content"]
            if answer["status"] != "ok":
                raise ReplayError(answer["ename"], answer["evalue"])
            return reply
    raise TimeoutError(f"the kernel did not answer a replay_request within {timeout} s")


def _message(kept: dict[str, Any], buffers: Iterator[Any]) -> Message:
    """A message as it was published, in jupyter_client's shape, and its number."""
    header = _with_dates(kept["header"])
    return {
        "header": header,
        "msg_id": header["msg_id"],
        "msg_type": header["msg_type"],
        "parent_header": _with_dates(kept["parent_header"]),
        "metadata": kept["metadata"],
        "content": kept["content"],
        "buffers": [next(buffers) for _ in range(kept["buffers"])],
        "seq": kept["seq"],
    }


def _with_dates(header: dict[str, Any]) -> dict[str, Any]:
    """The header with its date as a datetime, as jupyter_client has it."""
    try:
        return {**header, "date": datetime.fromisoformat(header["date"])}
    except (KeyError, TypeError, ValueError):
        return header
