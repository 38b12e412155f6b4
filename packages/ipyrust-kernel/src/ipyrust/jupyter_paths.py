"""Where Jupyter keeps its files: the few rules of `jupyter_core.paths` that a kernel needs.

They are written out here because importing jupyter_core takes longer than binding all sockets. The tests compare every
function with the original. Strings and `os` only: this module is on the way of the first answer.
"""

import os
import sys

SYSTEM_DATA_DIR = "/usr/local/share/jupyter"
"""Data directory of the whole machine."""


def runtime_dir() -> str:
    """Where connection files are."""
    return os.environ.get("JUPYTER_RUNTIME_DIR") or os.path.join(data_dir(), "runtime")


def data_dir() -> str:
    """The user's data directory; kernelspecs are in its `kernels`."""
    chosen = os.environ.get("JUPYTER_DATA_DIR")
    if chosen:
        return chosen
    if _uses_platform_dirs():
        return _platform_data_dir()
    home = os.path.realpath(os.path.expanduser("~"))
    if sys.platform == "darwin":
        return os.path.join(home, "Library", "Jupyter")
    return os.path.join(
        os.environ.get("XDG_DATA_HOME") or os.path.join(home, ".local", "share"), "jupyter"
    )


def prefix_data_dir(prefix: str) -> str:
    """The data directory of an environment."""
    return os.path.join(prefix, "share", "jupyter")


def _uses_platform_dirs() -> bool:
    """JUPYTER_PLATFORM_DIRS, with Jupyter's idea of false."""
    value = os.environ.get("JUPYTER_PLATFORM_DIRS")
    return value is not None and value.lower() not in {"no", "n", "false", "off", "0", "0.0"}


def _platform_data_dir() -> str:
    """Where the operating system wants user data (`platformdirs.user_data_dir`)."""
    name, default = "jupyter", "~/.local/share"
    if sys.platform == "darwin":
        name, default = "Jupyter", "~/Library/Application Support"
    chosen = os.environ.get("XDG_DATA_HOME", "").strip()
    return os.path.join(chosen if os.path.isabs(chosen) else os.path.expanduser(default), name)
