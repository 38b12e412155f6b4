"""Fixtures of the debugger's tests."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from debugger.dap import DebugFrontend
from frontend import Frontend, KernelProcess


@pytest.fixture
def debug(
    start_kernel: Callable[..., KernelProcess],
    connect: Callable[[KernelProcess], Frontend],
    tmp_path: Path,
) -> DebugFrontend:
    """A debugging frontend of a kernel of the test's own; no session is open."""
    client = connect(start_kernel(env={"TMPDIR": str(tmp_path)}))
    client.settle()  # A person opens the debugger after the kernel has started, not meanwhile.
    return DebugFrontend(client)


@pytest.fixture
def attached(debug: DebugFrontend) -> DebugFrontend:
    """A debugging frontend with an open session."""
    debug.start()
    return debug
