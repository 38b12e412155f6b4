"""What one message costs does not depend on what came before it, waits beside it, or is open.

Without a key: a signature takes more instructions than everything else, and would hide a rise.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from frontend import Gate
from instructions.callgrind import CountedKernel

MOST = 1.05
"""Counts repeat within one in a hundred: threads meet at other moments."""

Count = Callable[..., CountedKernel]


def test_age(count: Count) -> None:
    kernel = count(key="")
    young = kernel.cells(800)
    kernel.cells(8_000)
    assert kernel.cells(1_000) <= MOST * young


def test_age_with_a_replay_window(count: Count) -> None:
    kernel = count()
    young = kernel.cells(200)
    kernel.cells(1_400)
    assert kernel.cells(200) <= MOST * young


def test_length_of_the_queue(count: Count, tmp_path: Path) -> None:
    kernel = count(key="")
    seldom_waiting = kernel.cells(1_000)
    assert waiting_cells(kernel, 4_000, tmp_path) <= MOST * seldom_waiting


def waiting_cells(kernel: CountedKernel, count: int, folder: Path) -> float:
    """The instructions of one of `count` cells that all wait before the first one is taken."""
    frontend = kernel.frontend
    with Gate(folder) as gate:
        first = frontend.execute(f"wait {gate.path}")
        waiting = [frontend.request("execute_request", {"code": ""}) for _ in range(count)]
        # It is read behind all of them and answered without the queue: when it is, they are in there.
        frontend.request("kernel_info_request").finish()
        gate.open()
        for exchange in [first, *waiting]:
            exchange.finish()
    return kernel.mark() / (count + 3)


def test_open_comms(count: Count) -> None:
    kernel = count(key="")
    content = {"comm_id": "comm-0", "data": {"method": "update", "state": {"value": 1}}}
    kernel.cells(1, "routes 1")
    with_one = kernel.requests(500, "comm_msg", content)
    kernel.cells(1, "routes 9000")
    assert kernel.requests(500, "comm_msg", content) <= MOST * with_one


def test_open_subshells(count: Count) -> None:
    kernel = count(key="")
    with_none = kernel.cells(500)
    for _ in range(200):
        created = kernel.frontend.request("create_subshell_request", channel="control")
        assert created.reply.content["status"] == "ok"
    assert kernel.cells(500) <= MOST * with_none
