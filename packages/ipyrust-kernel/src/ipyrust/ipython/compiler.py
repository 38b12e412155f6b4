"""IPython's compiler, with file names for cells that other tools know (`ipyrust.debugger.cells`)."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from IPython.core.compilerop import CachingCompiler

from ipyrust.debugger.cells import cell_file_name


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

    @contextmanager
    def extra_flags(self, flags: int) -> Iterator[None]:
        """While it is entered, the calling thread compiles with `flags`; another cell may do so without."""
        before = getattr(self._of_thread, "flags", 0)
        self._of_thread.flags = before | flags
        try:
            yield
        finally:
            self._of_thread.flags = before
