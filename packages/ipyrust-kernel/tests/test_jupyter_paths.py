"""Jupyter's directories, compared with jupyter_core in every environment that it distinguishes."""

import os

import pytest

from ipyrust import jupyter_paths

paths = pytest.importorskip("jupyter_core.paths")

VARIABLES = (
    "JUPYTER_RUNTIME_DIR",
    "JUPYTER_DATA_DIR",
    "XDG_DATA_HOME",
    "XDG_RUNTIME_DIR",
    "JUPYTER_PLATFORM_DIRS",
)


@pytest.mark.parametrize(
    "environment",
    [
        {},
        {"JUPYTER_RUNTIME_DIR": "/r"},
        {"JUPYTER_RUNTIME_DIR": ""},
        {"JUPYTER_DATA_DIR": "/d"},
        {"JUPYTER_DATA_DIR": "relative"},
        {"XDG_DATA_HOME": "/x"},
        {"XDG_DATA_HOME": ""},
        {"XDG_RUNTIME_DIR": "/run/user/0"},
        {"JUPYTER_PLATFORM_DIRS": "1"},
        {"JUPYTER_PLATFORM_DIRS": "1", "XDG_DATA_HOME": "/x"},
        {"JUPYTER_PLATFORM_DIRS": "1", "XDG_DATA_HOME": "relative"},
        {"JUPYTER_PLATFORM_DIRS": "off", "XDG_DATA_HOME": "/x"},
        {"JUPYTER_PLATFORM_DIRS": ""},
        {"HOME": "/somewhere/else"},
    ],
    ids=str,
)
def test_same_directories_as_jupyter_core(
    monkeypatch: pytest.MonkeyPatch, environment: dict[str, str]
) -> None:
    for variable in VARIABLES:
        monkeypatch.delenv(variable, raising=False)
    for variable, value in environment.items():
        monkeypatch.setenv(variable, value)
    assert jupyter_paths.data_dir() == paths.jupyter_data_dir()
    assert jupyter_paths.runtime_dir() == paths.jupyter_runtime_dir()


def test_home_behind_a_symlink(monkeypatch: pytest.MonkeyPatch, tmp_path) -> None:
    for variable in VARIABLES:
        monkeypatch.delenv(variable, raising=False)
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    monkeypatch.setenv("HOME", str(tmp_path / "link"))
    assert jupyter_paths.data_dir() == paths.jupyter_data_dir()


def test_data_directory_of_an_environment() -> None:
    import sys

    assert [jupyter_paths.prefix_data_dir(sys.prefix)] == paths.ENV_JUPYTER_PATH


def test_importing_it_imports_nothing_new() -> None:
    import subprocess
    import sys

    code = "import sys; before = set(sys.modules); import ipyrust.jupyter_paths; print(set(sys.modules) - before)"
    shown = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout
    assert eval(shown) == {"ipyrust", "ipyrust.jupyter_paths"}
    assert os.path.isabs(jupyter_paths.data_dir())
