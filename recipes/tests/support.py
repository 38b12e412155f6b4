"""What the tests of the conda packages share, apart from fixtures."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable

import pytest

from conda_channel.places import CACHE, CHANNEL

OUTPUT = CACHE / "output"
SUMMARY = CHANNEL / "channel.json"
DEADLINE = 180
"""Seconds that a command may take before a test fails: generous, because nothing waits for it to pass."""

Run = Callable[..., subprocess.CompletedProcess[str]]


def pythons() -> list[str]:
    """Minor versions that the channel has packages of, oldest first."""
    if not SUMMARY.exists():
        pytest.exit("there is no stand-in channel: start these tests with `./run conda-test`", 2)
    found: list[str] = list(json.loads(SUMMARY.read_text(encoding="utf-8"))["pythons"])
    return found
