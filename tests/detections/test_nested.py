"""jupyter_client's own client within a cell, and %notebook."""

import json
from pathlib import Path

import pytest

from detections.conftest import StartNotebook
from detections.notebook import Notebook
from frontend import KernelUnderTest

CLIENT = """
    from jupyter_client.manager import KernelManager
    manager = KernelManager(kernel_name="inner")
    manager.start_kernel()
    client = manager.client(); client.start_channels(); client.wait_for_ready(timeout=60)
    {call}
    client.stop_channels(); manager.shutdown_kernel(now=True)
"""


@pytest.fixture
def with_inner_kernel(
    start_notebook: StartNotebook, kernel: KernelUnderTest, tmp_path: Path
) -> Notebook:
    """A notebook whose jupyter_client knows a kernel `inner`, of the same kind."""
    spec = tmp_path / "jupyter" / "kernels" / "inner"
    spec.mkdir(parents=True)
    content = {"argv": list(kernel.command), "display_name": "inner", "language": "python"}
    (spec / "kernel.json").write_text(json.dumps(content))
    return start_notebook(JUPYTER_PATH=str(tmp_path / "jupyter"))


def test_a_client_in_a_cell_gets_replies(with_inner_kernel: Notebook) -> None:
    call = "print(client.execute('6 * 7', reply=True)['content']['status'])"
    assert with_inner_kernel.run(CLIENT.format(call=call)).text() == "ok\n"


def test_output_of_an_inner_kernel_shows_in_the_cell(with_inner_kernel: Notebook) -> None:
    code = "print('inner'); import sys; print('err', file=sys.stderr); display(1)"
    call = f"client.execute_interactive({code!r}, timeout=60)"
    seen = with_inner_kernel.run(CLIENT.format(call=call))
    assert seen.text() == "inner\n"
    assert seen.text("stderr").endswith("err\n")
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
