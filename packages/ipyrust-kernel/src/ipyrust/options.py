"""What the command line decided, as one value. The defaults are those of a plain `python -m ipyrust -f FILE`."""

from __future__ import annotations

from typing import NamedTuple


class KernelOptions(NamedTuple):
    """All that shapes the interpreter before it starts. Nothing here is checked: `start` reports what is wrong."""

    profile: str = "default"
    """Name of the IPython profile."""
    profile_dir: str | None = None
    """Path of a profile directory; wins over `profile`."""
    ipython_dir: str | None = None
    """Directory that holds the profiles; None = IPython's own rule (IPYTHONDIR, ~/.ipython)."""
    config: tuple[tuple[str, str], ...] = ()
    """Overrides as (`Class.trait`, text) pairs, e.g. ("InteractiveShell.colors", "linux"). A pair given more than
    once makes a list, as on the command line."""
    config_files: tuple[str, ...] = ()
    """Configuration files to load after the profile's own."""
    matplotlib: str | None = None
    """Backend of `--matplotlib`; "auto" lets matplotlib choose."""
    gui: str | None = None
    pylab: str | None = None
    exec_lines: tuple[str, ...] = ()
    exec_files: tuple[str, ...] = ()
    extensions: tuple[str, ...] = ()
    """Extensions to load besides those of the configuration."""
    code_to_run: str = ""
    """The code of `-c`."""
    module_to_run: str = ""
    """The module of `-m`."""
    file_to_run: str = ""
    quiet: bool = True
    """Send stdout and stderr to the clients only; False also copies them to the process's own."""
    no_stdout: bool = False
    """Throw standard output away."""
    no_stderr: bool = False
    capture_fds: bool = False
    """Publish what C code and child processes write to file descriptors 1 and 2 (the engine does it)."""
    argv: tuple[str, ...] = ()
    """Arguments left over for the user's code."""
    debug: bool = False
    trio_loop: bool = False
    """Run every cell in one Trio loop."""
