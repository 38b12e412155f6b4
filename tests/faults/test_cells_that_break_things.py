"""User code that reaches into the kernel's own machinery: the kernel lives, and the next cell is right."""

from __future__ import annotations

import pytest

from faults.load import is_at_rest
from frontend import Frontend, busy, execute_input, idle, reply, result

ok = reply("ok")


def lives_on(frontend: Frontend) -> None:
    frontend.execute("1 + 1").sees(busy, execute_input, result("2"), ok, idle)


def test_a_cell_cannot_close_the_loop_of_the_kernel(fresh: Frontend) -> None:
    code = (
        "import asyncio; loop = asyncio.get_event_loop()\n"
        "loop.run_until_complete(asyncio.sleep(0)); loop.close()"
    )
    assert fresh.execute(code).finish().reply.content["ename"] == "RuntimeError"
    cell = fresh.execute("await asyncio.sleep(0, 'awaited')")
    cell.sees(busy, execute_input, result("'awaited'"), ok, idle)


def test_stopping_the_loop_does_not_end_an_awaiting_cell(fresh: Frontend) -> None:
    code = (
        "import asyncio; asyncio.get_running_loop().call_soon(asyncio.get_running_loop().stop)\n"
        "await asyncio.sleep(0.05, 'awaited')"
    )
    fresh.execute(code).sees(busy, execute_input, result("'awaited'"), ok, idle)


LEAVERS = {
    "a task between cells": (
        "import asyncio, sys\nasync def leave(): sys.exit(3)\n_ = asyncio.create_task(leave())"
    ),
    "a task beside an awaiting cell": (
        "import asyncio, sys\nasync def leave(): sys.exit(3)\n"
        "_ = asyncio.create_task(leave()); await asyncio.sleep(0.05)"
    ),
    "a callback of the loop": (
        "import asyncio, sys\n_ = asyncio.get_running_loop().call_soon(sys.exit, 3)"
    ),
}


@pytest.mark.parametrize("name", LEAVERS)
def test_sys_exit_outside_of_a_cell_does_not_end_the_kernel(fresh: Frontend, name: str) -> None:
    fresh.execute(LEAVERS[name]).finish()
    lives_on(fresh)


def test_sys_exit_of_a_comm_target_does_not_end_the_kernel(fresh: Frontend) -> None:
    fresh.run(
        "import sys\ndef target(comm, message): sys.exit(4)\n"
        "get_ipython().kernel.comm_manager.register_target('leaver', target)"
    )
    content = {"comm_id": "c", "target_name": "leaver", "data": {}}
    fresh.request("comm_open", content).reaches(idle)
    lives_on(fresh)


def test_an_object_that_exits_when_inspected_does_not_end_the_kernel(fresh: Frontend) -> None:
    fresh.run(
        "class Leaver:\n    def __repr__(self): raise SystemExit(4)\n    __str__ = __repr__\n"
        "leaver = Leaver()"
    )
    content = {"code": "leaver", "cursor_pos": 6, "detail_level": 0}
    assert fresh.request("inspect_request", content).reply.content["status"] in ("ok", "error")
    lives_on(fresh)


def test_a_thread_that_reads_a_c_stream_holds_up_no_cell(fresh: Frontend) -> None:
    fresh.run(
        "import ctypes, os, threading\n"
        "libc = ctypes.CDLL(None); libc.fdopen.restype = ctypes.c_void_p\n"
        "reading, writing = os.pipe(); stream = ctypes.c_void_p(libc.fdopen(reading, b'r'))\n"
        "threading.Thread(target=libc.fgetc, args=(stream,), daemon=True).start()"
    )
    lives_on(fresh)


def test_input_in_a_forked_child_is_refused(fresh: Frontend) -> None:
    code = (
        "import os\nchild = os.fork()\n"
        "if child == 0:\n"
        "    try: input()\n"
        "    except BaseException: os._exit(7)\n"
        "    os._exit(0)\n"
        "os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])"
    )
    cell = fresh.execute(code, allow_stdin=True)
    cell.sees(busy, execute_input, result("7"), ok, idle)


def test_closed_output_does_not_keep_the_kernel_busy(fresh: Frontend) -> None:
    fresh.run("import os; os.close(1); os.close(2)")
    lives_on(fresh)
    assert is_at_rest(fresh.kernel)


def test_an_error_in_a_thread_without_an_object_makes_none(fresh: Frontend) -> None:
    fresh.run(
        "import _thread, threading, time\n"
        "before = _thread._count(); began = _thread.allocate_lock(); began.acquire()\n"
        "def fail():\n    began.release()\n    1 / 0\n"
        "_ = _thread.start_new_thread(fail, ())\n"
        "began.acquire()\n"
        "while _thread._count() > before: time.sleep(0.01)"
    )
    assert (
        fresh.value("[each.name for each in threading.enumerate() if 'Dummy' in each.name]") == "[]"
    )
