"""Builds the example that is counted, and starts it.

Not part of `./run test`: these tests need valgrind, pkg-config and libzmq's development files. `./run instructions`
runs them.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from instructions.callgrind import CountedKernel

ROOT = Path(__file__).resolve().parents[2]
TARGET = ROOT / ".cache" / "target-instructions"
PROFILE = {"lto": "off", "codegen-units": 1, "strip": "none"}
"""What differs from the release profile: linking is quicker, and callgrind needs the names of functions."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the way to write new figures."""
    parser.addoption(
        "--record", action="store_true", help="write the figures to benchmarks/instructions.json"
    )


@pytest.fixture(scope="session")
def executable() -> Path:
    """The example, built as a release is, against the installed libzmq: nothing of C++ is compiled."""
    missing = [tool for tool in ("cargo", "pkg-config", "valgrind") if not shutil.which(tool)]
    if missing:
        reason = f"not installed: {', '.join(missing)}"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    package = ["--package", "ipyrust-engine", "--no-default-features", "--example", "message_path"]
    profile = [f"--config=profile.release.{name}={value!r}" for name, value in PROFILE.items()]
    command = ["cargo", "build", "--quiet", "--locked", "--release", *package, *profile]
    workspace = ROOT / "packages" / "ipyrust-core"
    environment = {**os.environ, "CARGO_TARGET_DIR": str(TARGET)}
    subprocess.run(command, cwd=workspace, env=environment, check=True)
    return TARGET / "release" / "examples" / "message_path"


@pytest.fixture
def count(
    executable: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[..., CountedKernel]]:
    """Start a counted kernel; takes fields of the connection file."""
    started: list[CountedKernel] = []

    def start(**fields: Any) -> CountedKernel:
        kernel = CountedKernel(executable, tmp_path_factory.mktemp("counted"), fields)
        started.append(kernel)
        kernel.cells(200)  # What happens once is over.
        return kernel

    yield start
    for kernel in started:
        kernel.close()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The first test waits for the compiler."""
    for item in items:
        if item.path.parent == Path(__file__).parent:
            item.add_marker(pytest.mark.timeout(900))
