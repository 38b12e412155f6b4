"""pdb that an interrupt ends.

Python's own pdb takes an interrupt for a wish to see its prompt again, so a cell that waits in it could not be
stopped. IPython has a debugger that leaves instead, and it takes the place of both pdb's and IPython's usual one.
Importing them at the start of the kernel would delay it, so a finder waits for the first import of either.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType
from typing import Any

AWAITED = ("pdb", "IPython.core.debugger")


@contextmanager
def interruptible_pdb() -> Iterator[None]:
    """While it is entered, a debugger that a cell opens ends with an interrupt."""
    finder = _DebuggerFinder()
    if any(name in sys.modules for name in AWAITED):
        finder.replace()
    else:
        sys.meta_path.insert(0, finder)
    try:
        yield
    finally:
        finder.restore()


class _DebuggerFinder(MetaPathFinder, Loader):
    """Loads the first of the awaited modules from where it lies, and then replaces what opens a debugger."""

    def __init__(self) -> None:
        self._found: ModuleSpec | None = None
        self._before: list[tuple[Any, str, Any]] = []

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """The spec of an awaited module, with this object as its loader; None for all others."""
        if fullname not in AWAITED:
            return None
        self._stop_waiting()
        self._found = PathFinder.find_spec(fullname, path, target)
        if self._found is None:
            return None
        return ModuleSpec(fullname, self, origin=self._found.origin)

    def exec_module(self, module: ModuleType) -> None:
        """Make the module as its own loader does, and replace."""
        assert self._found is not None and self._found.loader is not None
        module.__spec__, module.__loader__ = self._found, self._found.loader
        if self._found.origin is not None:
            module.__file__ = self._found.origin
        self._found.loader.exec_module(module)
        self.replace()

    def replace(self) -> None:
        """Put the interruptible debugger in the place of the others."""
        import pdb

        from IPython.core import debugger

        places: tuple[tuple[Any, str, Any], ...] = (
            (debugger, "Pdb", debugger.InterruptiblePdb),
            (pdb, "Pdb", debugger.InterruptiblePdb),
            (pdb, "set_trace", debugger.set_trace),
        )
        for module, name, ours in places:
            self._before.append((module, name, getattr(module, name)))
            setattr(module, name, ours)

    def restore(self) -> None:
        """Put back what was replaced."""
        self._stop_waiting()
        while self._before:
            module, name, theirs = self._before.pop()
            setattr(module, name, theirs)

    def _stop_waiting(self) -> None:
        if self in sys.meta_path:
            sys.meta_path.remove(self)
