"""Cells that are told to be plain: IPython's own transformers must agree on every one."""

from __future__ import annotations

import ast
import itertools
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from IPython.core.autocall import IPyAutocall
from IPython.core.interactiveshell import InteractiveShell
from IPython.core.macro import Macro

from ipyrust.ipython.plain_cells import PlainCells

PLAIN = [
    "pass",
    "1 + 1",
    "x = 1",
    "x = 1\n",
    "x = 5 % 3",
    "print('%d' % x)",
    "a != b",
    "for n in range(3):\n    print(n)\n\nx",
    "'''text\n  more'''",
    "f(1,\n  2)",
    "who = 2",
    "# a comment",
    "déjà = 'vu'",
    "def f():\n\treturn 1\n\n\n",
    "pass\n\n\n",
    "x: int = 3  # why?!",
]
SPECIAL = [
    "",
    "\n",
    "  x",
    "\n\nx",
    "%time x",
    "%%bash\nls",
    "!ls",
    "x = !ls",
    "x = %pwd",
    "x = \\\n  !ls",
    "x?",
    "?x",
    "x.y??\n",
    ",f a b",
    ";f a b",
    "/f 1 2",
    "if x:\n    !ls\n",
    "if x:\n    %time y",
    ">>> x\n1",
    "x\n... y",
    "In [1]: x",
    "[ins] In [1]: x",
    "pwd",
    "who",
    "ls -l",
    "exit",
    "quit\n",
    "x\n   \ny",
    "x\r\ny",
    "x\fy\n",
    "x\n\xa0>>> y",
    "x\n\u3000... y",
    "x\n\xa0\ny",
]
PIECES = [
    *PLAIN, *SPECIAL, "\n", " ", "\t", "%", "!", "?", "=", ",", "/", ";", "\\", "'", '"', "'''", "(", ")", "[", "]",
    "...", ">>>", "In [2]: ", "#", "x", "time", "cd ", "exit", "\r", "\x0b", "\u2028", "\xa0", "é",
]  # fmt: skip


@pytest.fixture(scope="module")
def shell() -> Any:
    return InteractiveShell()


@pytest.fixture(scope="module")
def plain(shell: Any) -> PlainCells:
    return PlainCells(shell)


@pytest.mark.parametrize("code", PLAIN)
def test_plain_python_is_told(shell: Any, plain: PlainCells, code: str) -> None:
    assert plain.is_plain(code)
    assert agrees(shell, plain, code)


@pytest.mark.parametrize("code", SPECIAL)
def test_special_syntax_takes_the_long_way(plain: PlainCells, code: str) -> None:
    assert not plain.is_plain(code)


def agrees(shell: Any, plain: PlainCells, code: str) -> bool:
    """Whether IPython leaves `code` alone if it was told to be plain; what it cannot tokenize must not compile."""
    if not plain.is_plain(code):
        return True
    try:
        transformed = shell.transform_cell(code)
    except SyntaxError:
        return is_broken(code)
    return bool(transformed == code + "\n" * (not code.endswith("\n")))


def is_broken(code: str) -> bool:
    try:
        ast.parse(code)
    except SyntaxError:
        return True
    return False


def test_ipython_agrees_on_every_pair_of_pieces(shell: Any, plain: PlainCells) -> None:
    cells = ["".join(pair) for pair in itertools.product(PIECES, repeat=2)]
    assert [code for code in cells if not agrees(shell, plain, code)] == []


@settings(deadline=None, max_examples=300)
@given(st.lists(st.sampled_from(PIECES), min_size=1, max_size=8))
def test_ipython_agrees_on_whatever_is_put_together(
    shell: Any, plain: PlainCells, pieces: list[str]
) -> None:
    assert agrees(shell, plain, "".join(pieces))


def test_ipython_agrees_on_the_standard_library(shell: Any, plain: PlainCells) -> None:
    files = sorted(Path(ast.__file__).parent.glob("*.py"))
    sources = [file.read_text(encoding="utf-8") for file in files[:40]]
    assert [source[:80] for source in sources if not agrees(shell, plain, source)] == []
    assert sources


@pytest.mark.parametrize(
    ("where", "what"),
    [
        ("input_transformers_post", lambda lines: lines),
        ("input_transformers_cleanup", lambda lines: lines),
    ],
)
def test_a_transformer_of_the_users_sees_every_cell(
    shell: Any, plain: PlainCells, where: str, what: Any
) -> None:
    getattr(shell, where).append(what)
    try:
        assert not any(plain.is_plain(code) for code in PLAIN)
    finally:
        getattr(shell, where).remove(what)
    assert plain.is_plain("pass")


def test_a_token_transformer_of_the_users_sees_every_cell(shell: Any, plain: PlainCells) -> None:
    transformers = shell.input_transformer_manager.token_transformers
    transformers.append(transformers[0])
    try:
        assert not plain.is_plain("pass")
    finally:
        transformers.pop()


def test_keywords_are_no_magics_but_may_be_macros(shell: Any, plain: PlainCells) -> None:
    shell.register_magic_function(lambda line: None, magic_name="del")
    assert plain.is_plain("del x")
    shell.user_ns["del"] = Macro("1")
    assert not plain.is_plain("del")
    assert shell.transform_cell("del") == "1\n"
    del shell.user_ns["del"]
    assert shell.transform_cell("del x") == "del x\n"


def test_macros_autocall_and_new_magics_are_seen(shell: Any, plain: PlainCells) -> None:
    assert plain.is_plain("thing")
    shell.user_ns["thing"] = Macro("1")
    assert not plain.is_plain("thing")
    shell.user_ns["thing"] = IPyAutocall()
    assert not plain.is_plain("thing")
    del shell.user_ns["thing"]
    shell.register_magic_function(lambda line: None, magic_name="thing")
    assert not plain.is_plain("thing")
    assert plain.is_plain("thing = 3")
    shell.autocall = 1
    try:
        assert not plain.is_plain("1 + 1")
    finally:
        shell.autocall = 0
