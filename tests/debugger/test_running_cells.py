"""Sessions that begin, stop or are interrupted while cells run."""

import signal
from collections.abc import Callable

import pytest

from debugger.dap import DebugFrontend
from frontend import (
    Exchange,
    Frontend,
    Gate,
    busy,
    execute_input,
    idle,
    reply,
    result,
    stdout,
)

SLOW_TRACING = """
import time
import debugpy.server.api
import pydevd
switch_on = pydevd.PyDB.enable_tracing
def switch_on_late(*args, **options):
    if options.get("apply_to_all_threads"):
        time.sleep(1)
    return switch_on(*args, **options)
pydevd.PyDB.enable_tracing = switch_on_late
"""
CODE = "def double(x):\n    y = 2 * x\n    return y\ndouble(21)\n"

Interrupt = Callable[[Frontend], object]


def by_message(frontend: Frontend) -> None:
    """interrupt_mode "message"."""
    frontend.interrupt()


def by_signal(frontend: Frontend) -> None:
    """interrupt_mode "signal"."""
    frontend.kernel.signal_group(signal.SIGINT)


both_ways = pytest.mark.parametrize("interrupt", [by_message, by_signal])


def was_interrupted(cell: Exchange) -> None:
    """The cell ended with an interrupt. Statuses of other requests around it are not counted."""
    transcript = cell.finish()
    assert transcript.one("error").content["ename"] == "KeyboardInterrupt"
    assert transcript.reply and transcript.reply.content["status"] == "error"


def stops_in_the_next_cell(debug: DebugFrontend) -> None:
    """A breakpoint is hit, and the cell goes on from it."""
    cell, frame = debug.run_to(CODE, 2)
    assert (frame["name"], frame["line"]) == ("double", 2)
    debug.resume(frame)
    cell.sees(busy, execute_input, result("42"), reply("ok"), idle)


def test_a_session_can_begin_while_a_cell_runs(debug: DebugFrontend, gate: Gate) -> None:
    cell = debug.frontend.execute(f"print('go', flush=True)\n{gate.wait}\n")
    cell.reaches(stdout("go\n"))
    debug.start()
    gate.open()
    cell.sees(busy, execute_input, stdout("go\n"), result(repr("\n")), reply("ok"), idle)
    stops_in_the_next_cell(debug)


@pytest.mark.parametrize("before", ["pass", SLOW_TRACING], ids=["as it is", "slow tracing"])
def test_a_breakpoint_set_while_the_cell_runs_is_hit(
    debug: DebugFrontend, gate: Gate, before: str
) -> None:
    """However long pydevd takes between its answer and the switching on of tracing."""
    debug.frontend.run(before)
    code = f"def later():\n    x = 1\n    return x\nprint('go', flush=True)\n{gate.wait}\nlater()\n"
    cell = debug.frontend.execute(code)
    cell.reaches(stdout("go\n"))
    debug.start()
    debug.break_at(code, 2)
    gate.open()
    frame = debug.stopped_frame()
    assert (frame["name"], frame["line"]) == ("later", 2)
    debug.resume(frame)
    cell.sees(busy, execute_input, stdout("go\n"), result("1"), reply("ok"), idle)


@both_ways
def test_a_stopped_cell_is_interrupted(attached: DebugFrontend, interrupt: Interrupt) -> None:
    cell, _ = attached.run_to(CODE, 2)
    interrupt(attached.frontend)
    attached.wait_for_event("continued")
    was_interrupted(cell)
    assert attached.ask("debugInfo")["stoppedThreads"] == []
    stops_in_the_next_cell(attached)
    stops_in_the_next_cell(attached)


@both_ways
def test_a_stopped_async_cell_is_interrupted(attached: DebugFrontend, interrupt: Interrupt) -> None:
    cell, _ = attached.run_to("import asyncio\nawait asyncio.sleep(0)\nx = 5\nx\n", 4)
    interrupt(attached.frontend)
    was_interrupted(cell)
    stops_in_the_next_cell(attached)


def test_a_stopped_cell_of_a_subshell_is_interrupted(attached: DebugFrontend) -> None:
    cell = in_subshell(attached, CODE)
    assert attached.stopped_frame()["line"] == 2
    attached.frontend.request(
        "interrupt_request", channel="control", header={"subshell_id": cell.header["subshell_id"]}
    ).finish()
    was_interrupted(cell)
    assert attached.ask("debugInfo")["stoppedThreads"] == []


def test_the_main_shell_stops_after_an_interrupt_in_a_subshell(attached: DebugFrontend) -> None:
    cell = in_subshell(attached, CODE)
    attached.wait_for_event("stopped")
    attached.frontend.request(
        "interrupt_request", channel="control", header={"subshell_id": cell.header["subshell_id"]}
    ).finish()
    was_interrupted(cell)
    stops_in_the_next_cell(attached)


@both_ways
def test_breakpoints_are_hit_after_an_interrupt(
    attached: DebugFrontend, interrupt: Interrupt
) -> None:
    attached.break_at(CODE, 2)
    for code in ("while True: pass", "import time; time.sleep(1000)"):
        cell = attached.frontend.execute(f"print('go', flush=True)\n{code}")
        cell.reaches(stdout("go\n"))
        interrupt(attached.frontend)
        was_interrupted(cell)
        stops_in_the_next_cell(attached)


def test_an_evaluation_is_interrupted_and_the_cell_stays_stopped(attached: DebugFrontend) -> None:
    cell, frame = attached.run_to(CODE, 2)
    asked = attached.send(
        "evaluate",
        expression="print('looping', flush=True) or [None for _ in iter(int, 1)]",
        frameId=frame["id"],
        context="repl",
    )
    cell.reaches(stdout("looping\n"))
    attached.frontend.interrupt()
    assert asked.reply.content["request_seq"]
    assert attached.evaluate(frame, "x") == "21"
    attached.resume(frame)
    assert cell.finish().one("execute_result").content["data"] == {"text/plain": "42"}


def test_a_cell_can_be_paused(attached: DebugFrontend, gate: Gate) -> None:
    code = "print('go', flush=True)\ngoing = True\nwhile going:\n    x = 1\n"
    attached.dump(code)
    cell = attached.frontend.execute(code)
    cell.reaches(stdout("go\n"))
    attached.ask("pause", threadId=1)
    frame = attached.stopped_frame()
    assert frame["line"] in (3, 4)
    attached.evaluate(frame, "globals().update(going=False)")
    attached.resume(frame)
    cell.sees(busy, execute_input, stdout("go\n"), reply("ok"), idle)


def test_an_awaiting_cell_stops(attached: DebugFrontend) -> None:
    code = "import asyncio\nawait asyncio.sleep(0)\nx = 5\nx\n"
    cell, frame = attached.run_to(code, 4)
    assert frame["line"] == 4
    attached.resume(frame)
    cell.sees(busy, execute_input, result("5"), reply("ok"), idle)


def test_a_thread_stops(attached: DebugFrontend) -> None:
    code = (
        "import threading\ndef work():\n    x = 7\n    print(x)\n"
        "t = threading.Thread(target=work, name='worker')\nt.start(); t.join()\n"
    )
    cell, frame = attached.run_to(code, 4)
    names = {item["id"]: item["name"] for item in attached.ask("threads")["threads"]}
    assert names == {1: "MainThread", frame["threadId"]: "worker"}
    attached.resume(frame)
    cell.sees(busy, execute_input, stdout("7\n"), reply("ok"), idle)


def in_subshell(debug: DebugFrontend, code: str) -> Exchange:
    """A cell in a new subshell, with a breakpoint in its second line."""
    frontend = debug.frontend
    created = frontend.request("create_subshell_request", channel="control").reply.content
    debug.break_at(code, 2)
    return frontend.request(
        "execute_request",
        {"code": code, "silent": False, "store_history": False},
        header={"subshell_id": created["subshell_id"]},
    )


def test_a_cell_in_a_subshell_stops(attached: DebugFrontend) -> None:
    cell = in_subshell(attached, CODE)
    frame = attached.stopped_frame()
    assert frame["line"] == 2
    attached.resume(frame)
    cell.sees(busy, execute_input, result("42"), reply("ok"), idle)


def test_forked_and_started_children_are_let_alone(attached: DebugFrontend) -> None:
    attached.break_at(CODE, 2)
    forking = (
        "import os, warnings\nwarnings.simplefilter('ignore')\npid = os.fork()\nif pid == 0:\n"
        f"    exec(compile({CODE!r}, {attached.dump(CODE)!r}, 'exec'))\n    os._exit(0)\n"
        "print(os.waitpid(pid, 0)[1])\n"
    )
    cell = attached.frontend.execute(forking)
    cell.sees(busy, execute_input, stdout("0\n"), reply("ok"), idle)
    running = (
        "import subprocess, sys\n"
        "print(subprocess.run([sys.executable, '-c', 'print(1)'], capture_output=True).stdout)"
    )
    cell = attached.frontend.execute(running)
    cell.sees(busy, execute_input, stdout("b'1\\n'\n"), reply("ok"), idle)


def test_shutdown_while_stopped(attached: DebugFrontend) -> None:
    attached.run_to(CODE, 2)
    attached.frontend.request("shutdown_request", {"restart": False}, channel="control")
    attached.frontend.kernel.wait(10)


def test_breakpoint_opens_pdb_without_a_session(debug: DebugFrontend) -> None:
    for attach_before in (False, True):
        if attach_before:
            debug.start()
            debug.disconnect()
        frontend = debug.frontend
        cell = frontend.execute("x = 3\nbreakpoint()\nprint('on')", allow_stdin=True)
        question = frontend.input_request()
        assert "db" in question.content["prompt"].lower()
        frontend.answer(question, "c")
        assert cell.finish().reply.content["status"] == "ok"


def test_breakpoint_stops_in_an_open_session(attached: DebugFrontend) -> None:
    code = "x = 3\nbreakpoint()\ny = x\ny\n"
    attached.dump(code)
    cell = attached.frontend.execute(code)
    frame = attached.stopped_frame()
    assert frame["line"] == 3
    attached.resume(frame)
    cell.sees(busy, execute_input, result("3"), reply("ok"), idle)
