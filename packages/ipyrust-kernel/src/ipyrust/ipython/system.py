"""`!command`: a child on a pseudo-terminal, its output shown as it comes.

The child believes it writes to a terminal (so it uses colours and does not hold lines back) but has no controlling one,
so nothing in it can wait for a key. It leads a process group of its own: an interrupt goes to all of the command.
"""

from __future__ import annotations

import codecs
import os
import signal
import subprocess
import sys
import time
from typing import TextIO

ROWS, COLUMNS = 24, 80
PATIENCE = 0.5
"""Seconds a command gets to end after an interrupt."""
POLL_INTERVAL = 0.02
"""Seconds between two looks whether an interrupted command that prints nothing has ended."""


def run_command(command: str, output: TextIO) -> int:
    """Run `command` in the user's shell and write what it prints to `output`.

    Returns its exit code; the negative signal number if a signal ended it.
    """
    if sys.platform == "win32":
        from IPython.utils.process import system

        return int(system(command) or 0)
    return _run_on_terminal(command, output)


def _run_on_terminal(command: str, output: TextIO) -> int:
    ours, theirs = _open_terminal()
    try:
        child = subprocess.Popen(
            [os.environ.get("SHELL") or "/bin/sh", "-c", command],
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            start_new_session=True,
        )
    except BaseException:
        os.close(ours)
        raise
    finally:
        os.close(theirs)
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    try:
        while _copy(ours, output, decoder):
            pass
        child.wait()
    except KeyboardInterrupt:
        _interrupt(child, ours, output, decoder)
    finally:
        os.close(ours)
    return _exit_code(child.wait())


def _open_terminal() -> tuple[int, int]:
    """A pseudo-terminal that leaves line ends as they are, as (our end, the child's end)."""
    import fcntl
    import struct
    import termios

    ours, theirs = os.openpty()
    mode = termios.tcgetattr(theirs)
    mode[1] &= ~termios.OPOST
    termios.tcsetattr(theirs, termios.TCSANOW, mode)
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
    return ours, theirs


def _copy(fd: int, output: TextIO, decoder: codecs.IncrementalDecoder) -> bool:
    """Write the next chunk from `fd` to `output`; False if none will come (or, without blocking, none is there)."""
    try:
        chunk = os.read(fd, 65536)
    except OSError:  # EIO: nobody has the other end any more
        chunk = b""
    text = decoder.decode(chunk, final=not chunk)
    if text:
        output.write(text)
    if chunk:
        output.flush()
    return bool(chunk)


def _interrupt(
    child: subprocess.Popen[bytes], fd: int, output: TextIO, decoder: codecs.IncrementalDecoder
) -> None:
    """Pass Ctrl-C on; a command that does not end soon is killed."""
    try:
        _signal_group(child, signal.SIGINT)
        if not _ends_in_order(child, fd, output, decoder):
            _signal_group(child, signal.SIGKILL)
    except KeyboardInterrupt:
        _signal_group(child, signal.SIGKILL)
    os.set_blocking(fd, False)
    try:
        while _copy(fd, output, decoder):
            pass
    except KeyboardInterrupt:
        pass


def _ends_in_order(
    child: subprocess.Popen[bytes], fd: int, output: TextIO, decoder: codecs.IncrementalDecoder
) -> bool:
    """Whether the command ends within `PATIENCE`. Meanwhile its output is copied: a full terminal would stop it."""
    from select import POLLIN, poll  # not select(), which knows descriptors below 1024 only

    readable = poll()
    readable.register(fd, POLLIN)
    deadline = time.monotonic() + PATIENCE
    terminal_is_open = True
    while child.poll() is None:
        remaining = deadline - time.monotonic()
        if remaining <= 0:
            return False
        if not terminal_is_open:
            time.sleep(min(remaining, POLL_INTERVAL))
        elif readable.poll(1000 * min(remaining, POLL_INTERVAL)):
            terminal_is_open = _copy(fd, output, decoder)
    return True


def _signal_group(child: subprocess.Popen[bytes], number: int) -> None:
    try:
        os.killpg(child.pid, number)
    except ProcessLookupError:
        pass


def _exit_code(code: int) -> int:
    """A shell reports a signal of its child as 128 + number: undo that, as for the shell's own."""
    return 128 - code if code > 128 else code
