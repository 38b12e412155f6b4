"""Interrupts of code that is hard to interrupt; the next cell is always right."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from frontend import (
    DEADLINE,
    Exchange,
    Frontend,
    Gate,
    KernelProcess,
    busy,
    error,
    execute_input,
    idle,
    reply,
    result,
    stdout,
)

parity = pytest.mark.parity


def is_sane(frontend: Frontend) -> None:
    """The next cell runs, and can be interrupted in turn."""
    frontend.execute("1 + 1").sees(busy, execute_input, result("2"), reply("ok"), idle)
    cell = frontend.execute("print('runs')\nwhile True: pass")
    cell.reaches(stdout("runs\n"))
    frontend.interrupt()
    cell.sees(busy, execute_input, stdout, error("KeyboardInterrupt"), reply("error"), idle)


BLOCKED = {
    "sleep": "import time; print('runs'); time.sleep(1000)",
    "subprocess": "import subprocess; print('runs'); subprocess.run(['sleep', '1000'])",
    "communicate": (
        "import subprocess; print('runs')\n"
        "subprocess.Popen(['sleep', '1000'], stdout=subprocess.PIPE).communicate()"
    ),
    "join": (
        "import threading, time; print('runs')\n"
        "t = threading.Thread(target=time.sleep, args=(1000,), daemon=True); t.start(); t.join()"
    ),
    "lock": "import threading; lock = threading.Lock(); lock.acquire(); print('runs'); lock.acquire()",
    "queue": "import queue; print('runs'); queue.Queue().get()",
    "event": "import threading; print('runs'); threading.Event().wait()",
    "future": (
        "import time; from concurrent.futures import ThreadPoolExecutor as P; pool = P(1)\n"
        "future = pool.submit(time.sleep, 3); print('runs'); future.result()"
    ),
    "socket": "import socket; a, b = socket.socketpair(); print('runs'); a.recv(1)",
    "select": "import select; print('runs'); select.select([], [], [])",
    "input": "print('runs'); input()",
    # The process that says so is the one that sleeps: a shell may lose the signal as it becomes `sleep`.
    "system": (
        "import os, sys\ncode = os.system(f'exec {sys.executable} -c \"import signal as s;'\n"
        "    ' s.signal(s.SIGINT, s.SIG_DFL); print(\\'runs\\', flush=True); s.pause()\"')"
    ),
    "asyncio.run": "import asyncio; print('runs'); asyncio.run(asyncio.sleep(1000))",
    "await": "import asyncio; print('runs'); await asyncio.sleep(1000)",
    "gather": "import asyncio; print('runs'); await asyncio.gather(*map(asyncio.sleep, [1000] * 9))",
    "pool": (
        # The children ignore the signal, so that what they would print when it hits them cannot come late.
        "import multiprocessing as mp, signal, time; print('runs')\n"
        "ignore = dict(initializer=signal.signal, initargs=(signal.SIGINT, signal.SIG_IGN))\n"
        "with mp.get_context('fork').Pool(2, **ignore) as pool: pool.map(time.sleep, [1000] * 2)"
    ),
    "shell": "print('runs')\n!sleep 1000",
    "bash": "%%bash\necho runs\nsleep 1000",
    "generator": "def g():\n    yield\n    while True: pass\nprint('runs'); list(g())",
    "sorted": "print('runs'); sorted(range(10), key=lambda n: __import__('time').sleep(1000))",
    "import": (
        "import sys, types, pathlib; p = pathlib.Path('slow_module.py')\n"
        "_ = p.write_text('import time; print(\"runs\"); time.sleep(1000)')\nimport slow_module"
    ),
}


@pytest.mark.parametrize("name", BLOCKED)
def test_a_blocked_cell_ends(fresh: Frontend, name: str) -> None:
    cell = fresh.execute(BLOCKED[name], allow_stdin=True)
    cell.reaches_text("runs\n")
    if name == "input":
        fresh.input_request()
    fresh.interrupt()
    cell.finish(timeout=30)
    is_sane(fresh)


def test_c_code_that_holds_the_lock_ends_with_its_sleep(fresh: Frontend) -> None:
    code = "import ctypes\nprint('runs', flush=True)\nctypes.PyDLL(None).sleep(1)\nwhile True: pass"
    cell = fresh.execute(code)
    cell.reaches_text("runs\n")
    fresh.interrupt()  # confirmed although nobody can take the lock
    assert cell.finish().reply.content["ename"] == "KeyboardInterrupt"
    is_sane(fresh)


def test_c_code_without_the_lock_is_cut_short(fresh: Frontend) -> None:
    cell = fresh.execute("import ctypes\nprint('runs')\nctypes.CDLL(None).sleep(1000)\n1")
    cell.reaches_text("runs\n")
    fresh.interrupt()
    assert cell.finish().reply.content["ename"] == "KeyboardInterrupt"
    is_sane(fresh)


@parity
@pytest.mark.parametrize("handler", ["signal.SIG_IGN", "signal.SIG_DFL", "lambda *_: print('own')"])
def test_a_handler_of_the_users_is_gone_in_the_next_cell(fresh: Frontend, handler: str) -> None:
    if handler == "signal.SIG_DFL":
        fresh.run(f"import signal; old = signal.signal(signal.SIGINT, {handler})")
    else:
        fresh.run(f"import signal; _ = signal.signal(signal.SIGINT, {handler})")
    is_sane(fresh)


def test_a_handler_of_the_users_is_called_in_its_cell(fresh: Frontend) -> None:
    code = (
        "import signal, time; called = []\n"
        "def own(*_): called.append(1)\n"
        "_ = signal.signal(signal.SIGINT, own); print('runs')\n"
        "while not called: time.sleep(.01)\nprint('called')"
    )
    cell = fresh.execute(code)
    cell.reaches_text("runs\n")
    fresh.interrupt()
    cell.sees(busy, execute_input, stdout("runs\ncalled\n"), reply("ok"), idle)
    is_sane(fresh)


@parity
def test_a_swallowed_interrupt_can_be_repeated(fresh: Frontend) -> None:
    code = (
        "try:\n    print('one')\n    while True: pass\nexcept KeyboardInterrupt: print('two')\n"
        "while True: pass"
    )
    cell = fresh.execute(code)
    cell.reaches_text("one\n")
    fresh.interrupt()
    cell.reaches_text("two\n")
    fresh.interrupt()
    assert cell.finish().reply.content["ename"] == "KeyboardInterrupt"
    is_sane(fresh)


DISCARDED = {
    "destructor": (
        "class Owner:\n    def __del__(self):\n        print('runs')\n        while True: pass\n"
        "Owner()\nwhile True: pass"
    ),
    "hook of a fork": (
        "import os, time\nhook = lambda: (print('runs'), time.sleep(60))\nos.register_at_fork(before=hook)\n"
        "child = os.fork()\nif not child: os._exit(0)\nos.waitpid(child, 0)\nwhile True: pass"
    ),
    "callback of C code": (
        "import ctypes\n@ctypes.CFUNCTYPE(None)\ndef back():\n    print('runs')\n    while True: pass\n"
        "back()\nwhile True: pass"
    ),
}
"""Where Python discards exceptions. An interrupt that hits there hits the cell afterwards."""


@pytest.mark.parametrize("name", DISCARDED)
def test_an_interrupt_that_python_discards_comes_again(fresh: Frontend, name: str) -> None:
    cell = fresh.execute(DISCARDED[name])
    cell.reaches_text("runs\n")
    fresh.interrupt()
    seen = cell.finish()
    assert seen.reply.content["ename"] == "KeyboardInterrupt"
    assert "Exception ignored" in seen.text("stderr"), "what was cut short is said"
    is_sane(fresh)


def test_an_interrupt_waits_until_a_fork_is_over(
    start_kernel: Callable[..., KernelProcess],
    connect: Callable[[KernelProcess], Frontend],
    tmp_path: Path,
) -> None:
    """The hooks around a fork hold locks: cut short, they would not release them."""
    hook = (
        "import os, signal, time\n"
        "def released():\n"
        "    if 'IN_CELL' in os.environ: print('runs', flush=True); time.sleep(1); print('released')\n"
        "os.register_at_fork(after_in_parent=released)"
    )
    (tmp_path / "sitecustomize.py").write_text(hook)
    path = os.pathsep.join(filter(None, [str(tmp_path), os.environ.get("PYTHONPATH")]))
    frontend = connect(start_kernel(env={"PYTHONPATH": path}))
    cell = frontend.execute(
        "import os\nos.environ['IN_CELL'] = '1'\nchild = os.fork()\nif not child: os._exit(0)\n"
        "os.waitpid(child, 0)\nwhile True: pass"
    )
    cell.reaches_text("runs\n")
    frontend.interrupt()
    seen = cell.finish()
    assert seen.text() == "runs\nreleased\n"
    assert seen.reply.content["ename"] == "KeyboardInterrupt"
    assert not seen.text("stderr")


def test_an_interrupt_that_a_destructor_raises_itself_interrupts_nothing(fresh: Frontend) -> None:
    cell = "class Owner:\n    def __del__(self): raise KeyboardInterrupt\nOwner()\n"
    seen = fresh.run(cell + "import time; time.sleep(.2); print('went on')")
    assert seen.text() == "went on\n"


@parity
def test_contexts_and_generators_are_left(fresh: Frontend) -> None:
    code = (
        "import contextlib\n@contextlib.contextmanager\ndef held():\n"
        "    try: yield\n    finally: print('released')\n"
        "def endless():\n    try:\n        while True: yield\n    finally: print('closed')\n"
        "with held():\n    print('runs')\n    for _ in endless(): pass"
    )
    cell = fresh.execute(code)
    cell.reaches_text("runs\n")
    fresh.interrupt()
    text = cell.finish().text()
    assert "released\n" in text
    is_sane(fresh)


def test_cleaning_up_asyncio_run_is_complete(fresh: Frontend) -> None:
    code = (
        "import asyncio\nasync def main():\n"
        "    try: print('runs'); await asyncio.sleep(1000)\n    finally: print('cleaned')\n"
        "asyncio.run(main())"
    )
    cell = fresh.execute(code)
    cell.reaches_text("runs\n")
    fresh.interrupt()
    seen = cell.finish()
    assert seen.text() == "runs\ncleaned\n"
    assert seen.reply.content["ename"] == "KeyboardInterrupt"
    is_sane(fresh)


def test_a_waiting_cell_cleans_up(fresh: Frontend) -> None:
    code = (
        "import asyncio\ntry: print('runs'); await asyncio.sleep(1000)\nfinally: print('cleaned')"
    )
    cell = fresh.execute(code)
    cell.reaches_text("runs\n")
    fresh.interrupt()
    seen = cell.finish()
    assert seen.text() == "runs\ncleaned\n"
    assert seen.reply.content["ename"] == "KeyboardInterrupt"
    is_sane(fresh)


def test_a_wait_in_finally_ends_with_the_second_interrupt(fresh: Frontend) -> None:
    code = (
        "import asyncio\ntry: print('runs'); await asyncio.sleep(1000)\n"
        "finally:\n    print('waits'); await asyncio.sleep(1000)"
    )
    cell = fresh.execute(code)
    cell.reaches_text("runs\n")
    fresh.interrupt()
    cell.reaches_text("waits\n")
    fresh.interrupt()
    assert cell.finish().reply.content["ename"] == "KeyboardInterrupt"
    is_sane(fresh)


def test_a_completion_is_not_harmed(fresh: Frontend, gate: Gate) -> None:
    fresh.run(
        "class Slow:\n    def __dir__(self):\n"
        f"        {gate.wait}\n        return ['attribute']\nslow = Slow()"
    )
    asked = fresh.request("complete_request", {"code": "slow.", "cursor_pos": 5})
    fresh.interrupt()
    gate.open()
    assert asked.finish().reply.content["status"] in ("ok", "error")
    is_sane(fresh)


def test_a_comm_handler_is_ended(fresh: Frontend) -> None:
    fresh.run(
        "def target(comm, message):\n"
        "    try:\n"
        "        print('called')\n"
        "        while True: pass\n"
        "    finally:\n"
        "        print('ended')\n"
        "get_ipython().kernel.comm_manager.register_target('slow', target)"
    )
    content = {"comm_id": "c", "target_name": "slow", "data": {}}
    opened = fresh.request("comm_open", content)
    opened.reaches_text("called\n")
    fresh.interrupt()
    opened.reaches_text("ended\n")
    is_sane(fresh)


def test_a_callback_that_never_ends_is_ended_by_a_repeated_interrupt(fresh: Frontend) -> None:
    cell = fresh.execute(
        "import asyncio\n"
        "def endless():\n"
        "    print('called')\n"
        "    try:\n"
        "        n = 0  # else the loop begins where the block does, and CPython 3.11 does not find its end\n"
        "        while n >= 0: n += 1\n"
        "    finally:\n"
        "        print('ended')\n"
        "_ = asyncio.get_running_loop().call_later(0.01, endless)"
    )
    cell.finish()
    cell.reaches_text("called\n")
    deadline = time.monotonic() + DEADLINE
    # Interrupts that come before the last one was handled melt into it.
    while "ended" not in text_of(cell):
        assert time.monotonic() < deadline
        fresh.interrupt()
        fresh.receive(50)
    is_sane(fresh)


def test_a_startup_file_that_never_ends_is_ended_by_a_repeated_interrupt(
    start_kernel: Callable[..., KernelProcess],
    connect: Callable[[KernelProcess], Frontend],
    tmp_path: Path,
) -> None:
    runs, ended, startup = (tmp_path / name for name in ("runs", "ended", "startup.py"))
    startup.write_text(
        "n = 0  # as above\n"
        f"try:\n    open({str(runs)!r}, 'x').close()\n    while n >= 0: n += 1\n"
        "finally:\n    while n is not None:\n"  # Another interrupt may hit here.
        f"        try: open({str(ended)!r}, 'w').close(); n = None\n"
        "        except KeyboardInterrupt: pass"
    )
    frontend = connect(start_kernel(env={"PYTHONSTARTUP": str(startup)}))
    frontend.wait_for(runs.exists, "the startup file")
    deadline = time.monotonic() + DEADLINE
    while not ended.exists():
        assert time.monotonic() < deadline
        frontend.interrupt()
        frontend.receive(50)
    is_sane(frontend)


def text_of(cell: Exchange) -> str:
    """What the cell and what it left behind have printed."""
    streams = (each for each in cell.published if each.msg_type == "stream")
    return "".join(each.content["text"] for each in streams)


@parity
def test_an_interrupt_between_cells_is_forgotten(fresh: Frontend) -> None:
    for _ in range(5):
        fresh.interrupt()
    is_sane(fresh)


@parity
def test_threads_of_the_user_go_on(fresh: Frontend) -> None:
    fresh.run(
        "import threading, time; stop = threading.Event(); ticks = []\n"
        "def work():\n    while not stop.wait(.01): ticks.append(1)\n"
        "t = threading.Thread(target=work); t.start()"
    )
    is_sane(fresh)
    assert fresh.value("t.is_alive()") == "True"
    fresh.run("stop.set(); t.join()")
