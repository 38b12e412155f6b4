"""nbclient executes notebooks: outputs, errors, timeouts."""

from __future__ import annotations

from typing import Any

import nbformat
import pytest
from jupyter_home import DEADLINE, KERNEL_NAME
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError

pytestmark = pytest.mark.timeout(240)


def execute(*sources: str, **options: Any) -> nbformat.NotebookNode:
    """A notebook of these cells, executed."""
    return NotebookClient(made(*sources), **{"timeout": DEADLINE, **options}).execute()


def made(*sources: str) -> nbformat.NotebookNode:
    """A notebook of these cells that asks for the kernel under test."""
    notebook = nbformat.v4.new_notebook()
    notebook.metadata["kernelspec"] = {"name": KERNEL_NAME, "display_name": KERNEL_NAME}
    notebook.cells = [nbformat.v4.new_code_cell(source) for source in sources]
    return notebook


@pytest.fixture(scope="module")
def executed(jupyter_home: object) -> nbformat.NotebookNode:
    """A notebook with one kind of output in each cell."""
    return execute(
        "print('to stdout')",
        "import sys; print('to stderr', file=sys.stderr)",
        "{'answer': 42}",
        "from IPython.display import HTML, update_display; display(HTML('<b>bold</b>'), display_id='one');",
        "update_display(HTML('<i>updated</i>'), display_id='one')",
        "for i in range(3): print(i, end=' ', flush=True)",
        "print('gone'); from IPython.display import clear_output; clear_output(); print('kept')",
    )


@pytest.mark.parametrize(("cell", "name"), [(0, "stdout"), (1, "stderr")])
def test_stream_is_in_the_notebook(executed: nbformat.NotebookNode, cell: int, name: str) -> None:
    """Printed text is a stream output of its cell."""
    expected = {"output_type": "stream", "name": name, "text": f"to {name}\n"}
    assert executed.cells[cell].outputs == [expected]


def test_result_is_in_the_notebook(executed: nbformat.NotebookNode) -> None:
    """The value of the last expression is the cell's execute_result."""
    (output,) = executed.cells[2].outputs
    assert (output.output_type, output.execution_count) == ("execute_result", 3)
    assert output.data["text/plain"] == "{'answer': 42}"


def test_later_cell_updates_a_display(executed: nbformat.NotebookNode) -> None:
    """`update_display` changes the output of the cell that displayed it."""
    (output,) = executed.cells[3].outputs
    assert output.data["text/html"] == "<i>updated</i>"


def test_update_adds_no_output(executed: nbformat.NotebookNode) -> None:
    """The cell that updates shows nothing itself."""
    assert executed.cells[4].outputs == []


def test_stream_text_arrives_in_order(executed: nbformat.NotebookNode) -> None:
    """Nothing of what is flushed piece by piece is lost or misplaced."""
    assert "".join(output.text for output in executed.cells[5].outputs) == "0 1 2 "


def test_clear_output_clears(executed: nbformat.NotebookNode) -> None:
    """Only what was printed after `clear_output` stays."""
    (output,) = executed.cells[6].outputs
    assert output.text == "kept\n"


def test_cells_are_counted(executed: nbformat.NotebookNode) -> None:
    """In[1] to In[7]."""
    assert [cell.execution_count for cell in executed.cells] == [1, 2, 3, 4, 5, 6, 7]


def test_language_info_is_written(executed: nbformat.NotebookNode) -> None:
    """The kernel's language_info becomes the notebook's."""
    assert executed.metadata.language_info["name"] == "python"


def test_timing_is_written(executed: nbformat.NotebookNode) -> None:
    """The times of iopub messages give each cell its duration."""
    timing = executed.cells[0].metadata["execution"]
    assert (
        timing["iopub.status.busy"]
        <= timing["iopub.execute_input"]
        <= timing["shell.execute_reply"]
    )


def test_error_raises(jupyter_home: object) -> None:
    """A cell that fails ends the execution with CellExecutionError, naming the exception."""
    with pytest.raises(CellExecutionError) as caught:
        execute("1 / 0", "print('not reached')")
    assert (caught.value.ename, caught.value.evalue) == ("ZeroDivisionError", "division by zero")


def test_error_shows_the_line(jupyter_home: object) -> None:
    """The traceback that nbclient prints carries the source line."""
    with pytest.raises(CellExecutionError, match="wrong_name"):
        execute("a = 1\nwrong_name")


def test_allowed_error_is_an_output(jupyter_home: object) -> None:
    """With allow_errors the traceback is an output and the next cell runs."""
    notebook = execute("1 / 0", "print('reached')", allow_errors=True)
    assert [cell.outputs[0].output_type for cell in notebook.cells] == ["error", "stream"]


def test_timeout_raises(jupyter_home: object) -> None:
    """A cell longer than `timeout` ends the execution."""
    with pytest.raises(CellTimeoutError):
        execute("import time; time.sleep(600)", timeout=1)


def test_interrupt_on_timeout(jupyter_home: object) -> None:
    """nbclient may interrupt the slow cell and go on with the next."""
    notebook = execute(
        "while True: pass",
        "print('after')",
        timeout=1,
        interrupt_on_timeout=True,
        allow_errors=True,
    )
    assert notebook.cells[0].outputs[0].ename == "KeyboardInterrupt"
    assert notebook.cells[1].outputs[0].text == "after\n"


def test_output_widget_captures_prints(jupyter_home: object) -> None:
    """What is printed inside an Output widget is in the widget's state, not in the cell."""
    pytest.importorskip("ipywidgets")
    client = NotebookClient(
        made(
            "import ipywidgets; out = ipywidgets.Output(); out",
            "with out:\n    print('captured')\nprint('outside')",
        ),
        timeout=DEADLINE,
    )
    notebook = client.execute()
    (state,) = [s for s in client.widget_state.values() if s.get("_model_name") == "OutputModel"]
    assert [output["text"] for output in state["outputs"]] == ["captured\n"]
    assert [output.text for output in notebook.cells[1].outputs] == ["outside\n"]


def test_line_written_in_pieces_is_one_output(jupyter_home: object) -> None:
    """Text without a newline waits for the rest of its line: a notebook is not full of torn lines."""
    notebook = execute("import time; print('one', end=' '); time.sleep(0.05); print('line')")
    assert [output.text for output in notebook.cells[0].outputs] == ["one line\n"]


def test_top_level_await(jupyter_home: object) -> None:
    """A notebook may await at top level, and tasks go on between its cells."""
    notebook = execute(
        "import asyncio\ndone = asyncio.Event()\n"
        "async def later():\n    await asyncio.sleep(0.01)\n    done.set()\n"
        "task = asyncio.create_task(later())",
        "await asyncio.wait_for(done.wait(), 30)",
    )
    assert notebook.cells[1].outputs[0].data["text/plain"] == "True"
