"""The debugger of Python itself, over the stdin channel."""

from __future__ import annotations

import re

import pytest

from frontend import (
    Exchange,
    Frontend,
    busy,
    execute_input,
    idle,
    reply,
    result,
)

parity = pytest.mark.parity

SET_TRACE = "def f():\n    inside = 5\n    {}\n    return inside\nf()"
STARTS = {
    "breakpoint": SET_TRACE.format("breakpoint()"),
    "pdb": SET_TRACE.format("import pdb; pdb.set_trace()"),
    "IPython": SET_TRACE.format("from IPython.core.debugger import set_trace; set_trace()"),
    "runcall": "import pdb\ndef f():\n    inside = 5\n    return inside\npdb.runcall(f)",
}


def answer(frontend: Frontend, *lines: str) -> None:
    """Answer the debugger's next prompts."""
    for line in lines:
        question = frontend.input_request()
        assert re.search("db>|Pdb", question.content["prompt"]), question.content
        frontend.answer(question, line)


def start(frontend: Frontend, name: str = "pdb") -> Exchange:
    """A cell that is in the debugger."""
    return frontend.execute(STARTS[name], allow_stdin=True)


@pytest.mark.parametrize(
    "name", ["breakpoint", pytest.param("pdb", marks=parity), pytest.param("IPython", marks=parity)]
)
def test_variables_can_be_looked_at(fresh: Frontend, name: str) -> None:
    cell = start(fresh, name)
    answer(fresh, "p inside + 1", "continue")
    seen = cell.finish()
    assert seen.reply.content["status"] == "ok"
    assert "6\n" in seen.text()
    assert seen.one("execute_result").content["data"]["text/plain"] == "5"


@parity
def test_a_function_can_be_stepped_through(fresh: Frontend) -> None:
    cell = start(fresh, "runcall")
    answer(fresh, "next", "next", "p inside", "continue")
    assert "5\n" in cell.finish().text()


@parity
def test_quit_ends_the_cell(fresh: Frontend) -> None:
    cell = start(fresh)
    answer(fresh, "quit")
    cell.finish()
    fresh.execute("1 + 1").sees(busy, execute_input, result("2"), reply("ok"), idle)


@parity
def test_end_of_file_ends_the_debugger(fresh: Frontend) -> None:
    cell = start(fresh)
    answer(fresh, "\x04")
    cell.finish()
    fresh.execute("1 + 1").sees(busy, execute_input, result("2"), reply("ok"), idle)


@pytest.mark.parametrize(
    "name", ["breakpoint", pytest.param("pdb", marks=parity), pytest.param("IPython", marks=parity)]
)
def test_an_interrupt_ends_the_wait(fresh: Frontend, name: str) -> None:
    cell = start(fresh, name)
    fresh.input_request()
    fresh.interrupt()
    cell.finish()
    assert not fresh._inbox["stdin"], "the debugger asked again"
    fresh.execute("1 + 1").sees(busy, execute_input, result("2"), reply("ok"), idle)


@parity
def test_an_interrupt_ends_the_wait_of_a_pdb_that_was_imported_before(fresh: Frontend) -> None:
    fresh.run("import pdb")
    cell = start(fresh)
    fresh.input_request()
    fresh.interrupt()
    cell.finish()
    fresh.execute("1 + 1").sees(busy, execute_input, result("2"), reply("ok"), idle)


@parity
def test_pdb_keeps_its_source_and_its_name(fresh: Frontend) -> None:
    seen = fresh.execute(
        "import inspect, pdb\n(pdb.__spec__.name, 'class Pdb' in inspect.getsource(pdb))"
    ).finish()
    assert seen.one("execute_result").content["data"]["text/plain"] == "('pdb', True)"


@parity
def test_debug_looks_at_the_last_error(fresh: Frontend) -> None:
    fresh.execute("def f(x): return 1 / x\nf(0)").finish()
    cell = fresh.execute("%debug", allow_stdin=True)
    answer(fresh, "p 'x is', x", "up", "quit")
    seen = cell.finish()
    assert "('x is', 0)" in seen.text()
    assert seen.reply.content["status"] == "ok"


@parity
def test_pdb_on_starts_the_debugger_at_an_error(fresh: Frontend) -> None:
    fresh.run("%pdb on")
    cell = fresh.execute("def f(x): return 1 / x\nf(0)", allow_stdin=True)
    answer(fresh, "p 'x is', x", "quit")
    seen = cell.finish()
    assert "('x is', 0)" in seen.text()
    assert seen.reply.content["ename"] == "ZeroDivisionError"


@parity
def test_a_new_cell_waits_until_the_debugger_is_left(fresh: Frontend) -> None:
    cell = start(fresh)
    question = fresh.input_request()
    later = fresh.execute("1 + 1")
    fresh.receive(300)  # a cell that did not wait would have come by now
    assert not later.published
    fresh.answer(question, "continue")
    assert cell.finish().reply.content["status"] == "ok"
    later.sees(busy, execute_input, result("2"), reply("ok"), idle)


@parity
def test_the_same_cell_again_can_be_reached_by_an_interrupt(fresh: Frontend) -> None:
    cell = start(fresh)
    fresh.input_request()
    again = start(fresh)
    fresh.interrupt()
    cell.finish()
    answer(fresh, "quit")
    again.finish()
    fresh.execute("1 + 1").sees(busy, execute_input, result("2"), reply("ok"), idle)


@parity
def test_without_a_client_that_can_be_asked_it_is_an_error(fresh: Frontend) -> None:
    cell = fresh.execute(STARTS["pdb"], allow_stdin=False)
    assert cell.finish().reply.content["ename"] in ("StdinNotImplementedError", "BdbQuit")
    fresh.execute("1 + 1").sees(busy, execute_input, result("2"), reply("ok"), idle)


@parity
def test_prints_of_the_debugged_code_come_before_the_question(fresh: Frontend) -> None:
    cell = fresh.execute(
        "print('before'); import pdb; pdb.set_trace(); print('after')", allow_stdin=True
    )
    cell.reaches_text("before\n")
    answer(fresh, "continue")
    assert cell.finish().text().endswith("after\n")
