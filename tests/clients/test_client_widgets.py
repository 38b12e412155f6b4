"""ipywidgets over a real client: values both ways, binary buffers, the Output widget."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from jupyter_home import DEADLINE, Notebook, started_kernel

pytestmark = pytest.mark.timeout(240)

pytest.importorskip("ipywidgets")

PIXELS = bytes(range(256)) * 64


@pytest.fixture(scope="module")
def widgets(jupyter_home: object) -> Iterator[Notebook]:
    """A kernel that has imported ipywidgets."""
    with started_kernel() as running:
        assert running.run("import ipywidgets").status == "ok"
        yield running


def send(notebook: Notebook, comm_id: str, data: dict[str, Any], *buffers: bytes) -> str:
    """Send a comm_msg as a front end does; returns its msg_id."""
    session = notebook.client.session
    content = {"comm_id": comm_id, "data": data}
    message = session.msg("comm_msg", content)
    session.send(notebook.client.shell_channel.socket, message, buffers=list(buffers))
    return message["header"]["msg_id"]


def update(
    notebook: Notebook, comm_id: str, state: dict[str, Any], *buffers: bytes, paths: Any = ()
) -> list[dict[str, Any]]:
    """Send a change of state, and what it published up to idle."""
    data = {"method": "update", "state": state, "buffer_paths": list(paths)}
    msg_id = send(notebook, comm_id, data, *buffers)
    return until_idle(notebook, msg_id)


def until_idle(notebook: Notebook, msg_id: str) -> list[dict[str, Any]]:
    """The publications of one request."""
    end = time.monotonic() + DEADLINE
    messages: list[dict[str, Any]] = []
    while True:
        message = notebook.next_publication(msg_id, end)
        if message["content"].get("execution_state") == "idle":
            return messages
        messages.append(message)


def opened(notebook: Notebook, code: str, model: str) -> dict[str, Any]:
    """The comm_open of the one widget of type `model` that `code` makes."""
    run = notebook.run(code)
    assert run.status == "ok", run.reply
    (message,) = [
        m
        for m in run.messages
        if m["msg_type"] == "comm_open"
        and m["content"]["data"]["state"].get("_model_name") == model
    ]
    return message


def test_widget_opens_a_comm(widgets: Notebook) -> None:
    """Making a slider opens a comm with its state."""
    content = opened(widgets, "s = ipywidgets.IntSlider(3)", "IntSliderModel")["content"]
    assert content["target_name"] == "jupyter.widget"
    assert content["data"]["state"]["value"] == 3


def test_widget_tells_its_protocol_version(widgets: Notebook) -> None:
    """The comm_open carries the widgets' protocol version in its metadata."""
    message = opened(widgets, "s = ipywidgets.IntSlider(3)", "IntSliderModel")
    assert message["metadata"]["version"].startswith("2.")


def test_displayed_widget_is_a_view(widgets: Notebook) -> None:
    """Showing a widget gives the mime type that front ends render."""
    run = widgets.run("shown = ipywidgets.IntSlider(3); shown")
    view = run.displays + [content["data"] for content in run.contents("execute_result")]
    assert "application/vnd.jupyter.widget-view+json" in view[0]


def test_front_end_moves_the_slider(widgets: Notebook) -> None:
    """A value sent by the front end is the widget's value in the kernel."""
    content = opened(widgets, "moved = ipywidgets.IntSlider(3)", "IntSliderModel")["content"]
    update(widgets, content["comm_id"], {"value": 42})
    assert widgets.run("moved.value").result["text/plain"] == "42"


def test_kernel_moves_the_slider(widgets: Notebook) -> None:
    """A value set in the kernel is sent to the front end."""
    content = opened(widgets, "mine = ipywidgets.IntSlider(3)", "IntSliderModel")["content"]
    run = widgets.run("mine.value = 17")
    (message,) = run.contents("comm_msg")
    assert message["comm_id"] == content["comm_id"]
    assert message["data"]["state"] == {"value": 17}


def test_callback_prints(widgets: Notebook) -> None:
    """What an observer prints belongs to the front end's message that caused it."""
    content = opened(
        widgets,
        "seen = ipywidgets.IntSlider(3)\n"
        "seen.observe(lambda change: print('now', change.new), 'value')",
        "IntSliderModel",
    )["content"]
    messages = update(widgets, content["comm_id"], {"value": 5})
    text = "".join(m["content"]["text"] for m in messages if m["msg_type"] == "stream")
    assert text == "now 5\n"


def test_button_is_clicked(widgets: Notebook) -> None:
    """A custom message calls the button's handlers."""
    content = opened(
        widgets,
        "clicks = []\nbutton = ipywidgets.Button()\nbutton.on_click(clicks.append)",
        "ButtonModel",
    )["content"]
    data = {"method": "custom", "content": {"event": "click"}}
    until_idle(widgets, send(widgets, content["comm_id"], data))
    assert widgets.run("len(clicks)").result["text/plain"] == "1"


def test_front_end_asks_for_the_state(widgets: Notebook) -> None:
    """request_state is answered with the whole state."""
    content = opened(widgets, "asked = ipywidgets.IntSlider(9)", "IntSliderModel")["content"]
    messages = until_idle(widgets, send(widgets, content["comm_id"], {"method": "request_state"}))
    states = [m["content"]["data"]["state"] for m in messages if m["msg_type"] == "comm_msg"]
    assert [state["value"] for state in states] == [9]


def test_binary_state_is_sent_as_buffer(widgets: Notebook) -> None:
    """Bytes in a widget's state travel as a buffer of comm_open, unchanged."""
    code = "image = ipywidgets.Image(value=bytes(range(256)) * 64)"
    message = opened(widgets, code, "ImageModel")
    assert message["content"]["data"]["buffer_paths"] == [["value"]]
    assert [bytes(buffer) for buffer in message["buffers"]] == [PIXELS]


def test_binary_state_is_received_as_buffer(widgets: Notebook) -> None:
    """A buffer sent by the front end becomes the widget's bytes, unchanged."""
    content = opened(widgets, "received = ipywidgets.Image()", "ImageModel")["content"]
    update(widgets, content["comm_id"], {}, PIXELS[::-1], paths=[["value"]])
    run = widgets.run("bytes(received.value) == (bytes(range(256)) * 64)[::-1]")
    assert run.result["text/plain"] == "True"


def test_binary_update_is_sent_as_buffer(widgets: Notebook) -> None:
    """Bytes set in the kernel travel as a buffer of comm_msg."""
    opened(widgets, "changed = ipywidgets.Image()", "ImageModel")
    run = widgets.run("changed.value = b'\\x00\\xff' * 1000")
    (message,) = [m for m in run.messages if m["msg_type"] == "comm_msg"]
    assert [bytes(buffer) for buffer in message["buffers"]] == [b"\x00\xff" * 1000]


def test_output_widget_names_the_cell(widgets: Notebook) -> None:
    """Entering an Output widget names the cell whose output it takes; leaving takes that back."""
    content = opened(widgets, "out = ipywidgets.Output()", "OutputModel")["content"]
    run = widgets.run("with out:\n    print('inside')")
    states = [
        c["data"]["state"]["msg_id"]
        for c in run.contents("comm_msg")
        if c["comm_id"] == content["comm_id"]
    ]
    assert states == [run.reply["parent_header"]["msg_id"], ""]


def test_output_widget_keeps_the_order(widgets: Notebook) -> None:
    """The text stands between entering and leaving: a front end would otherwise misplace it."""
    opened(widgets, "ordered = ipywidgets.Output()", "OutputModel")
    run = widgets.run("with ordered:\n    print('inside')\nprint('outside')")
    kinds = [m["msg_type"] for m in run.messages if m["msg_type"] in ("comm_msg", "stream")]
    assert kinds == ["comm_msg", "stream", "comm_msg", "stream"]


def test_unknown_target_is_closed(widgets: Notebook) -> None:
    """A comm_open for a target that nobody registered is answered by comm_close."""
    session = widgets.client.session
    comm_id = uuid.uuid4().hex
    content = {"comm_id": comm_id, "target_name": "nobody", "data": {}}
    message = session.msg("comm_open", content)
    session.send(widgets.client.shell_channel.socket, message)
    messages = until_idle(widgets, message["header"]["msg_id"])
    closed = [m["content"]["comm_id"] for m in messages if m["msg_type"] == "comm_close"]
    assert closed == [comm_id]


def test_comm_info_lists_widgets(widgets: Notebook) -> None:
    """A front end that reconnects finds the open widgets."""
    content = opened(widgets, "listed = ipywidgets.IntSlider()", "IntSliderModel")["content"]
    reply = widgets.client.comm_info("jupyter.widget", reply=True, timeout=DEADLINE)
    assert reply["content"]["comms"][content["comm_id"]] == {"target_name": "jupyter.widget"}


def test_closed_widget_closes_its_comm(widgets: Notebook) -> None:
    """`close()` in the kernel is a comm_close."""
    content = opened(widgets, "closing = ipywidgets.IntSlider()", "IntSliderModel")["content"]
    closed = [c["comm_id"] for c in widgets.run("closing.close()").contents("comm_close")]
    assert content["comm_id"] in closed
