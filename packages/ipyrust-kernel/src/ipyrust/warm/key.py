"""Which template fits: the name of its socket says what it was made from.

A forked kernel has the interpreter, the options and everything that was read at import from its template. So a template
is used only where all of that would come out the same: same interpreter, options and modules, and the same environment
but for variables that differ from one kernel to the next and mean nothing to an import.
"""

from __future__ import annotations

import hashlib
import json
import os
import stat
from collections.abc import Mapping, Sequence
from pathlib import Path

from ipyrust import jupyter_paths
from ipyrust._version import __version__

IGNORED = frozenset(
    [
        *("PWD", "OLDPWD", "SHLVL", "_", "COLUMNS", "LINES", "WINDOWID"),
        *("SSH_CLIENT", "SSH_CONNECTION", "SSH_TTY", "XDG_SESSION_ID"),
    ]
)
"""Variables that a template does not care about, beside those that begin with `JPY_`."""
MAX_SOCKET_PATH_BYTES = 100
"""Bytes of a Unix socket's address: 104 on macOS, 108 on Linux, less the zero."""


def directory_of(environment: Mapping[str, str], directory: str) -> str:
    """Where a template for kernels in `directory` runs: there if PYTHONPATH is relative to it, else at the root."""
    folders = environment.get("PYTHONPATH", "").split(os.pathsep)
    is_relative = folders != [""] and not all(map(os.path.isabs, folders))
    return directory if is_relative else "/"


def template_key(
    python: Sequence[str],
    environment: Mapping[str, str],
    modules: Sequence[str],
    directory: str = "/",
) -> str:
    """A digest of everything that a template has in common with the kernels that it may fork.

    Parameters:
        python: the interpreter and its options.
        environment: of the kernel to be.
        modules: imported beforehand, beside IPython.
        directory: see `directory_of`.
    """
    relevant = {
        name: value
        for name, value in environment.items()
        if name not in IGNORED and not name.startswith("JPY_")
    }
    executable = os.path.realpath(python[0])
    try:
        status = os.stat(executable)
        made = [status.st_ino, status.st_mtime_ns]
    except OSError:
        made = []
    facts = [__version__, list(python), executable, made, sorted(relevant.items()), list(modules)]
    if directory != "/":
        facts.append(directory)
    return hashlib.sha256(json.dumps(facts).encode("utf-8", "surrogateescape")).hexdigest()[:24]


def socket_path(key: str) -> Path:
    """Where the template of this key listens: in a directory that lets nobody else in, which is made if need be.

    Raises:
        OSError: there is no place for it.
    """
    name = f"warm-{key}.sock"
    directory = Path(jupyter_paths.runtime_dir()) / "ipyrust-warm"
    if len(os.fsencode(directory / name)) > MAX_SOCKET_PATH_BYTES:
        directory = Path("/tmp") / f"ipyrust-warm-{os.geteuid()}"
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    status = os.lstat(directory)
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.geteuid():
        raise PermissionError(f"{directory} is not a directory of yours; remove it")
    if status.st_mode & 0o077:
        directory.chmod(0o700)
    return directory / name
