"""Puts the parts together: streams, publisher, shell, comms, stdin. The only place that knows all of them."""

from __future__ import annotations

import logging
import os
import sys
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

from ipyrust.comms import KernelCommManager, kernel_comms
from ipyrust.compat import ipykernel_stand_ins
from ipyrust.ipython.interruptible_pdb import interruptible_pdb
from ipyrust.ipython.kernel_traits import kernel_trait
from ipyrust.ipython.profile import find_profile, load_options
from ipyrust.ipython.shell import ZMQInteractiveShell
from ipyrust.ipython.startup import run_startup
from ipyrust.ipython.traceback_colors import kept_traceback_colors
from ipyrust.kernel_api import KernelFacade
from ipyrust.output.parent_lookup import LastRequest, ParentMessages, make_parent_lookup
from ipyrust.output.publisher import Publisher
from ipyrust.output.stdin import stdin_from_clients
from ipyrust.output.stream import OutStream, Streams
from ipyrust.output.threads import threads_follow_their_starter
from ipyrust_core.late_imports import late_imports
from ipyrust_core.parent import parent

if TYPE_CHECKING:
    from ipyrust.options import KernelOptions
    from ipyrust_core.kernel import Kernel


class Ipython:
    """A running IPython: what the handlers work on."""

    def __init__(
        self,
        shell: ZMQInteractiveShell,
        publisher: Publisher,
        comm_manager: KernelCommManager,
        replacements: ExitStack,
    ) -> None:
        self.shell = shell
        self.publisher = publisher
        self.comm_manager = comm_manager
        self._replacements = replacements

    def close(self) -> None:
        """Run the shell's exit hooks, save the history and put back what was replaced."""
        try:
            self.shell.history_manager.close()  # type: ignore[union-attr]
        finally:
            self._replacements.close()


def build(kernel: Kernel, options: KernelOptions) -> Ipython:
    """Build the shell and everything around it, and run what is configured to run at start."""
    with ExitStack() as stack:
        messages = ParentMessages()
        last = LastRequest()
        current_parent = make_parent_lookup(last)
        streams = make_streams(kernel, options, current_parent, messages)
        publisher = Publisher(
            kernel.core,
            last=last,
            messages=messages,
            current_parent=current_parent,
            streams=streams,
        )
        facade = KernelFacade(kernel, publisher)
        streams.install()
        stack.callback(streams.restore)
        stack.enter_context(threads_follow_their_starter(current_parent))
        _log_what_ipython_warns_of(stack)
        shell = make_shell(facade, publisher, options)
        stack.callback(ZMQInteractiveShell.clear_instance)
        facade.shell = shell
        facade.comm_manager = stack.enter_context(kernel_comms(publisher, facade))
        stack.enter_context(ipykernel_stand_ins(facade, facade.comm_manager.comm_class))
        stack.enter_context(stdin_from_clients(kernel, current_parent))
        stack.enter_context(interruptible_pdb())
        stack.enter_context(kept_traceback_colors())
        use_loop_of(kernel)
        kernel.stop_on_error_timeout = kernel_trait(shell.config, "stop_on_error_timeout", 0.0)
        if options.trio_loop:
            use_trio(shell, kernel, stack)
        run_startup(shell, options)
        return Ipython(shell, publisher, facade.comm_manager, stack.pop_all())


def _log_what_ipython_warns_of(stack: ExitStack) -> None:
    """Warnings of IPython and traitlets go where ours go, to the process's standard error, until `stack` is closed.

    They have a logger without an application's handler, so an extension that cannot be loaded would not be heard of.
    """
    theirs = logging.getLogger("traitlets")
    for handler in logging.getLogger("ipyrust").handlers:
        theirs.addHandler(handler)
        stack.callback(theirs.removeHandler, handler)


def make_streams(
    kernel: Kernel, options: KernelOptions, current_parent: Any, messages: ParentMessages
) -> Streams:
    """The two output streams, or the null device for one that is not wanted."""

    def make(name: str, unwanted: bool, own: Any) -> Any:
        if unwanted:
            return open(os.devnull, "w", encoding="utf-8")
        return OutStream(
            name,
            kernel.core.stream_writer(name, parent.get, current_parent),
            current_parent=current_parent,
            messages=messages,
            echo=None if options.quiet else own,
        )

    return Streams(
        make("stdout", options.no_stdout, sys.__stdout__),
        make("stderr", options.no_stderr, sys.__stderr__),
    )


def make_shell(
    facade: KernelFacade, publisher: Publisher, options: KernelOptions
) -> ZMQInteractiveShell:
    """The shell of the profile, connected to its ways out."""
    with late_imports({"tempfile": ()}):  # It is for those who have no home.
        ipython_dir, profile_dir = find_profile(options)
    config = load_options(options, profile_dir)
    config.IPKernelApp.setdefault("connection_file", publisher.core.connection_file)
    shell = ZMQInteractiveShell.instance(
        config=config,
        ipython_dir=ipython_dir,
        profile_dir=profile_dir,
        kernel=facade,
        publisher=publisher,
    )
    shell.compile.on_named = publisher.core.name_cell
    for speaker in (shell.displayhook, shell.display_pub):
        speaker.attach(publisher, facade.session, facade.iopub_socket)
    shell.displayhook.topic = f"kernel.{publisher.core.session_id}.execute_result".encode()
    session_name = os.environ.get("JPY_SESSION_NAME")
    if session_name:
        shell.user_ns["__session__"] = session_name
    return shell


def use_trio(shell: ZMQInteractiveShell, kernel: Kernel, stack: ExitStack) -> None:
    """Run every cell in one Trio run. Raises ImportError if Trio is not installed."""
    from ipyrust.ipython.trio_loop import TrioLoop

    runner = TrioLoop(kernel)
    stack.callback(runner.close)
    shell.run_line_magic("autoawait", "trio")
    shell.set_trio_runner(runner)  # type: ignore[no-untyped-call]


def use_loop_of(kernel: Kernel) -> None:
    """Let IPython's own runner (for `run_cell` called by user code) use the kernel's loop."""
    from IPython.core import async_helpers

    async_helpers._asyncio_event_loop = kernel.loop
