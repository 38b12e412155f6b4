"""Whether what a template has imported is still what an import would find."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator


class Freshness:
    """Remembers the state of the files behind `sys.modules` and of the directories on `sys.path`.

    An installation, an update or an edit changes one of them: a directory's time, when something is added to it or
    removed, or a file's.

    Parameters:
        began_ns: when the imports began, in nanoseconds since 1970. A file that was written later may have been
            imported as it was before.
    """

    def __init__(self, began_ns: int) -> None:
        files = _state(_module_files())
        self._before = files | _state(path for path in sys.path if os.path.isdir(path))
        self._was_late = any(changed_at >= began_ns for changed_at in files.values())

    def is_lost(self) -> bool:
        """Whether anything has changed since. Some thousand `stat` calls: a few milliseconds."""
        return self._was_late or _state(self._before) != self._before


def _module_files() -> Iterator[str]:
    files = (getattr(module, "__file__", None) for module in list(sys.modules.values()))
    return filter(None, files)


def _state(paths: Iterable[str]) -> dict[str, int]:
    return {path: _changed_at(path) for path in paths}


def _changed_at(path: str) -> int:
    try:
        return os.stat(path).st_mtime_ns
    except OSError:
        return 0
