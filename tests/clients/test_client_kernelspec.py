"""`jupyter kernelspec` knows ipyrust once its wheel is installed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Any

import pytest
from jupyter_home import DEADLINE, JupyterHome

pytestmark = pytest.mark.timeout(240)


def listed(env: dict[str, str]) -> dict[str, Any]:
    """What `jupyter kernelspec list` says in an environment."""
    command = [sys.executable, "-m", "jupyter", "kernelspec", "list", "--json"]
    done = subprocess.run(command, env=env, capture_output=True, timeout=DEADLINE, check=True)
    return json.loads(done.stdout)["kernelspecs"]


@pytest.fixture
def wheel_spec(jupyter_home: JupyterHome) -> dict[str, Any]:
    """The kernelspec `ipyrust` as listed without any path of ours."""
    try:
        distribution("ipyrust-kernel")
    except PackageNotFoundError:
        pytest.skip("ipyrust-kernel is not installed here: it runs from its source tree")
    env = {k: v for k, v in os.environ.items() if k != "JUPYTER_PATH"}
    specs = listed(env)
    assert "ipyrust" in specs
    return specs["ipyrust"]


def test_wheel_lists_the_kernel(wheel_spec: dict[str, Any]) -> None:
    """The spec comes with the wheel, into the environment that it was installed in."""
    folder = Path(sys.prefix, "share", "jupyter", "kernels", "ipyrust")
    assert Path(wheel_spec["resource_dir"]).resolve() == folder.resolve()


def test_wheel_spec_names_the_module(wheel_spec: dict[str, Any]) -> None:
    """The argv of the spec starts ipyrust with a connection file."""
    argv = wheel_spec["spec"]["argv"]
    assert argv[argv.index("-m") + 1] == "ipyrust"
    assert "{connection_file}" in argv


def test_wheel_spec_names_the_language(wheel_spec: dict[str, Any]) -> None:
    """Front ends choose a kernel for a notebook by its language."""
    assert wheel_spec["spec"]["language"] == "python"


def test_kernel_under_test_is_listed_first(jupyter_home: JupyterHome) -> None:
    """In these tests `python3` is the kernel under test, whatever else is installed."""
    spec = listed(dict(os.environ))["python3"]
    assert spec["resource_dir"].startswith(str(jupyter_home.root))
