"""jupyter_client's own client within a cell, and %notebook."""

import json
from pathlib import Path

import pytest

from detections.conftest import StartNotebook
from detections.notebook import Notebook

CLIENT = """
    import sys
    from jupyter_client.manager import KernelManager
    manager = KernelManager()
    manager.kernel_spec.argv = [sys.executable, "-m", {module!r}, "-f", "{{connection_file}}"]
    manager.start_kernel()
    client = manager.client(); client.start_channels(); client.wait_for_ready(timeout=60)
    {call}
    client.stop_channels(); manager.shutdown_kernel(now=True)
"""


def inner(situation: str, call: str) -> str:
    """A cell that runs a kernel of the same kind and calls it."""
    module = "ipykernel_launcher" if situation == "ipykernel" else "ipyrust"
    return CLIENT.format(module=module, call=call)


def test_a_client_in_a_cell_gets_replies(notebook: Notebook, situation: str) -> None:
    code = inner(situation, "print(client.execute('6 * 7', reply=True)['content']['status'])")
    assert notebook.run(code).text() == "ok\n"


def test_output_of_an_inner_kernel_shows_in_the_cell(notebook: Notebook, situation: str) -> None:
    code = "print('inner'); import sys; print('err', file=sys.stderr); display(1)"
    seen = notebook.run(inner(situation, f"client.execute_interactive({code!r}, timeout=60)"))
    assert seen.text() == "inner\n"
    assert seen.text("stderr") == "err\n"
    [shown] = [m for m in seen.published if m.msg_type == "display_data"]
    assert shown.content["data"] == {"text/plain": "1"}


def test_notebook_magic_writes_the_session(start_notebook: StartNotebook, tmp_path: Path) -> None:
    notebook = start_notebook()
    notebook.run("1 + 1")
    notebook.frontend.execute("1/0").finish()
    target = tmp_path / "out.ipynb"
    notebook.run(f"%notebook {target}")
    cells = json.loads(target.read_text())["cells"]
    assert ["".join(cell["source"]) for cell in cells][:2] == ["1 + 1", "1/0"]
    assert cells[0]["outputs"][0]["data"]["text/plain"] in (["2"], "2")
    assert cells[1]["outputs"][0]["ename"] == "ZeroDivisionError"


@pytest.mark.parametrize("name", ["session", "pub_socket", "parent_header", "topic"])
def test_what_a_client_reads_of_the_publisher(notebook: Notebook, name: str) -> None:
    assert notebook.value(f"get_ipython().display_pub.{name} is not None") == "True"
