"""Event loops of others, registered in ipykernel's way: functions that run a loop until the shell stream has messages.

Such a function gets the kernel and asks it for `shell_stream` (`flush`, `getsockopt` for a descriptor to watch) and
`_poll_interval`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from ipyrust.eventloops.joint import JointFd

Loop = Callable[[Any], Any]

loop_map: dict[str | None, Loop | None] = {None: None}
"""Name for %gui → registered loop."""


def register_integration(*names: str) -> Callable[[Loop], Loop]:
    """Make a decorator that registers a loop under `names`; the loop gets an `exit` decorator for what ends it."""

    def register(loop: Any) -> Any:
        for name in names:
            loop_map[name] = loop
        loop.exit_hook = lambda _kernel: None

        def register_exit(hook: Loop) -> Loop:
            loop.exit_hook = hook
            return hook

        loop.exit = register_exit
        return loop

    return register


def event_loop_functions(kernel: Any) -> dict[str, Any]:
    """The content of `ipykernel.eventloops` for a running kernel."""

    def enable_gui(gui: str | None, kernel: Any = kernel) -> None:
        """As %gui."""
        from ipyrust.eventloops.names import enable_gui as enable

        enable(gui, kernel)

    return {
        "enable_gui": enable_gui,
        "loop_map": loop_map,
        "register_integration": register_integration,
    }


class ShellStream:
    """As much of a ZMQStream as such loops use."""

    def __init__(self) -> None:
        self._joint = JointFd()

    def watch(self, fds: Sequence[int]) -> None:
        """Stand for these descriptors."""
        self._joint.watch(fds)

    def getsockopt(self, _option: int) -> int:
        """The descriptor, whichever option is asked for."""
        return self._joint.fileno()

    def flush(self, flag: int | None = None, limit: int | None = None) -> int:
        """1 if the kernel has something to do, and the loop is to return; else 0."""
        return int(self._joint.input_is_ready())

    def close(self) -> None:
        """Close the descriptor."""
        self._joint.close()


class RegisteredLoop:
    """A registered loop as a `Toolkit`. Timers of asyncio are late by as long as the loop does not return."""

    def __init__(self, loop: Loop, kernel: Any) -> None:
        self._loop = loop
        self._kernel = kernel
        self._stream = kernel.shell_stream = ShellStream()

    def wait(self, fds: Sequence[int], timeout: float | None) -> None:
        """See `Toolkit.wait`."""
        self._stream.watch(fds)
        if timeout is None or timeout > 0:
            self._loop(self._kernel)

    def close(self) -> None:
        """See `Toolkit.close`."""
        getattr(self._loop, "exit_hook", lambda _kernel: None)(self._kernel)
        del self._kernel.shell_stream
        self._stream.close()
