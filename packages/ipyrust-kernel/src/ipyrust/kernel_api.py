"""`get_ipython().kernel`: what libraries and notebooks touch of ipykernel's kernel object.

A façade for other people's code. Nothing of ours may use it, and nothing is decided here.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Generator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ipyrust import kernel_info
from ipyrust.ipython.session_facade import PublishingSocket, SessionFacade
from ipyrust_core.wire_json import decode

if TYPE_CHECKING:
    from typing_extensions import Buffer

    from ipyrust.comms import KernelCommManager
    from ipyrust.ipython.shell import ZMQInteractiveShell
    from ipyrust.output.publisher import Publisher
    from ipyrust_core.kernel import Kernel

Message = dict[str, Any]


class KernelFacade:
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
    eventloop: Callable[..., Any] | None = None
    control_thread = None
    iopub_thread = None
    shell_stream = None
    stdin_socket = None
    comm_manager: KernelCommManager
    shell: ZMQInteractiveShell

    def __init__(self, kernel: Kernel, publisher: Publisher) -> None:
        self._kernel = kernel
        self._publisher = publisher
        self.log = logging.getLogger("ipyrust")
        self.session = SessionFacade(publisher)
        self.iopub_socket = PublishingSocket()
        self.io_loop = LoopFacade(kernel.loop)
        self.app = AppFacade(self, publisher.core.connection_file)
        self.shell_handlers: dict[str, Callable[..., Any]] = {}
        self.language_info = kernel_info.language_info()

    @property
    def ident(self) -> str:
        """The kernel's session id."""
        return self.session.session

    @property
    def execution_count(self) -> int:
        """The number that the next stored cell gets."""
        return self.shell.execution_count

    @property
    def banner(self) -> str:
        """Text that a console shows at the start."""
        return str(self.shell.banner) if hasattr(self.shell, "banner") else ""

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
            ident=ident,
            buffers=buffers,
            header=header,
            metadata=metadata,
        )

    def do_one_iteration(self) -> Done:
        """Deliver the comm messages that wait, in the middle of a cell. The result may be awaited or left alone."""
        self._kernel.serve_comms()
        return Done()

    def raw_input(self, prompt: str = "") -> str:
        """Ask the user for a line."""
        return self._kernel.input(prompt)

    def getpass(self, prompt: str = "", stream: object = None) -> str:
        """Ask the user for a line that is not shown."""
        return self._kernel.input(prompt, password=True)

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

    @property
    def parent_request(self) -> Message:
        """Header of the running request."""
        request = self._publisher.current_parent()
        return decode(request.header) if request is not None else {}


class AppFacade:
    """Stands where ipykernel has its IPKernelApp."""

    name = "ipython-kernel"

    def __init__(self, kernel: KernelFacade, connection_file: str) -> None:
        self.kernel = kernel
        self.connection_file = connection_file
        self.abs_connection_file = connection_file

    @property
    def shell(self) -> ZMQInteractiveShell:
        """The shell."""
        return self.kernel.shell


class LoopFacade:
    """The kernel's asyncio loop with the names of a tornado loop."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.asyncio_loop = loop

    def add_callback(self, callback: Callable[..., Any], *args: Any, **kwargs: Any) -> None:
        """Call `callback` soon, on the loop's thread; a coroutine it returns becomes a task."""
        self.asyncio_loop.call_soon_threadsafe(self._call, callback, args, kwargs)

    spawn_callback = add_callback
    add_callback_from_signal = add_callback

    def call_later(
        self, delay: float, callback: Callable[..., Any], *args: Any, **kwargs: Any
    ) -> asyncio.TimerHandle:
        """Call `callback` after `delay` seconds."""
        return self.asyncio_loop.call_later(delay, self._call, callback, args, kwargs)

    def remove_timeout(self, handle: asyncio.TimerHandle) -> None:
        """Cancel what `call_later` returned."""
        handle.cancel()

    def time(self) -> float:
        """Time of the loop's clock."""
        return self.asyncio_loop.time()

    def _call(
        self, callback: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> None:
        result = callback(*args, **kwargs)
        if asyncio.iscoroutine(result):
            self.asyncio_loop.create_task(result)


class Done:
    """Something finished that may be awaited."""

    def __await__(self) -> Generator[Any, None, None]:
        return
        yield
