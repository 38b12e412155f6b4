"""A subscriber that stops reading while large displays are published: the bound of its backlog in bytes."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import Any

import pytest

from faults.conftest import Figure
from faults.load import Footprint, Subscriber, answers_on_control, memory_watched, text_of
from frontend import Frontend, KernelProcess, Message

StartKernel = Callable[..., KernelProcess]
Connect = Callable[..., Frontend]
MIB = 1 << 20
BOUND = 256 * MIB
"""What is documented for `IPYRUST_BACKLOG_BYTES`."""
SLACK = (64 + 16 + 60) * MIB
"""The outbox, the kept output, and what one display costs while it is made."""
ASK_EVERY = 10
NOTICE = re.compile(
    r"\[ipyrust: (?:a message \(display_data\)|(\d+) messages) of .* left out for all"
)
SHOW = """
for number in range({count}):
    display({{'text/plain': f'{{number:0{size}}}'}}, raw=True)
    print(number)
"""


def numbers(messages: list[Message]) -> list[int]:
    """The numbers that were displayed."""
    shown = [each for each in messages if each.msg_type == "display_data"]
    return [int(each.content["data"]["text/plain"][-9:]) for each in shown]


def left_out(messages: list[Message]) -> int:
    """How many messages the notices tell of."""
    return sum(int(found or 1) for found in NOTICE.findall(text_of(messages, "stderr")))


def printed(count: int) -> str:
    """What SHOW prints."""
    return "".join(f"{number}\n" for number in range(count))


def test_memory_keeps_to_the_bound_and_everybody_is_told(fresh: Frontend, figure: Figure) -> None:
    count = 600
    fresh.run("pass")
    with closing(Subscriber(fresh)) as stalled, memory_watched(fresh.kernel) as memory:
        before = Footprint.of(fresh.kernel).rss_bytes
        begun = time.monotonic()
        cell = fresh.execute(SHOW.format(count=count, size=MIB))
        worst = answers_on_control(fresh)
        # Each question publishes two statuses, and with 5 000 messages the backlog would meet its other bound.
        received = 0
        while not cell.is_idle:
            fresh.receive(100)
            received += 1
            if received % ASK_EVERY == 0:
                worst = max(worst, answers_on_control(fresh))
        figure("seconds", time.monotonic() - begun)
        figure("control_worst_s", worst)
        figure("most_mb", (memory.most_bytes - before) / 1e6)
        assert memory.most_bytes - before < BOUND + SLACK
        published = cell.published
        shown = numbers(published)
        assert BOUND // MIB <= len(shown) < count, "what has room is sent"
        assert len(shown) + left_out(published) == count, "what has none is counted"
        assert shown == [*range(len(shown))]
        assert text_of(published) == printed(count)
        assert cell.reply.content["status"] == "ok"
        found = stalled.read_until_idle(cell.msg_id)
        assert [each.header["msg_id"] for each in found] == [
            each.header["msg_id"] for each in published
        ]
    again = fresh.execute(SHOW.format(count=50, size=MIB)).finish().published
    assert (numbers(again), left_out(again)) == ([*range(50)], 0), "all is as before"


def test_what_was_left_out_is_kept_for_those_who_ask(
    start_kernel: StartKernel, connect: Connect
) -> None:
    fresh = connect(start_kernel(env={"IPYRUST_BACKLOG_BYTES": str(MIB)}))
    fresh.run("pass")
    with closing(Subscriber(fresh)):
        cell = fresh.execute(SHOW.format(count=50, size=100_000))
        assert left_out(cell.finish(120).published) > 0
    kept: list[int] = []
    answer: dict[str, Any] = {"more": True, "after": 0}
    while answer["more"]:
        request = {"msg_id": cell.msg_id, "after": answer["after"]}
        answer = fresh.request("replay_request", request, channel="control").reply.content
        shown = [each["content"] for each in answer["messages"] if "data" in each["content"]]
        kept += [int(each["data"]["text/plain"][-9:]) for each in shown]
    assert kept == [*range(50)]


def test_who_reads_slowly_gets_everything(start_kernel: StartKernel, connect: Connect) -> None:
    """Everybody waits for it again and again, and nothing is left out."""
    fresh = connect(start_kernel(env={"IPYRUST_BACKLOG_BYTES": str(2 * MIB)}))
    fresh.run("pass")
    count = 40
    with closing(Subscriber(fresh)) as slow, ThreadPoolExecutor(1) as pool:

        def read_slowly() -> list[int]:
            found: list[int] = []
            while len(found) < count:
                time.sleep(0.1)  # the clock: how slowly it reads
                found += numbers([slow.read()])
            return found

        delivered = pool.submit(read_slowly)
        cell = fresh.execute(SHOW.format(count=count, size=MIB)).finish(120)
        assert delivered.result(120) == numbers(cell.published) == [*range(count)]
        assert left_out(cell.published) == 0


@pytest.mark.parametrize("bound", ["256M", "-1"])
def test_a_wrong_bound_is_reported_and_ignored(
    start_kernel: StartKernel, connect: Connect, bound: str
) -> None:
    fresh = connect(start_kernel(env={"IPYRUST_BACKLOG_BYTES": bound}))
    fresh.run("pass")
    assert f"IPYRUST_BACKLOG_BYTES={bound}" in fresh.kernel.stderr
