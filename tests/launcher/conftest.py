"""The launcher under test, a user's account, and virtual environments."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

pytest.register_assert_rewrite("launcher.environments")

from launcher.environments import Environment, Machine  # noqa: E402

MakeEnvironment = Callable[[str], Environment]


@pytest.fixture(scope="session")
def launcher() -> Path:
    """The binary: `IPYRUST_TEST_LAUNCHER`, else the one beside the interpreter that runs the tests."""
    chosen = os.environ.get("IPYRUST_TEST_LAUNCHER")
    found = chosen or shutil.which("ipyrust", path=str(Path(sys.executable).parent))
    if found is None:
        if os.environ.get("CI"):
            pytest.fail("the ipyrust command is not installed: ./run install")
        pytest.skip(
            "the ipyrust command is not installed: ./run install, or set IPYRUST_TEST_LAUNCHER"
        )
    return Path(found).resolve(strict=True)


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    """A user without any kernel."""
    return Machine(tmp_path / "home")


@pytest.fixture
def make(tmp_path: Path, launcher: Path) -> MakeEnvironment:
    """Make an empty environment of this name."""
    return lambda name: Environment(tmp_path / name, launcher)


@pytest.fixture
def ours(make: MakeEnvironment) -> Environment:
    """An environment with ipyrust."""
    return make("ours").add_ipyrust()


@pytest.fixture
def bare(make: MakeEnvironment) -> Environment:
    """An environment without."""
    return make("bare")
