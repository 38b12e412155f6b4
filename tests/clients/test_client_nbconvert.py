"""`jupyter nbconvert --execute` turns a notebook into a page."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from jupyter_home import DEADLINE, KERNEL_NAME, strip_ansi

pytestmark = pytest.mark.timeout(240)

PLOT = "import matplotlib.pyplot as plt\nplt.plot([1, 2, 4])\nplt.title('a plot')\nplt.show()"
TABLE = "import pandas\npandas.DataFrame({'column': [1, 2]})"


def convert(folder: Path, *sources: str, to: str = "html") -> subprocess.CompletedProcess[str]:
    """Write a notebook of these cells into `folder` and convert it there."""
    notebook = nbformat.v4.new_notebook()
    notebook.metadata["kernelspec"] = {"name": KERNEL_NAME, "display_name": KERNEL_NAME}
    notebook.cells = [nbformat.v4.new_code_cell(source) for source in sources]
    nbformat.write(notebook, folder / "page.ipynb")
    command = [sys.executable, "-m", "jupyter", "nbconvert", "--execute", "--to", to]
    command += ["--output", "result", "page.ipynb"]
    return subprocess.run(
        command, cwd=folder, capture_output=True, text=True, timeout=3 * DEADLINE, check=False
    )


@pytest.fixture(scope="module")
def page(jupyter_home: object, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The HTML of a notebook with text, a plot and a table."""
    for package in ("matplotlib", "pandas"):
        pytest.importorskip(package)
    folder = tmp_path_factory.mktemp("page")
    done = convert(folder, "print('printed ' * 3)", PLOT, TABLE)
    assert done.returncode == 0, done.stderr
    return (folder / "result.html").read_text(encoding="utf-8")


def test_page_has_printed_text(page: str) -> None:
    """What the cell printed is on the page."""
    assert "printed printed printed" in page


def test_page_has_a_plot(page: str) -> None:
    """The inline figure is an image on the page."""
    assert "data:image/png;base64,iVBOR" in page


def test_page_has_a_table(page: str) -> None:
    """The DataFrame is an HTML table on the page."""
    assert 'class="dataframe"' in page


def test_failing_cell_fails_the_command(tmp_path: Path) -> None:
    """The exit status tells, and stderr names the exception."""
    done = convert(tmp_path, "raise LookupError('on purpose')", to="notebook")
    assert done.returncode != 0
    assert "LookupError: on purpose" in strip_ansi(done.stderr)
