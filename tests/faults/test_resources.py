"""What a kernel needs runs out, or jumps: disk, descriptors, memory, the clock. And what it must not use up itself."""

from __future__ import annotations

import itertools
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from faults.conftest import Figure, Scale
from faults.load import (
    Footprint,
    has_no_child,
    is_at_rest,
    is_not_deaf,
    is_root,
    lives_on,
    shuts_down,
)
from frontend import DEADLINE, Frontend, KernelProcess, busy, idle

parity = pytest.mark.parity

Start = Callable[..., KernelProcess]
Connect = Callable[..., Frontend]


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 300 kB."""
    folder = tmp_path / "small"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=300k", "tmpfs", str(folder)]
    if not is_root() or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("may not mount; test_files_that_may_not_grow does the same with a limit")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


def test_a_full_disk(start_kernel: Start, connect: Connect, small_disk: Path) -> None:
    """History and temporary files have no room: cells run, and what they write is their own error."""
    for name in ("ipython", "tmp"):
        (small_disk / name).mkdir()
    env = {"IPYTHONDIR": str(small_disk / "ipython"), "TMPDIR": str(small_disk / "tmp")}
    frontend = connect(start_kernel(env=env))
    lives_on(frontend)
    fill = f"with open({str(small_disk / 'full')!r}, 'wb') as file: file.write(bytes(1 << 20))"
    assert frontend.execute(fill).finish().reply.content["ename"] == "OSError"
    for _ in range(5):
        lives_on(frontend)
        assert history(frontend), "the session's own"
    is_not_deaf(frontend)
    lives_on(frontend)
    shuts_down(frontend)


def history(frontend: Frontend) -> list[object]:
    """The inputs of the session."""
    asked = frontend.request("history_request", {"hist_access_type": "range", "session": 0})
    found: list[object] = asked.reply.content["history"]
    return found


def limited(kernel: KernelProcess, limit: int, value: int) -> None:
    """Set a limit of a running kernel."""
    if sys.platform != "linux":
        pytest.skip("limits of another process need Linux")
    resource.prlimit(kernel.pid, limit, (value, value))


def test_files_that_may_not_grow(fresh: Frontend) -> None:
    """RLIMIT_FSIZE: every write to a file fails, the history's, too."""
    fresh.run("1")
    limited(fresh.kernel, resource.RLIMIT_FSIZE, 0)
    for _ in range(5):
        lives_on(fresh)
    assert history(fresh)
    shuts_down(fresh)


@parity
def test_no_descriptor_is_left(fresh: Frontend, scale: Scale) -> None:
    """A cell takes all descriptors: it fails, the kernel does not; a new client comes in when there are some again."""
    fresh.run("import os, socket")
    limited(fresh.kernel, resource.RLIMIT_NOFILE, Footprint.of(fresh.kernel).fds + 30)
    for _ in range(scale(2, 50)):
        take = "taken = []\nwhile True: taken.append(os.dup(0))"
        assert fresh.execute(take).finish().reply.content["ename"] == "OSError"
        fresh.run("2")
        assert fresh.request("kernel_info_request", channel="control").reply.content
        fresh.run("for fd in taken: os.close(fd)")
        assert fresh.heartbeat() == b"ping"
        lives_on(fresh)
    assert is_at_rest(fresh.kernel), "a busy loop"


@parity
def test_no_memory_is_left(fresh: Frontend, scale: Scale) -> None:
    """RLIMIT_AS: a cell that asks for too much fails alone."""
    fresh.run("import os")
    address_space = psutil.Process(fresh.kernel.pid).memory_info().vms
    limited(fresh.kernel, resource.RLIMIT_AS, address_space + (512 << 20))
    for _ in range(scale(3, 100)):
        cell = fresh.execute("block = bytearray(1 << 30)")
        assert cell.finish().reply.content["ename"] == "MemoryError"
        grow = "blocks = []\nwhile True: blocks.append(bytearray(1 << 24))"
        assert fresh.execute(grow).finish().reply.content["ename"] == "MemoryError"
        fresh.run("blocks = block = None")
        lives_on(fresh)
    is_not_deaf(fresh)


LARGE_BYTES = 40_000_000


def test_a_large_comm_message_is_not_kept(fresh: Frontend) -> None:
    """Its buffers are given back while the kernel is idle, though its header stays the parent of stray output."""
    fresh.run(
        "import comm\n"
        "got = []\n"
        "def listen(channel, opened): channel.on_msg(lambda m: got.append(len(m['buffers'][0])))\n"
        "comm.get_comm_manager().register_target('listener', listen)"
    )
    address = {"comm_id": "large"}
    opening = {**address, "target_name": "listener", "data": {}}
    fresh.request("comm_open", opening).sees(busy, idle)
    before = Footprint.of(fresh.kernel).rss_bytes
    large = bytes(LARGE_BYTES)
    fresh.request("comm_msg", {**address, "data": {}}, buffers=[large]).sees(busy, idle)
    deadline = time.monotonic() + DEADLINE
    while Footprint.of(fresh.kernel).rss_bytes > before + LARGE_BYTES / 2:
        assert time.monotonic() < deadline, "the message is still in memory"
        time.sleep(0.01)  # the kernel's memory is the clock; nothing announces a change
    assert fresh.value("got") == str([LARGE_BYTES])


def test_the_clock_jumps(
    start_kernel: Start, connect: Connect, tmp_path: Path, figure: Figure
) -> None:
    """Wall time jumps a day to and fro; nothing waits for it, and nothing fires early."""
    libraries = sorted(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"))
    if not libraries:
        if os.environ.get("CI"):
            pytest.fail("install faketime: the clock cannot be moved without it")
        pytest.skip("needs libfaketime (Debian: faketime)")
    clock = tmp_path / "clock"
    clock.write_text("+0\n")
    env = {
        "LD_PRELOAD": str(libraries[0]),
        "FAKETIME_TIMESTAMP_FILE": str(clock),
        "FAKETIME_NO_CACHE": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
    }
    frontend = connect(start_kernel(env=env))
    lives_on(frontend)
    year = int(frontend.value("__import__('datetime').datetime.now().year"))
    for offset in ("+400d", "-400d", "+0"):
        clock.write_text(f"{offset}\n")
        lives_on(frontend)
        cell = frontend.execute("import asyncio; print('text'); await asyncio.sleep(0.05)")
        assert cell.finish().text() == "text\n"
        is_not_deaf(frontend)
        lives_on(frontend)
    clock.write_text("+400d\n")
    later = int(frontend.value("__import__('datetime').datetime.now().year"))
    assert later > year, "the clock did not jump"
    shuts_down(frontend)


SORTS_OF_CELLS = (
    "pass",
    "print('text')",
    "1 / 0",
    "display('shown')",
    "number = 1",
    "import asyncio; await asyncio.sleep(0)",
    "%time pass",
)


@parity
def test_nothing_grows_from_cell_to_cell(fresh: Frontend, scale: Scale, figure: Figure) -> None:
    """Memory and descriptors after many cells of many sorts, without what IPython remembers of results."""
    quarter = scale(375, 2_500)
    footprints = []
    for _ in range(4):
        for number in range(quarter):
            code = SORTS_OF_CELLS[number % len(SORTS_OF_CELLS)]
            fresh.execute(code, store_history=False).finish()
        footprints.append(Footprint.of(fresh.kernel))
    # The first quarter fills caches; the last must not grow as the second did.
    growth = [
        (after.rss_bytes - before.rss_bytes) / quarter
        for before, after in itertools.pairwise(footprints)
    ]
    figure("bytes_a_cell", growth[-1])
    figure("fds", footprints[-1].fds - footprints[0].fds)
    assert min(growth) < 2_000, growth
    assert footprints[-1].fds == footprints[0].fds
    assert footprints[-1].threads <= footprints[0].threads
    assert has_no_child(fresh.kernel)
    assert is_at_rest(fresh.kernel), "a busy loop"
