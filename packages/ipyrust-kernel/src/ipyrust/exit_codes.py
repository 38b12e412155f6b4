"""The exit codes of `python -m ipyrust`, `python -m ipyrust.install` and the native `ipyrust` command, in one place.

They are part of the interface: the README lists them, scripts may rely on them. A kernel that user code ends
(`os._exit(7)`, a crash) has the code or signal that the user code chose.
"""

from enum import IntEnum


class ExitCode(IntEnum):
    """Why the process ended."""

    OK = 0
    """The kernel was shut down as asked, or the command did its work."""
    FAILED = 1
    """The parent process died, or something happened that no other code describes."""
    USAGE = 2
    """The command line is wrong."""
    CONNECTION_FILE = 3
    """The connection file (or registration file) is missing, torn, unreadable, unsafe, or names something unknown."""
    ADDRESS = 4
    """An address of the connection file is in use or not available."""
    START = 5
    """The kernel could not start: the engine or IPython cannot be imported."""
    NAME_TAKEN = 6
    """`install`: another kernel has this name. `--remove`: the kernel of this name is not ours."""
    NOT_WRITABLE = 7
    """A directory or file cannot be written."""
    NOT_FOUND = 8
    """`--remove`: there is no such kernel."""
    VERSIONS = 9
    """The kernel and the engine are of different versions."""
    NO_PYTHON = 10
    """`ipyrust`: no interpreter that it finds has this package."""
    BAD_PYTHON = 11
    """`ipyrust`: the interpreter that `--python` or IPYRUST_PYTHON names does not work."""
    FINDINGS = 12
    """`ipyrust doctor` found something."""
    REGISTRATION = 13
    """The launcher that wrote the registration file did not answer, or did not take the ports."""
    ENGINE = 70
    """The engine's I/O thread failed, which is a bug of ours; its last log line says how."""
