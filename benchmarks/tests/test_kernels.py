"""Every kernel starts as it would from an installation."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from benchmarks.kernels import OWN


def test_a_kernel_may_keep_bytecode(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    code = "import sys; print(sys.flags.dont_write_bytecode)"
    done = subprocess.run(
        [OWN.python, "-c", code],
        env=OWN.variables(tmp_path),
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "0\n"
