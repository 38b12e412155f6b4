"""Fixtures of the conformance suites: the isolated Jupyter installation of the client tests."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "clients")]

pytest.register_assert_rewrite("jupyter_home", "sdist_suite")

from jupyter_home import jupyter_home  # noqa: E402

__all__ = ["jupyter_home"]
