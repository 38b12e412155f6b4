"""The shell: IPython's InteractiveShell, with its ways out led to the clients.

The class is named and placed as in ipykernel, `ipykernel.zmqshell.ZMQInteractiveShell`, because libraries decide by
that whether they are in a notebook (rich, plotly, pandas, pyvista and many more).
"""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from inspect import signature
from types import TracebackType
from typing import TYPE_CHECKING, Any

from IPython.core.autocall import ZMQExitAutocall
from IPython.core.interactiveshell import InteractiveShell, InteractiveShellABC
from IPython.core.profiledir import ProfileDir
from traitlets import Any as AnyTrait
from traitlets import CBool, Instance, Type, default, validate

from ipyrust.environment import enter_own_environment
from ipyrust.ipython.compiler import CellCompiler
from ipyrust.ipython.displayhook import ZMQShellDisplayHook
from ipyrust.ipython.displaypub import ZMQDisplayPublisher
from ipyrust.ipython.history import KernelHistoryManager
from ipyrust.ipython.plain_cells import PlainCells
from ipyrust.ipython.running_cell import (
    CellNumber,
    CellPayloads,
    CellScope,
    Numbers,
    shown_errors,
)
from ipyrust_core.parent import parent

if TYPE_CHECKING:
    from contextvars import Token

    from ipyrust_core._native import Request

Message = dict[str, Any]

ENVIRONMENT = {
    "TERM": "xterm-color",
    "CLICOLOR": "1",
    "FORCE_COLOR": "1",
    "CLICOLOR_FORCE": "1",
    "PAGER": "cat",
    "GIT_PAGER": "cat",
}
"""Set for the kernel and its children: colours are wanted, pagers cannot work."""

INLINE_BACKEND = "module://matplotlib_inline.backend_inline"


class ZMQInteractiveShell(InteractiveShell):
    """IPython's shell in a kernel."""

    __module__ = "ipykernel.zmqshell"

    kernel = AnyTrait()
    publisher = AnyTrait()
    displayhook_class = Type(ZMQShellDisplayHook)
    display_pub_class = Type(ZMQDisplayPublisher)
    compiler_class = Type(CellCompiler)
    autoindent = CBool(False, help="Not here: frontends indent.").tag(config=True)
    execution_count = CellNumber(1)
    exiter = Instance(ZMQExitAutocall)
    profile_dir = Instance(ProfileDir, allow_none=True)
    displayhook: ZMQShellDisplayHook
    display_pub: ZMQDisplayPublisher
    compile: CellCompiler
    keepkernel_on_exit: bool | None = None

    _completer: Any = None
    _configurables: list[Any]
    _started = False

    def __init__(self, **options: Any) -> None:
        self.numbers = Numbers(type(self).execution_count, self)
        super().__init__(**options)  # type: ignore[no-untyped-call]
        self._started = True

    @validate("autoindent")
    def _never_indent(self, _proposal: object) -> bool:
        return False

    @default("exiter")
    def _default_exiter(self) -> ZMQExitAutocall:
        return ZMQExitAutocall(self)

    # -- set-up ------------------------------------------------------------------------------

    def init_environment(self) -> None:
        """Set the variables above, and matplotlib's backend unless something chose one."""
        os.environ.update(ENVIRONMENT)
        if not os.environ.get("MPLBACKEND"):
            os.environ["MPLBACKEND"] = INLINE_BACKEND

    def init_virtualenv(self) -> None:
        """Let child processes find the environment of the kernel's own Python first."""
        enter_own_environment()

    def init_history(self) -> None:
        """Use a history manager that opens its database when it is needed."""
        self.history_manager = KernelHistoryManager(shell=self, parent=self)
        self.configurables.append(self.history_manager)

    def init_hooks(self) -> None:
        """Lead the pager to the clients."""
        super().init_hooks()  # type: ignore[no-untyped-call]
        from IPython.core import page

        self.set_hook(
            "show_in_pager",
            page.as_hook(self.payloadpage_page),  # type: ignore[no-untyped-call]
            99,
        )

    def init_payload(self) -> None:
        """Use payloads of each cell's own."""
        self.payload_manager = CellPayloads(parent=self)
        self.configurables.append(self.payload_manager)

    def init_completer(self) -> None:
        """Nothing: the completer is built by the first completion, or by the first look at `configurables`."""

    @property
    def Completer(self) -> Any:  # noqa: N802
        """IPython's completer."""
        if self._completer is None:
            super().init_completer()  # type: ignore[no-untyped-call]
        return self._completer

    @Completer.setter
    def Completer(self, completer: Any) -> None:  # noqa: N802
        self._completer = completer

    @property
    def configurables(self) -> list[Any]:
        """What %config lists."""
        if self._started and self._completer is None:
            self.Completer  # noqa: B018
        return self._configurables

    @configurables.setter
    def configurables(self, configurables: list[Any]) -> None:
        self._configurables = configurables

    def init_magics(self) -> None:
        """Add the kernel's magics; %store is loaded when it is used."""
        super().init_magics()  # type: ignore[no-untyped-call]
        from ipyrust.ipython.magics import KernelMagics

        self.register_magics(KernelMagics)
        self.magics_manager.register_alias("ed", "edit")

    # -- parent ------------------------------------------------------------------------------

    def get_parent(self) -> Message:
        """The request that the calling thread or task works for, as a message dict; {} before the first one."""
        message: Message = self.publisher.messages.message(self.publisher.current_parent())
        return message

    def set_parent(self, message: Message) -> None:
        """Make the request that `message` names the parent of the calling task or thread; unknown ones are ignored."""
        request = self.publisher.messages.find(message)
        if request is not None:
            parent.set(request)

    parent_header = property(get_parent, set_parent)

    def set_thread_parent(self, message: Message) -> Token[Request | None]:
        """As `set_parent`, returning the token that `reset_thread_parent` takes."""
        request = self.publisher.messages.find(message)
        return parent.set(request or self.publisher.current_parent())

    def reset_thread_parent(self, token: Token[Request | None]) -> None:
        """Undo the `set_thread_parent` that returned `token`."""
        parent.reset(token)

    # -- payloads ----------------------------------------------------------------------------

    def payloadpage_page(
        self,
        strg: str | Mapping[str, Any],
        start: int = 0,
        screen_lines: int = 0,
        pager_cmd: str | None = None,
    ) -> None:
        """Show text (or a mime bundle) in the frontend's pager."""
        data = dict(strg) if isinstance(strg, Mapping) else {"text/plain": strg}
        self._write_payload({"source": "page", "data": data, "start": max(0, start)})

    def set_next_input(self, text: str, replace: bool = False) -> None:
        """Have the frontend put `text` into a new cell, or into this one; the last call of a cell counts."""
        self._write_payload({"source": "set_next_input", "text": text, "replace": replace})

    def ask_exit(self) -> None:
        """End the kernel, or only the client if the user asked to keep the kernel."""
        keep = bool(self.keepkernel_on_exit)
        self._write_payload({"source": "ask_exit", "keepkernel": keep})
        self.exit_now = not keep
        if not keep and self.kernel is not None:
            self.kernel.exit_soon()

    def _write_payload(self, payload: dict[str, Any]) -> None:
        self.payload_manager.write_payload(payload)  # type: ignore[union-attr]

    # -- errors ------------------------------------------------------------------------------

    def cell(self, source: str, *, stored: bool) -> CellScope:
        """Context manager: the calling task or thread runs a cell; `source` is its code, transformed."""
        self.displayhook.abandon()
        return CellScope(self.numbers, source, stored=stored)

    @property
    def _last_traceback(self) -> list[str] | None:
        """ipykernel's name of the traceback that was shown last."""
        return shown_errors().traceback

    def showtraceback(
        self,
        exc_tuple: Any = None,
        filename: str | None = None,
        tb_offset: int | None = None,
        exception_only: bool = False,
        running_compiled_code: bool = False,
    ) -> None:
        """Publish the exception as an `error`.

        Exception groups are not left to IPython, which would only print them.
        """
        try:
            kind, value, trace = self._get_exc_info(exc_tuple)  # type: ignore[no-untyped-call]
        except ValueError:
            kind, value, trace = None, None, None
        cut_where_lines_are_unknown(trace)
        if value is not None and not exception_only and has_group(value):
            self._showtraceback(kind, value, format_group(kind, value, trace))
            return
        super().showtraceback(exc_tuple, filename, tb_offset, exception_only, running_compiled_code)

    def show_usage_error(self, exc: BaseException) -> None:
        """Print a magic's complaint, and keep it for the reply."""
        super().show_usage_error(exc)  # type: ignore[no-untyped-call]
        shown_errors().note(exc, [f"UsageError: {text_of(exc)}"])

    def _showtraceback(self, etype: type[BaseException], evalue: Any, stb: list[str]) -> None:
        lines = [str(line) for line in stb]
        shown = shown_errors()
        shown.note(evalue, lines)
        shown.in_result = shown.in_result or self.displayhook.msg is not None
        self.publisher.publish(
            "error",
            {"ename": name_of(etype), "evalue": text_of(evalue), "traceback": lines},
        )

    def leaves_errors_to_user(self, error: BaseException | None) -> bool:
        """Whether the user's own code shows this error: a handler of `set_custom_exc`, or what replaces our method."""
        replaced = vars(self).keys() & {"showtraceback", "_showtraceback"}
        return bool(replaced) or isinstance(error, self.custom_exceptions)

    def _format_exception_for_storage(
        self,
        exception: BaseException,
        filename: str | None = None,
        running_compiled_code: bool = False,
    ) -> dict[str, Any]:
        """The error as %notebook stores it, from the traceback that was shown already."""
        return {
            "ename": name_of(type(exception)),
            "evalue": text_of(exception),
            "traceback": shown_errors().traceback or [],
        }

    # -- running -----------------------------------------------------------------------------

    @cached_property
    def _plain_cells(self) -> PlainCells:
        return PlainCells(self)

    def transform_cell(self, raw_cell: str) -> str:
        """Turn IPython's own syntax in a cell into Python; quick where there is none.

        Raises:
            Exception: what a transformer raised.
        """
        if self._plain_cells.is_plain(raw_cell):
            return raw_cell if raw_cell.endswith("\n") else raw_cell + "\n"
        return str(super().transform_cell(raw_cell))  # type: ignore[no-untyped-call]

    @cached_property
    def _takes_cell_meta(self) -> bool:
        return "cell_meta" in signature(self.run_cell_async).parameters

    def cell_meta_argument(self, metadata: Mapping[str, Any]) -> dict[str, Any]:
        """The request's metadata as an argument of `run_cell_async`, where this IPython knows it."""
        return {"cell_meta": dict(metadata)} if self._takes_cell_meta else {}

    @contextmanager
    def _tee(self, channel: str) -> Iterator[None]:
        """Nothing: recording all output for %notebook would slow down every `print` and keep it in memory."""
        yield

    def enable_gui(self, gui: str | None = None) -> None:
        """Let a GUI toolkit's event loop run while the kernel has nothing to do; None = only the kernel's own.

        Raises:
            UsageError: the name is not known, or the toolkit cannot be used; the message says what to do.
        """
        from ipyrust.eventloops.names import enable_gui

        enable_gui(gui, self.kernel)
        self.active_eventloop = gui

    def system_piped(self, cmd: str) -> None:
        """Run a shell command, showing its output as it comes; its exit code goes to `_exit_code`.

        Raises:
            OSError: the command asks to be run in the background.
            subprocess.CalledProcessError: it failed, and `system_raise_on_error` is set.
        """
        if cmd.rstrip().endswith("&"):
            raise OSError("Background processes not supported.")
        from ipyrust.ipython.system import run_command

        command = self.var_expand(cmd, depth=1)  # type: ignore[no-untyped-call]
        code = run_command(command, sys.stdout)
        self.user_ns["_exit_code"] = code
        if code != 0 and getattr(self, "system_raise_on_error", False):
            from subprocess import CalledProcessError

            raise CalledProcessError(code, cmd)

    system = system_piped


InteractiveShellABC.register(ZMQInteractiveShell)


def text_of(value: object) -> str:
    """`str(value)`, or a note where the user's `__str__` fails."""
    try:
        return str(value)
    except BaseException as error:
        return f"<{type(value).__name__}: its __str__ raised {type(error).__name__}>"


def cut_where_lines_are_unknown(trace: TracebackType | None) -> None:
    """Drop frames without a line, which IPython cannot format: an interrupt may come before a function's first line."""
    while trace is not None:
        inner = trace.tb_next
        if inner is not None and inner.tb_lineno is None:
            trace.tb_next = None
        trace = trace.tb_next


def name_of(kind: type[BaseException] | None) -> str:
    """Name of an exception class."""
    return str(getattr(kind, "__name__", kind))


def has_group(error: BaseException) -> bool:
    """Whether an exception group is in the chain of `error`."""
    seen: set[int] = set()
    link: BaseException | None = error
    while link is not None and id(link) not in seen:
        if isinstance(link, BaseExceptionGroup):
            return True
        seen.add(id(link))
        link = link.__cause__ or link.__context__
    return False


def format_group(
    kind: type[BaseException] | None, error: BaseException, trace: TracebackType | None
) -> list[str]:
    """Python's own rendering, without the frames of the machinery that called the cell."""
    while trace is not None and "IPython" in trace.tb_frame.f_code.co_filename and trace.tb_next:
        trace = trace.tb_next
    return traceback.format_exception(kind, error, trace)
