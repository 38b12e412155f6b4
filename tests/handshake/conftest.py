"""Fixtures: launchers, and kernels that register with them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from frontend import Frontend, KernelUnderTest
from handshake.launcher import Launcher, RegisteredKernel

StartRegistered = Callable[..., RegisteredKernel]


@pytest.fixture(params=["content", "message"])
def launcher(request: pytest.FixtureRequest) -> Iterator[Launcher]:
    """A launcher on loopback, in each of the two forms."""
    with Launcher(request.param) as each:
        yield each


@pytest.fixture
def start_registered(
    kernel_under_test: KernelUnderTest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[StartRegistered]:
    """Start a kernel with a registration file; takes the file's content."""
    with ExitStack() as stack:

        def start(file: dict[str, Any], **options: Any) -> RegisteredKernel:
            folder = options.pop("folder", None) or tmp_path_factory.mktemp("kernel")
            process = RegisteredKernel(kernel_under_test, folder, file, **options)
            stack.callback(process.close)
            return process

        yield start


@pytest.fixture
def registered(
    launcher: Launcher, start_registered: StartRegistered, connect: Callable[..., Frontend]
) -> Frontend:
    """A client of a kernel that has registered."""
    process = start_registered(launcher.file())
    handshake = launcher.receive()
    launcher.accept(handshake)
    process.listens_on(handshake.ports)
    return connect(process)
