"""interrupt_request and SIGINT: the running cell ends, no other cell is ever hit."""

import random
import re
import signal
import time
from collections.abc import Callable

import pytest

from frontend import (
    Exchange,
    Frontend,
    busy,
    error,
    execute_input,
    idle,
    printed_when_waiting,
    reply,
    result,
    stdout,
)

parity = pytest.mark.parity
pytestmark = pytest.mark.every_transport

Interrupt = Callable[[Frontend], None]
GO = "import time; print('go', flush=True)\n"
INTERRUPTED = re.compile("KeyboardInterrupt|CancelledError")


def by_message(frontend: Frontend) -> None:
    """interrupt_mode "message"."""
    frontend.interrupt()


def by_signal(frontend: Frontend) -> None:
    """interrupt_mode "signal"."""
    frontend.kernel.signal_group(signal.SIGINT)


both_ways = pytest.mark.parametrize("interrupt", [by_message, by_signal])


def started(frontend: Frontend, code: str) -> Exchange:
    """A cell that has begun to run."""
    cell = frontend.execute(GO + code)
    cell.reaches(stdout("go\n"))
    return cell


@parity
@both_ways
@pytest.mark.parametrize(
    "code",
    [
        "while True: pass",
        "import time; time.sleep(1000)",
        "import threading\nwhile not threading.Event().wait(0.05): pass",
        "import select; select.select([], [], [])",
        "import subprocess; subprocess.run(['sleep', '1000'])",
    ],
    ids=["loop", "sleep", "event", "select", "subprocess"],
)
def test_a_running_cell_is_interrupted(frontend: Frontend, interrupt: Interrupt, code: str) -> None:
    cell = started(frontend, code)
    interrupt(frontend)
    hit = error("KeyboardInterrupt")
    cell.sees(busy, execute_input, stdout("go\n"), hit, reply("error"), idle)


@both_ways
def test_no_moment_is_wrong_for_an_interrupt(frontend: Frontend, interrupt: Interrupt) -> None:
    """Not even the one between Python's last look for signals and the system call it then sleeps in."""
    moments = random.Random(0)
    for _ in range(150):
        cell = started(frontend, "import select; select.select([], [], [])")
        hit_at = time.perf_counter() + moments.uniform(0, 0.0006)
        while time.perf_counter() < hit_at:
            pass
        interrupt(frontend)
        cell.sees(
            busy, execute_input, stdout("go\n"), error("KeyboardInterrupt"), reply("error"), idle
        )


@both_ways
def test_an_awaiting_cell_is_interrupted(frontend: Frontend, interrupt: Interrupt) -> None:
    cell = frontend.execute(printed_when_waiting("go") + "await asyncio.sleep(1000)")
    cell.reaches(stdout("go\n"))
    interrupt(frontend)
    hit = error(INTERRUPTED)
    cell.sees(busy, execute_input, stdout("go\n"), hit, reply("error"), idle)


@parity
@both_ways
def test_a_loop_in_an_awaiting_cell_is_interrupted(
    frontend: Frontend, interrupt: Interrupt
) -> None:
    turn = "import types\n@types.coroutine\ndef turn(): yield\n"
    cell = frontend.execute(turn + printed_when_waiting("go") + "while True: await turn()")
    cell.reaches(stdout("go\n"))
    interrupt(frontend)
    hit = error(INTERRUPTED)
    cell.sees(busy, execute_input, stdout("go\n"), hit, reply("error"), idle)


def test_a_busy_loop_in_an_async_cell_is_interrupted(frontend: Frontend) -> None:
    cell = frontend.execute("import asyncio\nawait asyncio.sleep(0)\n" + GO + "while True: pass")
    cell.reaches(stdout("go\n"))
    frontend.interrupt()
    hit = error(INTERRUPTED)
    cell.sees(busy, execute_input, stdout("go\n"), hit, reply("error"), idle)


@parity
@both_ways
def test_input_is_interrupted_by_both(frontend: Frontend, interrupt: Interrupt) -> None:
    cell = frontend.execute("input()", allow_stdin=True)
    frontend.input_request()
    interrupt(frontend)
    cell.sees(busy, execute_input, error("KeyboardInterrupt"), reply("error"), idle)


@parity
def test_a_shell_command_is_interrupted(frontend: Frontend) -> None:
    cell = frontend.execute("!echo go; sleep 1000")
    cell.reaches(stdout(re.compile("go")))
    frontend.interrupt()
    cell.finish()
    assert frontend.value("1 + 1") == "2"


@parity
@both_ways
def test_a_flood_of_output_is_interrupted(frontend: Frontend, interrupt: Interrupt) -> None:
    cell = frontend.execute("while True: print('flood')")
    cell.reaches(stdout(re.compile("flood")))
    interrupt(frontend)
    assert cell.finish().one("error").content["ename"] == "KeyboardInterrupt"


@parity
@both_ways
def test_an_interrupt_between_cells_hits_nothing(frontend: Frontend, interrupt: Interrupt) -> None:
    for _ in range(20):
        interrupt(frontend)
        frontend.settle()
        frontend.execute("1").sees(busy, execute_input, result("1"), reply("ok"), idle)


def test_a_late_interrupt_never_hits_the_next_cell(frontend: Frontend) -> None:
    for _ in range(50):
        target = frontend.execute("pass", stop_on_error=False)
        interrupt = frontend.request("interrupt_request", channel="control")
        target.finish()
        interrupt.finish()
        frontend.execute("1").sees(busy, execute_input, result("1"), reply("ok"), idle)


@parity
def test_one_interrupt_hits_one_cell(frontend: Frontend) -> None:
    running = frontend.execute(GO + "while True: pass", stop_on_error=False)
    queued = frontend.execute("sum(range(100_000)); 'untouched'")
    running.reaches(stdout("go\n"))
    frontend.interrupt()
    assert running.reply.content["ename"] == "KeyboardInterrupt"
    queued.sees(busy, execute_input, result("'untouched'"), reply("ok"), idle)


WAIT_INSIDE = "import time\ntry:\n    print('go', flush=True)\n    time.sleep(1000)\n"


@parity
def test_a_cell_may_handle_the_interrupt(frontend: Frontend) -> None:
    cell = frontend.execute(WAIT_INSIDE + "except KeyboardInterrupt: print('handled')")
    cell.reaches(stdout("go\n"))
    frontend.interrupt()
    cell.sees(busy, execute_input, stdout("go\nhandled\n"), reply("ok"), idle)


@parity
def test_a_cell_cleans_up_when_interrupted(frontend: Frontend) -> None:
    cell = frontend.execute(WAIT_INSIDE + "finally: cleaned = True")
    cell.reaches(stdout("go\n"))
    frontend.interrupt()
    assert cell.finish().one("error").content["ename"] == "KeyboardInterrupt"
    assert frontend.value("cleaned") == "True"


@parity
def test_a_second_interrupt_gets_past_a_stubborn_cell(frontend: Frontend) -> None:
    code = "except KeyboardInterrupt: pass\nprint('once', flush=True)\nwhile True: pass"
    cell = frontend.execute(WAIT_INSIDE + code)
    cell.reaches(stdout("go\n"))
    frontend.interrupt()
    cell.reaches_text("once\n")
    frontend.interrupt()
    assert cell.finish().one("error").content["ename"] == "KeyboardInterrupt"


@parity
def test_variables_survive_an_interrupt(frontend: Frontend) -> None:
    cell = started(frontend, "survivor = 1\nprint('set', flush=True)\nwhile True: pass")
    cell.reaches(stdout("go\nset\n"))
    frontend.interrupt()
    cell.finish()
    assert frontend.value("survivor") == "1"


@parity
def test_a_handler_of_the_user_is_kept_between_cells(fresh: Frontend) -> None:
    fresh.run("import signal; signal.signal(signal.SIGUSR1, lambda *_: print('got it'))")
    cell = fresh.execute("import os; os.kill(os.getpid(), signal.SIGUSR1)")
    cell.sees(busy, execute_input, stdout("got it\n"), reply("ok"), idle)


@parity
def test_interrupt_request_is_answered_when_idle(frontend: Frontend) -> None:
    frontend.interrupt()


@parity
def test_a_completion_after_an_interrupt_is_answered(frontend: Frontend) -> None:
    cell = started(frontend, "while True: pass")
    completion = frontend.request("complete_request", {"code": "pri", "cursor_pos": 3})
    frontend.interrupt()
    cell.finish()
    completion.sees(busy, reply("ok"), idle)
