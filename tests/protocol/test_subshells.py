"""Subshells (JEP 91): cells that run at the same time over one namespace."""

import re
from collections.abc import Iterator
from typing import Any

import pytest

from frontend import (
    Exchange,
    Frontend,
    Gate,
    busy,
    comm_msg,
    comm_open,
    error,
    execute_input,
    idle,
    reply,
    result,
    stdout,
)

parity = pytest.mark.parity
MEET = "import threading; meeting = threading.Barrier(2)"
ENDLESS = "import time\nprint('running')\nwhile True: time.sleep(0.01)"


def create(frontend: Frontend) -> str:
    """Id of a new subshell."""
    answer = frontend.request("create_subshell_request", channel="control").reply.content
    assert answer["status"] == "ok"
    return answer["subshell_id"]


def delete(frontend: Frontend, subshell_id: str) -> dict[str, Any]:
    """The reply to a delete_subshell_request."""
    content = {"subshell_id": subshell_id}
    return frontend.request("delete_subshell_request", content, channel="control").reply.content


def listed(frontend: Frontend) -> list[str]:
    """Ids of the open subshells."""
    return frontend.request("list_subshell_request", channel="control").reply.content["subshell_id"]


def cell_in(frontend: Frontend, subshell_id: str, code: str, **options: Any) -> Exchange:
    """Ask a subshell to run a cell."""
    content = {
        "code": code,
        "silent": False,
        "store_history": True,
        "user_expressions": {},
        "allow_stdin": False,
        "stop_on_error": True,
        **options,
    }
    return frontend.request("execute_request", content, header={"subshell_id": subshell_id})


@pytest.fixture
def subshell(frontend: Frontend) -> Iterator[str]:
    """A subshell of the test's own, in a kernel that has started."""
    frontend.settle()
    subshell_id = create(frontend)
    yield subshell_id
    if frontend.kernel.popen.poll() is None and subshell_id in listed(frontend):
        delete(frontend, subshell_id)


# -- the three requests ---------------------------------------------------------------------------


@parity
def test_the_feature_is_announced(frontend: Frontend) -> None:
    content = frontend.request("kernel_info_request").reply.content
    assert "kernel subshells" in content["supported_features"]


@parity
def test_create_list_delete(frontend: Frontend) -> None:
    before = listed(frontend)
    first, second = create(frontend), create(frontend)
    assert sorted(listed(frontend)) == sorted([*before, first, second])
    assert delete(frontend, first)["status"] == "ok"
    assert sorted(listed(frontend)) == sorted([*before, second])
    assert delete(frontend, second)["status"] == "ok"


@parity
@pytest.mark.parametrize("msg_type", ["create_subshell_request", "list_subshell_request"])
def test_control_requests_have_their_statuses(frontend: Frontend, msg_type: str) -> None:
    exchange = frontend.request(msg_type, channel="control")
    exchange.sees(busy, reply("ok"), idle)
    for subshell_id in listed(frontend):
        delete(frontend, subshell_id)


@parity
def test_deleting_an_unknown_one_is_an_error(frontend: Frontend) -> None:
    assert delete(frontend, "nonsense")["status"] == "error"


@parity
def test_subshells_are_managed_while_a_cell_runs(frontend: Frontend, gate: Gate) -> None:
    cell = frontend.execute(gate.wait)
    subshell_id = create(frontend)
    assert subshell_id in listed(frontend)
    assert delete(frontend, subshell_id)["status"] == "ok"
    gate.open()
    cell.finish()


# -- routing --------------------------------------------------------------------------------------


@parity
def test_a_cell_of_a_subshell(frontend: Frontend, subshell: str) -> None:
    cell = cell_in(frontend, subshell, "print('there'); 6 * 7")
    cell.sees(busy, execute_input, stdout("there\n"), result("42"), reply("ok"), idle)


@parity
def test_it_runs_on_a_thread_of_its_own(frontend: Frontend, subshell: str) -> None:
    code = "import threading; threading.current_thread() is threading.main_thread()"
    cell_in(frontend, subshell, code).reaches(result("False"))


@parity
def test_the_namespace_is_shared(frontend: Frontend, subshell: str) -> None:
    cell_in(frontend, subshell, "shared = 1").finish()
    assert frontend.value("shared") == "1"


@parity
def test_an_unknown_subshell_is_an_error(frontend: Frontend) -> None:
    cell = cell_in(frontend, "nonsense", "1")
    cell.sees(busy, reply("error", ename="UnknownSubshellError"), idle)


@parity
def test_other_requests_are_routed_too(frontend: Frontend, subshell: str, gate: Gate) -> None:
    cell = frontend.execute(gate.wait)
    content = {"code": "impor", "cursor_pos": 5}
    header = {"subshell_id": subshell}
    answer = frontend.request("complete_request", content, header=header).reply
    assert "import" in answer.content["matches"]
    gate.open()
    cell.finish()


@parity
def test_the_magic(frontend: Frontend, subshell: str) -> None:
    text = cell_in(frontend, subshell, "%subshell").finish().text()
    assert f"subshell id: {subshell}" in text
    assert re.search(r"thread id: (\d+)\nmain thread id: (?!\1)\d+\npid: \d+\n", text)
    assert f"subshell list: ['{subshell}']" in text


@parity
def test_the_magic_in_the_main_shell(frontend: Frontend) -> None:
    assert "subshell id: None" in frontend.run("%subshell").text()


@parity
def test_an_async_cell(frontend: Frontend, subshell: str) -> None:
    code = "import asyncio\nawait asyncio.sleep(0.01)\nprint('awaited')"
    cell_in(frontend, subshell, code).sees(
        busy, execute_input, stdout("awaited\n"), reply("ok"), idle
    )


def test_asyncio_run_in_a_subshell(frontend: Frontend, subshell: str) -> None:
    code = "import asyncio\nasync def answer(): return 42\nasyncio.run(answer())"
    cell_in(frontend, subshell, code).reaches(result("42"))


# -- at the same time -----------------------------------------------------------------------------


@parity
def test_two_cells_wait_for_each_other(frontend: Frontend, subshell: str) -> None:
    frontend.run(MEET)
    main = frontend.execute("meeting.wait(20); print('main')")
    other = cell_in(frontend, subshell, "meeting.wait(20); print('sub')")
    assert main.finish().text() == "main\n"
    assert other.finish().text() == "sub\n"


@parity
def test_two_subshells_wait_for_each_other(frontend: Frontend, subshell: str) -> None:
    second = create(frontend)
    frontend.run(MEET)
    cells = [cell_in(frontend, each, "meeting.wait(20); 1") for each in (subshell, second)]
    for cell in cells:
        assert cell.finish().reply.content["status"] == "ok"  # type: ignore[union-attr]
    delete(frontend, second)


ROUNDS = """
def rounds(name):
    for number in range(30):
        meeting.wait(20)
        print(name, number)
        display(name)
"""


@parity
def test_output_is_in_the_right_cell(frontend: Frontend, subshell: str) -> None:
    frontend.run(MEET + ROUNDS)
    main = frontend.execute("rounds('main')")
    other = cell_in(frontend, subshell, "rounds('sub')")
    for name, cell in (("main", main), ("sub", other)):
        seen = cell.finish()
        assert seen.text() == "".join(f"{name} {number}\n" for number in range(30))
        shown = [m.content["data"] for m in seen.published if m.msg_type == "display_data"]
        assert shown == [{"text/plain": repr(name)}] * 30


def test_every_cell_has_a_number_of_its_own(frontend: Frontend, subshell: str) -> None:
    frontend.run(MEET)
    pairs = [
        (frontend.execute("meeting.wait(20)"), cell_in(frontend, subshell, "meeting.wait(20)"))
        for _ in range(10)
    ]
    numbers = []
    for cell in [cell for pair in pairs for cell in pair]:
        seen = cell.finish()
        shown = seen.one("execute_input").content["execution_count"]
        assert seen.reply and seen.reply.content["execution_count"] == shown
        assert seen.one("execute_result").content["execution_count"] == shown
        numbers.append(shown)
    assert sorted(numbers) == list(range(min(numbers), min(numbers) + 20))


def test_in_and_out_are_those_of_the_number(frontend: Frontend, subshell: str) -> None:
    frontend.run(MEET)
    cells = {
        "main": frontend.execute("meeting.wait(20); 'main'"),
        "sub": cell_in(frontend, subshell, "meeting.wait(20); 'sub'"),
    }
    for name, cell in cells.items():
        number = cell.finish().one("execute_input").content["execution_count"]
        assert frontend.value(f"Out[{number}]") == repr(name)
        assert name in frontend.value(f"In[{number}]")


def test_payloads_go_with_their_cell(frontend: Frontend, subshell: str) -> None:
    frontend.run(MEET)
    code = "get_ipython().set_next_input({!r}); meeting.wait(20); meeting.wait(20)"
    main = frontend.execute(code.format("main") + ";")
    other = cell_in(frontend, subshell, code.format("sub") + ";")
    for name, cell in (("main", main), ("sub", other)):
        answer = cell.finish().reply
        assert answer and [each["text"] for each in answer.content["payload"]] == [name]


def test_errors_go_with_their_cell(frontend: Frontend, subshell: str) -> None:
    frontend.run(MEET)
    main = frontend.execute("try:\n    meeting.wait(20)\nfinally:\n    meeting.wait(20); 1/0")
    other = cell_in(frontend, subshell, "meeting.wait(20); meeting.wait(20); [][1]")
    for name, cell in (("ZeroDivisionError", main), ("IndexError", other)):
        seen = cell.finish()
        assert seen.one("error").content["ename"] == name
        assert seen.reply and seen.reply.content["ename"] == name
        assert seen.reply.content["traceback"] == seen.one("error").content["traceback"]


SLOW = """
class Slow:
    def __init__(self, text): self.text = text
    def __repr__(self):
        meeting.wait(20)
        meeting.wait(20)
        return self.text
"""


def test_results_formatted_at_the_same_time(frontend: Frontend, subshell: str) -> None:
    frontend.run(MEET + SLOW)
    main = frontend.execute("Slow('main')")
    other = cell_in(frontend, subshell, "Slow('sub')")
    main.reaches(result("main"))
    other.reaches(result("sub"))
    assert [main.finish().text(), other.finish().text()] == ["", ""]


def test_the_last_result_stays_underscore(frontend: Frontend, subshell: str) -> None:
    cells = []
    for number in range(50):
        cells += [frontend.execute(f"{number}"), cell_in(frontend, subshell, f"-{number}")]
    for cell in cells:
        cell.finish()
    frontend.run("'last'")
    assert frontend.value("_") == "'last'"


def test_a_semicolon_counts_for_its_own_cell(frontend: Frontend, subshell: str) -> None:
    frontend.run(MEET)
    main = frontend.execute("_ = meeting.wait(20); 'shown'")
    other = cell_in(frontend, subshell, "_ = meeting.wait(20); 'hidden';")
    main.reaches(result("'shown'"))
    assert "execute_result" not in [m.msg_type for m in other.finish().published]
    main.finish()


def test_cells_are_compiled_at_the_same_time(frontend: Frontend, subshell: str) -> None:
    cells = []
    for _ in range(20):
        cells.append(frontend.execute("import asyncio; await asyncio.sleep(0)"))
        cells.append(cell_in(frontend, subshell, "import asyncio; await asyncio.sleep(0)"))
    assert {cell.finish().reply.content["status"] for cell in cells} == {"ok"}  # type: ignore[union-attr]


@parity
def test_a_thread_of_a_subshell_s_cell_prints_there(frontend: Frontend, subshell: str) -> None:
    code = (
        "import threading; t = threading.Thread(target=print, args=['thread']); t.start(); t.join()"
    )
    cell_in(frontend, subshell, code).sees(
        busy, execute_input, stdout("thread\n"), reply("ok"), idle
    )


def test_input_asks_for_the_cell_that_reads(frontend: Frontend, subshell: str) -> None:
    frontend.run(MEET)
    main = frontend.execute("meeting.wait(20); print(input('main?'))", allow_stdin=True)
    code = "answer = input('sub?'); meeting.wait(20); print(answer)"
    other = cell_in(frontend, subshell, code, allow_stdin=True)
    for cell in (other, main):
        question = frontend.input_request()
        assert question.parent_header["msg_id"] == cell.msg_id
        frontend.answer(question, f"to {question.content['prompt']}")
    assert main.finish().text() == "to main?\n"
    assert other.finish().text() == "to sub?\n"


# -- errors and aborts ----------------------------------------------------------------------------


@parity
def test_an_error_aborts_only_its_own_queue(frontend: Frontend, subshell: str, gate: Gate) -> None:
    main = frontend.execute(gate.wait)
    waiting = frontend.execute("'main goes on'")
    failing = cell_in(frontend, subshell, "import time; time.sleep(0.3); 1/0")
    aborted = cell_in(frontend, subshell, "'never'")
    failing.reaches(error("ZeroDivisionError"))
    aborted.sees(busy, reply("aborted"), idle)
    gate.open()
    main.finish()
    waiting.reaches(result("'main goes on'"))


@parity
def test_an_error_of_the_main_shell_leaves_subshells_alone(
    frontend: Frontend, subshell: str, gate: Gate
) -> None:
    running = cell_in(frontend, subshell, gate.wait)
    waiting = cell_in(frontend, subshell, "'goes on'")
    frontend.execute("1/0").finish()
    gate.open()
    running.finish()
    waiting.reaches(result("'goes on'"))


# -- interrupts -----------------------------------------------------------------------------------


def interrupt(frontend: Frontend, subshell_id: str | None = None) -> None:
    """Interrupt one subshell's cell, or all cells."""
    header = {"subshell_id": subshell_id} if subshell_id else {}
    request = frontend.request("interrupt_request", channel="control", header=header)
    request.sees(busy, reply("ok"), idle)


@pytest.mark.parametrize("by_name", [True, False], ids=["by name", "with all"])
def test_a_cell_of_a_subshell_is_interrupted(
    frontend: Frontend, subshell: str, by_name: bool
) -> None:
    cell = cell_in(frontend, subshell, ENDLESS)
    cell.reaches_text("running")
    interrupt(frontend, subshell if by_name else None)
    cell.reaches(error("KeyboardInterrupt"))
    cell.finish()
    cell_in(frontend, subshell, "'alive'").reaches(result("'alive'"))


def test_an_async_cell_of_a_subshell_is_interrupted(frontend: Frontend, subshell: str) -> None:
    code = "import asyncio\nprint('running')\nawait asyncio.sleep(60)"
    cell = cell_in(frontend, subshell, code)
    cell.reaches_text("running")
    interrupt(frontend, subshell)
    cell.reaches(error("KeyboardInterrupt"))
    cell.finish()


def test_an_interrupt_by_name_leaves_others_alone(
    frontend: Frontend, subshell: str, gate: Gate
) -> None:
    main = frontend.execute(gate.wait)
    cell = cell_in(frontend, subshell, ENDLESS)
    cell.reaches_text("running")
    interrupt(frontend, subshell)
    cell.reaches(error("KeyboardInterrupt"))
    gate.open()
    assert main.finish().reply.content["status"] == "ok"  # type: ignore[union-attr]


# -- deletion -------------------------------------------------------------------------------------


def test_deleting_a_busy_one_blocks_nothing(frontend: Frontend) -> None:
    subshell_id = create(frontend)
    cell = cell_in(frontend, subshell_id, ENDLESS)
    cell.reaches_text("running")
    assert delete(frontend, subshell_id)["status"] == "ok"
    assert frontend.value("1 + 1") == "2"
    cell.reaches(error("KeyboardInterrupt"))
    cell.finish()


def test_what_waited_for_a_deleted_one_is_answered(frontend: Frontend) -> None:
    subshell_id = create(frontend)
    cell = cell_in(frontend, subshell_id, ENDLESS)
    waiting = cell_in(frontend, subshell_id, "'never'")
    cell.reaches_text("running")
    delete(frontend, subshell_id)
    waiting.sees(busy, reply("error"), idle)
    cell.finish()


def test_its_thread_ends(frontend: Frontend) -> None:
    subshell_id = create(frontend)
    cell_in(frontend, subshell_id, "import threading; thread = threading.current_thread()").finish()
    delete(frontend, subshell_id)
    frontend.run("thread.join(20)")
    assert frontend.value("thread.is_alive()") == "False"


# -- comms ----------------------------------------------------------------------------------------

ECHO = """
import comm, threading
heard = []
def note(message):
    heard.append((message["content"]["data"], threading.current_thread() is threading.main_thread()))
channel = comm.create_comm(target_name="there", comm_id={comm_id!r})
channel.on_msg(note)
"""


def test_a_comm_answers_the_subshell_that_asked(frontend: Frontend, subshell: str) -> None:
    frontend.run(ECHO.format(comm_id="asked"))
    cell_in(frontend, subshell, "channel.send({'question': 1})").sees(
        busy, execute_input, comm_msg, reply("ok"), idle
    )
    content = {"comm_id": "asked", "data": {"answer": 1}}
    frontend.request("comm_msg", content).sees(busy, idle)
    assert frontend.value("heard") == "[({'answer': 1}, False)]"


def test_the_answer_comes_while_the_main_shell_is_busy(
    frontend: Frontend, subshell: str, gate: Gate
) -> None:
    frontend.run(ECHO.format(comm_id="busy"))
    cell_in(frontend, subshell, "channel.send({'question': 1})").finish()
    main = frontend.execute(gate.wait)
    content = {"comm_id": "busy", "data": {"answer": 1}}
    frontend.request("comm_msg", content).sees(busy, idle)
    gate.open()
    main.finish()


def test_answers_go_by_their_id(frontend: Frontend, subshell: str) -> None:
    frontend.run(ECHO.format(comm_id="ids"))
    cell_in(frontend, subshell, "channel.send({'content': {'id': 'q1'}})").finish()
    frontend.run("channel.send({'content': {'id': 'q2'}})")
    for number in ("q2", "q1"):
        content = {"comm_id": "ids", "data": {"content": {"id": number}}}
        frontend.request("comm_msg", content).sees(busy, idle)
    found = frontend.value("[(data['content']['id'], main) for data, main in heard]")
    assert sorted(found.strip("[]").split("), ")) == sorted(["('q2', True", "('q1', False)"])


def test_a_closed_comm_is_forgotten(frontend: Frontend, subshell: str) -> None:
    frontend.run(ECHO.format(comm_id="closed"))
    cell_in(frontend, subshell, "channel.send({}); channel.close()").finish()
    frontend.run(ECHO.format(comm_id="closed"))
    frontend.request("comm_msg", {"comm_id": "closed", "data": {}}).sees(busy, idle)
    assert frontend.value("heard") == "[({}, True)]"


def test_a_comm_message_addressed_to_a_subshell(
    frontend: Frontend, subshell: str, gate: Gate
) -> None:
    frontend.run(ECHO.format(comm_id="addressed"))
    main = frontend.execute(gate.wait)
    content = {"comm_id": "addressed", "data": {"x": 1}}
    header = {"subshell_id": subshell}
    frontend.request("comm_msg", content, header=header).sees(busy, idle)
    gate.open()
    main.finish()
    assert frontend.value("heard") == "[({'x': 1}, False)]"


@parity
def test_a_comm_opened_from_a_subshell(frontend: Frontend, subshell: str) -> None:
    code = "import comm; c = comm.create_comm(target_name='there', data={'a': 1})"
    opened = comm_open({"a": 1}, target_name="there")
    cell_in(frontend, subshell, code).sees(busy, execute_input, opened, reply("ok"), idle)
