"""What an idle kernel costs after its first cell: memory, threads, wake-ups. Read from /proc."""

from __future__ import annotations

import time
from pathlib import Path

from benchmarks.errors import UnavailableError
from benchmarks.launcher import Launcher
from benchmarks.measure import Effort, Figures, Measure, Row

SETTLE_SECONDS = 2.0
PROC = Path("/proc")

PSS = Row("memory_pss", "memory after the first cell, PSS", "MB")
RSS = Row("memory_rss", "memory after the first cell, RSS", "MB", floor="ipython_memory")
WAKE_UPS = Row("wake_ups", "wake-ups of an idle kernel", "/s")
THREADS = Row("threads", "native threads of an idle kernel", "")


def memory(launcher: Launcher, effort: Effort) -> Figures:
    """The kernel process and any children it keeps, shared pages divided (PSS) or not (RSS)."""
    with launcher.started() as kernel:
        return dict(zip((PSS.name, RSS.name), resident_memory(kernel.pid), strict=True))


def idle(launcher: Launcher, effort: Effort) -> Figures:
    """Context switches of all threads, voluntary or not: a sleeping thread has none."""
    with launcher.started() as kernel:
        time.sleep(SETTLE_SECONDS)  # the clock is the kernel's own: start-up work must be over
        before = _context_switches(kernel.pid)
        started = time.monotonic()
        time.sleep(effort.idle_seconds)  # the clock is the wall: a rate is measured
        elapsed = time.monotonic() - started
        switches = _context_switches(kernel.pid) - before
        threads = sum(len(_tasks(pid)) for pid in _tree(kernel.pid))
        kernel.process.check_alive()
    return {WAKE_UPS.name: max(switches, 0) / elapsed, THREADS.name: float(threads)}


def resident_memory(pid: int) -> tuple[float, float]:
    """PSS and RSS of a process tree in MB."""
    kilobytes = [0, 0]
    for member in _tree(pid):
        for line in _read(PROC / str(member) / "smaps_rollup").splitlines():
            name, _, rest = line.partition(":")
            if name in ("Pss", "Rss"):
                kilobytes[name == "Rss"] += int(rest.split()[0])
    return kilobytes[0] * 1024 / 1e6, kilobytes[1] * 1024 / 1e6


def _tree(pid: int) -> list[int]:
    """The process and its descendants."""
    children = [int(child) for task in _tasks(pid) for child in _read(task / "children").split()]
    return [pid, *(member for child in children for member in _tree(child))]


def _tasks(pid: int) -> list[Path]:
    folder = PROC / str(pid) / "task"
    if not folder.exists():
        raise UnavailableError(f"no {PROC} for the kernel on this platform")
    return list(folder.iterdir())


def _context_switches(pid: int) -> int:
    return sum(
        int(line.split()[1])
        for member in _tree(pid)
        for task in _tasks(member)
        for line in _read(task / "status").splitlines()
        if "ctxt_switches" in line
    )


def _read(path: Path) -> str:
    try:
        return path.read_text()
    except OSError as error:
        raise UnavailableError(f"cannot read {path.name}: {error.strerror}") from None


MEASURES = (
    Measure("memory", (PSS, RSS), memory),
    Measure("idle", (WAKE_UPS, THREADS), idle),
)
