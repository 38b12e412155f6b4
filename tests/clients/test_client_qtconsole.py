"""qtconsole: text, a plot, an interrupt, completion, in a window without a screen."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from client_environment import clients_python
from jupyter_home import KERNEL_NAME, JupyterHome, environment_without_pytest, wait_until

pytestmark = pytest.mark.timeout(400)

WINDOW = Path(__file__).with_name("qtconsole_window.py")
PLOT = "import matplotlib.pyplot as plt\nplt.plot([1, 2, 4])\nplt.show()"
ENDLESS = "print('be' + 'gun', flush=True)\nwhile True:\n    pass"


class QtConsole:
    """The running window."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process

    def ask(self, method: str, *arguments: str) -> Any:
        """Call a method of `qtconsole_window.Window`."""
        assert self.process.stdin is not None and self.process.stdout is not None
        self.process.stdin.write(json.dumps([method, *arguments]) + "\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline()
        assert answer, f"qtconsole ended with {self.process.wait()}"
        return json.loads(answer)

    def wait_for(self, pattern: str) -> None:
        """Wait until the window shows `pattern`."""
        wait_until(lambda: re.search(pattern, self.ask("text")), f"{pattern!r} is seen")

    def wait_for_prompt(self) -> None:
        """Wait until code can be typed."""
        wait_until(lambda: re.search(r"In \[\d+\]: $", self.ask("text")), "a new prompt is seen")


@pytest.fixture(scope="module")
def running(jupyter_home: JupyterHome) -> Iterator[QtConsole]:
    """A window with a kernel of its own, for all tests of the module."""
    process = subprocess.Popen(
        [str(clients_python()), str(WINDOW), KERNEL_NAME],
        env={**environment_without_pytest(), "QT_QPA_PLATFORM": "offscreen"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        start_new_session=True,
        text=True,
    )
    window = QtConsole(process)
    try:
        yield window
        window.ask("close")
        assert process.wait(30) == 0
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


@pytest.fixture
def window(running: QtConsole) -> QtConsole:
    """The window, with an empty prompt."""
    running.wait_for_prompt()
    return running


def test_the_banner_is_the_kernels(window: QtConsole) -> None:
    """The first lines name Python and the kernel."""
    window.wait_for(r"IPython [\d.]+ on ipyrust")


def test_a_result_is_seen(window: QtConsole) -> None:
    """The value stands behind Out."""
    window.ask("execute", "6 * 7")
    window.wait_for(r"Out\[\d+\]: 42")


def test_a_plot_is_a_picture(window: QtConsole) -> None:
    """A figure is drawn into the window."""
    before = window.ask("images")
    window.ask("execute", PLOT)
    wait_until(lambda: window.ask("images") == before + 1, "a picture is seen")


def test_an_interrupt_ends_the_cell(window: QtConsole) -> None:
    """An endless loop ends with KeyboardInterrupt."""
    window.ask("execute", ENDLESS)
    window.wait_for("begun")
    window.ask("interrupt")
    window.wait_for("KeyboardInterrupt")


def test_tab_completes(window: QtConsole) -> None:
    """The kernel knows the end of the name."""
    window.ask("complete", "import itertools; itertools.accu")
    wait_until(lambda: window.ask("typed") == "import itertools; itertools.accumulate", "completed")
