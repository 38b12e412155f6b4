"""Fixtures of the fault tests: how long they run, and where what they measure goes."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

Scale = Callable[[float, float], int]
Figure = Callable[[str, float], None]


@pytest.fixture
def scale(pytestconfig: pytest.Config) -> Scale:
    """`scale(short, long)`: how much of something, in the normal suite and with `--soak`."""
    soaks: bool = pytestconfig.getoption("--soak")

    def choose(short: float, long: float) -> int:
        return int(long if soaks else short)

    return choose


@pytest.fixture
def figure(pytestconfig: pytest.Config, request: pytest.FixtureRequest) -> Figure:
    """`figure(name, value)`: note what was measured, for docs/reliability.md; nothing is compared with it."""
    file: str | None = pytestconfig.getoption("--figures")

    def note(name: str, value: float) -> None:
        if file is None:
            return
        Path(file).parent.mkdir(parents=True, exist_ok=True)
        line = {"test": request.node.name, "figure": name, "value": round(value, 4)}
        with Path(file).open("a", encoding="utf-8") as figures:
            figures.write(json.dumps({**line, "kernel": pytestconfig.getoption("--kernel")}) + "\n")

    return note


@pytest.fixture
def soak_only(pytestconfig: pytest.Config) -> None:
    """For tests that have no short version."""
    if not pytestconfig.getoption("--soak"):
        pytest.skip("takes long: ./run soak")
