"""The first steps of a forked kernel: out of the template's skin, into what its starter asked for."""

from __future__ import annotations

import os
import signal
import sys
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class KernelRequest:
    """What a starter wants."""

    arguments: list[str]
    """The kernel's command line after `-m ipyrust`."""
    directory: str | None
    """Working directory; None = the starter's."""
    environment: dict[str, str]
    """All of it."""
    standard_fds: tuple[int, int, int]
    """stdin, stdout and stderr of the kernel to be."""

    @classmethod
    def checked(cls, message: dict[str, Any], fds: list[int]) -> KernelRequest:
        """From what came over the wire.

        Raises:
            ValueError: a field is missing or wrong.
        """
        arguments, directory = message.get("arguments"), message.get("directory")
        environment = message.get("environment")
        if not (isinstance(arguments, list) and all(isinstance(each, str) for each in arguments)):
            raise ValueError("arguments must be a list of strings")
        if directory is not None and not isinstance(directory, str):
            raise ValueError("directory must be a string or null")
        if not isinstance(environment, dict) or not all(
            isinstance(value, str) for value in environment.values()
        ):
            raise ValueError("environment must be an object of strings")
        if len(fds) != 3:
            raise ValueError(f"3 descriptors must come along, not {len(fds)}")
        return cls(arguments, directory, environment, (fds[0], fds[1], fds[2]))


def become(request: KernelRequest) -> None:
    """Make this freshly forked process what `subprocess` would have made it, short of `exec`.

    Raises:
        OSError: the directory cannot be entered.
    """
    os.setsid()
    for number in (signal.SIGCHLD, signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(
            number, signal.SIG_DFL if number != signal.SIGINT else signal.default_int_handler
        )
    for target, fd in enumerate(request.standard_fds):
        os.dup2(fd, target)
        if fd > 2:
            os.close(fd)
    os.environ.clear()
    os.environ.update(request.environment)
    if request.directory is not None:
        os.chdir(request.directory)
    sys.argv[:] = [sys.argv[0], *request.arguments]
    reseed()


def reseed() -> None:
    """Give generators of random numbers that were seeded at import, before the fork, a state of this process's own.

    `random` does so by itself.
    """
    numpy_random = sys.modules.get("numpy.random")
    if numpy_random is not None:
        numpy_random.seed()
    torch = sys.modules.get("torch")
    if torch is not None:
        torch.seed()
