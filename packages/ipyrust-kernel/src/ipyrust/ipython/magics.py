"""The magics that differ in a kernel."""

from __future__ import annotations

import json
import os
import threading
from pathlib import Path
from typing import Any

from IPython.core.error import UsageError
from IPython.core.magic import Magics, line_magic, magics_class


@magics_class
class KernelMagics(Magics):
    """%edit, %clear, %less, %more, %man, %connect_info, %crash, %qtconsole, %autosave, %subshell."""

    shell: Any

    @line_magic
    def edit(self, parameter_s: str = "", last_call: list[str] | None = None) -> None:
        """Open code in an editor on the client's side.

        %edit [-n LINE] [-p] [-r] [WHAT]: WHAT is a file, a name whose source is wanted, or numbers of earlier cells.
        The edited file is not run afterwards: only the client knows when the editor is closed.
        """
        from IPython.core.magics.code import CodeMagics, MacroToEdit

        options, arguments = self.parse_options(parameter_s, "prn:")
        try:
            filename, line_number, _ = CodeMagics._find_edit_target(
                self.shell, arguments, options, last_call or ["", ""]
            )
        except MacroToEdit:
            print("A macro cannot be edited here; use %load to get its text into a cell.")
            return
        self.shell.payload_manager.write_payload(
            {
                "source": "edit_magic",
                "filename": str(Path(filename).resolve()),
                "line_number": line_number,
            }
        )

    @line_magic
    def clear(self, arg_s: str) -> None:
        """Clear the output as a terminal would."""
        self.shell.system("clear" if os.name == "posix" else "cls")

    if os.name == "nt":
        cls: Any = line_magic("cls")(clear)  # type: ignore[arg-type]

    @line_magic
    def gui(self, arg_s: str) -> None:
        """Let a GUI toolkit's event loop run between cells: qt, qt5, qt6, tk, gtk3, gtk4, wx, osx; nothing = none.

        Windows and timers stay alive while no cell runs, and while a cell awaits.
        """
        self.shell.enable_gui(arg_s.strip() or None)

    @line_magic
    def less(self, arg_s: str) -> None:
        """Show a file in the pager; a Python file is coloured."""
        from IPython.core import page
        from IPython.utils import openpy

        if not arg_s:
            raise UsageError("Missing filename.")
        if arg_s.endswith(".py"):
            text = self.shell.pycolorize(openpy.read_py_file(arg_s, skip_encoding_cookie=False))
        else:
            text = Path(arg_s).read_text()
        page.page(text)

    more: Any = line_magic("more")(less)  # type: ignore[arg-type]

    if os.name == "posix":

        @line_magic
        def man(self, arg_s: str) -> None:
            """Show a manual page in the pager."""
            from IPython.core import page

            page.page(self.shell.getoutput(f"man {arg_s} | col -b", split=False))

    @line_magic
    def connect_info(self, arg_s: str) -> None:
        """Show how another client connects to this kernel."""
        core = self.shell.publisher.core
        path = core.connection_file
        print(json.dumps(core.connection_info, indent=2, default=str))
        print(
            "\nSave this JSON as FILE on the other machine and connect with\n"
            "    jupyter console --existing FILE\n"
            "or, on this machine, with\n"
            f"    jupyter console --existing {path}"
        )

    @line_magic
    def crash(self, arg_s: str) -> None:
        """Show why the last kernel died that did not end in order.

        %crash [FILE] [--all] [--json] [--clear]: --all shows every report that is kept, --clear removes them.
        """
        from ipyrust.crash_reports import parse, run

        core = self.shell.publisher.core
        try:
            command = parse(arg_s.split())
            folder = command.folder or os.path.dirname(core.connection_file) or "."
            print(run(command, folder, core.journal_path))
        except (OSError, ValueError) as error:
            raise UsageError(str(error)) from None

    @line_magic
    def qtconsole(self, arg_s: str) -> None:
        """Open a Qt console on this kernel."""
        import shlex
        import subprocess
        import sys

        path = self.shell.publisher.core.connection_file
        command = [sys.executable, "-m", "qtconsole", "--existing", path, *shlex.split(arg_s)]
        subprocess.Popen(command, stdout=subprocess.DEVNULL, start_new_session=True)

    @line_magic
    def autosave(self, arg_s: str) -> None:
        """Set the autosave interval of the classic notebook, in seconds; 0 switches autosave off."""
        from IPython.display import Javascript, display

        try:
            seconds = int(arg_s)
        except ValueError:
            raise UsageError(f"%autosave needs a number of seconds, not {arg_s!r}") from None
        code = f"IPython.notebook.set_autosave_interval({1000 * seconds})"
        display(Javascript(code), include=["application/javascript"])
        print(f"Autosaving every {seconds} seconds" if seconds else "Autosave disabled")

    @line_magic
    def subshell(self, arg_s: str) -> None:
        """Show which subshell and thread runs this cell."""
        request: Any = self.shell.publisher.current_parent()
        print(f"subshell id: {request.subshell_id if request is not None else None}")
        print(f"thread id: {threading.get_ident()}")
        print(f"main thread id: {threading.main_thread().ident}")
        print(f"pid: {os.getpid()}")
        print(f"thread count: {threading.active_count()}")
        print(f"subshell list: {self.shell.kernel.list_subshells()}")
