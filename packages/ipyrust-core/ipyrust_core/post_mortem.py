"""Why did it die: connects Python's `faulthandler` and `os._exit` with the engine's journal (`post_mortem.rs`).

`faulthandler` is the one part of Python that can write stacks where nothing else of it can run. Its handlers of fatal
signals write to the journal and then call the handler before them, which is the engine's; so the engine's comes first.
For stacks on request it is the other way round: the engine's handler calls `faulthandler`'s, to know when it is done.

User code that calls `faulthandler.enable` or `register` itself gets what it asks for; then the report has no stacks.
"""

import faulthandler
import os
from _signal import SIG_DFL, SIG_IGN, SIGQUIT, getsignal  # type: ignore[import-not-found]

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from ipyrust_core._native import KernelCore

EXIT_HEADING = b"Fatal Python error: os._exit\n\n"
"""Begins the stacks of a process that ends itself, as `faulthandler` begins those of a fatal signal."""


class PostMortem:
    """What is replaced in this process so that its end is known."""

    def __init__(self, core: "KernelCore") -> None:
        self._core = core
        self._exit: Callable[[int], Any] | None = None
        self._was_enabled = False

    def offer_stacks(self) -> None:
        """Let SIGQUIT write the stacks of all threads, unless somebody has a handler for it."""
        if getsignal(SIGQUIT) in (SIG_DFL, SIG_IGN):
            faulthandler.register(SIGQUIT, file=self._core.stack_fd(), all_threads=True)
            self._core.watch_stack_signal()

    def keep_journal(self) -> None:
        """Keep a journal beside the connection file, if that folder can be written."""
        journal_fd = self._core.keep_journal()
        if journal_fd is None:
            return
        self._was_enabled = faulthandler.is_enabled()
        faulthandler.disable()
        self._core.watch_endings()
        faulthandler.enable(file=journal_fd, all_threads=True)
        os.register_at_fork(after_in_child=self._in_child)
        self._exit = os._exit
        os._exit = noting_exit(self._core, os._exit, journal_fd)

    def restore(self) -> None:
        """Put back what was replaced: the journal is about to be removed."""
        if self._exit is not None:
            os._exit = self._exit  # type: ignore[assignment]
            self._exit = None
            faulthandler.disable()
            if self._was_enabled:
                faulthandler.enable(file=2)

    def _in_child(self) -> None:
        """A forked child's crash is none of the kernel's: its stacks go where its errors go."""
        if self._exit is not None and faulthandler.is_enabled():
            faulthandler.enable(file=2)


def noting_exit(
    core: "KernelCore", original: "Callable[[int], Any]", journal_fd: int
) -> "Callable[..., Any]":
    """`os._exit` that says in the journal, and to the clients, that it was called; in the kernel's process only."""
    owner = os.getpid()

    def _exit(status: int) -> None:
        if os.getpid() == owner and isinstance(status, int):
            try:
                os.write(journal_fd, EXIT_HEADING)
                faulthandler.dump_traceback(file=journal_fd, all_threads=True)
                core.note_exit(status)
            except Exception:  # Whatever goes wrong here: the process is to end.
                pass
        original(status)

    # Under this name it is pickled, as work for other processes is, and found there: the original, or this.
    _exit.__module__, _exit.__qualname__, _exit.__doc__ = "os", "_exit", original.__doc__
    return _exit
