"""What all messages have in common: status pairs, headers, parents, topics, the welcome."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
import zmq

from frontend import (
    DEADLINE,
    Frontend,
    Gate,
    KernelProcess,
    Message,
    busy,
    execute_input,
    idle,
    reply,
    starting,
)

parity = pytest.mark.parity

RICH_CELL = "import sys\nprint(1)\nprint(2, file=sys.stderr)\ndisplay(3)\n4"

REQUESTS = [
    ("kernel_info_request", {}),
    ("complete_request", {"code": "pri", "cursor_pos": 3}),
    ("inspect_request", {"code": "len", "cursor_pos": 3, "detail_level": 0}),
    ("history_request", {"hist_access_type": "tail", "n": 1, "raw": True, "output": False}),
    ("is_complete_request", {"code": "1"}),
    ("comm_info_request", {}),
    ("connect_request", {}),
    ("execute_request", {"code": "", "silent": True}),
]


@parity
@pytest.mark.parametrize(("msg_type", "content"), REQUESTS, ids=[name for name, _ in REQUESTS])
def test_a_request_is_answered_between_busy_and_idle(
    frontend: Frontend, msg_type: str, content: dict[str, object]
) -> None:
    seen = frontend.request(msg_type, content).sees(busy, reply, idle)
    assert seen.reply and seen.reply.msg_type == msg_type.replace("_request", "_reply")


@parity
@pytest.mark.parametrize("msg_type", ["kernel_info_request", "connect_request"])
def test_control_answers_between_busy_and_idle(frontend: Frontend, msg_type: str) -> None:
    frontend.request(msg_type, channel="control").sees(busy, reply("ok"), idle)


@parity
def test_control_leaves_the_pair_of_a_running_cell_alone(frontend: Frontend, gate: Gate) -> None:
    cell = frontend.execute(f"_ = {gate.wait}")
    cell.reaches(execute_input)
    frontend.request("kernel_info_request", channel="control").sees(busy, reply("ok"), idle)
    gate.open()
    cell.sees(busy, execute_input, reply("ok"), idle)


@parity
@pytest.mark.parametrize("msg_type", ["comm_msg", "comm_close"])
def test_comm_messages_have_busy_and_idle_and_no_reply(frontend: Frontend, msg_type: str) -> None:
    frontend.run("import comm; c = comm.create_comm(target_name='there')")
    comm_id = frontend.value("c.comm_id").strip("'")
    frontend.request(msg_type, {"comm_id": comm_id, "data": {}}).sees(busy, idle)


@pytest.fixture
def messages(frontend: Frontend) -> list[Message]:
    """Everything that a cell with all kinds of output causes."""
    cell = frontend.execute(RICH_CELL)
    return [cell.reply, *cell.finish().published]


@parity
def test_every_message_has_a_number_of_its_own(messages: list[Message]) -> None:
    numbers = [message.header["msg_id"] for message in messages]
    assert len(set(numbers)) == len(numbers)


@parity
def test_every_message_has_the_session_of_the_kernel(
    frontend: Frontend, messages: list[Message]
) -> None:
    sessions = {message.header["session"] for message in messages}
    assert len(sessions) == 1
    assert frontend.session_id not in sessions


@parity
def test_every_date_is_now_with_a_zone(messages: list[Message]) -> None:
    for message in messages:
        date = datetime.fromisoformat(message.header["date"])
        assert abs(datetime.now(UTC) - date) < timedelta(minutes=5)


@parity
def test_a_message_is_dated_when_it_is_made(frontend: Frontend) -> None:
    """Not when it is sent: text without a line end is held back for a while."""
    cell = frontend.execute("import time\nprint('made', end='')\nprint(time.time(), end='')")
    text = cell.finish().text()
    [stream] = [each for each in cell.published if each.msg_type == "stream"]
    made = datetime.fromisoformat(stream.header["date"])
    assert made.timestamp() <= float(text.removeprefix("made"))


def test_every_header_has_a_version_and_a_user(messages: list[Message]) -> None:
    for message in messages:
        assert re.fullmatch(r"5\.\d+", message.header["version"])
        assert isinstance(message.header["username"], str)


@parity
def test_every_parent_header_is_the_header_of_the_request(frontend: Frontend) -> None:
    cell = frontend.execute(RICH_CELL)
    for message in [cell.reply, *cell.finish().published]:
        assert message.parent_header == cell.header


def test_unknown_header_fields_come_back_in_the_parent(frontend: Frontend) -> None:
    cell = frontend.request("kernel_info_request", header={"x-own": [1, {"deep": "é😀"}]})
    assert cell.reply.parent_header == cell.header


@parity
@pytest.mark.parametrize(
    ("msg_type", "topic"),
    [
        ("status", rb"kernel\.[0-9a-f-]+\.status"),
        ("execute_input", rb"kernel\.[0-9a-f-]+\.execute_input"),
        ("stream", rb"stream\.(stdout|stderr)"),
        ("execute_result", rb"(kernel\.[0-9a-f-]+\.)?execute_result"),
        ("display_data", rb"(kernel\.[0-9a-f-]+\.)?display_data"),
    ],
)
def test_the_topic_names_the_type(messages: list[Message], msg_type: str, topic: bytes) -> None:
    topics = [message.topic for message in messages if message.msg_type == msg_type]
    assert topics and all(re.fullmatch(topic, found) for found in topics)


@parity
def test_replies_come_without_a_topic(messages: list[Message]) -> None:
    assert messages[0].identities == ()


@parity
def test_replies_go_to_the_client_that_asked_alone(
    frontend: Frontend, connect: Callable[[KernelProcess], Frontend]
) -> None:
    other = connect(frontend.kernel)
    cell = frontend.execute("1")
    cell.finish()
    other.run("1")
    assert not other.replies_to(cell.msg_id)


@parity
def test_publications_go_to_every_client(
    frontend: Frontend, connect: Callable[[KernelProcess], Frontend]
) -> None:
    other = connect(frontend.kernel)
    cell = frontend.execute("print('for all')")
    cell.finish()
    other.run("1")
    seen = [m for m in other.of_others if m.parent_header["msg_id"] == cell.msg_id]
    assert [m.content["text"] for m in seen if m.msg_type == "stream"] == ["for all\n"]


def subscribe(frontend: Frontend, topic: bytes) -> Message:
    """The first message that a new subscriber of `topic` gets."""
    with zmq.Context.instance().socket(zmq.SUB) as socket:
        socket.linger = 0
        socket.subscribe(topic)
        socket.connect(frontend.url("iopub"))
        assert socket.poll(DEADLINE * 1000), "no iopub_welcome"
        return frontend.signer.unpack("iopub", socket.recv_multipart())


@parity
def test_a_subscriber_is_welcomed(fresh: Frontend) -> None:
    welcome = subscribe(fresh, b"some.topic")
    assert welcome.msg_type == "iopub_welcome"
    assert welcome.content == {"subscription": "some.topic"}
    assert welcome.parent_header == {}


@parity
def test_the_welcome_comes_under_the_topic_subscribed_to(frontend: Frontend) -> None:
    assert subscribe(frontend, b"stream.own").topic == b"stream.own"


def test_every_subscriber_to_everything_is_welcomed(frontend: Frontend) -> None:
    for _ in range(3):
        welcome = subscribe(frontend, b"")
        assert welcome.msg_type == "iopub_welcome"
        assert welcome.content == {"subscription": ""}


def test_every_subscriber_to_one_topic_is_welcomed(frontend: Frontend) -> None:
    for _ in range(3):
        assert subscribe(frontend, b"shared").content == {"subscription": "shared"}


def test_the_welcome_to_everything_has_no_topic(frontend: Frontend) -> None:
    assert subscribe(frontend, b"").identities in ((), (b"",))


@parity
def test_a_subscriber_to_streams_gets_streams_alone(frontend: Frontend) -> None:
    with zmq.Context.instance().socket(zmq.SUB) as socket:
        socket.linger = 0
        socket.subscribe(b"stream.stdout")
        socket.connect(frontend.url("iopub"))
        assert socket.poll(DEADLINE * 1000), "no iopub_welcome"
        socket.recv_multipart()
        frontend.run("display(1); print(2)")
        assert socket.poll(DEADLINE * 1000), "no stream"
        assert frontend.signer.unpack("iopub", socket.recv_multipart()).msg_type == "stream"


def test_the_first_subscriber_sees_starting(fresh: Frontend) -> None:
    fresh.wait_for(
        lambda: any(starting.matches(message) for message in fresh.without_parent),
        "status: starting",
        timeout=5,
    )
