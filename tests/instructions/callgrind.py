"""Instructions that the engine's own code executes, counted by callgrind.

What is counted is the code of one executable: the engine, the crates in it and the standard library, but no libzmq and
no C library, which are files of their own and differ from system to system.
Threads of the client are in another process.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from frontend import DEADLINE, Frontend, KernelProcess, KernelUnderTest

WINDOW = 50
"""Requests that are under way at once."""

_NAMED = re.compile(r"c?ob=\((\d+)\) (.+)")
_OBJECT = re.compile(r"ob=\((\d+)\)")


class CountedKernel:
    """The example `message_path` under callgrind, and one client of it."""

    def __init__(self, executable: Path, folder: Path, fields: Mapping[str, Any]) -> None:
        """Start it with these fields in its connection file."""
        self.executable = executable
        self._counts = folder / "counts"
        self._marks = 0
        valgrind = (
            "valgrind",
            "--quiet",
            "--tool=callgrind",
            "--dump-before=message_path_mark",
            f"--callgrind-out-file={self._counts}",
            "--fair-sched=try",
        )
        command = KernelUnderTest((*valgrind, str(executable), "{connection_file}"))
        self.process = KernelProcess(command, folder, connection=fields)
        self.frontend = Frontend(self.process)

    def cells(self, count: int, code: str = "") -> float:
        """Run `count` cells, some of them under way at once. Returns the instructions of one."""
        return self.requests(count, "execute_request", {"code": code})

    def requests(self, count: int, msg_type: str, content: Mapping[str, Any]) -> float:
        """Send requests, some of them under way at once. Returns the instructions of one."""
        self.mark()
        for first in range(0, count, WINDOW):
            sent = range(first, min(first + WINDOW, count))
            exchanges = [self.frontend.request(msg_type, content) for _ in sent]
            for exchange in exchanges:
                self.frontend.wait_for(lambda each=exchange: each.is_idle, f"idle after {exchange}")
        return self.mark() / (count + 1)

    def mark(self) -> int:
        """The instructions since the last mark. They hold those of one cell more: the end of the last mark's and the
        beginning of this one's.
        """
        self.frontend.execute("mark").finish()
        self._marks += 1
        # Callgrind numbers what it writes; the counts without a number come at the end of the process.
        return own_instructions(Path(f"{self._counts}.{self._marks}"), self.executable)

    def close(self) -> None:
        """Ask it to end, which is part of what works under valgrind; the exit code must be 0."""
        self.frontend.request("shutdown_request", {"restart": False}, channel="control")
        try:
            assert self.process.wait(DEADLINE) == 0, self.process.stderr
        finally:
            self.frontend.close()
            self.process.close()


def own_instructions(counts: Path, executable: Path) -> int:
    """The sum over all functions of `executable`, without what they call elsewhere, in a file of callgrind's."""
    names: dict[str, str] = {}
    current, total, is_call = "", 0, False
    for line in counts.read_text(errors="replace").splitlines():
        if named := _NAMED.match(line):
            names[named[1]] = named[2]
        if object_ := _OBJECT.match(line):
            current = names[object_[1]]
        elif line.startswith("calls="):
            is_call = (
                True  # The next line has what the callee took, which stands at the callee, too.
            )
        elif line[:1] in set("0123456789+-*"):
            if not is_call and current == str(executable):
                total += int(line.split()[1])
            is_call = False
    assert total > 0, f"{counts} tells nothing about {executable}"
    return total
