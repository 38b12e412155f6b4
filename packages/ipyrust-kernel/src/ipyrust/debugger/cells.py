"""File names of cells, `<tmp>/ipykernel_<pid>/<hash>.py`, and the files a debugging frontend asks for.

joblib, numba and datasets recognise notebook code by this directory name and make stable cache keys from it; a
debugging frontend computes the same hash (MurmurHash2, 32 bit) to find the cell of a breakpoint. The names are made
for every cell, the directory and the files only while somebody debugs.
"""

from __future__ import annotations

import os
import stat
from functools import cache

from ipyrust_core._native import murmur2

HASH_METHOD = "Murmur2"
HASH_SEED = 0xC70F6907
SUFFIX = ".py"


@cache
def temporary_directory() -> str:
    """What `tempfile.gettempdir()` says, found without that import where the answer is plain."""
    for name in ("TMPDIR", "TEMP", "TMP"):
        if os.environ.get(name):
            break
    else:
        if os.name == "posix" and os.access("/tmp", os.W_OK | os.X_OK):
            return "/tmp"
    import tempfile

    return tempfile.gettempdir()


def cell_directory() -> str:
    """Directory that cell file names lie in; it need not exist."""
    return f"{temporary_directory()}{os.sep}ipykernel_{os.getpid()}"


def cell_file_name(code: str) -> str:
    """File name under which `code` is compiled; the variable IPYKERNEL_CELL_NAME overrides it."""
    fixed = os.environ.get("IPYKERNEL_CELL_NAME")
    if fixed is not None:
        return fixed
    number = murmur2(code.encode("utf-8", "surrogatepass"), HASH_SEED)
    return f"{cell_directory()}{os.sep}{number}{SUFFIX}"


class CellFiles:
    """The files that were written for a frontend. They are ours to remove."""

    def __init__(self) -> None:
        self._files: set[str] = set()
        self._directory: str | None = None
        self._pid = os.getpid()

    def write(self, code: str) -> str:
        """Write `code` under its file name, which is returned; nobody else may read it.

        Raises:
            OSError: it cannot be written, or somebody else made the directory.
        """
        path = cell_file_name(code)
        if os.path.dirname(path) == cell_directory():
            self._make_directory(cell_directory())
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | getattr(os, "O_NOFOLLOW", 0)
        existed = os.path.lexists(path)
        with open(os.open(path, flags, 0o600), "wb") as file:
            file.write(code.encode("utf-8", "surrogatepass"))
        if not existed:
            self._files.add(path)
        return path

    def _make_directory(self, directory: str) -> None:
        try:
            os.mkdir(directory, 0o700)
            self._directory = directory
        except FileExistsError:
            found = os.lstat(directory)
            if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid():
                raise PermissionError(
                    f"{directory} exists and is not a directory of this user's"
                ) from None

    def remove(self) -> None:
        """Remove the files, and the directory if it is ours and empty. Does nothing in a forked child."""
        if os.getpid() != self._pid:
            return
        while self._files:
            try:
                os.unlink(self._files.pop())
            except OSError:
                pass
        if self._directory is not None:
            try:
                os.rmdir(self._directory)
            except OSError:
                pass
            self._directory = None
