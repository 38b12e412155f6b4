"""A cell that prints without end: memory is bounded, messages are few, and an interrupt ends it."""

from __future__ import annotations

import time
from collections import Counter
from itertools import pairwise

import pytest

from faults.conftest import Figure, Scale
from faults.load import Footprint, is_not_deaf, lives_on, memory_watched
from frontend import Frontend

parity = pytest.mark.parity

ENDLESS = {
    "print": "number = 0\nwhile True:\n    print(number); number += 1",
    "print and flush": "number = 0\nwhile True:\n    print(number, flush=True); number += 1",
    "descriptor": "import os\nwhile True:\n    os.write(1, b'written to the descriptor\\n')",
    "carriage return": "number = 0\nwhile True:\n    print(f'\\r{number}', end=''); number += 1",
}
MESSAGES_PER_SECOND = 1000
"""jupyter_server's default `iopub_msg_rate_limit`: beyond it, output is thrown away."""
MEMORY_BOUND = 200 << 20


@pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=() if name == "print and flush" else parity) for name in ENDLESS],
)
def test_endless_output(fresh: Frontend, name: str, scale: Scale, figure: Figure) -> None:
    seconds = scale(2, 60)
    fresh.run("pass")
    arrived: Counter[int] = Counter()
    with memory_watched(fresh.kernel) as memory:
        fresh.settle()
        before = Footprint.of(fresh.kernel).rss_bytes
        cell = fresh.execute(ENDLESS[name])
        begun = time.monotonic()
        while (now := time.monotonic() - begun) < seconds:
            fresh.receive(50)
            arrived[int(now)] = len(cell.published)
        asked = time.monotonic()
        fresh.request("interrupt_request", channel="control")
        reply = cell.reply
        figure("interrupt_s", time.monotonic() - asked)
        fresh.wait_for(lambda: cell.is_idle, "idle")
    assert reply.content["ename"] == "KeyboardInterrupt"
    figure("most_mb", (memory.most_bytes - before) / 1e6)
    assert memory.most_bytes - before < MEMORY_BOUND
    # A second in which this process was not given a turn is missing.
    spans = pairwise([-1, *sorted(arrived)])
    busiest = max((arrived[end] - arrived[start]) / (end - start) for start, end in spans)
    figure("messages_per_second", busiest)
    assert busiest < MESSAGES_PER_SECOND
    characters = sum(len(each.content.get("text", "")) for each in cell.published)
    figure("mb_per_second", characters / 1e6 / seconds)
    is_not_deaf(fresh)
    lives_on(fresh)
