"""What is to be done to a module whenever somebody imports it, without importing it for that.

The kernel replaces functions of modules that many cells never import. A finder waits for the import instead.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any


@contextmanager
def when_imported(names: Sequence[str], action: Callable[[], object]) -> Iterator[None]:
    """While it is entered, `action` is called after each import of one of the modules; now if one is there already.

    If one of them imports another one, the action waits until both are complete. More than one import of a module is
    rare: a reload, or one after `%reset --aggressive`.
    """
    finder = _Awaiting(names, action)
    if any(name in sys.modules for name in names):
        action()
    sys.meta_path.insert(0, finder)
    try:
        yield
    finally:
        if finder in sys.meta_path:
            sys.meta_path.remove(finder)


class _Awaiting:
    """Finds the modules where others find them, and has them loaded by `_Loading`.

    Both are what `importlib.abc` describes, which would import too much to inherit from it.
    """

    def __init__(self, names: Sequence[str], action: Callable[[], object]) -> None:
        self._names = names
        self._action = action
        self._loading: list[str] = []

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """The spec of an awaited module; None for all others."""
        if fullname not in self._names:
            return None
        finders = list(sys.meta_path)
        for finder in finders[finders.index(self) + 1 :] if self in finders else finders:
            find_spec = getattr(finder, "find_spec", None)
            # Python itself passes over those of old, which have no such method.
            spec: Any = find_spec(fullname, path, target) if find_spec is not None else None
            if spec is not None:
                if spec.loader is not None:
                    spec.loader = _Loading(spec.loader, self)
                found: ModuleSpec = spec
                return found
        return None

    @contextmanager
    def loading(self, name: str) -> Iterator[None]:
        """While one of the modules is loaded; the action follows."""
        self._loading.append(name)
        try:
            yield
        finally:
            self._loading.remove(name)
        if not self._loading:
            self._action()


class _Loading:
    """Makes a module as its own loader does, which is the module's afterwards.

    Who asks for a spec and not for the module, as `runpy` does, finds all that the module's own loader has.
    """

    def __init__(self, loader: Any, awaiting: _Awaiting) -> None:
        self._loader = loader
        self._awaiting = awaiting

    def __getattr__(self, name: str) -> Any:
        if name == "_loader":  # A copy that is not complete yet.
            raise AttributeError(name)
        return getattr(self._loader, name)

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        """As the module's own loader does."""
        module: ModuleType | None = self._loader.create_module(spec)
        return module

    def exec_module(self, module: ModuleType) -> None:
        """As the module's own loader does."""
        assert module.__spec__ is not None
        module.__spec__.loader = module.__loader__ = self._loader
        with self._awaiting.loading(module.__name__):
            self._loader.exec_module(module)
