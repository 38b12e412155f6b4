"""A Jupyter kernel's protocol and transport in Rust, for any language: `run_kernel(connection_file, interpreter)`.

The sockets, signing, routing, queues, statuses, interrupts and process life are the engine's (`ipyrust_core._native`);
an object that satisfies `Interpreter` brings the language.

Importing this package imports next to nothing: names are looked up when they are used, because what `run_kernel` needs
before its sockets answer should be all that a client waits for.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ipyrust_core._native import (
        KernelCore,
        Request,
        RequestQueue,
        StreamWriter,
        __version__,
        libzmq_has,
        libzmq_version,
        write_connection_file,
    )
    from ipyrust_core.errors import (
        AlreadyRepliedError,
        BindError,
        ConnectionFileError,
        CoreClosedError,
        CoreError,
        RegistrationError,
        StdinNotAllowedError,
    )
    from ipyrust_core.interpreter import Cell, CommMessage, Content, Interpreter
    from ipyrust_core.kernel import Kernel
    from ipyrust_core.run import run_kernel

__all__ = [
    "AlreadyRepliedError",
    "BindError",
    "Cell",
    "CommMessage",
    "ConnectionFileError",
    "Content",
    "CoreClosedError",
    "CoreError",
    "Interpreter",
    "Kernel",
    "KernelCore",
    "RegistrationError",
    "Request",
    "RequestQueue",
    "StdinNotAllowedError",
    "StreamWriter",
    "__version__",
    "libzmq_has",
    "libzmq_version",
    "run_kernel",
    "write_connection_file",
]

_HOMES = {
    "_native": (
        "KernelCore",
        "Request",
        "RequestQueue",
        "StreamWriter",
        "__version__",
        "libzmq_has",
        "libzmq_version",
        "write_connection_file",
    ),
    "errors": (
        "AlreadyRepliedError",
        "BindError",
        "ConnectionFileError",
        "CoreClosedError",
        "CoreError",
        "RegistrationError",
        "StdinNotAllowedError",
    ),
    "interpreter": ("Cell", "CommMessage", "Content", "Interpreter"),
    "kernel": ("Kernel",),
    "run": ("run_kernel",),
}


def __getattr__(name: str) -> object:
    for module, names in _HOMES.items():
        if name in names:
            home = __import__(f"{__name__}.{module}", fromlist=[name])
            value: object = getattr(home, name)
            globals()[name] = value
            return value
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
