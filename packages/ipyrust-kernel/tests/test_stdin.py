"""output/stdin: input, getpass and sys.stdin over the stdin channel."""

from __future__ import annotations

import builtins
import getpass
import sys

import pytest
from fake_core import Frontend, start_frontend, stop_frontend

from ipyrust.options import KernelOptions


def test_input_asks_the_client(frontend: Frontend) -> None:
    frontend.kernel.answers = ["Ada"]
    assert frontend.execute("input('name? ')").result == "'Ada'"
    assert frontend.kernel.prompts == [("name? ", False)]


def test_a_prompt_need_not_be_text(frontend: Frontend) -> None:
    frontend.kernel.answers = ["x"]
    frontend.execute("input(42)")
    assert frontend.kernel.prompts == [("42", False)]


def test_getpass_asks_for_a_password(frontend: Frontend) -> None:
    frontend.kernel.answers = ["secret"]
    assert frontend.execute("from getpass import getpass\ngetpass('key: ')").result == "'secret'"
    assert frontend.kernel.prompts == [("key: ", True)]


def test_getpass_takes_python_3_14s_arguments(frontend: Frontend) -> None:
    frontend.kernel.answers = ["secret"]
    assert frontend.execute("import getpass\ngetpass.getpass(echo_char='*')").result == "'secret'"


def test_getpass_warns_of_a_stream(frontend: Frontend) -> None:
    frontend.kernel.answers = ["secret"]
    with pytest.warns(UserWarning, match="stream"):
        frontend.execute("import getpass, sys\ngetpass.getpass('p', sys.stderr)")


@pytest.mark.parametrize("call", ["input()", "__import__('getpass').getpass()"])
def test_end_of_file(frontend: Frontend, call: str) -> None:
    frontend.kernel.answers = ["\x04"]
    assert frontend.execute(call).reply["ename"] == "EOFError"


def test_a_client_that_cannot_be_asked(frontend: Frontend) -> None:
    reply = frontend.execute("input()").reply
    assert reply["ename"] == "StdinNotImplementedError"
    assert "does not support input requests" in reply["evalue"]


def test_sys_stdin_reads_lines(frontend: Frontend) -> None:
    frontend.kernel.answers = ["one", "two", "\x04"]
    assert frontend.execute("import sys\nlist(sys.stdin)").result == "['one\\n', 'two\\n']"


def test_reading_all_of_stdin_asks_nobody(frontend: Frontend) -> None:
    frontend.kernel.answers = []
    assert frontend.execute("import sys\nsys.stdin.read()").result == "''"


def test_sys_stdin_is_at_its_end_for_a_client_that_cannot_be_asked(frontend: Frontend) -> None:
    assert frontend.execute("import sys\nsys.stdin.readline()").result == "''"


def test_children_inherit_the_process_own_stdin(frontend: Frontend) -> None:
    assert frontend.execute("import sys\nsys.stdin.fileno()").result == "0"


def test_the_end_restores_them_all(options: KernelOptions) -> None:
    before = builtins.input, getpass.getpass, sys.stdin
    stop_frontend(start_frontend(options))
    assert (builtins.input, getpass.getpass, sys.stdin) == before
