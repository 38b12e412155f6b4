"""`./run channel` where it cannot work: one line that says what is missing, and nothing half-made left."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from conda_channel.channel import check_platform
from conda_channel.places import ROOT, ChannelError

pytestmark = pytest.mark.timeout(450)
TOOL = ROOT / "tools" / "conda_channel"


def complaint(cache: Path, *arguments: str, **variables: str) -> str:
    """Run the tool with a cache of its own; returns its complaint."""
    environment = {**os.environ, "IPYRUST_CONDA_CACHE": str(cache), **variables}
    ended = subprocess.run(
        [sys.executable, TOOL, *arguments],
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=400,
        check=False,
    )
    assert ended.returncode == 1, ended.stderr
    assert ended.stdout == ""
    *before, last = ended.stderr.splitlines()
    assert all(line.startswith("channel: ") for line in [*before, last]), ended.stderr
    assert not list(cache.glob("channel/**/*.conda"))
    return last


def test_a_missing_interpreter_is_named(tmp_path: Path) -> None:
    line = complaint(tmp_path, "--python", "3.99")
    assert "no CPython 3.99 with headers on PATH or in pyenv's folder (found: 3." in line
    assert line.endswith("install it, or leave it out of --python")


@pytest.mark.parametrize("machine", [("Darwin", "arm64"), ("Linux", "aarch64")])
def test_another_platform_is_named(machine: tuple[str, str]) -> None:
    with pytest.raises(ChannelError, match="this is {} on {}".format(*machine)):
        check_platform(*machine)


def test_no_interpreter_at_all(tmp_path: Path) -> None:
    line = complaint(tmp_path, PATH=str(tmp_path), PYENV_ROOT=str(tmp_path))
    assert "no CPython >= 3.11 with headers" in line


@pytest.mark.parametrize("missing", ["cargo", "pkg-config"])
def test_a_missing_build_program_is_named(tmp_path: Path, missing: str) -> None:
    programs = tmp_path / "bin"
    programs.mkdir()
    for name in {"gcc", "g++", "rustc", "cargo", "make", "pkg-config"} - {missing}:
        path = shutil.which(name)
        assert path is not None, name
        (programs / name).symlink_to(path)
    python = "python{}.{}".format(*sys.version_info[:2])
    (programs / python).symlink_to(os.path.realpath(sys.executable))
    line = complaint(tmp_path / "cache", PATH=str(programs))
    assert f"no {missing!r} on PATH" in line


def test_without_a_package_index(tmp_path: Path) -> None:
    unreachable = {
        "PIP_CONFIG_FILE": os.devnull,
        "PIP_FIND_LINKS": "",
        "PIP_INDEX_URL": "http://127.0.0.1:9/",
        "PIP_NO_CACHE_DIR": "1",
        "PIP_RETRIES": "0",
        "PIP_TIMEOUT": "5",
    }
    line = complaint(tmp_path, **unreachable)
    assert "cannot choose wheels with pip: ERROR: No matching distribution found for" in line
    assert line.endswith("so the machine needs to reach one")
