"""The interpreter that the core serves: one method a request, each a call of its handler.

IPython is imported by `start`, when the kernel already answers.
"""

from __future__ import annotations

import sys
from _thread import _local

from ipyrust.kernel_info import kernel_info

TYPE_CHECKING = False  # Importing `typing` would delay the first answer.
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import Any

    from ipyrust.debugger.session import Debugger
    from ipyrust.handlers.execute import PreparedCode
    from ipyrust.ipython.build import Ipython
    from ipyrust.options import KernelOptions
    from ipyrust_core.interpreter import Cell, CommMessage
    from ipyrust_core.kernel import Kernel
    from ipyrust_core.late_imports import LateModules

    Content = Mapping[str, Any]

LATE: LateModules = {
    "gettext": ("gettext", "ngettext"),
    "logging.config": ("dictConfig",),
    "pprint": (),
    "shlex": (),
    "shutil": ("get_terminal_size",),
    "urllib.parse": ("quote_from_bytes",),
    "uuid": (),
}
"""What IPython and its dependencies import at the start and need late or never."""


class IPythonInterpreter:
    """IPython, as an `ipyrust_core.Interpreter`."""

    def __init__(self, make_options: Callable[[], KernelOptions] | None = None) -> None:
        self.make_options = make_options
        self._ipython: Ipython | None = None
        self._debugger: Debugger | None = None
        self._modules_at_start: frozenset[str] = frozenset()
        self._prepared = _local()  # subshells run cells on threads of their own

    @property
    def ipython(self) -> Ipython:
        """The running IPython. Raises RuntimeError before `start`."""
        if self._ipython is None:
            raise RuntimeError("the interpreter has not been started")
        return self._ipython

    @property
    def execution_count(self) -> int:
        """The number of the next cell on this thread, which nobody else gets."""
        return 1 if self._ipython is None else self._ipython.shell.numbers.reserve()

    def kernel_info(self) -> Content:
        """Content of kernel_info_reply; does not import IPython."""
        return kernel_info()

    def start(self, kernel: Kernel) -> None:
        """Import IPython, build the shell and run what is configured to run at start."""
        from ipyrust_core.collector import no_collections
        from ipyrust_core.late_imports import late_imports

        with no_collections(), late_imports(LATE):
            from ipyrust.ipython.build import build

        self._modules_at_start = frozenset(sys.modules)
        from ipyrust.options import KernelOptions

        options = self.make_options() if self.make_options is not None else KernelOptions()
        self._ipython = build(kernel, options)
        # For good: an `import` in a function takes time in every cell.
        from ipyrust.handlers.execute import execute, prepare

        self._prepare, self._execute = prepare, execute

    def runs_async(self, code: str) -> bool:
        """Whether the cell is to run as a task of the kernel's loop; keeps the transformed code for `execute`."""
        shell = self.ipython.shell
        prepared = self._prepare(shell, code)
        self._prepared.code = prepared
        return prepared.suspends

    async def execute(self, cell: Cell) -> Content:
        """Run one cell."""
        shell = self.ipython.shell
        prepared: PreparedCode | None = getattr(self._prepared, "code", None)
        self._prepared.code = None
        if prepared is None or prepared.code != cell.code:
            prepared = self._prepare(shell, cell.code)
        return await self._execute(shell, cell, prepared)

    def complete(self, code: str, cursor_pos: int) -> Content:
        """complete_reply's content."""
        from ipyrust.handlers.complete import complete

        return complete(self.ipython.shell, code, cursor_pos)

    def inspect(
        self, code: str, cursor_pos: int, detail_level: int, omit_sections: Sequence[str]
    ) -> Content:
        """inspect_reply's content."""
        from ipyrust.handlers.inspect import inspect

        return inspect(self.ipython.shell, code, cursor_pos, detail_level, omit_sections)

    def is_complete(self, code: str) -> Content:
        """is_complete_reply's content."""
        from ipyrust.handlers.is_complete import is_complete

        return is_complete(self.ipython.shell, code)

    def history(self, content: Content) -> Content:
        """history_reply's content."""
        from ipyrust.handlers.history import history

        return history(self.ipython.shell, content)

    def comm(self, message: CommMessage) -> None:
        """Deliver one comm message."""
        from ipyrust.handlers.comm import comm

        comm(self.ipython.comm_manager, self.ipython.publisher.messages, message)

    def comm_info(self, target_name: str | None) -> Content:
        """comm_info_reply's content."""
        from ipyrust.handlers.comm import comm_info

        return comm_info(self.ipython.comm_manager, target_name)

    def debug(self, request: Content) -> Content:
        """Answer a debugger's request (a DAP request, as its DAP response)."""
        if self._debugger is None:
            from ipyrust.debugger.build import build_debugger

            self._debugger = build_debugger(self.ipython, self._modules_at_start)
        return self._debugger.handle(request)

    def shutdown(self, *, restart: bool) -> None:
        """End the debugger, save the history and put back what was replaced."""
        if self._debugger is not None:
            self._debugger.close()
            self._debugger = None
        if self._ipython is not None:
            self._ipython.close()
            self._ipython = None
