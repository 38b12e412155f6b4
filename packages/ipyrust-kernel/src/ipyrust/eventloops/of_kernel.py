"""`kernel.eventloop`, as libraries written for ipykernel read and set it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ipyrust.eventloops.toolkit import Toolkit
    from ipyrust_core.kernel import Kernel


class HasEventLoop:
    """Mix-in of the kernel's façade."""

    _poll_interval = 0.01
    _kernel: Kernel
    _eventloop: Any = None
    _toolkit: Toolkit | None = None

    @property
    def eventloop(self) -> Any:
        """The GUI loop that runs while the kernel has nothing to do: a `Toolkit`, or a registered function, or None."""
        return self._eventloop

    @eventloop.setter
    def eventloop(self, loop: Any) -> None:
        from ipyrust.eventloops.integrations import RegisteredLoop

        if self._toolkit is not None:
            self._toolkit.close()
        toolkit: Toolkit | None = loop
        if loop is not None and not hasattr(loop, "wait"):
            toolkit = RegisteredLoop(loop, self)
        self._eventloop, self._toolkit = loop, toolkit
        self._kernel.idle_hook = None if toolkit is None else toolkit.wait
