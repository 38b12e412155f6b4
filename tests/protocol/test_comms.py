"""comm_open, comm_msg, comm_close, comm_info; binary buffers; widgets."""

import re
import uuid
from typing import Any

import pytest

from frontend import (
    Exchange,
    Frontend,
    busy,
    comm_close,
    comm_msg,
    comm_open,
    execute_input,
    idle,
    reply,
    stdout,
)

pytestmark = [pytest.mark.parity, pytest.mark.every_transport]

ECHO = """
import comm
def echo(channel, message):
    channel.on_msg(lambda m: channel.send(m["content"]["data"], m["metadata"], m["buffers"]))
    channel.on_close(lambda m: print("closed", m["content"]["data"]))
    channel.send({"opened with": message["content"]["data"]})
comm.get_comm_manager().register_target("echo", echo)
"""


class Comm:
    """The frontend's end of one comm."""

    def __init__(self, frontend: Frontend, comm_id: str | None = None) -> None:
        self.frontend = frontend
        self.comm_id = comm_id or uuid.uuid4().hex

    def open(self, target_name: str, data: Any) -> Exchange:
        """Send comm_open."""
        content = {"comm_id": self.comm_id, "target_name": target_name, "data": data}
        return self.frontend.request("comm_open", content)

    def send(self, data: Any, **options: Any) -> Exchange:
        """Send comm_msg."""
        content = {"comm_id": self.comm_id, "data": data}
        return self.frontend.request("comm_msg", content, **options)

    def close(self, data: Any = None) -> Exchange:
        """Send comm_close."""
        content = {"comm_id": self.comm_id, "data": data or {}}
        return self.frontend.request("comm_close", content)


@pytest.fixture
def echo(frontend: Frontend) -> Comm:
    """An open comm whose other end echoes."""
    frontend.run(ECHO)
    channel = Comm(frontend)
    channel.open("echo", {}).sees(busy, comm_msg, idle)
    return channel


def comms(frontend: Frontend, **content: Any) -> dict[str, Any]:
    """The comms of a comm_info_reply."""
    request = frontend.request("comm_info_request", content)
    seen = request.sees(busy, reply("ok"), idle)
    assert seen.reply
    return seen.reply.content["comms"]


def test_a_frontend_opens_a_comm(frontend: Frontend) -> None:
    frontend.run(ECHO)
    channel = Comm(frontend)
    answer = comm_msg({"opened with": {"x": 1}}, comm_id=channel.comm_id)
    channel.open("echo", {"x": 1}).sees(busy, answer, idle)


def test_a_message_is_answered_with_the_message_as_parent(echo: Comm) -> None:
    answer = comm_msg({"deep": [1, {"y": None}]}, comm_id=echo.comm_id)
    echo.send({"deep": [1, {"y": None}]}).sees(busy, answer, idle)


def test_buffers_come_back_byte_for_byte(echo: Comm) -> None:
    buffers = [b"", bytes(range(256)), b"<IDS|MSG>"]
    exchange = echo.send({}, buffers=buffers)
    exchange.sees(busy, comm_msg, idle)
    [answer] = [message for message in exchange.published if message.msg_type == "comm_msg"]
    assert list(answer.buffers) == buffers


def test_a_large_buffer_comes_back(echo: Comm) -> None:
    large = bytes(range(256)) * 40_000
    exchange = echo.send({}, buffers=[large])
    answer = exchange.reaches(comm_msg)
    assert answer.buffers == (large,)
    exchange.sees(busy, comm_msg, idle)


def test_metadata_come_back(echo: Comm) -> None:
    exchange = echo.send({}, metadata={"key": ["value"]})
    assert exchange.reaches(comm_msg).metadata["key"] == ["value"]


def test_a_frontend_closes_a_comm(echo: Comm) -> None:
    closed = stdout("closed {'why': 'done'}\n")
    echo.close({"why": "done"}).sees(busy, closed, idle)


def test_a_kernel_opens_a_comm(frontend: Frontend) -> None:
    code = "import comm\nc = comm.create_comm(target_name='there', data={'a': 1}, buffers=[b'raw'])"
    cell = frontend.execute(code)
    opened = comm_open({"a": 1}, target_name="there", comm_id=re.compile("."))
    cell.sees(busy, execute_input, opened, reply("ok"), idle)
    [message] = [message for message in cell.published if message.msg_type == "comm_open"]
    assert message.buffers == (b"raw",)


def test_a_kernel_sends_a_message(frontend: Frontend) -> None:
    frontend.run("import comm; c = comm.create_comm(target_name='there')")
    cell = frontend.execute("c.send({'n': 5})")
    cell.sees(busy, execute_input, comm_msg({"n": 5}), reply("ok"), idle)


def test_a_kernel_closes_a_comm(frontend: Frontend) -> None:
    frontend.run("import comm; c = comm.create_comm(target_name='there')")
    cell = frontend.execute("c.close({'bye': True})")
    cell.sees(busy, execute_input, comm_close({"bye": True}), reply("ok"), idle)


def test_a_comm_to_an_unknown_target_is_closed(frontend: Frontend) -> None:
    channel = Comm(frontend)
    exchange = channel.open("nobody home", {})
    assert exchange.reaches(comm_close).content["comm_id"] == channel.comm_id


def test_a_message_to_an_unknown_comm_is_survived(frontend: Frontend) -> None:
    Comm(frontend).send({"x": 1}).reaches(idle)
    assert frontend.value("1 + 1") == "2"


def test_a_target_that_fails_closes_the_comm(frontend: Frontend) -> None:
    code = "def bad(channel, message): raise RuntimeError('no')\nimport comm\n"
    frontend.run(code + "comm.get_comm_manager().register_target('bad', bad)")
    channel = Comm(frontend)
    exchange = channel.open("bad", {})
    assert exchange.reaches(comm_close).content["comm_id"] == channel.comm_id


def test_a_handler_that_fails_is_survived(frontend: Frontend) -> None:
    frontend.run("import comm; c = comm.create_comm(target_name='there')")
    frontend.run("def fail(message): raise RuntimeError('no')\nc.on_msg(fail)")
    channel = Comm(frontend, frontend.value("c.comm_id").strip("'"))
    channel.send({}).reaches(idle)
    assert frontend.value("1 + 1") == "2"


def test_output_of_a_handler_belongs_to_the_message(frontend: Frontend) -> None:
    frontend.run("import comm; c = comm.create_comm(target_name='there')")
    frontend.run("c.on_msg(lambda m: print('got', m['content']['data']))")
    channel = Comm(frontend, frontend.value("c.comm_id").strip("'"))
    channel.send(7).sees(busy, stdout("got 7\n"), idle)


def test_comm_info_lists_open_comms(echo: Comm) -> None:
    assert comms(echo.frontend)[echo.comm_id] == {"target_name": "echo"}


def test_comm_info_can_be_asked_for_one_target(echo: Comm) -> None:
    echo.frontend.run("import comm; other = comm.create_comm(target_name='other')")
    found = comms(echo.frontend, target_name="other")
    assert {info["target_name"] for info in found.values()} == {"other"}


def test_comm_info_forgets_closed_comms(echo: Comm) -> None:
    echo.close().reaches(idle)
    assert echo.comm_id not in comms(echo.frontend)


def test_messages_are_handled_in_order(frontend: Frontend) -> None:
    frontend.run("import comm; c = comm.create_comm(target_name='there'); got = []")
    frontend.run("c.on_msg(lambda m: got.append(m['content']['data']))")
    channel = Comm(frontend, frontend.value("c.comm_id").strip("'"))
    for n in range(50):
        channel.send(n)
    frontend.settle()
    assert frontend.value("got == list(range(50))") == "True"


def test_a_slider_moves_when_the_frontend_says_so(frontend: Frontend) -> None:
    pytest.importorskip("ipywidgets")
    frontend.run("import ipywidgets; slider = ipywidgets.IntSlider(value=1)")
    channel = Comm(frontend, frontend.value("slider.comm.comm_id").strip("'"))
    data = {"method": "update", "state": {"value": 42}, "buffer_paths": []}
    channel.send(data).reaches(idle)
    assert frontend.value("slider.value") == "42"


def test_a_slider_tells_the_frontend_when_it_is_moved(frontend: Frontend) -> None:
    pytest.importorskip("ipywidgets")
    frontend.run("import ipywidgets; slider = ipywidgets.IntSlider(value=1)")
    cell = frontend.execute("slider.value = 7")
    moved = comm_msg({"method": "update", "state": {"value": 7}})
    cell.sees(busy, execute_input, moved, reply("ok"), idle)


def test_an_output_widget_claims_what_is_printed(frontend: Frontend) -> None:
    pytest.importorskip("ipywidgets")
    frontend.run("import ipywidgets; out = ipywidgets.Output()")
    cell = frontend.execute("with out: print('inside')")
    claim = comm_msg({"state": {"msg_id": cell.msg_id}})
    release = comm_msg({"state": {"msg_id": ""}})
    cell.sees(busy, execute_input, claim, stdout("inside\n"), release, reply("ok"), idle)


def test_binary_traits_of_a_widget_are_buffers(frontend: Frontend) -> None:
    pytest.importorskip("ipywidgets")
    frontend.run("import ipywidgets")
    cell = frontend.execute("image = ipywidgets.Image(value=b'\\x89PNG')")
    cell.finish()
    opened = [message for message in cell.published if message.msg_type == "comm_open"]
    assert (b"\x89PNG",) in [message.buffers for message in opened]
