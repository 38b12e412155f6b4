"""No orphan: the children that a kernel leaves behind are ended with it.

Children are what descends from us and is still in our process group; a process that made a group or session of its own
(a daemon) is left alone, as Jupyter kernels always did.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator

TERM_GRACE = 1.0
"""Seconds between SIGTERM and SIGKILL."""


def end_children() -> None:
    """End our children: SIGTERM, and SIGKILL for those that are still there after `TERM_GRACE` seconds."""
    _reap()
    for signum in (signal.SIGTERM, signal.SIGKILL):
        children = _children()
        if not children:
            return
        for pid in children:
            _signal(pid, signum)
        deadline = time.monotonic() + TERM_GRACE
        while _reap() or (_children() and time.monotonic() < deadline):
            time.sleep(
                0.01
            )  # The clock: other processes' exits, of which nobody but their parent is told.


def _signal(pid: int, signum: int) -> None:
    try:
        os.kill(pid, signum)
    except ProcessLookupError:
        pass
    except PermissionError:
        pass  # It changed its user: not ours any more.


def _reap() -> bool:
    try:
        return os.waitpid(-1, os.WNOHANG)[0] != 0
    except ChildProcessError:
        return False


def _children() -> list[int]:
    own, group = os.getpid(), os.getpgrp()
    table = list(_processes())
    family = {own}
    grown = True
    while grown:
        more = {pid for pid, parent, _ in table if parent in family} - family
        family |= more
        grown = bool(more)
    leads = group == own
    return [
        pid
        for pid, _, its_group in table
        if pid != own and its_group == group and (leads or pid in family)
    ]


def _processes() -> Iterator[tuple[int, int, int]]:
    """(pid, parent, group) of every process that is not a zombie."""
    if sys.platform == "linux":
        for name in os.listdir("/proc"):
            if name.isdecimal():
                try:
                    with open(f"/proc/{name}/stat", "rb") as stat:
                        fields = stat.read().rpartition(b")")[2].split()
                except OSError:
                    continue
                if fields[0] != b"Z":
                    yield int(name), int(fields[1]), int(fields[2])
        return
    listing = subprocess.run(
        ["ps", "-A", "-o", "pid=,ppid=,pgid=,stat="], capture_output=True, text=True, check=False
    )
    for line in listing.stdout.splitlines():
        pid, parent, group, state = line.split()[:4]
        if not state.startswith("Z"):
            yield int(pid), int(parent), int(group)
