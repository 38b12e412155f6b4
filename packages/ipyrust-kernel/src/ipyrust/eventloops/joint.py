"""Several file descriptors and a time as one descriptor, for loops that watch a single one."""

from __future__ import annotations

import select
import sys
from collections.abc import Sequence
from typing import Any


class JointFd:
    """One descriptor that is readable when one of many is. On macOS also when a time is over."""

    def __init__(self) -> None:
        self._set: Any = None
        self._watched: tuple[Sequence[int], float | None] | None = None

    def watch(self, fds: Sequence[int], timeout: float | None = None) -> None:
        """Watch these from now on, and no others."""
        if self._set is not None and timeout is None and self._watched == (fds, None):
            return
        self.close()
        self._watched = (fds, timeout)
        self._set = _epoll(fds) if sys.platform == "linux" else _kqueue(fds, timeout)

    def fileno(self) -> int:
        """The one descriptor."""
        return int(self._set.fileno())

    def input_is_ready(self) -> bool:
        """Whether it is readable."""
        return bool(select.select([self._set], [], [], 0)[0])

    def close(self) -> None:
        """Close it."""
        if self._set is not None:
            self._set.close()
            self._set = None


def _epoll(fds: Sequence[int]) -> Any:
    joint = select.epoll()
    for fd in fds:
        joint.register(fd, select.EPOLLIN)
    return joint


def _kqueue(fds: Sequence[int], timeout: float | None) -> Any:
    kernel: Any = select  # what Linux does not have
    events = [kernel.kevent(fd, kernel.KQ_FILTER_READ, kernel.KQ_EV_ADD) for fd in fds]
    if timeout is not None:
        once = kernel.KQ_EV_ADD | kernel.KQ_EV_ONESHOT
        time_ms = max(1, int(timeout * 1000))
        events.append(kernel.kevent(0, kernel.KQ_FILTER_TIMER, once, data=time_ms))
    joint = kernel.kqueue()
    joint.control(events, 0)
    return joint
