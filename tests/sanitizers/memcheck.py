"""A kernel under valgrind's memcheck, and what memcheck says of our native module.

CPython, IPython's extensions, the loader and the C library have findings of their own; only those with a frame of ours
in the stack count, so no list of suppressions has to follow their versions.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

from frontend import KernelUnderTest

OURS = "_native.abi3"
IMPORT = "PyModule_ExecDef"
"""What is made while the module is imported is made once and kept: PyO3's tables of types."""
UNREAD = "epoll_pwait(sigsetsize)"
"""The size of a mask that is not passed: Linux does not look at it, and rustix leaves its register as it was."""
TEXTS = {"what", "text", "auxwhat"}
"""The elements that say what was wrong, and with which piece of memory."""


@dataclass(frozen=True)
class Finding:
    """One error or leak."""

    kind: str
    what: str
    thread: str
    stack: tuple[str, ...]

    @property
    def is_ours(self) -> bool:
        """Whether our code is in the stack, it is not what an import keeps, and memcheck is not mistaken."""
        if not any(OURS in frame for frame in self.stack):
            return False
        if self.is_of_a_live_frame or (self.kind == "SyscallParam" and UNREAD in self.what):
            return False
        return not (self.kind.startswith("Leak") and any(IMPORT in frame for frame in self.stack))

    @property
    def is_of_a_live_frame(self) -> bool:
        """Whether a thread used its own stack inside a frame that has not returned, which is never wrong.

        memcheck says so of the function that a thread enters first after the handler of a signal ran on its alternate
        stack, where `faulthandler` puts handlers: it misses that the stack pointer moved. Of what lies below the stack
        pointer, as a variable of a function that has returned does, it says that, and that counts.
        """
        is_on_own_stack = f"is on thread {self.thread}'s stack" in self.what
        is_live = is_on_own_stack and "below stack pointer" not in self.what
        return self.kind.startswith("Invalid") and is_live

    def __str__(self) -> str:
        """The finding and its stack."""
        return "\n  ".join([f"{self.kind}: {self.what}", *self.stack])


def memcheck(report: Path, *command: str) -> KernelUnderTest:
    """`command` under memcheck, which writes its findings to `report` when the process ends."""
    options = (
        "--tool=memcheck",
        "--leak-check=full",
        "--show-leak-kinds=definite",
        "--num-callers=40",
        "--child-silent-after-fork=yes",
        "--xml=yes",
        f"--xml-file={report}",
        "--fair-sched=try",
    )
    return KernelUnderTest(("valgrind", *options, sys.executable, *command))


def findings(report: Path) -> Iterator[Finding]:
    """All findings. Raises ElementTree.ParseError when the process did not end in order."""
    for error in ElementTree.parse(report).getroot().iter("error"):
        what = "; ".join(element.text or "" for element in error.iter() if element.tag in TEXTS)
        stack = (
            f"{frame.findtext('fn', '???')} ({frame.findtext('obj', '???')})"
            for frame in error.iter("frame")
        )
        kind, thread = (error.findtext(tag, "???") for tag in ("kind", "tid"))
        yield Finding(kind, what, thread, tuple(stack))
