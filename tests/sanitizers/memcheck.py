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


@dataclass(frozen=True)
class Finding:
    """One error or leak."""

    kind: str
    what: str
    stack: tuple[str, ...]

    @property
    def is_ours(self) -> bool:
        """Whether our code is in the stack, and it is not what an import keeps."""
        kept = self.kind.startswith("Leak") and any(IMPORT in frame for frame in self.stack)
        return not kept and any(OURS in frame for frame in self.stack)

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
        what = error.findtext("what") or error.findtext("xwhat/text") or ""
        stack = (
            f"{frame.findtext('fn', '???')} ({frame.findtext('obj', '???')})"
            for frame in error.iter("frame")
        )
        yield Finding(error.findtext("kind", "???"), what, tuple(stack))
