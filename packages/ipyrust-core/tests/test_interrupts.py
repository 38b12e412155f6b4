"""An interrupt raises KeyboardInterrupt where the cell is, and nowhere else."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
import threading
from collections.abc import Iterator

import pytest

from ipyrust_core.event_loop import KernelEventLoop
from ipyrust_core.interrupts import Interruptible, Interrupts


class FakeCore:
    """Says of every signal the same."""

    def __init__(self, wanted: bool) -> None:
        self.wanted = wanted
        self.put_off = self.lost = 0
        self._arrivals = socket.socketpair()
        self._arrivals[1].setblocking(False)

    def signal_fd(self) -> int:
        return self._arrivals[1].fileno()

    def interrupt_wanted(self) -> bool:
        return self.wanted

    def put_interrupt_off(self) -> None:
        self.put_off += 1

    def interrupt_lost(self) -> None:
        self.lost += 1


class FakeSubshells:
    """Counts."""

    def __init__(self) -> None:
        self.interrupts = 0

    def interrupt(self, subshell_id: str | None = None) -> None:
        self.interrupts += 1


@pytest.fixture
def loop() -> Iterator[KernelEventLoop]:
    loop = KernelEventLoop()
    yield loop
    loop.end()


def interrupts(*, wanted: bool = True) -> Interrupts:
    return Interrupts(FakeCore(wanted), FakeSubshells())


def run(loop, cell, *, interrupt=True):
    """Run a cell and interrupt it once it waits."""
    driver = Interruptible(cell)
    task = driver.start(loop)
    if interrupt:
        loop.call_later(0.01, driver.interrupt)
    return loop.run_until_complete(task)


def test_a_cell_returns_what_it_returns(loop):
    async def cell():
        await asyncio.sleep(0)
        return "done"

    assert run(loop, cell(), interrupt=False) == "done"


def test_a_cell_raises_what_it_raises(loop):
    async def cell():
        await asyncio.sleep(0)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        run(loop, cell(), interrupt=False)


def test_a_failed_future_raises_at_the_await(loop):
    async def cell():
        future = loop.create_future()
        loop.call_soon(future.set_exception, OSError("here"))
        try:
            await future
        except OSError as error:
            return str(error)

    assert run(loop, cell(), interrupt=False) == "here"


def test_an_interrupt_raises_at_the_await_and_finally_runs(loop):
    seen = []

    async def cell():
        try:
            await asyncio.sleep(60)
        except KeyboardInterrupt:
            seen.append("interrupted")
            raise
        finally:
            seen.append("finally")

    with pytest.raises(KeyboardInterrupt):
        run(loop, cell())
    assert seen == ["interrupted", "finally"]


def test_a_cell_may_go_on_after_an_interrupt(loop):
    async def cell():
        try:
            await asyncio.sleep(60)
        except KeyboardInterrupt:
            await asyncio.sleep(0)
            assert asyncio.current_task().cancelling() == 0
            return "went on"

    assert run(loop, cell()) == "went on"


def test_a_cancellation_that_is_no_interrupt_stays_one(loop):
    async def cell():
        asyncio.get_running_loop().call_soon(asyncio.current_task().cancel)
        await asyncio.sleep(60)

    with pytest.raises(asyncio.CancelledError):
        run(loop, cell(), interrupt=False)


def test_timeouts_inside_a_cell_work(loop):
    async def cell():
        try:
            async with asyncio.timeout(0.01):
                await asyncio.sleep(60)
        except TimeoutError:
            return "timed out"

    assert run(loop, cell(), interrupt=False) == "timed out"


def test_an_interrupt_of_a_cell_that_is_done_is_nothing(loop):
    async def cell():
        return 1

    driver = Interruptible(cell())
    driver.interrupt()  # Not started.
    task = driver.start(loop)
    assert loop.run_until_complete(task) == 1
    driver.interrupt()
    loop.call_soon(loop.stop)
    loop.run_forever()


def test_a_wanted_signal_raises(loop):
    with interrupts().installed(), pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGINT)


def test_an_unwanted_signal_does_not(loop):
    with interrupts(wanted=False).installed():
        signal.raise_signal(signal.SIGINT)


def test_a_signal_reaches_the_subshells_too(loop):
    subshells = FakeSubshells()
    with Interrupts(FakeCore(wanted=False), subshells).installed():
        signal.raise_signal(signal.SIGINT)
    assert subshells.interrupts == 1


def test_a_signal_while_the_loop_sleeps_ends_the_wait_of_the_cell(loop):
    async def cell():
        await asyncio.sleep(60)

    driver = Interruptible(cell())
    ours = interrupts()
    with ours.installed(), ours.awaiting(driver):
        task = driver.start(loop)
        # The clock: the loop's own; by then it sleeps, and no task runs.
        loop.call_later(0.01, signal.raise_signal, signal.SIGINT)
        with pytest.raises(KeyboardInterrupt):
            loop.run_until_complete(task)


def test_a_signal_while_a_task_computes_raises_in_it(loop):
    async def cell():
        try:
            signal.raise_signal(signal.SIGINT)
        except KeyboardInterrupt:
            return "here"

    driver = Interruptible(cell())
    ours = interrupts()
    with ours.installed(), ours.awaiting(driver):
        assert loop.run_until_complete(driver.start(loop)) == "here"


def test_the_handler_and_the_wakeup_fd_of_before_come_back(loop):
    before = signal.getsignal(signal.SIGINT)
    with interrupts().installed():
        assert signal.getsignal(signal.SIGINT) != before
        assert callable(signal.getsignal(signal.SIGURG))
    assert signal.getsignal(signal.SIGINT) == before
    assert signal.getsignal(signal.SIGURG) == signal.SIG_DFL
    assert signal.set_wakeup_fd(-1) == -1


def test_a_handler_that_a_cell_left_is_replaced(loop):
    ours = interrupts()
    with ours.installed():
        handler = signal.getsignal(signal.SIGINT)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        ours.renew()
        assert signal.getsignal(signal.SIGINT) == handler


def test_the_engine_hears_of_signals_again_when_asyncio_does_not_any_more(loop):
    ours = interrupts()
    with ours.installed():
        loop.add_signal_handler(signal.SIGUSR1, lambda: None)
        ours.renew()
        theirs = signal.set_wakeup_fd(-1)
        signal.set_wakeup_fd(theirs)
        assert theirs != ours._core.signal_fd(), "asyncio's handler needs it"
        loop.remove_signal_handler(signal.SIGUSR1)
        assert signal.set_wakeup_fd(-1) == -1
        ours.renew()
        assert signal.set_wakeup_fd(-1) == ours._core.signal_fd()


def test_a_second_signal_ends_a_callback_that_keeps_the_loop(loop):
    """The cell waits, and a callback of its own computes for ever: the task's cancellation would never be seen."""
    spun = []

    def spin():
        signal.raise_signal(signal.SIGINT)  # The first goes to the cell that waits.
        spun.append("first")
        signal.raise_signal(signal.SIGINT)
        spun.append("second")

    async def cell():
        loop.call_soon(spin)
        await asyncio.sleep(60)

    driver = Interruptible(cell())
    ours = interrupts()
    with ours.installed(), ours.awaiting(driver):
        with pytest.raises(KeyboardInterrupt):
            loop.run_until_complete(driver.start(loop))
        with pytest.raises(KeyboardInterrupt):
            loop.run_until_complete(driver.task)
    assert spun == ["first"]


def test_a_signal_while_the_process_forks_is_put_off():
    ours = interrupts()
    os.register_at_fork(after_in_parent=_interrupt_once())
    with ours.installed():
        child = os.fork()
        if not child:
            os._exit(0)
        os.waitpid(child, 0)
        assert ours._core.put_off == 1
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)


def _interrupt_once():
    """A hook for forks that is interrupted the first time; hooks can't be taken away."""
    calls = iter([lambda: signal.raise_signal(signal.SIGINT)])
    return lambda: next(calls, lambda: None)()


def test_an_interrupt_that_python_discards_is_lost():
    class Owner:
        def __init__(self, raises):
            self.raises = raises

        def __del__(self):
            raise self.raises

    ours, heard = interrupts(), []
    before, sys.unraisablehook = sys.unraisablehook, lambda args: heard.append(args.exc_type)
    try:
        with ours.installed():
            Owner(ValueError)
            assert ours._core.lost == 0
            Owner(KeyboardInterrupt)
            assert ours._core.lost == 1
            thread = threading.Thread(target=Owner, args=[KeyboardInterrupt])
            thread.start()
            thread.join()
            assert ours._core.lost == 1, "an interrupt is the main thread's"
    finally:
        sys.unraisablehook = before
    assert heard == [ValueError, KeyboardInterrupt, KeyboardInterrupt]
