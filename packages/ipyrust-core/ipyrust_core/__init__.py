"""A Jupyter kernel's protocol and transport in Rust, for any language: `run_kernel(connection_file, interpreter)`.

The sockets, signing, routing, queues, statuses, interrupts and process life are the engine's (`ipyrust_core._native`);
an object that satisfies `Interpreter` brings the language.
"""

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
    StdinNotAllowedError,
)
from ipyrust_core.interpreter import Cell, CommMessage, Content, Interpreter
from ipyrust_core.kernel import Kernel, run_kernel

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
