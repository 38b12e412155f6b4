"""Whether what a template has imported is still what an import would find."""

from __future__ import annotations

import os
import sys


class Freshness:
    """Remembers the state of the files behind `sys.modules` and of the directories on `sys.path`.

    An installation, an update or an edit changes one of them: a directory's time, when something is added to it or
    removed, or a file's.
    """

    def __init__(self) -> None:
        self._before = _state()

    def is_lost(self) -> bool:
        """Whether anything has changed since. Some thousand `stat` calls: a few milliseconds."""
        return _state(self._before) != self._before


def _state(paths: dict[str, int] | None = None) -> dict[str, int]:
    if paths is None:
        files = (getattr(module, "__file__", None) for module in list(sys.modules.values()))
        paths = dict.fromkeys((*filter(None, files), *filter(os.path.isdir, sys.path)), 0)
    return {path: _changed_at(path) for path in paths}


def _changed_at(path: str) -> int:
    try:
        return os.stat(path).st_mtime_ns
    except OSError:
        return 0
