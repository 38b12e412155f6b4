"""The command: arguments → connection file → engine with the IPython interpreter → exit code.

The order is a feature: nothing that takes time is imported before the sockets are bound. `ipyrust.interpreter` does
not import IPython until the engine calls its `start`. Every failure is one line on stderr and an `ExitCode`.
"""

from __future__ import annotations

import os
import sys

from ipyrust._version import __version__
from ipyrust.command_line import CommandLine, UsageError, parse

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from ipyrust.connection_file import ConnectionFile
    from ipyrust.interpreter import IPythonInterpreter
    from ipyrust.options import KernelOptions
    from ipyrust_core.kernel import Kernel

HELP = """\
usage: python -m ipyrust [-f FILE] [OPTION …] [-- ARGUMENT …]
       python -m ipyrust install --help
       python -m ipyrust crash --help

A Jupyter kernel for Python. With -f it serves the connection file FILE, as Jupyter
starts it; without, it writes one and prints how to attach a client.

connection (each also as --IPKernelApp.NAME=…)
  -f, --connection-file FILE   connection file to serve
  --ip IP  --transport tcp|ipc  --shell, --iopub, --stdin, --control, --hb PORT
                               replace these entries of the file
  --Session.key KEY  --Session.signature_scheme SCHEME  --keyfile FILE
  --secure, --no-secure        sign messages with a new key, or not at all

IPython
  --profile NAME  --profile-dir DIR  --ipython-dir DIR  --config FILE  --init
  --ext MODULE                 load an extension
  -c CODE, -m MODULE           run this before the first cell
  --matplotlib[=BACKEND]  --pylab[=BACKEND]  --gui NAME  --trio-loop
  --colors THEME  --cache-size N  --autocall N  --logfile FILE  --logappend FILE  --nosep
  --[no-]autoindent  --[no-]automagic  --[no-]pdb  --[no-]pprint  --[no-]color-info
  --[no-]ignore-cwd
  --Class.trait=VALUE          set any configurable trait

process
  --no-stdout, --no-stderr     throw this stream away
  --log-level LEVEL  --debug  --quiet
  --show-config[-json]         print the configuration that would be in force, and exit
  --version                    print the version and exit
  -h, --help                   print this text and exit

Exit codes: 0 shut down as asked, 1 parent died or unforeseen failure, 2 wrong command line,
3 connection file unusable, 4 address not available, 5 engine or IPython cannot start,
7 connection file cannot be written, 9 kernel and engine of different versions,
13 launcher does not take the ports, 70 engine failure (please report)."""


def main(arguments: Sequence[str]) -> int:
    """Run the command; returns the exit code."""
    if arguments and arguments[0] == "install":
        from ipyrust.install import main as install

        return install(arguments[1:])
    if arguments and arguments[0] == "crash":
        from ipyrust.crash_reports import main as crash

        return crash(arguments[1:])
    try:
        line = parse(arguments)
    except UsageError as error:
        from ipyrust.exit_codes import ExitCode

        return _fail(ExitCode.USAGE, str(error))
    if line.action == "help":
        print(HELP)
        return 0
    if line.action == "version":
        print(f"ipyrust {__version__}")
        return 0
    if line.action != "run":
        from ipyrust.show_config import show_config

        print(show_config(_options(line), as_json=line.action == "show-config-json"))
        return 0
    return _serve(line, arguments)


def _serve(line: CommandLine, arguments: Sequence[str]) -> int:
    """Serve the connection file that `line` means until the kernel is shut down."""
    from ipyrust.connection_file import prepare

    try:
        file = prepare(line.connection_file, line.connection)
    except (OSError, ValueError) as error:
        return _fail_to_prepare(error, line)
    os.environ.update(line.environment)
    # What ipykernel leaves behind, and what libraries look for to tell a notebook from a script.
    launcher = os.path.join(os.path.dirname(os.path.abspath(__file__)), "ipykernel_launcher.py")
    sys.argv[:] = [launcher, *arguments]
    if file.is_ours:
        _remove_when_terminated(file)
    try:
        code = _run(file, line)
    finally:
        file.remove()
    from ipyrust.leaving import leave

    return leave(code)


def _remove_when_terminated(file: ConnectionFile) -> None:
    """A kernel that was started by hand is ended with `kill`: take the file along, then die of the signal."""
    import signal

    owner = os.getpid()

    def end(signum: int, _frame: object) -> None:
        if os.getpid() == owner:  # and not a child that a cell forked
            file.remove()
            _remove_journal(file)
        signal.signal(signum, signal.SIG_DFL)
        os.kill(os.getpid(), signum)

    signal.signal(signal.SIGTERM, end)


def _remove_journal(file: ConnectionFile) -> None:
    """An end that was asked for is no crash."""
    try:
        from ipyrust_core._native import journal_beside

        os.unlink(journal_beside(file.path))
    except (ImportError, OSError):
        pass  # There is none, or no engine that could have made one.


def _run(file: ConnectionFile, line: CommandLine) -> int:
    """Hand the interpreter to the engine, and turn what goes wrong into one line and a code."""
    try:
        from ipyrust_core import __version__ as core_version
        from ipyrust_core import run_kernel
        from ipyrust_core.errors import BindError, ConnectionFileError, RegistrationError
    except ImportError as error:
        from ipyrust.exit_codes import ExitCode

        return _fail(
            ExitCode.START,
            f"the engine cannot be imported ({error}); reinstall it: "
            f"{sys.executable} -m pip install --force-reinstall ipyrust-core",
        )
    if core_version != __version__:
        from ipyrust.exit_codes import ExitCode

        return _fail(ExitCode.VERSIONS, _why_versions_differ(core_version))
    try:
        from ipyrust.connection_file import free_path

        registered_file = free_path()
        return run_kernel(
            file.path,
            _interpreter(file, line, registered_file),
            registered_file=registered_file,
            capture_fds=_captures_fds(line),
            crash_reports=_is_on(line, "crash_reports", "IPYRUST_CRASH_REPORTS"),
            **_bytes_wanted(),
        )
    except ConnectionFileError as error:
        from ipyrust.exit_codes import ExitCode

        return _fail(ExitCode.CONNECTION_FILE, str(error))
    except BindError as error:
        from ipyrust.exit_codes import ExitCode

        return _fail(ExitCode.ADDRESS, str(error))
    except RegistrationError as error:
        from ipyrust.exit_codes import ExitCode

        return _fail(ExitCode.REGISTRATION, str(error))
    except Exception as error:
        from ipyrust.exit_codes import ExitCode

        if line.options.get("debug"):
            import traceback

            traceback.print_exc(file=sys.__stderr__)
        return _fail(ExitCode.START, _why_not_started(error))


def _why_versions_differ(core_version: str) -> str:
    """One line about an engine that this kernel was not made for."""
    return (
        f"ipyrust-kernel {__version__} does not run on ipyrust-core {core_version}; install one version: "
        f"{sys.executable} -m pip install ipyrust-kernel=={__version__} ipyrust-core=={__version__}"
    )


def _captures_fds(line: CommandLine) -> bool:
    """Whether the descriptors are captured: `--IPKernelApp.capture_fd_output`, else IPYRUST_CAPTURE_FDS, else yes."""
    return _is_on(line, "capture_fds", "IPYRUST_CAPTURE_FDS")


def _is_on(line: CommandLine, option: str, variable: str) -> bool:
    """What the command line says of `option`, else the environment's `variable`, else yes."""
    unwanted = os.environ.get(variable, "").lower() in ("0", "false", "no", "off")
    return bool(line.options.get(option, not unwanted))


def _bytes_wanted() -> dict[str, int]:
    """The bounds of the environment as arguments of `run_kernel`, without those that are no number that can be."""
    asked = {
        "replay_bytes": os.environ.get("IPYRUST_REPLAY_BYTES", ""),
        "backlog_bytes": os.environ.get("IPYRUST_BACKLOG_BYTES", ""),
    }
    wanted = {}
    for name, text in asked.items():
        if text.isascii() and text.isdigit() and len(text) < len(str(sys.maxsize)):
            wanted[name] = int(text)
        elif text:
            print(
                f"ipyrust: IPYRUST_{name.upper()}={text:.80} is no number of bytes and is ignored",
                file=sys.__stderr__,
            )
    return wanted


def _interpreter(
    file: ConnectionFile, line: CommandLine, registered_file: str
) -> IPythonInterpreter:
    """The interpreter for `line`, which looks after a file of our own once the sockets listen."""
    from ipyrust.interpreter import IPythonInterpreter

    class CommandInterpreter(IPythonInterpreter):
        """Starts when the sockets listen, which is when the connection file has its ports."""

        def start(self, kernel: Kernel) -> None:
            if kernel.core.connection_file == registered_file:
                file.served_as(registered_file)
                _remove_when_terminated(file)
            elif file.is_ours and not line.quiet:
                # Nobody knows the file yet.
                duplicate = os.dup(
                    kernel.core.original_fd(1)
                )  # the descriptor itself is the engine's
                with open(duplicate, "w", encoding="utf-8") as terminal:
                    terminal.write(_how_to_attach(file))
            super().start(kernel)

    return CommandInterpreter(lambda: _options(line))


def _options(line: CommandLine) -> KernelOptions:
    """What the interpreter needs to know of the command line."""
    from ipyrust.options import KernelOptions

    fields: dict[str, Any] = {"capture_fds": _captures_fds(line), **line.options}
    fields.pop("crash_reports", None)  # the engine's
    return KernelOptions(
        **fields,
        config=tuple(line.config),
        argv=tuple(line.arguments),
    )


def _how_to_attach(file: ConnectionFile) -> str:
    """What a person needs to know about a kernel they started by hand."""
    return (
        f"ipyrust kernel {os.getpid()} is running. Attach a client:\n"
        f"    jupyter console --existing {file.short_name}\n"
        f"Connection file: {file.path}\n"
        f"It ends when a client says `quit`, or with: kill {os.getpid()}\n"
    )


def _why_not_started(error: Exception) -> str:
    """One line about an exception that came out of the interpreter's start."""
    reason = " ".join(str(error).split()) or type(error).__name__
    if isinstance(error, ImportError):
        package = (error.name or "ipython").partition(".")[0].lower()
        return f"the kernel cannot start: {reason}; install it: {sys.executable} -m pip install {package}"
    return (
        f"the kernel cannot start: {type(error).__name__}: {reason} (--debug shows the traceback)"
    )


def _fail_to_prepare(error: OSError | ValueError, line: CommandLine) -> int:
    """One line about a connection file that cannot be written or changed."""
    from ipyrust.exit_codes import ExitCode

    if isinstance(error, OSError):
        what = line.connection_file or "a new connection file"
        return _fail(
            ExitCode.NOT_WRITABLE,
            f"cannot write {what}: {error.strerror}: {error.filename!r}; set JUPYTER_RUNTIME_DIR to a folder of yours",
        )
    return _fail(
        ExitCode.CONNECTION_FILE,
        f"connection file {line.connection_file!r} is not a JSON object ({error}); remove it or name another",
    )


def _fail(code: int, message: str) -> int:
    """Say why on stderr and return the exit code."""
    print(f"ipyrust: {message}", file=sys.__stderr__)
    return int(code)
