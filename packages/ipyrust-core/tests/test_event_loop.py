"""In a plain cell both tasks and loops of one's own work, and asyncio is as before afterwards."""

from __future__ import annotations

import asyncio
import os
import threading
from asyncio import events
from collections.abc import Iterator

import pytest

from ipyrust_core.event_loop import KernelEventLoop, Parking


@pytest.fixture
def loop() -> Iterator[KernelEventLoop]:
    loop = KernelEventLoop()
    asyncio.set_event_loop(loop)
    yield loop
    asyncio.set_event_loop(None)
    loop.end()


@pytest.fixture
def in_cell(loop) -> Iterator[Parking]:
    parking = Parking()
    with parking.installed(), parking.parked(loop):
        yield parking


async def answer() -> int:
    await asyncio.sleep(0)
    return 42


def test_asyncio_run(in_cell):
    assert asyncio.run(answer()) == 42
    assert asyncio.run(answer()) == 42, "and again"


def test_runner(in_cell):
    with asyncio.Runner() as runner:
        assert runner.run(answer()) == 42
        assert runner.run(answer()) == 42


def test_create_task_and_ensure_future(in_cell, loop):
    task = asyncio.get_running_loop().create_task(answer())
    future = asyncio.ensure_future(answer())
    assert not task.done()
    loop.run_until_complete(asyncio.gather(task, future))
    assert (task.result(), future.result()) == (42, 42)


def test_asyncio_create_task(in_cell, loop):
    assert loop.run_until_complete(asyncio.create_task(answer())) == 42


def test_the_kernel_s_loop_may_be_turned_by_the_cell(in_cell, loop):
    assert asyncio.get_event_loop() is loop
    assert asyncio.get_event_loop().run_until_complete(answer()) == 42


def test_a_new_loop_of_its_own(in_cell, loop):
    own = asyncio.new_event_loop()
    try:
        assert own.run_until_complete(answer()) == 42
    finally:
        own.close()
    assert asyncio.get_running_loop() is loop


def test_the_inner_loop_is_the_running_one(in_cell, loop):
    async def which() -> asyncio.AbstractEventLoop:
        return asyncio.get_running_loop()

    assert asyncio.run(which()) is not loop
    assert asyncio.get_running_loop() is loop


def test_two_loops_do_not_nest(in_cell):
    async def outer() -> None:
        inner = answer()
        try:
            asyncio.run(inner)
        finally:
            inner.close()

    with pytest.raises(RuntimeError, match="running event loop"):
        asyncio.run(outer())


def test_an_error_in_asyncio_run_leaves_the_loop_parked(in_cell, loop):
    async def fail() -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        asyncio.run(fail())
    assert asyncio.get_running_loop() is loop
    assert asyncio.run(answer()) == 42


def test_other_threads_have_no_running_loop(in_cell):
    seen: list[object] = []

    def look() -> None:
        try:
            asyncio.get_running_loop()
        except RuntimeError as error:
            seen.append(str(error))
        seen.append(asyncio.run(answer()))

    thread = threading.Thread(target=look)
    thread.start()
    thread.join()
    assert seen == ["no running event loop", 42]


def test_everything_is_put_back(loop):
    before = events._get_running_loop, events._set_running_loop
    parking = Parking()

    def cell() -> None:
        with parking.installed(), parking.parked(loop):
            assert (events._get_running_loop, events._set_running_loop) != before
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        cell()
    assert (events._get_running_loop, events._set_running_loop) == before
    with pytest.raises(RuntimeError, match="no running event loop"):
        asyncio.get_running_loop()
    assert asyncio.run(answer()) == 42


def test_between_cells_nothing_is_parked(loop):
    parking = Parking()
    with parking.installed():
        for _ in range(2):
            with parking.parked(loop):
                asyncio.get_running_loop()
            with pytest.raises(RuntimeError):
                asyncio.get_running_loop()


def test_is_quiet_tells_whether_the_loop_has_work(loop):
    assert loop.is_quiet()
    task = loop.create_task(answer())
    assert not loop.is_quiet()
    loop.run_until_complete(task)
    handle = loop.call_later(60, print)
    assert not loop.is_quiet()
    handle.cancel()
    loop.turn_once()
    read, write = os.pipe()
    loop.add_reader(read, print)
    assert not loop.is_quiet()
    loop.remove_reader(read)
    os.close(read)
    os.close(write)


def test_turn_once_runs_what_is_due_and_does_not_wait(loop):
    seen: list[str] = []
    loop.call_soon(seen.append, "due")
    handle = loop.call_later(60, seen.append, "later")
    loop.turn_once()
    assert seen == ["due"]
    handle.cancel()


def test_the_selector_wakes_for_calls_from_threads(loop):
    import select

    assert select.select([loop.selector_fd()], [], [], 0)[0] == []
    thread = threading.Thread(target=loop.call_soon_threadsafe, args=(print,))
    thread.start()
    thread.join()
    assert select.select([loop.selector_fd()], [], [], 10)[0] == [loop.selector_fd()]
