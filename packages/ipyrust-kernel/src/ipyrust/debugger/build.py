"""Connects the debugger to the running IPython."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ipyrust.debugger.session import Debugger
from ipyrust_core.errors import CoreClosedError
from ipyrust_core.parent import parent
from ipyrust_core.wire_json import encode

if TYPE_CHECKING:
    from ipyrust.debugger.replies import Content, Json
    from ipyrust.ipython.build import Ipython
    from ipyrust_core._native import Request


class PublishingDebugger(Debugger):
    """Publishes its events as `debug_event` messages, with the newest debug request as parent."""

    def __init__(self, ipython: Ipython, kernel_modules: frozenset[str]) -> None:
        super().__init__(ipython.shell, publish_event=self._publish, kernel_modules=kernel_modules)
        self._core = ipython.publisher.core
        self._request: Request | None = None

    def handle(self, request: Content) -> Json:
        """Answer one request."""
        self._request = parent.get()
        return super().handle(request)

    def _publish(self, event: Json) -> None:
        try:
            self._core.publish("debug_event", encode(event), parent=self._request)
        except CoreClosedError:
            pass


def build_debugger(ipython: Ipython, kernel_modules: frozenset[str]) -> Debugger:
    """The debugger of `ipython`."""
    return PublishingDebugger(ipython, kernel_modules)
