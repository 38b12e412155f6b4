"""Several file descriptors and a timer as one descriptor, for loops that watch a single one."""

from __future__ import annotations

import select
import sys
from collections.abc import Sequence
from typing import Any

if sys.platform == "linux":

    class JointFd:
        """One descriptor that is readable when one of many is. The timer exists on macOS only."""

        def __init__(self) -> None:
            self._poll = select.epoll()
            self._watched: frozenset[int] = frozenset()

        def watch(self, fds: Sequence[int], timeout: float | None = None) -> None:
            """Watch these from now on, and no others."""
            wanted = frozenset(fds)
            for fd in self._watched - wanted:
                self._poll.unregister(fd)
            for fd in wanted - self._watched:
                self._poll.register(fd, select.EPOLLIN)
            self._watched = wanted

        def fileno(self) -> int:
            """The one descriptor."""
            return self._poll.fileno()

        def input_is_ready(self) -> bool:
            """Whether it is readable."""
            return bool(self._poll.poll(0))

        def close(self) -> None:
            """Close it."""
            self._poll.close()

else:

    class JointFd:
        """One descriptor that is readable when one of many is, or when a time is over."""

        def __init__(self) -> None:
            self._queue: Any = None

        def watch(self, fds: Sequence[int], timeout: float | None = None) -> None:
            """Watch these from now on, and no others."""
            self.close()
            self._queue = select.kqueue()
            events = [select.kevent(fd, select.KQ_FILTER_READ, select.KQ_EV_ADD) for fd in fds]
            if timeout is not None:
                once = select.KQ_EV_ADD | select.KQ_EV_ONESHOT
                time = max(1, int(timeout * 1000))
                events.append(select.kevent(0, select.KQ_FILTER_TIMER, once, data=time))
            self._queue.control(events, 0)

        def fileno(self) -> int:
            """The one descriptor."""
            return int(self._queue.fileno())

        def input_is_ready(self) -> bool:
            """Whether it is readable."""
            return bool(select.select([self._queue], [], [], 0)[0])

        def close(self) -> None:
            """Close it."""
            if self._queue is not None:
                self._queue.close()
                self._queue = None
