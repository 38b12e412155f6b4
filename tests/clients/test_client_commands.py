"""Commands that run a file and end: `jupyter run`, `jupyter execute`."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from jupyter_home import DEADLINE, KERNEL_NAME, environment_without_pytest

pytestmark = pytest.mark.timeout(240)


def jupyter(*arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    """Run a subcommand of `jupyter` to its end."""
    return subprocess.run(
        [sys.executable, "-m", "jupyter", *arguments],
        input=stdin,
        env=environment_without_pytest(),
        capture_output=True,
        text=True,
        timeout=DEADLINE * 2,
    )


def test_run_runs_a_file(tmp_path: Path) -> None:
    """What the file prints is printed."""
    file = tmp_path / "file.py"
    file.write_text("import sys\nprint('to stdout')\nprint('to stderr', file=sys.stderr)\n")
    done = jupyter("run", f"--kernel={KERNEL_NAME}", str(file))
    assert done.returncode == 0, done.stderr
    assert done.stdout == "to stdout\n"
    assert "to stderr" in done.stderr


def test_run_runs_its_standard_input() -> None:
    """Without a file the code comes from stdin."""
    done = jupyter("run", f"--kernel={KERNEL_NAME}", stdin="print(6 * 7)")
    assert done.returncode == 0, done.stderr
    assert done.stdout == "42\n"


def test_execute_writes_the_outputs(tmp_path: Path) -> None:
    """`jupyter execute --inplace` saves what the cells showed."""
    path = tmp_path / "notebook.ipynb"
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("6 * 7")])
    nbformat.write(notebook, path)
    done = jupyter("execute", f"--kernel_name={KERNEL_NAME}", "--inplace", str(path))
    assert done.returncode == 0, done.stderr
    [cell] = nbformat.read(path, as_version=4).cells
    assert cell.outputs[0].data["text/plain"] == "42"
