"""The stand-in channel, the packages built against it, and environments made of both.

`./run conda-test` makes the channel first. These tests are no part of `./run test`: they compile the engine once more.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tools"), str(Path(__file__).parent)]

from support import DEADLINE, OUTPUT, Run, pythons  # noqa: E402

from conda_channel.our_recipe import build, fetch_crates  # noqa: E402
from conda_channel.prefixes import Prefix, not_activated  # noqa: E402


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run a test that takes `python` once for each Python of the channel."""
    if "python" in metafunc.fixturenames:
        metafunc.parametrize("python", pythons(), scope="session")


@pytest.fixture(scope="session")
def packages() -> dict[str, Path]:
    """The recipe's packages by name, built and tested by their own tests."""
    fetch_crates()
    shutil.rmtree(OUTPUT, ignore_errors=True)
    OUTPUT.mkdir(parents=True)
    return {path.name.rsplit("-", 2)[0]: path for path in build(OUTPUT)}


@pytest.fixture
def prefix(tmp_path: Path) -> Prefix:
    """An environment that does not exist yet."""
    return Prefix(tmp_path / "environment")


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Run a program from another directory, with nothing activated; fails unless it exits with 0."""
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()

    def start(*command: str | Path, **variables: Any) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            command,
            cwd=elsewhere,
            env={**not_activated(elsewhere), **variables},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=DEADLINE,
            check=False,
        )
        assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
        return done

    return start
