"""comms: opened by the kernel, opened by the frontend, with buffers."""

from __future__ import annotations

from typing import Any

import comm
from fake_core import Frontend, start_frontend, stop_frontend

from ipyrust.options import KernelOptions


def open_comm(**options: Any) -> Any:
    return comm.create_comm(target_name="target", comm_id="c1", **options)


def test_opening_a_comm(frontend: Frontend) -> None:
    outcome = frontend.execute(
        "import comm\nc = comm.create_comm('target', comm_id='c1', data={'a': 1}, metadata={'m': 2})"
    )
    (opened,) = outcome.publications
    assert opened.msg_type == "comm_open"
    assert opened.content == {
        "comm_id": "c1",
        "target_name": "target",
        "target_module": None,
        "data": {"a": 1},
    }
    assert opened.metadata == {"m": 2}
    assert opened.topic == b"comm-c1"
    assert opened.parent is outcome.request


def test_the_class_has_what_mocks_are_made_of(frontend: Frontend) -> None:
    assert "comm_id" in dir(type(open_comm()))


def test_buffers_go_out(frontend: Frontend) -> None:
    open_comm().send({"x": 1}, buffers=[b"bytes", memoryview(b"abcdef")[::2]])
    sent = frontend.kernel.core.publications[-1]
    assert [bytes(buffer) for buffer in sent.buffers] == [b"bytes", b"ace"]


def test_a_message_reaches_its_comm(frontend: Frontend) -> None:
    received: list[Any] = []
    open_comm().on_msg(received.append)
    view = memoryview(b"raw")
    frontend.comm("comm_msg", {"comm_id": "c1", "data": {"x": 1}}, buffers=[view])
    (message,) = received
    assert message["content"]["data"] == {"x": 1}
    assert message["buffers"] == [view]


def test_output_of_a_callback_belongs_to_the_message(frontend: Frontend) -> None:
    open_comm().on_msg(lambda message: print("called"))
    (printed,) = frontend.comm("comm_msg", {"comm_id": "c1", "data": {}})
    assert printed.parent is not None
    assert printed.parent.msg_type == "comm_msg"


def test_the_frontend_opens_a_comm(frontend: Frontend) -> None:
    opened: list[Any] = []
    comm.get_comm_manager().register_target("target", lambda c, message: opened.append(c))
    content = {"comm_id": "f1", "target_name": "target", "data": {}}
    assert frontend.comm("comm_open", content) == []
    assert opened[0].comm_id == "f1"
    assert frontend.interpreter.comm_info(None)["comms"] == {"f1": {"target_name": "target"}}


def test_an_unknown_target_is_closed(frontend: Frontend) -> None:
    content = {"comm_id": "f1", "target_name": "nobody", "data": {}}
    published = frontend.comm("comm_open", content)
    assert [item.content["comm_id"] for item in published if item.msg_type == "comm_close"] == [
        "f1"
    ]
    assert frontend.interpreter.comm_info(None)["comms"] == {}


def test_a_target_that_fails_is_closed(frontend: Frontend) -> None:
    comm.get_comm_manager().register_target("target", lambda c, message: 1 / 0)
    published = frontend.comm("comm_open", {"comm_id": "f1", "target_name": "target", "data": {}})
    assert "comm_close" in [item.msg_type for item in published]


def test_the_frontend_closes_a_comm(frontend: Frontend) -> None:
    closed: list[Any] = []
    open_comm().on_close(closed.append)
    frontend.comm("comm_close", {"comm_id": "c1", "data": {}})
    assert len(closed) == 1
    assert frontend.interpreter.comm_info("target")["comms"] == {}


def test_comm_info_of_one_target(frontend: Frontend) -> None:
    comms = [open_comm(), comm.create_comm(target_name="other", comm_id="c2")]
    assert frontend.interpreter.comm_info("other") == {
        "status": "ok",
        "comms": {"c2": {"target_name": "other"}},
    }
    assert len(comms) == 2


def test_a_message_without_comm_id_is_no_failure(frontend: Frontend) -> None:
    assert frontend.comm("comm_msg", {"data": {}}) == []


def test_a_message_for_an_unknown_comm_is_no_failure(frontend: Frontend) -> None:
    assert [item.msg_type for item in frontend.comm("comm_msg", {"comm_id": "x", "data": {}})] in (
        [],
        ["stream"],
    )


def test_the_end_restores_the_comm_package(options: KernelOptions) -> None:
    before = comm.create_comm, comm.get_comm_manager
    stop_frontend(start_frontend(options))
    assert (comm.create_comm, comm.get_comm_manager) == before


def test_a_slider_moves_both_ways(frontend: Frontend) -> None:
    frontend.execute("import ipywidgets\nslider = ipywidgets.IntSlider()\nslider")
    opened = [
        item
        for item in frontend.kernel.core.publications
        if item.msg_type == "comm_open"
        and item.content["data"]["state"].get("_model_name") == "IntSliderModel"
    ]
    comm_id = opened[0].content["comm_id"]
    data = {"method": "update", "state": {"value": 42}, "buffer_paths": []}
    frontend.comm("comm_msg", {"comm_id": comm_id, "data": data})
    assert frontend.execute("slider.value").result == "42"
    moved = frontend.execute("slider.value = 7").of_type("comm_msg")[-1]
    assert moved.content["data"]["state"] == {"value": 7}


def test_an_output_widget_names_the_running_cell(frontend: Frontend) -> None:
    frontend.execute("import ipywidgets\nout = ipywidgets.Output()")
    outcome = frontend.execute("with out:\n    print('inside')")
    states = [item.content["data"]["state"] for item in outcome.of_type("comm_msg")]
    assert [state["msg_id"] for state in states] == [outcome.request.msg_id, ""]
    assert outcome.types == ["comm_msg", "stream", "comm_msg"]
