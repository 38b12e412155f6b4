"""replay_request: what executions published, asked for afterwards, on real sockets."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from frontend import Frontend, Gate, KernelProcess, Message, busy, idle, reply

StartKernel = Callable[..., KernelProcess]
Connect = Callable[..., Frontend]


def ask(frontend: Frontend, **content: Any) -> Message:
    exchange = frontend.request("replay_request", content, channel="control")
    exchange.sees(busy, reply(), idle)
    return exchange.reply


def replayed(frontend: Frontend, msg_id: str) -> dict[str, Any]:
    answer = ask(frontend, msg_id=msg_id).content
    assert answer["status"] == "ok", answer
    assert not answer["more"]
    return answer


def as_published(answer: dict[str, Any]) -> list[tuple[Any, ...]]:
    parts = ("header", "parent_header", "metadata", "content")
    return [tuple(message[part] for part in parts) for message in answer["messages"]]


def test_another_client_gets_what_was_published_and_the_reply(
    frontend: Frontend, connect: Connect
) -> None:
    cell = frontend.execute("print('printed'); display('shown'); 1/0")
    finished = cell.finish()
    answer = replayed(connect(frontend.kernel), cell.msg_id)
    kept = as_published(answer)
    raw = [
        (each.header, each.parent_header, each.metadata, each.content)
        for each in frontend.published_for(cell.msg_id)
    ]
    assert kept == raw
    assert [message["seq"] for message in answer["messages"]] == list(range(1, len(raw) + 1))
    assert finished.reply
    assert answer["reply"]["header"] == finished.reply.header
    assert answer["reply"]["content"] == finished.reply.content
    assert answer["execution_state"] == "idle"
    assert (answer["dropped"], answer["truncated"]) == (0, False)


def test_binary_buffers_come_along(frontend: Frontend) -> None:
    code = (
        "from comm import create_comm\n"
        "comm = create_comm(target_name='t', data={}, buffers=[b'one', b'two'])\n"
        "comm.send({}, buffers=[b'three'])"
    )
    cell = frontend.execute(code)
    cell.finish()
    answer = ask(frontend, msg_id=cell.msg_id)
    counts = [message["buffers"] for message in answer.content["messages"] if message["buffers"]]
    assert counts == [2, 1]
    assert answer.buffers == (b"one", b"two", b"three")


def test_a_busy_kernel_answers(fresh: Frontend, gate: Gate) -> None:
    cell = fresh.execute(f"print('before')\n{gate.wait}; None")
    cell.reaches_text("before\n")
    answer = replayed(fresh, cell.msg_id)
    assert (answer["execution_state"], answer["reply"]) == ("busy", None)
    assert "before\n" in [each["content"].get("text") for each in answer["messages"]]
    gate.open()
    cell.finish()
    rest = ask(fresh, msg_id=cell.msg_id, after=answer["last_seq"]).content
    assert [each["content"] for each in rest["messages"]] == [{"execution_state": "idle"}]


HOLD_GIL = """
import ctypes
print('holding', flush=True)
ctypes.PyDLL(None).usleep(3_000_000)
"""


def test_a_kernel_whose_gil_is_held_answers(fresh: Frontend) -> None:
    cell = fresh.execute(HOLD_GIL)
    cell.reaches_text("holding\n")
    assert replayed(fresh, cell.msg_id)["execution_state"] == "busy"
    cell.finish()


def test_executions_are_listed(fresh: Frontend) -> None:
    cells = [fresh.execute(f"print({number})") for number in range(3)]
    for cell in cells:
        cell.finish()
    listed = {each["msg_id"]: each for each in ask(fresh).content["executions"]}
    for cell in cells:
        summary = listed[cell.msg_id]
        assert summary["session"] == fresh.session_id
        assert summary["execution_state"] == "idle"
        assert summary["has_reply"] is True
        assert summary["messages"] == summary["last_seq"] == len(fresh.published_for(cell.msg_id))
        assert summary["truncated"] is False


def test_an_unknown_execution_is_named(frontend: Frontend) -> None:
    answer = ask(frontend, msg_id="nobody's").content
    assert (answer["status"], answer["ename"]) == ("error", "UnknownExecution")
    assert "nobody's" in answer["evalue"]


def test_it_is_a_request_of_the_control_channel(frontend: Frontend) -> None:
    exchange = frontend.request("replay_request", {})
    exchange.sees(busy, reply("error"), idle)


def test_large_output_comes_in_pages_and_what_is_over_the_bound_is_counted(
    start_kernel: StartKernel, connect: Connect
) -> None:
    frontend = connect(start_kernel(env={"IPYRUST_REPLAY_BYTES": "8000000"}))
    cell = frontend.execute(
        "for number in range(100): display({'text/plain': f'{number:0100000}'}, raw=True)"
    )
    cell.finish()
    seen: list[dict[str, Any]] = []
    after, pages = 0, 0
    while True:
        answer = ask(frontend, msg_id=cell.msg_id, after=after).content
        seen += answer["messages"]
        after, pages = answer["after"], pages + 1
        if not answer["more"]:
            break
    shown = [
        int(each["content"]["data"]["text/plain"][-3:])
        for each in seen
        if each["header"]["msg_type"] == "display_data"
    ]
    assert pages > 2
    assert shown == list(range(100 - len(shown), 100)), "the newest are kept, in order"
    assert 30 < len(shown) < 41, "one execution may fill half of 8 MB"
    assert answer["dropped"] == 100 - len(shown)
    types = [each["header"]["msg_type"] for each in seen]
    assert types[:2] == ["status", "execute_input"]
    listing = ask(frontend).content
    assert listing["bytes"] <= listing["limits"]["bytes"] == 8_000_000


def test_the_number_of_executions_is_bounded(fresh: Frontend) -> None:
    first = fresh.execute("'first'")
    first.finish()
    for _ in range(ask(fresh).content["limits"]["executions"]):
        fresh.execute("", silent=True).finish()
    listing = ask(fresh).content
    assert len(listing["executions"]) == listing["limits"]["executions"]
    assert listing["forgotten"] >= 1
    assert ask(fresh, msg_id=first.msg_id).content["ename"] == "UnknownExecution"


def test_it_can_be_switched_off(start_kernel: StartKernel, connect: Connect) -> None:
    frontend = connect(start_kernel(env={"IPYRUST_REPLAY_BYTES": "0"}))
    frontend.run("print(1)")
    assert ask(frontend).content["ename"] == "NothingKept"
    assert "replay" not in features(frontend)


@pytest.mark.parametrize("bound", ["16M", "-1", "9" * 40])
def test_a_wrong_bound_is_reported_and_ignored(
    start_kernel: StartKernel, connect: Connect, bound: str
) -> None:
    frontend = connect(start_kernel(env={"IPYRUST_REPLAY_BYTES": bound}))
    assert ask(frontend).content["limits"]["bytes"] == 16 << 20
    assert f"IPYRUST_REPLAY_BYTES={bound}" in frontend.kernel.stderr


def test_the_feature_is_announced(frontend: Frontend) -> None:
    assert "replay" in features(frontend)


def features(frontend: Frontend) -> list[str]:
    info = frontend.request("kernel_info_request", channel="control").reply.content
    found: list[str] = info["supported_features"]
    return found


@pytest.mark.parametrize("content", [{"msg_id": 3}, {"msg_id": "m", "after": "first"}])
def test_wrong_content_is_named(frontend: Frontend, content: dict[str, Any]) -> None:
    assert ask(frontend, **content).content["ename"] == "BadContent"
