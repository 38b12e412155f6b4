"""Fixtures of the client tests: an isolated Jupyter installation and kernels in it."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))

pytest.register_assert_rewrite("jupyter_home", "client_environment")

from jupyter_home import jupyter_home, notebook, shared_notebook  # noqa: E402

__all__ = ["jupyter_home", "notebook", "shared_notebook"]
