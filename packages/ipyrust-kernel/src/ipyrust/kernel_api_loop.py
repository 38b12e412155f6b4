"""`get_ipython().kernel.io_loop`, `.shell_stream` and `.iopub_thread`: the machinery that code may still ask for.

Nothing here does the kernel's own work; these are the names under which other people's code reaches its event loop.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Generator
from datetime import timedelta
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ipyrust_core._native import KernelCore

ZMQ_FD = 14
"""`zmq.FD`, the only socket option that event loops ask for."""


class LoopFacade:
    """The kernel's asyncio loop with the names of a tornado loop."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.asyncio_loop = loop

    def add_callback(self, callback: Callable[..., Any], *args: Any, **kwargs: Any) -> None:
        """Call `callback` soon, on the loop's thread; a coroutine it returns becomes a task. From any thread."""
        self.asyncio_loop.call_soon_threadsafe(self._call, callback, args, kwargs)

    spawn_callback = add_callback
    add_callback_from_signal = add_callback

    def call_later(
        self, delay: float, callback: Callable[..., Any], *args: Any, **kwargs: Any
    ) -> asyncio.TimerHandle:
        """Call `callback` after `delay` seconds."""
        return self.asyncio_loop.call_later(delay, self._call, callback, args, kwargs)

    def call_at(
        self, when: float, callback: Callable[..., Any], *args: Any, **kwargs: Any
    ) -> asyncio.TimerHandle:
        """Call `callback` when the loop's clock says `when`."""
        return self.asyncio_loop.call_at(when, self._call, callback, args, kwargs)

    def add_timeout(
        self, deadline: float | timedelta, callback: Callable[..., Any], *args: Any, **kwargs: Any
    ) -> asyncio.TimerHandle:
        """As `call_later` with a timedelta, else as `call_at`."""
        if isinstance(deadline, timedelta):
            return self.call_later(deadline.total_seconds(), callback, *args, **kwargs)
        return self.call_at(deadline, callback, *args, **kwargs)

    def remove_timeout(self, handle: asyncio.TimerHandle) -> None:
        """Cancel what `call_later` returned."""
        handle.cancel()

    def add_future(self, future: Any, callback: Callable[[Any], Any]) -> None:
        """Call `callback` with `future` when that is done."""
        future.add_done_callback(lambda done: self.add_callback(callback, done))

    def run_in_executor(self, executor: Any, func: Callable[..., Any], *args: Any) -> Any:
        """Run `func` in a thread; returns a future."""
        return self.asyncio_loop.run_in_executor(executor, func, *args)

    def time(self) -> float:
        """Time of the loop's clock."""
        return self.asyncio_loop.time()

    def _call(
        self, callback: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> None:
        result = callback(*args, **kwargs)
        if asyncio.iscoroutine(result):
            self.asyncio_loop.create_task(result)


class ShellStream:
    """Stands where ipykernel has the stream of its shell socket."""

    def __init__(self, core: KernelCore) -> None:
        self._core = core

    @property
    def FD(self) -> int:  # noqa: N802
        """A descriptor that polls readable while requests wait."""
        return self._core.shell.fileno()

    def getsockopt(self, option: int) -> int:
        """`zmq.FD` only. Raises ValueError."""
        if int(option) != ZMQ_FD:
            raise ValueError("of the shell socket only zmq.FD can be asked")
        return self.FD

    def flush(self, flag: int = 0, limit: int | None = None) -> None:
        """Nothing: the engine sends by itself."""

    def closed(self) -> bool:
        """False."""
        return False


class IOPubThread:
    """Stands where ipykernel has the thread that publishes."""

    def __init__(self, core: KernelCore) -> None:
        self._core = core

    def schedule(self, function: Callable[[], Any]) -> None:
        """Call `function`; the order of what it publishes is that of the calls."""
        function()

    def flush(self, timeout: float = 10.0) -> bool:
        """Wait until what was published so far is on its way."""
        return self._core.flush(timeout)


class Done:
    """Something finished that may be awaited."""

    def __await__(self) -> Generator[Any, None, None]:
        return
        yield
