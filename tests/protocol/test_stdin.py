"""The stdin channel: the kernel asks, the frontend that sent the cell answers."""

import re
from collections.abc import Callable

import pytest

from frontend import (
    Frontend,
    KernelProcess,
    Message,
    busy,
    error,
    execute_input,
    idle,
    reply,
    result,
    stdout,
)

parity = pytest.mark.parity
pytestmark = pytest.mark.every_transport


def ask(frontend: Frontend, code: str) -> Message:
    """Run a cell that asks; its question."""
    frontend.execute(code, allow_stdin=True)
    return frontend.input_request()


@parity
def test_input_returns_the_answer(frontend: Frontend) -> None:
    cell = frontend.execute("input()", allow_stdin=True)
    frontend.answer(frontend.input_request(), "typed")
    cell.sees(busy, execute_input, result("'typed'"), reply("ok"), idle)


@parity
def test_input_sends_its_prompt(frontend: Frontend) -> None:
    question = ask(frontend, "input('your name? ');")
    assert question.content == {"prompt": "your name? ", "password": False}
    frontend.answer(question, "x")


@parity
def test_getpass_asks_for_a_password(frontend: Frontend) -> None:
    question = ask(frontend, "from getpass import getpass; getpass('secret: ');")
    assert question.content == {"prompt": "secret: ", "password": True}
    frontend.answer(question, "x")


@parity
def test_getpass_returns_the_answer(frontend: Frontend) -> None:
    cell = frontend.execute("import getpass; getpass.getpass()", allow_stdin=True)
    frontend.answer(frontend.input_request(), "s3cret")
    cell.sees(busy, execute_input, result("'s3cret'"), reply("ok"), idle)


@parity
def test_the_prompt_may_be_any_object(frontend: Frontend) -> None:
    question = ask(frontend, "input(42);")
    assert question.content["prompt"] == "42"
    frontend.answer(question, "x")


@parity
def test_the_question_names_its_cell_as_parent(frontend: Frontend) -> None:
    cell = frontend.execute("input();", allow_stdin=True)
    question = frontend.input_request()
    assert question.parent_header["msg_id"] == cell.msg_id
    frontend.answer(question, "x")
    cell.finish()


@parity
def test_end_of_file_raises_eoferror(frontend: Frontend) -> None:
    cell = frontend.execute("input()", allow_stdin=True)
    frontend.answer(frontend.input_request(), "\x04")
    cell.sees(busy, execute_input, error("EOFError"), reply("error"), idle)


@parity
def test_unicode_survives_the_way_back(frontend: Frontend) -> None:
    cell = frontend.execute("ascii(input())", allow_stdin=True)
    frontend.answer(frontend.input_request(), "é😀")
    cell.sees(busy, execute_input, result(repr(ascii("é😀"))), reply("ok"), idle)


@parity
def test_an_empty_answer_is_an_empty_string(frontend: Frontend) -> None:
    cell = frontend.execute("input()", allow_stdin=True)
    frontend.answer(frontend.input_request(), "")
    cell.sees(busy, execute_input, result("''"), reply("ok"), idle)


@parity
def test_a_cell_may_ask_twice(frontend: Frontend) -> None:
    cell = frontend.execute("input('1') + input('2')", allow_stdin=True)
    frontend.answer(frontend.input_request(), "one ")
    frontend.answer(frontend.input_request(), "two")
    cell.sees(busy, execute_input, result("'one two'"), reply("ok"), idle)


@parity
@pytest.mark.parametrize("call", ["input()", "__import__('getpass').getpass()"])
def test_input_is_an_error_when_not_allowed(frontend: Frontend, call: str) -> None:
    cell = frontend.execute(call, allow_stdin=False)
    cell.sees(busy, execute_input, error("StdinNotImplementedError"), reply("error"), idle)


@parity
def test_text_printed_before_the_question_comes_first(frontend: Frontend) -> None:
    cell = frontend.execute("print('rules'); input()", allow_stdin=True)
    question = frontend.input_request()
    cell.reaches(stdout("rules\n"))
    frontend.answer(question, "x")
    cell.sees(busy, execute_input, stdout("rules\n"), result("'x'"), reply("ok"), idle)


@parity
def test_an_answer_nobody_asked_for_is_not_used(frontend: Frontend) -> None:
    first = frontend.execute("input();", allow_stdin=True)
    question = frontend.input_request()
    frontend.answer(question, "right")
    first.finish()
    frontend.answer(question, "stale")
    frontend.settle()
    second = frontend.execute("input()", allow_stdin=True)
    frontend.answer(frontend.input_request(), "fresh")
    second.sees(busy, execute_input, result("'fresh'"), reply("ok"), idle)


@parity
def test_only_the_client_that_sent_the_cell_is_asked(
    frontend: Frontend, connect: Callable[[KernelProcess], Frontend]
) -> None:
    other = connect(frontend.kernel)
    cell = other.execute("input()", allow_stdin=True)
    other.answer(other.input_request(), "from the other")
    cell.sees(busy, execute_input, result("'from the other'"), reply("ok"), idle)


@parity
def test_an_interrupt_ends_the_question(frontend: Frontend) -> None:
    cell = frontend.execute("input()", allow_stdin=True)
    frontend.input_request()
    frontend.interrupt()
    cell.sees(
        busy, execute_input, error("KeyboardInterrupt", "Interrupted by user"), reply("error"), idle
    )


@parity
def test_the_debugger_asks_through_stdin(frontend: Frontend) -> None:
    frontend.execute("1/0").finish()
    cell = frontend.execute("%debug", allow_stdin=True)
    question = frontend.input_request()
    assert question.content["prompt"] == "ipdb> "
    frontend.answer(question, "q")
    assert cell.finish().reply.content["status"] == "ok"


@parity
def test_breakpoint_of_pdb_reads_commands(frontend: Frontend) -> None:
    cell = frontend.execute("import pdb; x = 7; pdb.set_trace(); y = 1", allow_stdin=True)
    frontend.answer(frontend.input_request(), "p x * 6")
    frontend.answer(frontend.input_request(), "c")
    assert re.search(r"^42$", cell.finish().text(), re.MULTILINE)


@parity
def test_input_is_itself_again_after_the_cell(frontend: Frontend) -> None:
    frontend.execute("kept = input", allow_stdin=True).finish()
    assert frontend.value("callable(__import__('builtins').input)") == "True"


def test_a_client_may_connect_its_stdin_late(frontend: Frontend) -> None:
    with Frontend(frontend.kernel, stdin=False) as late:
        cell = late.execute("input()", allow_stdin=True)
        cell.reaches(execute_input)
        late.connect_stdin()
        late.answer(late.input_request(), "better late")
        cell.sees(busy, execute_input, result("'better late'"), reply("ok"), idle)
