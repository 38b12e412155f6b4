"""Whatever keeps the kernel from running cells: heartbeat, control, interrupt and shutdown are answered meanwhile."""

from __future__ import annotations

import mmap
import os
import signal
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from debugger.dap import DebugFrontend
from faults.conftest import Figure, Scale
from faults.load import Subscriber, is_not_deaf, lives_on, shuts_down
from frontend import DEADLINE, Exchange, Frontend, KernelProcess


def holds_its_gil(frontend: Frontend, seconds: int) -> Exchange:
    """A cell in C code that keeps the GIL."""
    cell = frontend.execute(
        f"import ctypes; print('holding', flush=True); ctypes.PyDLL(None).sleep({seconds})"
    )
    cell.reaches_text("holding\n")
    return cell


def test_while_the_gil_is_held(fresh: Frontend, scale: Scale, figure: Figure) -> None:
    cell = holds_its_gil(fresh, scale(3, 30))
    figure("slowest_s", is_not_deaf(fresh))
    assert not cell.is_idle, "the answers came while the GIL was held"
    cell.finish(DEADLINE + scale(3, 30))
    lives_on(fresh)


def test_a_shutdown_while_the_gil_is_held(fresh: Frontend, figure: Figure) -> None:
    holds_its_gil(fresh, 600)
    figure("seconds", shuts_down(fresh))


@pytest.fixture
def counter(tmp_path: Path) -> Iterator[tuple[Path, Callable[[], int]]]:
    """A file that a cell counts in, and what it says."""
    path = tmp_path / "count"
    path.write_bytes(bytes(8))
    with path.open("r+b") as file, mmap.mmap(file.fileno(), 8) as memory:
        yield path, lambda: int.from_bytes(memory[:8], "little")


FILL = """
import mmap
with open({path!r}, 'r+b') as file, mmap.mmap(file.fileno(), 8) as memory:
    number = 0
    while True:
        display({{'text/plain': 'x' * {size}}}, raw=True)
        number += 1
        memory[:8] = number.to_bytes(8, 'little')
"""


@pytest.fixture(params=[(20_000, 5000), (1 << 20, 256)], ids=["messages", "bytes"])
def full(
    fresh: Frontend, counter: tuple[Path, Callable[[], int]], request: pytest.FixtureRequest
) -> Iterator[Exchange]:
    """A cell that waits because the outbox is full: the backlog of one that does not read reached either bound."""
    path, count = counter
    size, backlog = request.param
    fresh.run("pass")
    stalled = Subscriber(fresh)
    cell = fresh.execute(FILL.format(path=str(path), size=size))
    before, since = -1, time.monotonic()
    deadline = since + DEADLINE
    # It waits once it has written more than the backlog holds, and nothing for so long.
    while before <= backlog or time.monotonic() - since < 0.5:
        fresh.receive(20)
        assert time.monotonic() < deadline, f"only {before} displays"
        if count() != before:
            before, since = count(), time.monotonic()
    yield cell
    stalled.close()


def test_while_the_outbox_is_full(fresh: Frontend, full: Exchange, figure: Figure) -> None:
    """An interrupt ends the cell that waits for room; its reply does not wait for the stalled subscriber."""
    figure("slowest_s", is_not_deaf(fresh))
    asked = time.monotonic()
    assert full.reply.content["ename"] == "KeyboardInterrupt"
    figure("interrupt_s", time.monotonic() - asked)
    gave_up = "a client stopped reading"
    assert gave_up not in fresh.kernel.stderr, "the reply waited for the stalled subscriber"


def test_a_shutdown_while_the_outbox_is_full(
    fresh: Frontend, full: Exchange, figure: Figure
) -> None:
    begun = time.monotonic()
    request = fresh.request("shutdown_request", {"restart": False}, channel="control")
    assert request.reply.content["status"] == "ok"
    assert fresh.kernel.wait() == 0
    figure("seconds", time.monotonic() - begun)


@pytest.fixture
def stopped(fresh: Frontend) -> Exchange:
    """A cell that a breakpoint has stopped."""
    fresh.settle()
    debug = DebugFrontend(fresh)
    debug.start()
    cell, _ = debug.run_to("def double(x):\n    y = 2 * x\n    return y\ndouble(21)\n", 2)
    return cell


def test_while_a_breakpoint_has_stopped_a_cell(
    fresh: Frontend, stopped: Exchange, figure: Figure
) -> None:
    figure("slowest_s", is_not_deaf(fresh))
    assert stopped.reply.content["ename"] == "KeyboardInterrupt"


def test_a_shutdown_while_a_breakpoint_has_stopped_a_cell(
    fresh: Frontend, stopped: Exchange, figure: Figure
) -> None:
    figure("seconds", shuts_down(fresh))


@pytest.fixture
def looping(fresh: Frontend) -> Exchange:
    """A cell that never ends, in a subshell."""
    fresh.run("pass")
    created = fresh.request("create_subshell_request", channel="control").reply.content
    cell = fresh.request(
        "execute_request",
        {"code": "print('looping', flush=True)\nwhile True: pass"},
        header={"subshell_id": created["subshell_id"]},
    )
    cell.reaches_text("looping\n")
    return cell


def test_while_a_subshell_loops(fresh: Frontend, looping: Exchange, figure: Figure) -> None:
    lives_on(fresh)
    assert not looping.is_idle
    figure("slowest_s", is_not_deaf(fresh))
    assert looping.reply.content["ename"] == "KeyboardInterrupt"
    lives_on(fresh)


def test_a_shutdown_while_a_subshell_loops(
    fresh: Frontend, looping: Exchange, figure: Figure
) -> None:
    figure("seconds", shuts_down(fresh))


@pytest.fixture
def locked_history(fresh: Frontend) -> Iterator[None]:
    """The history database is locked by somebody else."""
    fresh.run("1")
    fresh.request("history_request", {"hist_access_type": "tail", "n": 1}).finish()
    (file,) = fresh.kernel.ipython_dir.rglob("history.sqlite")
    with closing(sqlite3.connect(file, isolation_level=None)) as database:
        database.execute("BEGIN EXCLUSIVE")
        yield


def test_while_the_history_is_locked(
    fresh: Frontend, locked_history: None, scale: Scale, figure: Figure
) -> None:
    for _ in range(scale(20, 200)):
        lives_on(fresh)
    figure("slowest_s", is_not_deaf(fresh))
    begun = time.monotonic()
    asked = fresh.request("history_request", {"hist_access_type": "range", "session": 0})
    assert asked.reply.content["history"], "what this session knows by itself"
    figure("history_s", time.monotonic() - begun)


def test_a_shutdown_while_the_history_is_locked(
    fresh: Frontend, locked_history: None, figure: Figure
) -> None:
    lives_on(fresh)
    figure("seconds", shuts_down(fresh))


def test_a_suspended_kernel_answers_when_it_goes_on(
    fresh: Frontend, scale: Scale, figure: Figure
) -> None:
    """SIGSTOP, as a laptop's lid: what was asked meanwhile is answered in order."""
    fresh.run("pass")
    os.kill(fresh.kernel.pid, signal.SIGSTOP)
    cells = [fresh.execute(f"{number}") for number in range(scale(50, 1000))]
    control = fresh.request("kernel_info_request", channel="control")
    while fresh.receive(300):
        pass
    assert not any(cell.published for cell in cells), "nobody answers"
    os.kill(fresh.kernel.pid, signal.SIGCONT)
    begun = time.monotonic()
    assert control.reply.content["status"] == "ok"
    for number, cell in enumerate(cells):
        data = cell.finish().one("execute_result").content["data"]
        assert data["text/plain"] == str(number)
    figure("seconds", time.monotonic() - begun)


def test_shutdown_of_a_busy_kernel_is_answered_before_it_ends(
    start_kernel: Callable[..., KernelProcess], connect: Callable[..., Frontend]
) -> None:
    """Two clients; the one that did not ask hears of it, too."""
    kernel = start_kernel()
    one, other = connect(kernel), connect(kernel)
    one.execute("while True: pass")
    asked = one.request("shutdown_request", {"restart": False}, channel="control")
    assert asked.reply.content["status"] == "ok"
    other.wait_for(
        lambda: any(each.msg_type == "shutdown_reply" for each in other.of_others),
        "the broadcast shutdown_reply",
    )
    assert kernel.wait() == 0
