"""What runs before the first cell: sys.path, extensions, startup files, exec_lines, -c and -m, matplotlib and GUI.

IPython's own InteractiveShellApp does it. Since importing that costs time and most kernels have nothing to run, it is
only called upon when there is something.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from ipyrust.ipython.kernel_traits import kernel_trait
from ipyrust.ipython.profile import system_directories

if TYPE_CHECKING:
    from traitlets.config.loader import Config

    from ipyrust.ipython.shell import ZMQInteractiveShell
    from ipyrust.options import KernelOptions

APP_SECTIONS = ("InteractiveShellApp", "IPKernelApp")
OUR_OWN = {"connection_file"}
"""What the kernel itself puts into these sections."""


def run_startup(shell: ZMQInteractiveShell, options: KernelOptions) -> None:
    """Do all of it; what fails is shown, and the kernel starts all the same."""
    put_working_directory_on_path(shell.config)
    load_or_postpone_store(shell)
    if wants_startup(shell, options):
        _run_with_ipython(shell, options)
    shell.user_ns_hidden.update(shell.user_ns)
    shell._sys_modules_keys = set(sys.modules)


def put_working_directory_on_path(config: Config) -> None:
    """Let "" come after the standard library and before site-packages, whatever `python -m` did."""
    if sys.flags.safe_path or kernel_trait(config, "ignore_cwd", False, sections=APP_SECTIONS):
        return
    if sys.path and sys.path[0] in ("", _working_directory()):
        del sys.path[0]
    if "" in sys.path:
        return
    for index, path in enumerate(sys.path):
        if os.path.basename(path) in ("site-packages", "dist-packages"):
            sys.path.insert(index, "")
            return
    sys.path.insert(0, "")


def _working_directory() -> str:
    try:
        return os.getcwd()
    except OSError:
        return ""


def load_or_postpone_store(shell: ZMQInteractiveShell) -> None:
    """%store is an extension that is always there: load it if it is configured, else when it is first used."""
    if "StoreMagics" in shell.config:
        shell.extension_manager.load_extension("storemagic")  # type: ignore[union-attr]
    else:
        shell.magics_manager.register_lazy("store", "IPython.extensions.storemagic")


def wants_startup(shell: ZMQInteractiveShell, options: KernelOptions) -> bool:
    """Whether anything is configured to run."""
    asked: tuple[Any, ...] = (
        options.matplotlib,
        options.gui,
        options.pylab,
        options.exec_lines,
        options.exec_files,
        options.extensions,
        options.code_to_run,
        options.module_to_run,
        options.file_to_run,
        os.environ.get("PYTHONSTARTUP"),
    )
    return any(asked) or _is_configured(shell.config) or _has_files(shell)


def _is_configured(config: Config) -> bool:
    return any(set(config[name]) - OUR_OWN for name in APP_SECTIONS if name in config)


def _has_files(shell: ZMQInteractiveShell) -> bool:
    folders = [os.path.join(folder, "startup") for folder in system_directories()]
    folders.append(str(shell.profile_dir.startup_dir))  # type: ignore[union-attr]
    return any(
        name.endswith((".py", ".ipy"))
        for folder in folders
        if os.path.isdir(folder)
        for name in os.listdir(folder)
    )


def _run_with_ipython(shell: ZMQInteractiveShell, options: KernelOptions) -> None:
    from IPython.core.shellapp import InteractiveShellApp

    class IPKernelApp(InteractiveShellApp):
        """Named so that the sections of configuration files apply."""

        extra_args: list[str]
        profile_dir = shell.profile_dir
        ipython_dir = shell.ipython_dir
        log = shell.log

        def exit(self, _status: int = 0) -> None:
            """A kernel goes on."""

        def _exec_file(self, fname: str, shell_futures: bool = False) -> None:
            with _interruptible(shell):
                super()._exec_file(fname, shell_futures)  # type: ignore[no-untyped-call]

    config: Any = shell.config.copy()
    for name in OUR_OWN:
        config.IPKernelApp.pop(name, None)
    app: Any = IPKernelApp(config=config, shell=shell)
    app.default_extensions = []
    app.extra_args = list(options.argv)
    for name in ("matplotlib", "gui", "pylab", "code_to_run", "module_to_run", "file_to_run"):
        value = getattr(options, name)
        if value:
            setattr(app, name, value)
    app.exec_lines = [*app.exec_lines, *options.exec_lines]
    app.exec_files = [*app.exec_files, *options.exec_files]
    app.extra_extensions = [*app.extra_extensions, *options.extensions]
    for step in (app.init_gui_pylab, app.init_extensions, app.init_code):
        with _interruptible(shell):
            step()


@contextmanager
def _interruptible(shell: ZMQInteractiveShell) -> Iterator[None]:
    """An interrupt ends the block, is shown, and is not the end of the kernel."""
    try:
        yield
    except KeyboardInterrupt:
        shell.showtraceback()
