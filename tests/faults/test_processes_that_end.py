"""Processes that are killed, suspended, forked or left behind: no orphan, no zombie, and the kernel goes on."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from faults.conftest import Scale
from faults.load import has_no_child, is_at_rest, is_not_deaf, lives_on
from frontend import DEADLINE, Frontend, KernelProcess, KernelUnderTest, Lifeline, execute_input
from frontend.process import connection_info, kernel_environment, write_private

parity = pytest.mark.parity

Start = Callable[..., KernelProcess]
Connect = Callable[..., Frontend]

HOLD_GIL = "import ctypes; ctypes.PyDLL(None).sleep(600)"
BUSY = {
    "idle": "",
    "busy": "while True: pass",
    "deaf": HOLD_GIL,
    "asking": "input()",
    "awaiting": "import asyncio; await asyncio.sleep(600)",
    "printing": "while True: print('x' * 1000)",
}

LAUNCHER = """
import json, os, subprocess, sys
argv, env = json.load(sys.stdin)
held = open(sys.argv[1], "w")
env["JPY_PARENT_PID"] = str(os.getpid())
out = open(os.devnull, "w")
kernel = subprocess.Popen(argv, env=env, stdout=out, stderr=out, start_new_session=True, pass_fds=[held.fileno()])
held.close()
kernel.wait()
"""


class Adopted(KernelProcess):
    """A kernel that another process started: its file and its launcher are all that is known."""

    def __init__(self, file: Path, launcher: subprocess.Popen[str]) -> None:
        self.connection_file = file
        self.popen = launcher  # type: ignore[assignment]
        self.stderr_file = Path(os.devnull)
        self._connection = None


@pytest.mark.parametrize("name", BUSY)
def test_a_killed_parent_takes_the_kernel_and_its_children_along(
    kernel_under_test: KernelUnderTest, tmp_path: Path, name: str
) -> None:
    file = tmp_path / "kernel.json"
    write_private(file, json.dumps(connection_info()))
    order = json.dumps([kernel_under_test.argv(file), kernel_environment(tmp_path, {})])
    with Lifeline(tmp_path / "lifeline") as lifeline:
        argv = [sys.executable, "-c", LAUNCHER, str(lifeline.path)]
        with subprocess.Popen(argv, stdin=subprocess.PIPE, text=True) as launcher:
            assert launcher.stdin
            launcher.stdin.write(order)
            launcher.stdin.close()
            with Frontend(Adopted(file, launcher)) as client:
                # The child holds the pipe, too.
                client.run(
                    "import os, subprocess\n"
                    "held = [fd for fd in range(3, 64) if os.path.exists(f'/proc/self/fd/{fd}')\n"
                    f"        and os.readlink(f'/proc/self/fd/{{fd}}') == {str(lifeline.path)!r}]\n"
                    "assert held; child = subprocess.Popen(['sleep', '600'], pass_fds=held)"
                )
                if BUSY[name]:
                    client.execute(BUSY[name], allow_stdin=True).reaches(execute_input)
                launcher.kill()
        lifeline.wait_until_released()


def test_a_killed_kernel_leaves_its_files_and_a_new_one_starts_beside_it(
    start_kernel: Start, connect: Connect, tmp_path: Path
) -> None:
    """kill -9: the next kernel has the same profile and history, and is right."""
    first = start_kernel(folder=tmp_path)
    client = connect(first)
    client.run("1")
    client.request("history_request", {"hist_access_type": "tail", "n": 1}).finish()
    os.kill(first.pid, signal.SIGKILL)
    assert first.wait() == -signal.SIGKILL
    again = start_kernel(folder=another(tmp_path), env={"IPYTHONDIR": str(first.ipython_dir)})
    second = connect(again)
    lives_on(second)
    tail = second.request("history_request", {"hist_access_type": "tail", "n": 5})
    assert "1" in [entry[2] for entry in tail.reply.content["history"]]


def another(folder: Path) -> Path:
    """A folder in it."""
    inner = folder / "again"
    inner.mkdir()
    return inner


@parity
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGSEGV])
def test_a_child_that_is_killed_is_an_error_of_its_cell_only(
    fresh: Frontend, number: signal.Signals
) -> None:
    cell = fresh.execute(
        "import subprocess\nchild = subprocess.Popen(['sleep', '600']); print(child.pid, flush=True)\n"
        "child.wait()"
    )
    fresh.wait_for(lambda: any(each.msg_type == "stream" for each in cell.published), "the pid")
    pid = int(next(each for each in cell.published if each.msg_type == "stream").content["text"])
    os.kill(pid, number)
    assert cell.finish().one("execute_result").content["data"] == {"text/plain": str(-number)}
    assert has_no_child(fresh.kernel), "a zombie"
    lives_on(fresh)


def test_a_suspended_child_does_not_keep_the_kernel(fresh: Frontend) -> None:
    fresh.run(
        "import os, signal, subprocess\nchild = subprocess.Popen(['sleep', '600'])\n"
        "os.kill(child.pid, signal.SIGSTOP)"
    )
    (child,) = psutil.Process(fresh.kernel.pid).children()
    fresh.request("shutdown_request", {"restart": False}, channel="control").finish()
    assert fresh.kernel.wait() == 0
    psutil.wait_procs([child], DEADLINE)
    assert not child.is_running()


@parity
def test_forks_and_pools_leave_nothing_behind(fresh: Frontend, scale: Scale) -> None:
    fresh.run(
        "import multiprocessing, os, threading\n"
        "fork = multiprocessing.get_context('fork')\n"
        "def square(x):\n    print(x); return x * x"
    )
    for _ in range(scale(3, 100)):
        fresh.run("with fork.Pool(2) as pool: assert pool.map(square, range(4)) == [0, 1, 4, 9]")
        fresh.run("child = os.fork()\nif not child: os._exit(0)\n_ = os.waitpid(child, 0)")
    assert has_no_child(fresh.kernel)
    lives_on(fresh)
    assert is_at_rest(fresh.kernel)


def test_a_forked_child_that_goes_on_does_not_disturb(fresh: Frontend) -> None:
    """It has copies of all threads' memory and of no thread; it prints and loops while the kernel works."""
    fresh.run(
        "import os, time\nchild = os.fork()\n"
        "if not child:\n    while True: print('child', flush=True); time.sleep(0.01)"
    )
    for _ in range(10):
        lives_on(fresh)
    is_not_deaf(fresh)
    fresh.run("import signal; os.kill(child, signal.SIGKILL); _ = os.waitpid(child, 0)")
    assert has_no_child(fresh.kernel)
    lives_on(fresh)


def test_threads_that_outlive_their_cell(fresh: Frontend, scale: Scale) -> None:
    """They print on; the text belongs to their cell, and later cells have only their own."""
    cell = fresh.execute(
        "import threading, time\nend = threading.Event()\n"
        "def tick(number):\n    while not end.wait(0.01): print('tick', number)\n"
        "threads = [threading.Thread(target=tick, args=(n,)) for n in range(20)]\n"
        "for each in threads: each.start()"
    )
    cell.finish()
    for number in range(scale(20, 500)):
        later = fresh.execute(f"print({number})").finish()
        assert later.text() == f"{number}\n"
    fresh.run("end.set()\nfor each in threads: each.join()")
    fresh.settle()
    text = "".join(each.content["text"] for each in cell.published if each.msg_type == "stream")
    assert {*text.splitlines()} == {f"tick {number}" for number in range(20)}
