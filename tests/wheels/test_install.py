"""Install the wheels where there is no compiler, use the kernel as Jupyter does, and remove it without a trace."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

from wheels.building import Builds, CommandError, run
from wheels.machine import Environment, is_supported, make_environment, pythons
from wheels.project import KERNEL

PYTHONS = {version: path for version, path in pythons().items() if is_supported(version)}
CELL_TIMEOUT = 120
ENGINE_MISSING = 5
"""Exit code of a kernel whose engine cannot be imported."""

VERSIONS_DIFFER = 9
"""Exit code of a kernel whose engine is of another version."""

CELLS = {
    "import sys; sys.prefix": lambda environment: repr(str(environment.prefix)),
    "import ipyrust_core; ipyrust_core.__file__.startswith(sys.prefix)": lambda _: "True",
    "ipyrust_core.libzmq_has('curve'), ipyrust_core.libzmq_has('ipc')": lambda _: "(True, True)",
    # Linux tells which libraries a process has loaded.
    "sorted({line.split()[-1] for line in open('/proc/self/maps') if 'zmq' in line or 'sodium' in line})"
    if sys.platform == "linux"
    else "[]": lambda _: "[]",
    "import shutil; [shutil.which(name) for name in ('cc', 'c++', 'cargo')]": lambda _: (
        "[None, None, None]"
    ),
    "import asyncio; await asyncio.sleep(0, 'top-level await')": lambda _: "'top-level await'",
}
"""Cell → the text of its result, in order."""


def test_machine_has_an_interpreter() -> None:
    assert PYTHONS


@pytest.fixture(scope="module", params=PYTHONS)
def installed(
    request: pytest.FixtureRequest, builds: Builds, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Environment, set[str]]:
    """A fresh environment with our wheels in it, and what was in it before them."""
    folder = tmp_path_factory.mktemp(f"python{request.param}") / "environment"
    environment = make_environment(PYTHONS[request.param], folder)
    before = environment.files()
    environment.run("-m", "pip", "install", "--only-binary=:all:", *builds.wheel_files)
    return environment, before


def test_nothing_is_missing(installed: tuple[Environment, set[str]]) -> None:
    environment, _ = installed
    assert "No broken requirements" in environment.run("-m", "pip", "check")


def test_kernelspec_of_the_wheel_is_brought_up_to_date(
    installed: tuple[Environment, set[str]],
) -> None:
    environment, _ = installed
    spec = environment.prefix / "share" / "jupyter" / "kernels" / "ipyrust" / "kernel.json"
    brought = spec.read_text(encoding="utf-8")
    programs = environment.prefix / "bin"
    for command in ((environment.python, "-m", "ipyrust"), (programs / "ipyrust",)):
        spec.write_text(brought, encoding="utf-8")
        run(*command, "install", "--sys-prefix", env=environment.variables)
        assert json.loads(spec.read_text(encoding="utf-8"))["argv"][0] == str(environment.python)


def test_notebook_runs_from_the_kernelspec(
    installed: tuple[Environment, set[str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    environment, _ = installed
    environment.run("-m", "ipyrust.install", "--sys-prefix")
    for name, value in {**environment.variables, "HOME": str(tmp_path)}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("PYTHONPATH", raising=False)
    monkeypatch.setenv("JUPYTER_PATH", str(environment.prefix / "share" / "jupyter"))
    for name in ("JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR", "IPYTHONDIR"):
        monkeypatch.setenv(name, str(tmp_path / name))
    book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in CELLS])
    NotebookClient(book, timeout=CELL_TIMEOUT, kernel_name="ipyrust").execute()
    results = {cell.source: cell.outputs[-1].data["text/plain"] for cell in book.cells}
    assert results == {cell: expected(environment) for cell, expected in CELLS.items()}


@pytest.mark.parametrize("damage", ["module is missing", "module is empty", "package is missing"])
def test_half_an_engine_is_told_in_one_line(
    installed: tuple[Environment, set[str]], damage: str
) -> None:
    environment, _ = installed
    (module,) = environment.prefix.glob("lib/*/site-packages/ipyrust_core/_native.abi3.so")
    broken = module.parent if damage.startswith("package") else module
    hidden = broken.with_name("hidden")
    broken.rename(hidden)
    try:
        if "empty" in damage:  # as a full disk leaves it
            module.touch()
        with pytest.raises(CommandError) as failure:
            environment.run("-m", "ipyrust")
    finally:
        hidden.replace(broken)
    assert failure.value.exit_code == ENGINE_MISSING
    (line,) = failure.value.output.splitlines()
    assert line.startswith("ipyrust: the engine cannot be imported (")
    assert line.endswith(f"{environment.python} -m pip install --force-reinstall ipyrust-core")


def test_a_kernel_of_another_version_is_told_in_one_line(
    installed: tuple[Environment, set[str]],
) -> None:
    environment, _ = installed
    (version,) = environment.prefix.glob("lib/*/site-packages/ipyrust/_version.py")
    ours = version.read_text(encoding="utf-8")
    version.write_text('__version__ = "0.0.1"\n', encoding="utf-8")
    try:
        with pytest.raises(CommandError) as failure:
            environment.run("-B", "-m", "ipyrust")
    finally:
        version.write_text(ours, encoding="utf-8")
    assert failure.value.exit_code == VERSIONS_DIFFER
    (line,) = failure.value.output.splitlines()
    assert line.startswith("ipyrust: ipyrust-kernel 0.0.1 does not run on ipyrust-core ")


def test_the_command_starts_this_environments_kernel(
    installed: tuple[Environment, set[str]],
) -> None:
    environment, _ = installed
    answer = run(environment.prefix / "bin" / "ipyrust", "--version", env=environment.variables)
    assert answer == environment.run("-m", "ipyrust", "--version")


def test_uninstalling_leaves_no_trace(
    installed: tuple[Environment, set[str]], builds: Builds
) -> None:
    environment, before = installed
    (spec,) = environment.prefix.glob("share/jupyter/kernels/ipyrust/kernel.json")
    assert "ipyrust" in json.loads(spec.read_text(encoding="utf-8"))["argv"]
    environment.run("-m", "pip", "uninstall", "--yes", *builds.shipped)
    left = environment.files() - before
    assert sorted(path for path in left if re.search("ipyrust", path)) == []
    assert [path for path in left if path.startswith("share/jupyter/kernels/")] == []


def test_extras_bring_what_they_promise(builds: Builds, tmp_path: Path) -> None:
    newest = list(PYTHONS.values())[-1]
    environment = make_environment(newest, tmp_path / "environment")
    others = [wheel for name, wheel in builds.shipped.items() if name != KERNEL.name]
    kernel = f"{builds.shipped[KERNEL.name]}[debug,test]"
    environment.run("-m", "pip", "install", "--only-binary=:all:", *others, kernel)
    environment.run("-c", "import debugpy, pytest, pytest_timeout, jupyter_client")
    environment.run("-m", "pip", "check")
    answer = environment.run("-c", DEBUGGER_PROBE)
    assert answer.splitlines()[-1] == "debugger True"


DEBUGGER_PROBE = """
from jupyter_client.manager import start_new_kernel
manager, client = start_new_kernel(kernel_name="ipyrust")
info = client.kernel_info(reply=True, timeout=60)["content"]
print("debugger", "debugger" in info.get("supported_features", []) or info.get("debugger", False))
client.stop_channels()
manager.shutdown_kernel()
"""
