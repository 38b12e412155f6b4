"""Cells without any of IPython's own syntax, told at a glance.

IPython's input transformers tokenize every cell to find magics, shell commands, help and pasted prompts: some 20 µs for
one short line, milliseconds for a long cell, and mostly in vain. One regular expression finds every place where one of
them could begin; where it finds none, the transformed cell is the cell itself. It errs on the safe side: `%` at the
start of a line within a string is enough for a cell to take the long way.

This holds for the transformers that IPython has by itself. As soon as one was added, removed or replaced, by the user
or by a newer IPython, every cell takes the long way.
"""

from __future__ import annotations

import re
from keyword import kwlist
from typing import TYPE_CHECKING, Any

from IPython.core import inputtransformer2 as own
from IPython.core.autocall import IPyAutocall
from IPython.core.macro import Macro

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

SPECIAL = re.compile(
    r"""
      \A(?:\s|\Z)             # an empty line or an indent at the start is removed
    | ^[^\S\n]+$              # white space on a line of its own, too
    | ^[^\S\n]*[%!?,;/]       # a magic, a command, help or a call, all spelled at the start of a line
    | \?[^\S\n]*$             # help at the end of one
    | =[\s\\]*[%!]            # the result of a magic or command is assigned
    | ^[^\S\n]*(?:>>>|\.\.\.) # prompts of Python
    | In[ ]\[ | ^\[(?:nav|ins)\]  # and of IPython
    | [\r\v\f\x1c-\x1e\x85\u2028\u2029]  # line ends of another kind
    """,
    re.VERBOSE | re.MULTILINE,
)
KEYWORDS = frozenset(kwlist)
"""Where one of them stands first, it is not the name of a magic."""
FIRST_WORD = re.compile(r"[\w.*]*")

CLEANUP = [own.leading_empty_lines, own.leading_indent, own.classic_prompt, own.ipython_prompt]
LINES = [own.cell_magic]
TOKENS = [own.MagicAssign, own.SystemAssign, own.EscapedCommand, own.HelpEnd]
CHECKERS = {
    "EmacsChecker",
    "MacroChecker",
    "IPyAutocallChecker",
    "AssignmentChecker",
    "AutoMagicChecker",
    "PythonOpsChecker",
    "AutocallChecker",
}


class PlainCells:
    """Knows the cells that IPython's transformers leave alone."""

    def __init__(self, shell: InteractiveShell) -> None:
        self._shell = shell
        prefilter: Any = shell.prefilter_manager
        self._checkers = list(prefilter.checkers)
        self._handlers = dict(prefilter.handlers)
        self._checkers_are_known = {type(each).__name__ for each in self._checkers} <= CHECKERS

    def is_plain(self, code: str) -> bool:
        """Whether `transform_cell` would return `code` as it is, but for a line end after the last line."""
        if SPECIAL.search(code) is not None or not self._transforms_as_shipped():
            return False
        line_end = code.find("\n")
        return 0 <= line_end < len(code) - 1 or self._is_plain_line(code.rstrip("\n"))

    def _transforms_as_shipped(self) -> bool:
        shell: Any = self._shell
        manager = shell.input_transformer_manager
        return (
            type(manager) is own.TransformerManager
            and manager.cleanup_transforms == CLEANUP
            and manager.line_transforms == LINES
            and manager.token_transformers == TOKENS
            and not shell.input_transformers_post
        )

    def _is_plain_line(self, line: str) -> bool:
        """A cell of one line may also be a magic without its %, a macro or `exit`: whatever its first word is."""
        shell: Any = self._shell
        prefilter = shell.prefilter_manager
        if (
            shell.autocall
            or prefilter.transformers
            or not self._checkers_are_known
            or prefilter.checkers != self._checkers
            or prefilter.handlers != self._handlers
            or line.endswith("# PYTHON-MODE")
        ):
            return False
        word = FIRST_WORD.match(line)[0]  # type: ignore[index]
        if isinstance(shell.user_ns.get(word), (Macro, IPyAutocall)):
            return False
        if word in KEYWORDS:
            return True
        assigns = line[len(word) :].lstrip().startswith(("=", ","))
        return assigns or not shell.automagic or not shell.find_magic(word)
