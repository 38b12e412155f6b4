"""Fixtures: an interpreter on a core in memory, with a profile of its own."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from fake_core import Frontend, start_frontend, stop_frontend

from ipyrust.options import KernelOptions


@pytest.fixture(autouse=True)
def restored_process() -> Iterator[None]:
    """Undo what a shell does to the process for good."""
    environment, path = dict(os.environ), list(sys.path)
    main, argv, directory = sys.modules["__main__"], list(sys.argv), os.getcwd()
    # A shell that runs the tests in the background has them ignore SIGINT, and Python respects that.
    handler = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, handler)
    os.environ.clear()
    os.environ.update(environment)
    sys.path[:], sys.argv[:] = path, argv
    sys.modules["__main__"] = main
    os.chdir(directory)


@pytest.fixture
def options(tmp_path: Path) -> KernelOptions:
    """Options with a directory of their own."""
    return KernelOptions(ipython_dir=str(tmp_path / "ipython"))


@pytest.fixture
def frontend(options: KernelOptions) -> Iterator[Frontend]:
    """A frontend of a plain kernel."""
    frontend = start_frontend(options)
    yield frontend
    stop_frontend(frontend)
