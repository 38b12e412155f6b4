"""What the stand-ins hold: our classes under ipykernel's names."""

from __future__ import annotations

from types import ModuleType
from typing import TYPE_CHECKING, Any

from ipyrust.compat.connect import connection_functions
from ipyrust.eventloops.integrations import event_loop_functions

if TYPE_CHECKING:
    from ipyrust.kernel_api import KernelFacade

IN_PROCESS = (
    "ipyrust runs a kernel in a process of its own and cannot be put into a running program. Start one with "
    "jupyter_client.KernelManager(kernel_name='ipyrust'), or use IPython.embed(); "
    "inside a cell the kernel is there already: get_ipython()."
)
"""Why there is no embedding, and what to do instead."""


def stand_in_contents(kernel: KernelFacade, comm_class: type[Any]) -> dict[str, dict[str, Any]]:
    """The contents of each stand-in by its name."""
    from ipyrust.comms import KernelCommManager
    from ipyrust.ipython.displayhook import ZMQShellDisplayHook
    from ipyrust.ipython.displaypub import ZMQDisplayPublisher
    from ipyrust.ipython.magics import KernelMagics
    from ipyrust.ipython.shell import ZMQInteractiveShell
    from ipyrust.output.stream import OutStream

    comm = make_comm_class(comm_class)
    connect = connection_functions(kernel)
    app_class = type(kernel.parent)
    return {
        "ipykernel": {**connect, "embed_kernel": embed_kernel},
        "ipykernel.connect": connect,
        "ipykernel.zmqshell": {
            "ZMQInteractiveShell": ZMQInteractiveShell,
            "ZMQDisplayPublisher": ZMQDisplayPublisher,
            "ZMQShellDisplayHook": ZMQShellDisplayHook,
            "KernelMagics": KernelMagics,
        },
        "ipykernel.iostream": {"OutStream": OutStream},
        "ipykernel.displayhook": {"ZMQShellDisplayHook": ZMQShellDisplayHook},
        "ipykernel.kernelapp": {
            "IPKernelApp": app_class,
            "launch_new_instance": app_class.launch_instance,
        },
        "ipykernel.kernelbase": {},
        "ipykernel.embed": {"embed_kernel": embed_kernel},
        "ipykernel.eventloops": event_loop_functions(kernel),
        "ipykernel.comm": {"Comm": comm, "CommManager": KernelCommManager},
        "ipykernel.comm.comm": {"Comm": comm, "BaseComm": comm_class},
        "ipykernel.comm.manager": {"CommManager": KernelCommManager},
    }


def embed_kernel(*_arguments: Any, **_options: Any) -> None:
    """Refuse: there is a kernel in this process."""
    raise RuntimeError(IN_PROCESS)


def adopt_kernel(module: ModuleType) -> None:
    """Make the running kernel the one instance of the real `Kernel`, whose class it claims (see `KernelFacade`)."""
    from IPython.core.getipython import get_ipython

    shell: Any = get_ipython()
    module.Kernel._instance = shell.kernel


def make_comm_class(comm_class: type[Any]) -> type[Any]:
    """`ipykernel.comm.Comm`: the kernel's comm, with arguments more that have no effect."""

    class Comm(comm_class):
        __module__ = "ipykernel.comm.comm"

        def __init__(
            self,
            target_name: str = "comm",
            data: Any = None,
            metadata: Any = None,
            buffers: Any = None,
            show_warning: bool = True,
            **options: Any,
        ) -> None:
            options.pop("kernel", None)
            super().__init__(target_name or "comm", data, metadata, buffers, **options)

    return Comm
