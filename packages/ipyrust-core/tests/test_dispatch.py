"""Requests with bad content get a reply that names the field, and whatever the interpreter does, one reply."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from ipyrust_core import Cell, CommMessage, Kernel, dispatch
from ipyrust_core.event_loop import KernelEventLoop
from ipyrust_core.shells import MainShell


class Recorder:
    """An interpreter that notes its calls and answers with `result`, or calls it."""

    def __init__(self) -> None:
        self.execution_count = 7
        self.calls: list[tuple[Any, ...]] = []
        self.result: Any = {"status": "ok"}

    def _note(self, *call: Any) -> Any:
        self.calls.append(call)
        return self.result() if callable(self.result) else self.result

    def runs_async(self, code: str) -> bool:
        return "await" in code

    async def execute(self, cell: Cell) -> Any:
        if self.runs_async(cell.code):
            await asyncio.sleep(0)
        return self._note("execute", cell)

    def complete(self, code: str, cursor_pos: int) -> Any:
        return self._note("complete", code, cursor_pos)

    def inspect(self, code: str, cursor_pos: int, detail_level: int, omit_sections: Any) -> Any:
        return self._note("inspect", code, cursor_pos, detail_level, tuple(omit_sections))

    def is_complete(self, code: str) -> Any:
        return self._note("is_complete", code)

    def history(self, content: Any) -> Any:
        return self._note("history", content)

    def comm(self, message: CommMessage) -> None:
        self._note("comm", message)

    def comm_info(self, target_name: str | None) -> Any:
        return self._note("comm_info", target_name)

    def debug(self, request: Any) -> Any:
        return self._note("debug", request)


class Served:
    """A wire, an interpreter behind it, and a main shell that serves one request at a time."""

    def __init__(self, wire: Any) -> None:
        self.wire = wire
        self.interpreter = Recorder()
        self.loop = KernelEventLoop()
        self.kernel = Kernel(wire.core, self.interpreter, self.loop)
        self.shell = MainShell(self.kernel, wire.core.shell, self.loop)

    def serve(self) -> None:
        dispatch.serve(self.wire.taken(), self.kernel, self.shell)

    def answer(self, msg_type: str, content: Any = None, **more: Any) -> dict[str, Any]:
        """Ask, serve, and return the reply."""
        self.wire.ask(msg_type, content, **more)
        self.serve()
        return self.wire.receive("shell")


@pytest.fixture
def served(wire) -> Iterator[Served]:
    served = Served(wire)
    with served.kernel.interrupts.installed(), served.kernel.parking.installed():
        yield served
    served.loop.end()


BAD_CONTENT = [
    ("execute_request", {}, "content.code must be a str, not None"),
    ("execute_request", {"code": 1}, "content.code must be a str, not 1"),
    ("execute_request", {"code": ["x" * 1000]}, "content.code must be a str"),
    ("execute_request", {"code": "", "user_expressions": "x"}, "content.user_expressions"),
    ("complete_request", {"cursor_pos": 0}, "content.code"),
    ("complete_request", {"code": "", "cursor_pos": "0"}, "content.cursor_pos must be a int"),
    ("inspect_request", {"code": None}, "content.code"),
    ("inspect_request", {"code": "", "detail_level": "1"}, "content.detail_level"),
    ("inspect_request", {"code": "", "omit_sections": 1}, "content.omit_sections"),
    ("is_complete_request", {}, "content.code"),
    ("comm_info_request", {"target_name": []}, "content.target_name"),
]


@pytest.mark.parametrize(("msg_type", "content", "named"), BAD_CONTENT)
def test_a_bad_field_is_named(served, msg_type, content, named):
    reply = served.answer(msg_type, content)
    assert reply["msg_type"] == msg_type.replace("_request", "_reply")
    assert (reply["content"]["status"], reply["content"]["ename"]) == ("error", "BadContentError")
    assert named in reply["content"]["evalue"]
    assert len(reply["content"]["evalue"]) < 200
    assert served.interpreter.calls == []


@pytest.mark.parametrize("msg_type", ["execute_request", "complete_request", "history_request"])
@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "content is not JSON"),
        (b"{", "content is not JSON"),
        (b"\xff\xfe", "content is not JSON"),
        (b"[" * 100_000, "content is not JSON"),
        (b"[]", "content must be a JSON object, not a list"),
        (b"null", "content must be a JSON object, not a NoneType"),
    ],
    ids=["empty", "torn", "not UTF-8", "deep", "list", "null"],
)
def test_content_that_is_no_object_is_named(served, msg_type, content, problem):
    served.wire.ask_raw(msg_type, content)
    served.serve()
    reply = served.wire.receive("shell")["content"]
    assert (reply["status"], reply["ename"]) == ("error", "BadContentError")
    assert reply["evalue"].startswith(problem)


def test_metadata_that_is_no_object_is_named(served):
    served.wire.ask_raw("execute_request", b'{"code":""}', metadata=b"7")
    served.serve()
    assert "metadata must be a JSON object" in served.wire.receive("shell")["content"]["evalue"]


def test_a_bad_comm_message_is_answered_by_statuses_only(served):
    served.wire.ask_raw("comm_msg", b"[]")
    served.serve()
    states = [served.wire.receive("iopub")["content"]["execution_state"] for _ in range(2)]
    assert states == ["busy", "idle"]
    assert served.answer("history_request")["msg_type"] == "history_reply"


def broken() -> None:
    raise ZeroDivisionError("the interpreter's bug")


def interrupted() -> None:
    raise KeyboardInterrupt


def circular() -> dict[str, Any]:
    content: dict[str, Any] = {"status": "ok"}
    content["self"] = content
    return content


def deep() -> dict[str, Any]:
    value: Any = []
    for _ in range(100_000):
        value = [value]
    return {"status": "ok", "user_expressions": value}


class Unreadable:
    """Iterable, but not for long."""

    def __iter__(self) -> Iterator[None]:
        raise ZeroDivisionError


WRONG: list[tuple[str, Callable[[], Any], str]] = [
    ("raises", broken, "ZeroDivisionError"),
    ("is interrupted", interrupted, "KeyboardInterrupt"),
    ("answers an object", lambda: {"status": "ok", "x": object()}, "TypeError"),
    ("answers in circles", circular, "ValueError"),
    ("answers too deeply", deep, "ValueError"),
    (
        "answers what cannot be read",
        lambda: {"status": "ok", "x": Unreadable()},
        "ZeroDivisionError",
    ),
]


@pytest.mark.parametrize(
    ("result", "ename"), [row[1:] for row in WRONG], ids=[row[0] for row in WRONG]
)
@pytest.mark.parametrize("msg_type", ["execute_request", "complete_request"])
def test_an_interpreter_that_fails_gets_an_error_reply_and_the_loop_lives(
    served, msg_type, result, ename
):
    served.interpreter.result = result
    reply = served.answer(msg_type, {"code": "x"})
    assert (reply["content"]["status"], reply["content"]["ename"]) == ("error", ename)
    assert served.wire.transcript(reply["parent_header"]["msg_id"])[-1] == "idle"
    served.interpreter.result = {"status": "ok"}
    assert served.answer(msg_type, {"code": "x"})["content"] == {"status": "ok"}


def test_an_execute_without_a_status_gets_an_error_reply(served):
    served.interpreter.result = {}
    assert served.answer("execute_request", {"code": ""})["content"]["ename"] == "KeyError"


def test_an_unanswered_request_gets_an_error_reply(served):
    served.interpreter.result = None
    reply = served.answer("complete_request", {"code": ""})
    assert (reply["content"]["status"], reply["content"]["ename"]) == ("error", "Unanswered")


def test_a_suspending_cell_that_was_declared_plain_is_an_error(served):
    async def suspends(cell: Cell) -> Any:
        await asyncio.sleep(0)

    served.interpreter.execute = suspends
    reply = served.answer("execute_request", {"code": ""})
    assert "does not" in reply["content"]["evalue"]


@pytest.mark.parametrize("code", ["plain", "await it"])
def test_a_cell(served, code):
    reply = served.answer("execute_request", {"code": code}, metadata={"cellId": "c1"})
    ((_, cell),) = served.interpreter.calls
    assert (cell.code, cell.cell_id, cell.silent, cell.store_history) == (code, "c1", False, True)
    assert (cell.allow_stdin, cell.stop_on_error, cell.user_expressions) == (False, True, {})
    assert reply["content"] == {"status": "ok"}
    assert reply["metadata"]["status"] == "ok"
    assert reply["metadata"]["started"]
    assert served.wire.transcript(cell.request.msg_id) == ["busy", "execute_input", "idle"]


def test_a_silent_cell_has_no_execute_input_and_no_history(served):
    reply = served.answer("execute_request", {"code": "", "silent": True, "store_history": True})
    ((_, cell),) = served.interpreter.calls
    assert (cell.silent, cell.store_history) == (True, False)
    assert served.wire.transcript(reply["parent_header"]["msg_id"]) == ["busy", "idle"]


@pytest.mark.parametrize(
    ("content", "aborts"),
    [
        ({"code": ""}, True),
        ({"code": "", "stop_on_error": False}, False),
        ({"code": "", "silent": True}, False),
    ],
    ids=["stop", "go on", "silent"],
)
def test_a_failed_cell_aborts_what_waits_behind_it(served, content, aborts):
    served.wire.ask("execute_request", content)
    behind = served.wire.ask("execute_request", {"code": "behind"})
    served.wire.ask("kernel_info_request")
    assert served.wire.receive("shell")["msg_type"] == "kernel_info_reply"  # Both have arrived.
    served.interpreter.result = broken
    served.serve()
    assert served.wire.receive("shell")["content"]["ename"] == "ZeroDivisionError"
    assert (served.wire.core.shell.get_nowait() is None) == aborts
    if aborts:
        reply = served.wire.receive("shell")
        assert reply["parent_header"]["msg_id"] == behind["msg_id"]
        assert reply["content"] == {"status": "aborted"}


@pytest.mark.parametrize(
    ("msg_type", "content", "call"),
    [
        ("complete_request", {"code": "héé"}, ("complete", "héé", 3)),
        ("complete_request", {"code": "abc", "cursor_pos": 99}, ("complete", "abc", 3)),
        ("complete_request", {"code": "abc", "cursor_pos": -5}, ("complete", "abc", 0)),
        ("inspect_request", {"code": "x", "cursor_pos": 1}, ("inspect", "x", 1, 0, ())),
        (
            "inspect_request",
            {"code": "x", "detail_level": 1, "omit_sections": ["a"]},
            ("inspect", "x", 1, 1, ("a",)),
        ),
        ("is_complete_request", {"code": "x"}, ("is_complete", "x")),
        ("history_request", {"n": 3}, ("history", {"n": 3})),
        ("comm_info_request", {}, ("comm_info", None)),
        ("comm_info_request", {"target_name": "t"}, ("comm_info", "t")),
    ],
)
def test_the_interpreter_gets_checked_arguments(served, msg_type, content, call):
    assert served.answer(msg_type, content)["content"] == {"status": "ok"}
    assert served.interpreter.calls == [call]


def test_a_comm_message_arrives_with_its_buffers(served):
    served.wire.ask(
        "comm_msg", {"comm_id": "c", "data": {}}, metadata={"m": 1}, buffers=[b"\x00\x01"]
    )
    served.serve()
    ((_, message),) = served.interpreter.calls
    form = message.as_message()
    assert (form["msg_type"], form["content"]["comm_id"], form["metadata"]) == (
        "comm_msg",
        "c",
        {"m": 1},
    )
    assert [bytes(buffer) for buffer in form["buffers"]] == [b"\x00\x01"]
    assert form["header"]["msg_id"] == message.request.msg_id


def test_the_parent_is_set_while_a_request_is_served_and_unset_afterwards(served):
    parents = []
    served.interpreter.result = lambda: parents.append(served.kernel.parent) or {"status": "ok"}
    served.answer("complete_request", {"code": ""})
    assert [parent.msg_type for parent in parents] == ["complete_request"]
    assert served.kernel.parent is None


def test_a_debug_request_is_answered_without_a_shell(served):
    served.wire.ask("debug_request", {"command": "debugInfo"}, channel="control")
    request = served.wire.core.control.get(timeout=20)
    dispatch.serve(request, served.kernel, None)
    assert served.wire.receive("control")["content"] == {"status": "ok"}
    assert served.interpreter.calls == [("debug", {"command": "debugInfo"})]
