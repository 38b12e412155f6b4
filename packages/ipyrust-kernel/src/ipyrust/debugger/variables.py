"""The variables of the user's namespace as a debugger lists them, and which names are not shown."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from types import SimpleNamespace
from typing import Any

from ipyrust.debugger.attachment import import_debugpy
from ipyrust.debugger.replies import RequestError

Json = dict[str, Any]

HIDDEN = frozenset(
    {
        "__name__",
        "__doc__",
        "__package__",
        "__loader__",
        "__spec__",
        "__annotations__",
        "__builtins__",
        "__builtin__",
        "__display__",
        "get_ipython",
        "debugpy",
        "exit",
        "quit",
        "In",
        "Out",
        "_oh",
        "_dh",
        "_",
        "__",
        "___",
    }
)
"""Names that IPython and the kernel put into the namespace."""
HIDDEN_PATTERN = re.compile(r"_\d|_i")
"""`_1`, `_i`, `_i1`, `_ii` …"""


def is_shown(name: str) -> bool:
    """Whether a variable of this name is the user's."""
    return name not in HIDDEN and HIDDEN_PATTERN.match(name) is None


def shown(variables: Iterable[Json]) -> list[Json]:
    """The variables that are the user's."""
    return [variable for variable in variables if is_shown(str(variable.get("name", "")))]


class VariableExplorer:
    """A look into a namespace while nothing is stopped, by the means pydevd has for stopped frames.

    References to children are valid until the next look.
    """

    def __init__(self, namespace: Mapping[str, Any], file_name: str) -> None:
        """Take a snapshot of `namespace`: cells may go on changing it."""
        import_debugpy()
        from _pydevd_bundle.pydevd_api import PyDevdAPI
        from _pydevd_bundle.pydevd_frame_utils import create_frames_list_from_frame
        from _pydevd_bundle.pydevd_suspended_frames import SuspendedFramesManager, _FramesTracker

        snapshot = dict(namespace)
        self._frame = SimpleNamespace(
            f_code=SimpleNamespace(co_filename=file_name, co_name="<module>"),
            f_globals=snapshot,
            f_locals=snapshot,
            f_back=None,
            f_lineno=1,
        )
        self._manager = SuspendedFramesManager()
        settings = SimpleNamespace(variable_presentation=PyDevdAPI.VariablePresentation())
        tracker = _FramesTracker(self._manager, settings)
        tracker.track("thread", create_frames_list_from_frame(self._frame))

    def variables(self) -> list[Json]:
        """The variables of the namespace."""
        return self.children(id(self._frame))

    def children(self, reference: int) -> list[Json]:
        """The children of what has this reference.

        Raises:
            RequestError: nothing has it.
        """
        try:
            parent = self._manager.get_variable(reference)
        except KeyError:
            raise RequestError(
                f"variablesReference {reference} is not valid any more; ask for the variables again"
            ) from None
        return [child.get_var_data() for child in parent.get_children_variables()]
