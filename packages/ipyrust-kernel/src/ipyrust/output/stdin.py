"""`input`, `getpass.getpass` and `sys.stdin` over the stdin channel, for as long as the kernel lives.

The functions ask `kernel.input`, which asks the client of the calling thread's or task's parent, so nothing here
depends on which cell runs. (`current_parent` is called before, so that a new thread knows its parent.)
"""

from __future__ import annotations

import builtins
import io
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Protocol

from ipyrust.replaced import replaced
from ipyrust.when_imported import when_imported
from ipyrust_core.errors import StdinNotAllowedError

if TYPE_CHECKING:
    from ipyrust.output.parent_lookup import ParentLookup

END_OF_FILE = "\x04"
"""What a frontend sends when the user presses Ctrl-D."""


class AsksForLine(Protocol):
    """The part of a kernel that reads a line from the user."""

    def input(self, prompt: str = "", *, password: bool = False) -> str:
        """Ask the client of the current parent."""


class LineReader:
    """Reads lines for whichever cell asks."""

    def __init__(self, kernel: AsksForLine, current_parent: ParentLookup) -> None:
        self._kernel = kernel
        self._current_parent = current_parent

    def read(self, prompt: str, *, password: bool) -> str:
        """Ask the client. Raises StdinNotAllowedError, KeyboardInterrupt."""
        self._current_parent()
        return self._kernel.input(prompt, password=password)


@contextmanager
def stdin_from_clients(kernel: AsksForLine, current_parent: ParentLookup) -> Iterator[None]:
    """While it is entered, user code that reads from standard input asks the frontend."""
    reader = LineReader(kernel, current_parent)
    with ExitStack() as stack:
        stack.enter_context(replaced(builtins, "input", make_input(reader)))
        stack.enter_context(replaced(sys, "stdin", InStream(reader)))
        stack.enter_context(
            when_imported(("getpass",), lambda: _replace_getpass(reader, stack)),
        )
        yield


def _replace_getpass(reader: LineReader, stack: ExitStack) -> None:
    """Until `stack` is closed."""
    import getpass

    stack.enter_context(replaced(getpass, "getpass", make_getpass(reader)))


def make_input(reader: LineReader) -> Callable[..., str]:
    """The replacement of `builtins.input`."""

    def input(prompt: object = "", /) -> str:  # noqa: A001
        """Ask the user of the frontend for a line and return it without its newline.

        Raises EOFError at the end of input, StdinNotImplementedError if the frontend cannot be asked.
        """
        return _ask(reader, str(prompt), password=False, caller="raw_input")

    return input


def make_getpass(reader: LineReader) -> Callable[..., str]:
    """The replacement of `getpass.getpass`."""

    def getpass(
        prompt: str = "Password: ", stream: object = None, *, echo_char: str | None = None
    ) -> str:
        """Ask the user of the frontend for a line that is not shown. `stream` and `echo_char` have no effect."""
        if stream is not None:
            import warnings

            warnings.warn(
                "getpass asks the frontend: the `stream` argument has no effect",
                UserWarning,
                stacklevel=2,
            )
        return _ask(reader, str(prompt), password=True, caller="getpass")

    return getpass


def _ask(reader: LineReader, prompt: str, *, password: bool, caller: str) -> str:
    __tracebackhide__ = True
    try:
        answer = reader.read(prompt, password=password)
    except StdinNotAllowedError:
        from IPython.core.error import StdinNotImplementedError

        raise StdinNotImplementedError(
            f"{caller} was called, but this frontend does not support input requests."
        ) from None
    except KeyboardInterrupt:
        raise KeyboardInterrupt("Interrupted by user") from None
    if answer == END_OF_FILE:
        raise EOFError
    return answer


class InStream(io.TextIOBase):
    """`sys.stdin`: lines come from the frontend.

    `read()` of everything returns "" at once, as from the null device that kernels are started with: a program that
    slurps its standard input when it is no terminal must not hang on a question to the user.
    """

    encoding = "UTF-8"
    errors = "strict"
    name = "<stdin>"
    mode = "r"

    def __init__(self, reader: LineReader) -> None:
        super().__init__()
        self._reader = reader

    def readline(self, size: int | None = -1, /) -> str:  # type: ignore[override]
        """One line with its newline, "" at the end of input or when the frontend cannot be asked.

        A line longer than `size` is cut.
        """
        if size == 0:
            return ""
        try:
            line = self._reader.read("", password=False)
        except StdinNotAllowedError:
            return ""
        if line == END_OF_FILE:
            return ""
        line += "\n"
        return line if size is None or size < 0 else line[:size]

    def read(self, size: int | None = -1, /) -> str:
        """A line if `size` is given, else ""."""
        return self.readline(size) if size is not None and size > 0 else ""

    def readable(self) -> bool:
        """True."""
        return True

    def isatty(self) -> bool:
        """False."""
        return False

    def fileno(self) -> int:
        """0: the process's own standard input, which child processes inherit."""
        return 0

    def close(self) -> None:
        """Nothing: the stream belongs to the kernel."""
