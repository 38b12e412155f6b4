"""What a toolkit's loop that waits in place of the kernel's asks of the event loop."""

from __future__ import annotations

import os
import select
from collections.abc import Iterator

import pytest

from ipyrust_core.event_loop import KernelEventLoop


@pytest.fixture
def loop() -> Iterator[KernelEventLoop]:
    loop = KernelEventLoop()
    yield loop
    loop.end()


def readable(fd: int) -> bool:
    return bool(select.select([fd], [], [], 0)[0])


def test_a_quiet_loop_is_never_due(loop: KernelEventLoop) -> None:
    assert loop.due_in() is None


def test_what_is_ready_is_due_at_once(loop: KernelEventLoop) -> None:
    loop.call_soon(lambda: None)
    assert loop.due_in() == 0.0


def test_the_next_timer_says_when(loop: KernelEventLoop) -> None:
    loop.call_later(50, lambda: None)
    loop.call_later(20, lambda: None)
    due = loop.due_in()
    assert due is not None and 19 < due <= 20


def test_a_timer_that_is_late_is_due_at_once(loop: KernelEventLoop) -> None:
    loop.call_at(loop.time() - 1, lambda: None)
    assert loop.due_in() == 0.0


def test_one_turn_runs_what_is_due(loop: KernelEventLoop) -> None:
    ran: list[int] = []
    loop.call_soon(ran.append, 1)
    loop.call_later(100, ran.append, 2)
    loop.turn_once()
    assert ran == [1]


def test_a_signal_makes_the_selector_readable(loop: KernelEventLoop) -> None:
    assert not readable(loop.selector_fd())
    os.write(loop.wakeup_fd(), b"\x02")
    assert readable(loop.selector_fd())
    loop.turn_once()
    assert not readable(loop.selector_fd())
