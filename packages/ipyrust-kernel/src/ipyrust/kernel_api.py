"""`get_ipython().kernel`: what libraries and notebooks touch of ipykernel's kernel object.

A façade for other people's code. Nothing of ours may use it, and nothing is decided here. What it lacks on purpose:
sockets (`control_stream`, `stdin_socket`: no socket is reachable from Python) and a hand in the order of requests
(`shell_handlers` may be read and changed, but requests are dispatched by the engine).
"""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Callable, Coroutine, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

from ipyrust import kernel_info
from ipyrust.eventloops.of_kernel import HasEventLoop
from ipyrust.ipython.session_facade import PublishingSocket, SessionFacade

if TYPE_CHECKING:
    from typing_extensions import Buffer

    from ipyrust.comms import KernelCommManager
    from ipyrust.ipython.shell import ZMQInteractiveShell
    from ipyrust.kernel_api_loop import Done, IOPubThread, LoopFacade, ShellStream
    from ipyrust.output.publisher import Publisher
    from ipyrust_core.kernel import Kernel

Message = dict[str, Any]
Handler = Callable[[Any, Any, Message], Coroutine[Any, Any, None]]

REAL_CLASSES = (("ipykernel.ipkernel", "IPythonKernel"), ("ipykernel.kernelbase", "Kernel"))
"""Where the class is that the façade claims, once somebody has imported it."""


class KernelFacade(HasEventLoop):
    """Stands where ipykernel has its IPythonKernel."""

    implementation = "ipython"
    msg_types = (
        "execute_request",
        "complete_request",
        "inspect_request",
        "history_request",
        "comm_info_request",
        "kernel_info_request",
        "connect_request",
        "shutdown_request",
        "is_complete_request",
        "interrupt_request",
        "comm_open",
        "comm_msg",
        "comm_close",
    )
    control_thread = None
    control_stream = None
    stdin_socket = None
    _aborting = False
    _poll_interval = 0.01
    comm_manager: KernelCommManager
    shell: ZMQInteractiveShell

    def __init__(self, kernel: Kernel, publisher: Publisher) -> None:
        self._kernel = kernel
        self._publisher = publisher
        self.log = logging.getLogger("ipyrust")
        self.session = SessionFacade(publisher)
        self.iopub_socket = PublishingSocket()
        self.parent = AppFacade(self, publisher.core.connection_file)
        self.app: Any = self.parent  # Event loops of others put their toolkit's application here.
        self.shell_handlers: dict[str, Handler] = dict.fromkeys(
            self.msg_types, self.execute_request
        )
        self.language_info = kernel_info.language_info()

    @property  # type: ignore[misc]
    def __class__(self) -> Any:
        """The real kernel class once it is imported, so that `isinstance` and traits accept this kernel."""
        for module, name in REAL_CLASSES:
            loaded = sys.modules.get(module)
            found = loaded.__dict__.get(name) if loaded is not None else None
            if found is not None:
                return found
        return KernelFacade

    @cached_property
    def io_loop(self) -> LoopFacade:
        """The kernel's event loop."""
        from ipyrust.kernel_api_loop import LoopFacade

        return LoopFacade(self._kernel.loop)

    @cached_property
    def shell_stream(self) -> ShellStream:
        """What event loops ask whether requests wait."""
        from ipyrust.kernel_api_loop import ShellStream

        return ShellStream(self._publisher.core)

    @cached_property
    def iopub_thread(self) -> IOPubThread:
        """What publishes."""
        from ipyrust.kernel_api_loop import IOPubThread

        return IOPubThread(self._publisher.core)

    @property
    def ident(self) -> str:
        """The kernel's session id."""
        return self.session.session

    @property
    def execution_count(self) -> int:
        """As the shell's."""
        return int(self.shell.execution_count)

    @property
    def implementation_version(self) -> str:
        """Version of IPython."""
        return str(kernel_info.kernel_info()["implementation_version"])

    @property
    def kernel_info(self) -> dict[str, Any]:
        """Content of a kernel_info_reply."""
        return dict(kernel_info.kernel_info())

    @property
    def help_links(self) -> list[dict[str, str]]:
        """What frontends put into their Help menu."""
        return kernel_info.help_links()

    @property
    def banner(self) -> str:
        """Text that a console shows at the start."""
        return str(self.shell.banner) if hasattr(self.shell, "banner") else ""

    @property
    def user_ns(self) -> dict[str, Any]:
        """The namespace of the cells."""
        namespace: dict[str, Any] = self.shell.user_ns
        return namespace

    @property
    def config(self) -> Any:
        """As the shell's."""
        return self.shell.config

    # -- parent ------------------------------------------------------------------------------

    def get_parent(self, channel: str | None = None) -> Message:
        """The request that the calling thread or task works for; {} on other channels than "shell"."""
        return {} if channel == "control" else self.shell.get_parent()

    def set_parent(self, ident: Any, parent: Message, channel: str = "shell") -> None:
        """As the shell's `set_parent`."""
        self.shell.set_parent(parent)

    @property
    def _parent_header(self) -> Message:
        return self.shell.get_parent()

    @property
    def _parent_ident(self) -> dict[str, list[bytes]]:
        request = self._publisher.current_parent()
        return {"shell": list(request.identities) if request is not None else [], "control": []}

    # -- messages ----------------------------------------------------------------------------

    def send_response(
        self,
        stream: object,
        msg_or_type: Message | str,
        content: Mapping[str, Any] | None = None,
        ident: bytes | None = None,
        buffers: Sequence[Buffer] | None = None,
        track: bool = False,
        header: Message | None = None,
        metadata: Mapping[str, Any] | None = None,
        channel: str | None = None,
    ) -> Message:
        """Publish a message on IOPub with the current parent; `stream`, `track` and `channel` have no effect."""
        return self.session.send(
            stream,
            msg_or_type,
            content,
            self.get_parent(),
            ident=ident,
            buffers=buffers,
            header=header,
            metadata=metadata,
        )

    def do_one_iteration(self) -> Done:
        """Deliver the comm messages that wait, in the middle of a cell. The result may be awaited or left alone."""
        from ipyrust.kernel_api_loop import Done

        self._kernel.serve_comms()
        return Done()

    async def execute_request(self, stream: object, ident: Any, parent: Message) -> None:
        """Refuse: waiting cells are run by the engine, in their order, and never handed to other code."""
        raise RuntimeError(
            "a kernel on ipyrust hands out no requests; cells that wait run after this one"
        )

    def do_complete(self, code: str, cursor_pos: int) -> dict[str, Any]:
        """Content of a complete_reply."""
        from ipyrust.handlers.complete import complete

        return complete(self.shell, code, cursor_pos)

    def do_inspect(
        self, code: str, cursor_pos: int, detail_level: int = 0, omit_sections: Sequence[str] = ()
    ) -> dict[str, Any]:
        """Content of an inspect_reply."""
        from ipyrust.handlers.inspect import inspect

        return inspect(self.shell, code, cursor_pos, detail_level, omit_sections)

    def do_is_complete(self, code: str) -> dict[str, Any]:
        """Content of an is_complete_reply."""
        from ipyrust.handlers.is_complete import is_complete

        return is_complete(self.shell, code)

    def do_history(
        self, hist_access_type: str, output: bool, raw: bool, **options: Any
    ) -> dict[str, Any]:
        """Content of a history_reply; `options` are the further fields of the request."""
        from ipyrust.handlers.history import history

        content = {"hist_access_type": hist_access_type, "output": output, "raw": raw, **options}
        return history(self.shell, content)

    def raw_input(self, prompt: str = "") -> str:
        """Ask the user for a line."""
        return self._kernel.input(prompt)

    def getpass(self, prompt: str = "", stream: object = None) -> str:
        """Ask the user for a line that is not shown."""
        return self._kernel.input(prompt, password=True)

    # -- life --------------------------------------------------------------------------------

    def do_shutdown(self, restart: bool) -> dict[str, Any]:
        """End the kernel soon."""
        self.exit_soon()
        return {"status": "ok", "restart": restart}

    def exit_soon(self) -> None:
        """End the kernel after the reply to the running cell is on its way."""
        self._kernel.exit()

    def list_subshells(self) -> list[str]:
        """Ids of the open subshells."""
        return list(self._publisher.core.subshell_ids())


class AppFacade:
    """Stands where ipykernel has its IPKernelApp: the running one is the only one."""

    __module__ = "ipykernel.kernelapp"

    name = "ipython-kernel"

    def __init__(self, kernel: KernelFacade, connection_file: str) -> None:
        self.kernel = kernel
        self.connection_file = connection_file
        self.abs_connection_file = os.path.abspath(connection_file)
        self.connection_dir = os.path.dirname(self.abs_connection_file)

    def __getattr__(self, name: str) -> Any:
        """`ip`, `transport` and the ports, as the connection file has them."""
        if name in ("ip", "transport", "kernel_name") or name.endswith("_port"):
            info = self.kernel._publisher.core.connection_info
            if name in info:
                return info[name]
        raise AttributeError(f"the running kernel's app has no attribute {name!r}")

    @property
    def shell(self) -> ZMQInteractiveShell:
        """The shell."""
        return self.kernel.shell

    @property
    def config(self) -> Any:
        """The shell's configuration."""
        return self.kernel.shell.config

    @property
    def session(self) -> SessionFacade:
        """As the kernel's."""
        return self.kernel.session

    @property
    def iopub_socket(self) -> PublishingSocket:
        """As the kernel's."""
        return self.kernel.iopub_socket

    @classmethod
    def initialized(cls) -> bool:
        """True in a kernel."""
        from IPython.core.getipython import get_ipython

        return get_ipython() is not None

    @classmethod
    def instance(cls, *_arguments: Any, **_options: Any) -> AppFacade:
        """The running kernel's. Raises RuntimeError where none runs."""
        from IPython.core.getipython import get_ipython

        shell: Any = get_ipython()
        if shell is None:
            raise RuntimeError("no kernel runs in this process any more")
        app: AppFacade = shell.kernel.parent
        return app

    @classmethod
    def launch_instance(cls, *_arguments: Any, **_options: Any) -> None:
        """Refuse: a process has one kernel."""
        from ipyrust.compat.contents import IN_PROCESS

        raise RuntimeError(IN_PROCESS)


AppFacade.__name__ = AppFacade.__qualname__ = "IPKernelApp"
