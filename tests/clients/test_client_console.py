"""`jupyter console`, driven through a terminal as a person would."""

from __future__ import annotations

import os
import re
import sys
import time
from collections.abc import Callable, Iterator

import pytest
from jupyter_home import DEADLINE, JupyterHome, Notebook, process_runs, strip_ansi, wait_until

pexpect = pytest.importorskip("pexpect")
pytestmark = [
    pytest.mark.skipif(os.name == "nt", reason="needs a pseudo terminal"),
    pytest.mark.timeout(240),
]


class Terminal:
    """A program in a pseudo terminal: type, and wait for what appears."""

    def __init__(self, *arguments: str) -> None:
        env = {**os.environ, "TERM": "xterm-256color", "PROMPT_TOOLKIT_NO_CPR": "1"}
        command = [sys.executable, "-m", "jupyter", "console", *arguments]
        self.child = pexpect.spawn(
            command[0],
            command[1:],
            env=env,
            dimensions=(50, 160),
            encoding="utf-8",
            timeout=DEADLINE,
        )
        self.seen = ""

    def type(self, text: str) -> None:
        """Type a line and press Enter."""
        self.seen = ""
        self.child.send(text)
        self.child.send("\r")

    def press(self, key: str) -> None:
        """Press Ctrl and a key."""
        self.seen = ""
        self.child.sendcontrol(key)

    def wait_for(self, pattern: str) -> re.Match[str]:
        """Wait until `pattern` is in the text that appeared since the last key."""
        end = time.monotonic() + DEADLINE
        while time.monotonic() < end:
            found = re.search(pattern, strip_ansi(self.seen))
            if found:
                return found
            try:
                self.seen += self.child.read_nonblocking(65536, timeout=1)
            except pexpect.TIMEOUT:
                continue
            except pexpect.EOF:
                break
        pytest.fail(f"{pattern!r} is not in {strip_ansi(self.seen)[-2000:]!r}")

    def wait_for_end(self) -> int | None:
        """Wait until the program has ended; returns its exit status."""
        self.child.expect(pexpect.EOF)
        self.child.wait()
        return self.child.exitstatus


@pytest.fixture
def open_console(jupyter_home: JupyterHome) -> Iterator[Callable[..., Terminal]]:
    """Starts `jupyter console` with arguments; ended after the test."""
    opened: list[Terminal] = []

    def start(*arguments: str) -> Terminal:
        terminal = Terminal(*arguments)
        opened.append(terminal)
        terminal.wait_for(r"In \[\d+\]:")
        return terminal

    yield start
    for terminal in opened:
        terminal.child.close(force=True)


@pytest.fixture
def console(open_console: Callable[..., Terminal]) -> Terminal:
    """A console with a kernel of its own."""
    return open_console("--kernel", "python3")


@pytest.fixture
def attached(notebook: Notebook, open_console: Callable[..., Terminal]) -> Terminal:
    """A console attached to the running kernel of `notebook`."""
    return open_console("--existing", notebook.manager.connection_file)


def test_banner_names_python(console: Terminal) -> None:
    """The kernel's banner greets."""
    assert re.search(r"Python 3\.\d+", strip_ansi(console.seen))


def test_expression_shows_its_value(console: Terminal) -> None:
    """Type 6*7, see Out[1]: 42."""
    console.type("6*7")
    console.wait_for(r"Out\[1\]:\s+42")


def test_printed_text_appears(console: Terminal) -> None:
    """Type a print, see the text."""
    console.type("print('seen', 'here')")
    console.wait_for(r"\n\s*seen here")


def test_prompt_counts_on(console: Terminal) -> None:
    """After the first cell the prompt is In [2]."""
    console.type("1")
    console.wait_for(r"In \[2\]:")


def test_traceback_appears(console: Terminal) -> None:
    """An error shows its traceback."""
    console.type("1/0")
    console.wait_for("ZeroDivisionError: division by zero")


def test_input_is_asked_in_the_console(console: Terminal) -> None:
    """`input()` prompts in the terminal and takes the next line."""
    console.type("'hello ' + input('name? ')")
    console.wait_for(r"\n\s*name\? ")
    console.type("Ada")
    console.wait_for("'hello Ada'")


def test_tab_completes(console: Terminal) -> None:
    """A name is completed by Tab."""
    console.type("a_rather_long_name = 'completed'")
    console.wait_for(r"In \[2\]:")
    console.child.send("print(a_rather_l\t")
    console.wait_for("a_rather_long_name")
    console.type(")")
    console.wait_for(r"\n\s*completed")


def test_unfinished_block_continues(console: Terminal) -> None:
    """Enter after a colon opens a second line (is_complete_request)."""
    console.type("for i in range(3):")
    console.wait_for(r"\.\.\.:")
    console.type("print('line', i)")
    console.type("")
    console.wait_for(r"line 2")


def test_ctrl_c_interrupts(console: Terminal) -> None:
    """Ctrl-C ends an endless loop."""
    console.type("import time")
    console.wait_for(r"In \[2\]:")
    console.type("while True: time.sleep(0.1) or print('be' + 'gun')")
    console.wait_for("begun")
    console.press("c")
    console.wait_for("KeyboardInterrupt")


def test_ctrl_d_ends_the_console(console: Terminal) -> None:
    """Ctrl-D, yes: the console ends well."""
    console.press("d")
    console.wait_for(r"exit")
    console.type("y")
    assert console.wait_for_end() == 0


def test_attached_console_sees_the_namespace(notebook: Notebook, attached: Terminal) -> None:
    """`--existing`: names of the running kernel are there."""
    notebook.run("from_elsewhere = 'shared'")
    attached.type("from_elsewhere")
    attached.wait_for(r"Out\[\d+\]:\s+'shared'")


def test_attached_console_leaves_the_kernel_running(notebook: Notebook, attached: Terminal) -> None:
    """Leaving an attached console does not end the kernel."""
    attached.press("d")
    attached.wait_for(r"exit")
    attached.type("y")
    attached.wait_for_end()
    assert notebook.run("1 + 1").status == "ok"


def test_quit_ends_the_kernel(open_console: Callable[..., Terminal]) -> None:
    """`quit` ends an owned kernel too."""
    console = open_console("--kernel", "python3")
    console.type("import os; print('pid', os.getpid())")
    pid = int(console.wait_for(r"\n\s*pid (\d+)")[1])
    console.type("quit")
    console.wait_for_end()
    wait_until(lambda: not process_runs(pid), "the kernel of the console has ended")
