"""papermill runs a notebook with parameters."""

from __future__ import annotations

from pathlib import Path

import nbformat
import pytest
from jupyter_home import KERNEL_NAME

pytestmark = pytest.mark.timeout(240)

papermill = pytest.importorskip("papermill")


@pytest.fixture
def template(tmp_path: Path) -> Path:
    """A notebook with a cell of parameters."""
    notebook = nbformat.v4.new_notebook()
    notebook.metadata["kernelspec"] = {
        "name": KERNEL_NAME,
        "display_name": "Python 3",
        "language": "python",
    }
    defaults = nbformat.v4.new_code_cell("alpha = 1\nname = 'nobody'")
    defaults.metadata["tags"] = ["parameters"]
    notebook.cells = [
        defaults,
        nbformat.v4.new_code_cell("print(name, alpha * 2)"),
        nbformat.v4.new_code_cell("assert alpha < 100, 'too large'"),
    ]
    path = tmp_path / "template.ipynb"
    nbformat.write(notebook, path)
    return path


def execute(template: Path, **parameters: object) -> nbformat.NotebookNode:
    """Run the template; what papermill wrote beside it is returned even when a cell failed."""
    output = template.with_name("output.ipynb")
    try:
        papermill.execute_notebook(
            str(template), str(output), parameters=parameters, progress_bar=False
        )
    finally:
        written = nbformat.read(output, as_version=4)
    return written


def printed(notebook: nbformat.NotebookNode) -> str:
    """The text that the printing cell printed."""
    return next(c.outputs[0].text for c in notebook.cells if c.source.startswith("print"))


def test_defaults(template: Path) -> None:
    """Without parameters the notebook's own values hold."""
    assert printed(execute(template)) == "nobody 2\n"


def test_parameters_are_injected(template: Path) -> None:
    """Given values replace the defaults."""
    assert printed(execute(template, alpha=21, name="Ada")) == "Ada 42\n"


def test_failing_cell_raises(template: Path) -> None:
    """A failing cell raises PapermillExecutionError with the user's message."""
    with pytest.raises(papermill.PapermillExecutionError, match="too large"):
        execute(template, alpha=100)


def test_failing_notebook_is_written(template: Path) -> None:
    """The notebook is kept with the traceback, for the reader of the report."""
    with pytest.raises(papermill.PapermillExecutionError):
        execute(template, alpha=100)
    written = nbformat.read(template.with_name("output.ipynb"), as_version=4)
    assert written.cells[-1].outputs[0].ename == "AssertionError"


def test_output_is_logged(template: Path, caplog: pytest.LogCaptureFixture) -> None:
    """`log_output` passes cell output on while the notebook runs."""
    with caplog.at_level("INFO", logger="papermill"):
        papermill.execute_notebook(str(template), None, log_output=True, progress_bar=False)
    assert "nobody 2" in caplog.text
