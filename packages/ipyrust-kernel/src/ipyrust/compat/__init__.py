"""Modules named `ipykernel…` that hold our objects, for code that looks for a notebook by them.

Libraries ask `'ipykernel.zmqshell' in sys.modules` (tqdm), compare with `ipykernel.iostream.OutStream` (loguru), import
`ipykernel.comm.Comm` (bokeh, ipyparallel) or call `ipykernel.get_connection_file()` (notebook-name finders). Importing
the real ipykernel for them would cost more than the whole start, and it would not know this kernel. So stand-ins lie in
`sys.modules`, and they are made in three steps, each only when it is needed:

- the modules themselves (here), which is all that happens at the start;
- our objects in them (`contents`), at the first look into one;
- what they do not have themselves comes from the real package if it is installed, else from the files in `modules/`.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ipyrust.kernel_api import KernelFacade

PACKAGES = ("ipykernel", "ipykernel.comm")
MODULES = (
    "ipykernel.connect",
    "ipykernel.zmqshell",
    "ipykernel.iostream",
    "ipykernel.displayhook",
    "ipykernel.kernelapp",
    "ipykernel.kernelbase",
    "ipykernel.embed",
    "ipykernel.eventloops",
    "ipykernel.comm.comm",
    "ipykernel.comm.manager",
)
"""What code finds imported already in a kernel; everything else of ipykernel is imported when it is asked for."""

VERSIONS = (
    "version_info",
    "__version__",
    "kernel_protocol_version",
    "kernel_protocol_version_info",
)
"""What the package has of its module `_version`."""

Contents = dict[str, dict[str, Any]]


class StandIn(ModuleType):
    """A module with our objects in it, and behind it the real one of that name, if there is one.

    It has no public methods: submodules become attributes of it under names that the real package chooses.
    """

    def __init__(self, name: str, contents: Callable[[], Contents]) -> None:
        super().__init__(name)
        del self.__spec__  # Made when somebody asks.
        self.__contents: Callable[[], Contents] | None = contents
        self.__ours: dict[str, Any] = {}
        self.__is_loaded = False

    def __getattr__(self, name: str) -> Any:
        if name in ("__spec__", "__path__", "__file__", "__loader__"):
            return self.__find(name)
        if name.startswith("__") and name not in ("__version__", "__all__"):
            raise AttributeError(name)
        if self.__contents is not None:
            self.__ours, self.__contents = self.__contents()[self.__name__], None
            self.__dict__.update(self.__ours)
            return getattr(self, name)
        if name == "__all__":
            return list(self.__ours)
        if name in VERSIONS and self.__name__ == "ipykernel":
            return getattr(import_module(f"{self.__name__}._version"), name)
        self.__load(name)
        return getattr(self, name)

    def __find(self, name: str) -> Any:
        """Set what belongs to a module's origin, and return one of it."""
        from ipyrust.compat.origin import find_origin

        self.__dict__.update(find_origin(self.__name__))
        if name not in self.__dict__:
            raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}")
        return self.__dict__[name]

    def __load(self, name: str) -> None:
        """Fill in what the module behind has, without giving up what is ours. Once.

        Only for a name that its source mentions: `pickle` asks all modules for names that hardly one has.
        """
        loader: Any = self.__spec__.loader if self.__spec__ is not None else None
        if (
            self.__is_loaded
            or loader is None
            or name not in (loader.get_source(self.__name__) or "")
        ):
            raise AttributeError(f"module {self.__name__!r} of ipyrust has no attribute {name!r}")
        self.__is_loaded = True
        loader.exec_module(self)
        self.__dict__.update(self.__ours)
        if self.__name__ == "ipykernel.kernelbase":
            from ipyrust.compat.contents import adopt_kernel

            adopt_kernel(self)


@contextmanager
def ipykernel_stand_ins(kernel: KernelFacade, comm_class: type[Any]) -> Iterator[None]:
    """While it is entered, the stand-ins are there; of modules that are imported already, single names are replaced."""
    made: Contents = {}

    def contents() -> Contents:
        if not made:
            from ipyrust.compat.contents import stand_in_contents

            made.update(stand_in_contents(kernel, comm_class))
        return made

    replaced = [
        (sys.modules[name], contents()[name])
        for name in (*PACKAGES, *MODULES)
        if name in sys.modules
    ]
    before = [(real, {name: real.__dict__.get(name) for name in ours}) for real, ours in replaced]
    for real, ours in replaced:
        real.__dict__.update(ours)
    modules = make_stand_ins(contents)
    try:
        yield
    finally:
        for real, theirs in before:
            real.__dict__.update(theirs)
        for name, module in modules.items():
            if sys.modules.get(name) is module:
                del sys.modules[name]


def make_stand_ins(contents: Callable[[], Contents]) -> dict[str, ModuleType]:
    """Put in the stand-ins of all modules that are not imported; each is also an attribute of its parent."""
    made: dict[str, ModuleType] = {}
    for name in (*PACKAGES, *MODULES):
        if name in sys.modules:
            continue
        made[name] = sys.modules[name] = StandIn(name, contents)
        parent, _, child = name.rpartition(".")
        if parent:
            setattr(sys.modules[parent], child, made[name])
    return made
