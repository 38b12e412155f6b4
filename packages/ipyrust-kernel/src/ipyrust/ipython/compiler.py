"""IPython's compiler, with file names for cells that other tools know (`ipyrust.debugger.cells`)."""

from __future__ import annotations
import __future__

import threading
from collections.abc import Callable
from functools import reduce
from operator import or_
from types import CodeType
from typing import Any

from IPython.core.compilerop import CachingCompiler

from ipyrust.debugger.cells import cell_file_name

FUTURES = reduce(
    or_, (getattr(__future__, name).compiler_flag for name in __future__.all_feature_names)
)
"""The flags of all `__future__` imports."""


class CellCompiler(CachingCompiler):
    """Names each cell by what is in it, and lets cells be compiled at the same time."""

    _of_session = 0
    _of_thread = threading.local()

    on_named: Callable[[str, int], None] | None = None
    """Hears the name and the number of every cell, so that tracebacks made without Python can say `In [n]`."""

    def get_code_name(self, raw_code: str, transformed_code: str, number: int) -> str:
        """Name of the cell that holds `raw_code`."""
        name = cell_file_name(raw_code)
        if self.on_named is not None:
            self.on_named(name, number)
        return name

    @property
    def flags(self) -> int:
        """`__future__` flags of the session, and those that the calling thread needs right now."""
        return self._of_session | getattr(self._of_thread, "flags", 0)

    @flags.setter
    def flags(self, flags: int) -> None:
        self._of_session = flags & ~getattr(self._of_thread, "flags", 0)

    def extra_flags(self, flags: int) -> ExtraFlags:  # type: ignore[override]
        """Context manager: the calling thread compiles with `flags`; another cell may do so without."""
        return ExtraFlags(self._of_thread, flags)

    def __call__(
        self, source: Any, filename: str, symbol: str, *flags: int, **options: Any
    ) -> CodeType:
        """Compile with the session's flags. A `__future__` import in `source` counts from now on.

        Raises:
            SyntaxError, ValueError, OverflowError: what `compile` raises.
        """
        if flags or options:
            code: CodeType = super().__call__(source, filename, symbol, *flags, **options)
            return code
        code = compile(source, filename, symbol, self.flags, True)
        if code.co_flags & FUTURES:  # codeop looks for them one by one, also where there are none.
            self.flags |= code.co_flags & FUTURES
        return code


class ExtraFlags:
    """See `CellCompiler.extra_flags`. Not a generator: it is entered for every statement."""

    def __init__(self, of_thread: threading.local, flags: int) -> None:
        self._of_thread = of_thread
        self._flags = flags

    def __enter__(self) -> None:
        self._before = getattr(self._of_thread, "flags", 0)
        self._of_thread.flags = self._before | self._flags

    def __exit__(self, *exc_info: object) -> None:
        self._of_thread.flags = self._before
