"""Modules that others import at the start and use later, if ever: they are imported when they are used.

`asyncio` imports `ssl`, IPython's dependencies import `logging.config`, and a first cell needs neither. While
`late_imports` is entered, a stand-in for each such module lies in `sys.modules`, for those who import it meanwhile to
keep; afterwards it is gone from there. So an `import ssl` of user code is an import like any other, and what a program
finds in `sys.modules` is what was imported.
"""

from __future__ import annotations

import sys
from _thread import RLock
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib import import_module
from types import ModuleType

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

LateModules = Mapping[str, Sequence[str]]
"""Names of modules (not of packages), each with those of its functions that are imported from it by name.

Names of anything else, of classes above all, must not be listed: a class is asked what it is as soon as it is there.
"""

_leaving = RLock()  # A signal may come in the middle, and its handler may want a module, too.


class LateModule(ModuleType):
    """Stands for the module of its name: whoever wants anything of it gets it from the real one."""

    def __init__(self, name: str, functions: Sequence[str]) -> None:
        super().__init__(name)
        self.__dict__["_late_functions"] = {each: _late_function(self, each) for each in functions}

    def __getattr__(self, name: str) -> Any:
        if name == "__path__":  # What makes a package; asked for by every `from … import`.
            raise AttributeError(name)
        if sys.modules.get(self.__name__) is self:
            function = self.__dict__["_late_functions"].get(name)
            if function is not None:
                return function
        return getattr(_real(self), name)

    def __setattr__(self, name: str, value: object) -> None:
        setattr(_real(self), name, value)

    def __delattr__(self, name: str) -> None:
        delattr(_real(self), name)

    def __dir__(self) -> list[str]:
        return dir(_real(self))

    def __reduce__(self) -> tuple[Callable[[str], ModuleType], tuple[str]]:
        return import_module, (self.__name__,)


def _real(stand_in: LateModule) -> ModuleType:
    _leave(stand_in)
    return import_module(stand_in.__name__)


def _leave(stand_in: LateModule) -> None:
    """Take it out of `sys.modules`, but never the real one."""
    with _leaving:
        if sys.modules.get(stand_in.__name__) is stand_in:
            del sys.modules[stand_in.__name__]


def _late_function(stand_in: LateModule, name: str) -> Callable[..., Any]:
    def call(*args: Any, **kwargs: Any) -> Any:
        __tracebackhide__ = True
        return getattr(_real(stand_in), name)(*args, **kwargs)

    call.__name__ = call.__qualname__ = name
    call.__module__ = stand_in.__name__
    return call


@contextmanager
def late_imports(modules: LateModules) -> Iterator[None]:
    """While it is entered, an import of one of `modules` gets a stand-in, unless it is imported already.

    Afterwards a submodule's stand-in remains what it would have become, an attribute of its package, until the module
    itself is imported: much code says `import logging` and relies on somebody else to have imported `logging.config`.
    """
    made = {
        name: LateModule(name, functions)
        for name, functions in modules.items()
        if name not in sys.modules
    }
    sys.modules.update(made)
    try:
        for name, module in made.items():
            package, _, child = name.rpartition(".")
            if package and child not in vars(import_module(package)):
                setattr(sys.modules[package], child, module)
        yield
    finally:
        for module in made.values():
            _leave(module)
