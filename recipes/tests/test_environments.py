"""`ipyrust` installed, used, upgraded and removed in fresh environments, as conda and pixi do it."""

from __future__ import annotations

import json
import os
from pathlib import Path

import nbformat
import pytest
from older import OLD_VERSION, REMOVED_MODULE, make_older
from rattler.exceptions import SolverError
from rattler_build import Package
from support import OUTPUT, Run, pythons

from conda_channel.places import CHANNEL
from conda_channel.prefixes import Prefix

pytestmark = pytest.mark.timeout(1800)  # the first test waits for the build
CLIENTS = ["jupyter_client", "nbclient", "pip"]
CHANNELS = [OUTPUT, CHANNEL]


@pytest.mark.skipif("CI" not in os.environ, reason="a machine of one's own may have fewer")
def test_ci_has_every_released_python() -> None:
    assert {"3.11", "3.12", "3.13"} <= set(pythons())


@pytest.fixture
def notebook(tmp_path: Path) -> Path:
    """A notebook for the kernel `ipyrust`."""
    content = nbformat.v4.new_notebook()
    content.metadata.kernelspec = {"name": "ipyrust", "display_name": "ipyrust"}
    code = "import sys\nprint(6 * 7, sys.prefix)\n'%d.%d' % sys.version_info[:2]"
    content.cells = [nbformat.v4.new_code_cell(code)]
    path = tmp_path / "notebook.ipynb"
    nbformat.write(content, path)
    return path


def outputs_of(path: Path) -> list[str]:
    """The text of each output of the first cell."""
    cell = nbformat.read(path, as_version=4).cells[0]
    return [item.text if "text" in item else item.data["text/plain"] for item in cell.outputs]


def test_the_kernel_is_listed_and_runs_a_notebook(
    packages: dict[str, Path], python: str, prefix: Prefix, run: Run, notebook: Path
) -> None:
    prefix.install([f"python {python}.*", "ipyrust", *CLIENTS], CHANNELS)
    listed = json.loads(run(prefix.program("jupyter-kernelspec"), "list", "--json").stdout)
    spec = listed["kernelspecs"]["ipyrust"]
    assert spec["resource_dir"] == str(prefix.path / "share/jupyter/kernels/ipyrust")
    assert spec["spec"]["argv"][0] == str(prefix.program("python"))
    run(prefix.program("jupyter-execute"), "--inplace", notebook)
    assert outputs_of(notebook) == [f"42 {prefix.path}\n", f"'{python}'"]
    run(prefix.program("python"), "-m", "pip", "check")


def test_the_command_is_native_and_finds_its_environment(
    packages: dict[str, Path], python: str, prefix: Prefix, run: Run
) -> None:
    prefix.install([f"python {python}.*", "ipyrust"], CHANNELS)
    assert prefix.program("ipyrust").read_bytes()[:4] == b"\x7fELF"
    version = prefix.versions()["ipyrust-kernel"]
    assert version in run(prefix.program("ipyrust"), "--version").stdout
    assert version in run(prefix.program("python"), "-m", "ipyrust", "--version").stdout


def test_the_kernel_starts_from_a_jupyter_of_another_environment(
    packages: dict[str, Path], tmp_path: Path, run: Run, notebook: Path
) -> None:
    kernel, jupyter = Prefix(tmp_path / "kernel"), Prefix(tmp_path / "jupyter")
    oldest, *_, newest = pythons() * 2
    kernel.install([f"python {newest}.*", "ipyrust"], CHANNELS)
    jupyter.install([f"python {oldest}.*", "jupyter_client", "nbclient"], CHANNELS)
    run(
        jupyter.program("jupyter-execute"),
        "--inplace",
        notebook,
        JUPYTER_PATH=str(kernel.path / "share/jupyter"),
    )
    assert outputs_of(notebook) == [f"42 {kernel.path}\n", f"'{newest}'"]


def test_removing_it_leaves_no_trace(
    packages: dict[str, Path], prefix: Prefix, run: Run, notebook: Path
) -> None:
    without = [f"python {pythons()[-1]}.*", *CLIENTS]
    prefix.install([*without, "debugpy", "ipython", "zeromq"], CHANNELS)
    run(prefix.program("python"), "-m", "compileall", "-q", prefix.path / "lib")
    before = prefix.files()
    prefix.install([*without, "debugpy", "ipython", "zeromq", "ipyrust"], CHANNELS)
    run(prefix.program("jupyter-execute"), "--inplace", notebook, PYTHONDONTWRITEBYTECODE="1")
    assert prefix.files() != before
    prefix.install([*without, "debugpy", "ipython", "zeromq"], CHANNELS)
    assert prefix.files() - before == set()
    assert before - prefix.files() == set()


def test_an_upgrade_replaces_the_older_packages(
    packages: dict[str, Path], tmp_path: Path, prefix: Prefix, run: Run, notebook: Path
) -> None:
    python = f"python {pythons()[0]}.*"
    older = tmp_path / "older"
    make_older(packages, older)
    prefix.install([python, "ipyrust", *CLIENTS], [older, CHANNEL])
    ours = ["ipyrust", "ipyrust-core", "ipyrust-kernel"]
    assert {prefix.versions()[name] for name in ours} == {OLD_VERSION}
    assert [name for name in prefix.files() if REMOVED_MODULE in name]

    prefix.install([python, "ipyrust", *CLIENTS], [older, *CHANNELS])
    assert OLD_VERSION not in {prefix.versions()[name] for name in ours}
    assert [name for name in prefix.files() if REMOVED_MODULE in name] == []
    run(prefix.program("jupyter-execute"), "--inplace", notebook)
    assert outputs_of(notebook)[0] == f"42 {prefix.path}\n"


def test_packages_of_different_versions_do_not_install_together(
    packages: dict[str, Path], tmp_path: Path, prefix: Prefix
) -> None:
    older = tmp_path / "older"
    make_older(packages, older)
    new = Package.from_file(packages["ipyrust-kernel"]).version
    with pytest.raises(SolverError, match=f"ipyrust-core =={new}"):
        prefix.install(
            [f"ipyrust-kernel =={new}", f"ipyrust-core =={OLD_VERSION}"], [older, *CHANNELS]
        )
    assert not prefix.path.exists()
