"""Processes are ended, and their end is told, whatever they do."""

import os
import sys
import time
from pathlib import Path

import pytest

from benchmarks.errors import KernelDiedError, NoAnswerError
from benchmarks.launcher import Launcher


def _launcher(folder: Path, program: str) -> Launcher:
    argv = (sys.executable, "-c", program, "{connection_file}")
    return Launcher("test", argv, dict(os.environ), folder)


def test_death_is_told_with_its_last_line(tmp_path: Path) -> None:
    launcher = _launcher(tmp_path, "raise SystemExit('no such thing')")
    with pytest.raises(KernelDiedError, match="exit code 1: no such thing"), launcher.started():
        pass


def test_silent_process_is_timed_out_and_killed(tmp_path: Path) -> None:
    launcher = _launcher(tmp_path, "import time; time.sleep(60)")
    with launcher.spawned() as kernel, pytest.raises(NoAnswerError):
        kernel.client.wait_ready(timeout=0.5)
    with pytest.raises(ProcessLookupError):
        os.kill(kernel.pid, 0)


def test_children_end_with_the_kernel(tmp_path: Path) -> None:
    child = tmp_path / "child"
    launcher = _launcher(
        tmp_path,
        "import subprocess, sys, pathlib, time\n"
        "p = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])\n"
        f"pathlib.Path({str(child)!r}).write_text(str(p.pid))\n"
        "time.sleep(60)",
    )
    with pytest.raises(NoAnswerError), launcher.spawned() as kernel:
        kernel.client.wait_ready(timeout=1.5)
    stat = Path("/proc") / child.read_text() / "stat"
    deadline = time.monotonic() + 5
    while stat.exists() and stat.read_text().rpartition(")")[2].split()[0] != "Z":
        assert time.monotonic() < deadline, "the child outlived its kernel"
        time.sleep(0.01)  # the clock is the kernel's delivery of SIGKILL


def test_connection_file_is_private(tmp_path: Path) -> None:
    with _launcher(tmp_path, "import time; time.sleep(60)").spawned():
        assert (tmp_path / "connection.json").stat().st_mode & 0o077 == 0
