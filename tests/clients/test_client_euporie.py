"""euporie: notebooks in a terminal."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterator

import pexpect
import pytest
from client_environment import clients_script
from jupyter_home import (
    DEADLINE,
    KERNEL_NAME,
    JupyterHome,
    strip_ansi,
)

pytestmark = pytest.mark.timeout(400)


@pytest.fixture
def console(jupyter_home: JupyterHome) -> Iterator[pexpect.spawn]:
    """`euporie-console` on the kernel under test, in a pseudo terminal."""
    child = pexpect.spawn(
        clients_script("euporie-console"),
        [f"--kernel-name={KERNEL_NAME}"],
        env={**os.environ, "TERM": "xterm-256color"},
        dimensions=(50, 120),
        encoding="utf-8",
    )
    yield child
    child.close(force=True)


def wait_for(child: pexpect.spawn, pattern: str) -> None:
    """Wait until `pattern` is on the screen, or was."""
    seen, end = "", time.monotonic() + DEADLINE
    while time.monotonic() < end:
        if re.search(pattern, strip_ansi(seen)):
            return
        try:
            seen += child.read_nonblocking(65536, timeout=1)
        except pexpect.TIMEOUT:
            continue
        except pexpect.EOF:
            break
    pytest.fail(f"{pattern!r} is not in {strip_ansi(seen)[-2000:]!r}")


def test_the_console_shows_a_result(console: pexpect.spawn) -> None:
    """Type an expression, see its value."""
    wait_for(console, r"In \[1\]:")
    console.send("6*7\r")
    wait_for(console, r"Out\[1\]: +42")


def test_the_console_shows_what_is_printed(console: pexpect.spawn) -> None:
    """Type a print, see the text."""
    wait_for(console, r"In \[1\]:")
    console.send("print('pri' + 'nted')\r")
    wait_for(console, "printed")
