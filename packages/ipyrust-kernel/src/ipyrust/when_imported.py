"""What is to be done to a module once somebody imports it, without importing it for that.

The kernel replaces functions of modules that many cells never import. A finder waits for the import instead.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib.machinery import ModuleSpec
from importlib.util import find_spec
from types import ModuleType
from typing import Any


@contextmanager
def when_imported(names: Sequence[str], action: Callable[[], object]) -> Iterator[None]:
    """While it is entered, `action` is called once, as soon as one of the modules is there; now if one is already."""
    finder = _Awaiting(names, action)
    if any(name in sys.modules for name in names):
        action()
    else:
        finder.begin()
    try:
        yield
    finally:
        finder.stop()


class _Awaiting:
    """Finds the first of the modules where others find it, and has it loaded by `_Loading`.

    Both are what `importlib.abc` describes, which would import too much to inherit from it.
    """

    def __init__(self, names: Sequence[str], action: Callable[[], object]) -> None:
        self._names = names
        self.action = action

    def begin(self) -> None:
        """Wait for the modules."""
        sys.meta_path.insert(0, self)

    def stop(self) -> None:
        """Wait no longer."""
        if self in sys.meta_path:
            sys.meta_path.remove(self)

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """The spec of an awaited module; None for all others."""
        if fullname not in self._names:
            return None
        self.stop()
        spec = find_spec(fullname)
        if spec is None or spec.loader is None:
            self.begin()
            return spec
        spec.loader = _Loading(spec.loader, self)  # type: ignore[assignment]
        return spec


class _Loading:
    """Makes a module as its own loader does, which is the module's afterwards, and then calls the action."""

    def __init__(self, loader: Any, awaiting: _Awaiting) -> None:
        self._loader = loader
        self._awaiting = awaiting

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        """As the module's own loader does."""
        module: ModuleType | None = self._loader.create_module(spec)
        return module

    def exec_module(self, module: ModuleType) -> None:
        """As the module's own loader does. An import that fails may be tried again."""
        assert module.__spec__ is not None
        module.__spec__.loader = module.__loader__ = self._loader
        try:
            self._loader.exec_module(module)
        except BaseException:
            self._awaiting.begin()
            raise
        self._awaiting.action()
