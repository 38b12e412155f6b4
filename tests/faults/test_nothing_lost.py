"""A subscriber that stops reading in a flood of output: it gets everything, and nobody else waits for it."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from faults.conftest import Figure, Scale
from faults.load import Footprint, Subscriber, answers_on_control, memory_watched, text_of
from frontend import Frontend, Message, idle

parity = pytest.mark.parity

MEMORY_BOUND = 200 << 20
"""What the flood may add: the outbox (64 MiB), the kept output (16 MiB), the stalled subscriber's backlog and slack."""


@pytest.fixture
def stalled(fresh: Frontend) -> Iterator[Subscriber]:
    """A subscriber that does not read yet."""
    fresh.run("pass")
    subscriber = Subscriber(fresh)
    yield subscriber
    subscriber.close()


def displayed(messages: Iterable[Message]) -> list[int]:
    """The numbers that were displayed."""
    shown = [each for each in messages if each.msg_type == "display_data"]
    return [int(each.content["data"]["text/plain"]) for each in shown]


def outlasts(frontend: Frontend, seconds: float, figure: Figure) -> None:
    """Go on for so long without the stalled subscriber; control is answered all the while."""
    until = time.monotonic() + seconds
    worst = answers_on_control(frontend)
    while time.monotonic() < until:
        worst = max(worst, answers_on_control(frontend))
    figure("control_worst_s", worst)


@parity
def test_lines(fresh: Frontend, stalled: Subscriber, scale: Scale, figure: Figure) -> None:
    lines = scale(200_000, 1_000_000)
    with memory_watched(fresh.kernel) as memory:
        before = Footprint.of(fresh.kernel).rss_bytes
        begun = time.monotonic()
        cell = fresh.execute(f"for number in range({lines}): print(number)")
        # The other subscriber has everything before the stalled one reads its first byte.
        expected = "".join(f"{number}\n" for number in range(lines))
        assert cell.finish(120).text() == expected
        figure("seconds", time.monotonic() - begun)
        outlasts(fresh, scale(0, 10), figure)
    found = stalled.read_until_idle(cell.msg_id)
    assert text_of(found) == expected
    figure("messages", len(found))
    figure("most_mb", (memory.most_bytes - before) / 1e6)
    assert memory.most_bytes - before < MEMORY_BOUND


@parity
def test_displays_within_the_backlog(
    fresh: Frontend, stalled: Subscriber, scale: Scale, figure: Figure
) -> None:
    count = 4_000
    cell = fresh.execute(f"for number in range({count}): display(number)")
    assert len(cell.finish(120).published) == count + 3
    outlasts(fresh, scale(0, 10), figure)
    shown = [
        each for each in stalled.read_until_idle(cell.msg_id) if each.msg_type == "display_data"
    ]
    assert [int(each.content["data"]["text/plain"]) for each in shown] == [*range(count)]
    figure("delivered", len(shown))


@parity
def test_displays_beyond_the_backlog_in_a_short_stall(
    fresh: Frontend, stalled: Subscriber, soak_only: None, figure: Figure
) -> None:
    """The others wait for it, but nobody loses anything."""
    count = 10_000
    cell = fresh.execute(f"for number in range({count}): display(number)")
    outlasts(fresh, 4, figure)
    with ThreadPoolExecutor(1) as pool:
        delivered = pool.submit(stalled.read_until_idle, cell.msg_id)
        assert displayed(cell.finish(120).published) == [*range(count)]
        assert displayed(delivered.result(120)) == [*range(count)]


def test_displays_beyond_every_bound(
    fresh: Frontend, stalled: Subscriber, soak_only: None, figure: Figure
) -> None:
    """The stalled one is given up in the end: nobody else loses anything, everybody is told."""
    count = 30_000
    begun = time.monotonic()
    cell = fresh.execute(f"for number in range({count}): display(number)")
    assert displayed(cell.finish(120).published) == [*range(count)]
    figure("seconds", time.monotonic() - begun)
    assert cell.reply.content["status"] == "ok"
    fresh.wait_for(
        lambda: "a client stopped reading" in text_of(cell.published, "stderr"), "the notice"
    )
    # It can read again, and gets what comes from then on.
    for number in range(1000):
        probe = fresh.execute(f"'probe {number}'")
        probe.finish()
        if stalled_sees(stalled, probe.msg_id):
            return
    pytest.fail("who reads again gets nothing")


def test_text_beyond_every_bound(
    fresh: Frontend, stalled: Subscriber, soak_only: None, figure: Figure
) -> None:
    """Endless wide lines while somebody does not read: memory reaches a bound and stays there."""
    before = Footprint.of(fresh.kernel).rss_bytes
    cell = fresh.execute("while True: print('x' * 1000)")
    with memory_watched(fresh.kernel) as memory:
        received = 0
        while received < 1 << 30:
            seen = len(cell.published)
            fresh.receive(100)
            for message in cell.published[seen:]:
                received += len(message.content.pop("text", ""))
    figure("most_mb", (memory.most_bytes - before) / 1e6)
    assert memory.most_bytes - before < 500 << 20
    assert "a client stopped reading" in fresh.kernel.stderr
    fresh.request("interrupt_request", channel="control")
    assert cell.reply.content["ename"] == "KeyboardInterrupt"
    fresh.wait_for(lambda: cell.is_idle, "idle")


def stalled_sees(stalled: Subscriber, msg_id: str) -> bool:
    """Read what is there; whether it includes this request's end."""
    while stalled.socket.poll(50):
        message = stalled.read()
        if message.parent_header.get("msg_id") == msg_id and idle.matches(message):
            return True
    return False
