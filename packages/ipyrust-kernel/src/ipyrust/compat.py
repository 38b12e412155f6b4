"""Modules named `ipykernel…` that hold our objects, for code that looks for a notebook by them.

Libraries ask `'ipykernel.zmqshell' in sys.modules` (tqdm), compare with `ipykernel.iostream.OutStream` (loguru), import
`ipykernel.comm.Comm` (bokeh, ipyparallel) or call `ipykernel.get_connection_file()` (notebook-name finders). Importing
the real ipykernel for them would cost more than the whole start, and it would not know this kernel. So stand-ins lie in
`sys.modules`; what they do not have themselves comes from the real package, if it is installed, at the first question.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from importlib import import_module
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ipyrust.kernel_api import AppFacade, KernelFacade

VERSION_INFO = (7, 4, 0)
"""The ipykernel whose interface this is."""


class StandIn(ModuleType):
    """A module with our objects in it, and behind it the real one of that name.

    It has no methods: submodules become attributes of it under names that the real package chooses.
    """

    def __init__(
        self, name: str, ours: Mapping[str, Any], real: ModuleSpec | None, *, package: bool
    ) -> None:
        super().__init__(name)
        self.__dict__.update(ours)
        self.__ours = dict(ours)
        self.__real = real
        self.__spec__ = real or ModuleSpec(name, None, is_package=package)
        if package:
            self.__path__ = list((real and real.submodule_search_locations) or [])

    def __getattr__(self, name: str) -> Any:
        if name in ("version_info", "__version__"):
            return find_version(self.__name__, name)
        if name.startswith("__"):
            raise AttributeError(name)
        real, self.__real = self.__real, None
        if real is None or real.loader is None:
            raise AttributeError(f"module {self.__name__!r} of ipyrust has no attribute {name!r}")
        real.loader.exec_module(self)
        self.__dict__.update(self.__ours)
        return getattr(self, name)


def find_version(package: str, name: str) -> Any:
    """`__version__` or `version_info` of the real package, else that of the interface."""
    try:
        return getattr(import_module(f"{package}._version"), name)
    except ImportError:
        return VERSION_INFO if name == "version_info" else ".".join(map(str, VERSION_INFO))


@contextmanager
def ipykernel_stand_ins(kernel: KernelFacade, comm_class: type[Any]) -> Iterator[None]:
    """While it is entered, the stand-ins are there. Nothing happens if the real ipykernel is imported already."""
    if "ipykernel" in sys.modules:
        yield
        return
    modules = make_stand_ins(kernel, comm_class)
    sys.modules.update(modules)
    try:
        yield
    finally:
        for name, module in modules.items():
            if sys.modules.get(name) is module:
                del sys.modules[name]


def make_stand_ins(kernel: KernelFacade, comm_class: type[Any]) -> dict[str, ModuleType]:
    """All stand-ins by name, each also an attribute of its parent."""
    contents = stand_in_contents(kernel, comm_class)
    modules: dict[str, ModuleType] = {}
    for name, ours in contents.items():
        parent, _, child = name.rpartition(".")
        path = modules[parent].__path__ if parent else None
        package = any(other.startswith(f"{name}.") for other in contents)
        spec = PathFinder.find_spec(name, path)
        modules[name] = StandIn(name, ours, spec, package=package)
        if parent:
            setattr(modules[parent], child, modules[name])
    return modules


def stand_in_contents(kernel: KernelFacade, comm_class: type[Any]) -> dict[str, dict[str, Any]]:
    """What each stand-in holds; parents before children."""
    from ipyrust.comms import KernelCommManager
    from ipyrust.ipython.displayhook import ZMQShellDisplayHook
    from ipyrust.ipython.displaypub import ZMQDisplayPublisher
    from ipyrust.ipython.magics import KernelMagics
    from ipyrust.ipython.shell import ZMQInteractiveShell
    from ipyrust.output.stream import OutStream

    comm = make_comm_class(comm_class)
    connect = connection_functions(kernel)
    return {
        "ipykernel": connect,
        "ipykernel.connect": connect,
        "ipykernel.zmqshell": {
            "ZMQInteractiveShell": ZMQInteractiveShell,
            "ZMQDisplayPublisher": ZMQDisplayPublisher,
            "KernelMagics": KernelMagics,
        },
        "ipykernel.iostream": {"OutStream": OutStream},
        "ipykernel.displayhook": {"ZMQShellDisplayHook": ZMQShellDisplayHook},
        "ipykernel.kernelapp": {"IPKernelApp": make_app_class(kernel.app)},
        "ipykernel.comm": {"Comm": comm, "CommManager": KernelCommManager},
        "ipykernel.comm.comm": {"Comm": comm, "BaseComm": comm_class},
        "ipykernel.comm.manager": {"CommManager": KernelCommManager},
    }


def make_comm_class(comm_class: type[Any]) -> type[Any]:
    """`ipykernel.comm.Comm`: the kernel's comm, with two arguments more that have no effect."""

    class Comm(comm_class):
        def __init__(
            self,
            target_name: str = "",
            data: Any = None,
            metadata: Any = None,
            buffers: Any = None,
            show_warning: bool = True,
            **options: Any,
        ) -> None:
            options.pop("kernel", None)
            name = target_name or options.pop("target_name", "comm")
            super().__init__(name, data, metadata, buffers, **options)

    return Comm


def make_app_class(app: AppFacade) -> type[Any]:
    """`ipykernel.kernelapp.IPKernelApp`: a class whose one instance is this kernel's."""

    class IPKernelApp:
        @classmethod
        def initialized(cls) -> bool:
            return True

        @classmethod
        def instance(cls, *_arguments: Any, **_options: Any) -> AppFacade:
            return app

    return IPKernelApp


def connection_functions(kernel: KernelFacade) -> dict[str, Callable[..., Any]]:
    """The functions of the `ipykernel` package that tell how to reach this kernel."""

    def get_connection_file(app: Any = None) -> str:
        """Path of the connection file of `app`, or of this kernel."""
        return str((app or kernel.app).connection_file)

    def get_connection_info(connection_file: str | None = None, unpack: bool = False) -> Any:
        """Content of a connection file, as text or (`unpack`) as a dict with the key as bytes."""
        with open(connection_file or get_connection_file(), encoding="utf-8") as file:
            text = file.read()
        if not unpack:
            return text
        info = json.loads(text)
        info["key"] = info.get("key", "").encode()
        return info

    def connect_qtconsole(connection_file: str | None = None, argv: list[str] | None = None) -> Any:
        """Start a Qt console on this kernel; returns the process."""
        import subprocess

        path = connection_file or get_connection_file()
        command = [sys.executable, "-m", "qtconsole", "--existing", path, *(argv or [])]
        return subprocess.Popen(command, stdout=subprocess.DEVNULL, start_new_session=True)

    return {
        "get_connection_file": get_connection_file,
        "get_connection_info": get_connection_info,
        "connect_qtconsole": connect_qtconsole,
    }
