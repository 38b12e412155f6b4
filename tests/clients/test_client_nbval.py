"""nbval: a notebook as a test-suite, each cell's output compared with what was saved."""

from __future__ import annotations

import subprocess
from pathlib import Path

import nbformat
import pytest
from client_environment import clients_python
from jupyter_home import DEADLINE, KERNEL_NAME, environment_without_pytest

pytestmark = pytest.mark.timeout(400)

PRINTS = "for i in range(3):\n    print('line', i)"
PRINTED = "line 0\nline 1\nline 2\n"


def notebook(path: Path, *, result: str) -> Path:
    """A notebook with the outputs of an earlier run, of which the last is `result`."""
    saved = nbformat.v4.new_notebook()
    saved.metadata["kernelspec"] = {
        "name": KERNEL_NAME,
        "display_name": "Python 3",
        "language": "python",
    }
    printed = nbformat.v4.new_output("stream", name="stdout", text=PRINTED)
    value = nbformat.v4.new_output("execute_result", data={"text/plain": result}, execution_count=2)
    saved.cells = [
        nbformat.v4.new_code_cell(PRINTS, execution_count=1, outputs=[printed]),
        nbformat.v4.new_code_cell("i * 21", execution_count=2, outputs=[value]),
    ]
    nbformat.write(saved, path)
    return path


def nbval(path: Path) -> subprocess.CompletedProcess[str]:
    """`pytest --nbval` on one notebook."""
    command = [str(clients_python()), "-m", "pytest", "--nbval", "-p", "no:cacheprovider"]
    return subprocess.run(
        [*command, "--rootdir", str(path.parent), "-v", path.name],
        cwd=path.parent,
        env=environment_without_pytest(),
        capture_output=True,
        text=True,
        timeout=DEADLINE * 2,
    )


def test_the_same_outputs_pass(tmp_path: Path) -> None:
    """Each cell is a test, and each passes."""
    done = nbval(notebook(tmp_path / "same.ipynb", result="42"))
    assert done.returncode == 0, done.stdout
    assert "2 passed" in done.stdout


def test_another_output_fails(tmp_path: Path) -> None:
    """The cell that differs fails, and only that one."""
    done = nbval(notebook(tmp_path / "other.ipynb", result="43"))
    assert done.returncode == 1, done.stdout
    assert "1 failed, 1 passed" in done.stdout
