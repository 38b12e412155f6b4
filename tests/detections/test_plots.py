"""Plots: plotly, matplotlib, altair, bokeh, holoviews and panel."""

import pytest

from detections.conftest import StartNotebook
from detections.notebook import Notebook, displays
from frontend import busy, idle


def test_plotly_chooses_the_notebooks_renderer(notebook: Notebook) -> None:
    assert notebook.value("import plotly.io; plotly.io.renderers.default") == "'plotly_mimetype'"


def test_plotly_in_vscode(start_notebook: StartNotebook) -> None:
    notebook = start_notebook(VSCODE_PID="1")
    assert notebook.value("import plotly.io; plotly.io.renderers.default") == "'vscode'"


def test_matplotlib_is_inline(notebook: Notebook) -> None:
    code = "import matplotlib.pyplot as plt; plt.plot([1, 2]); plt.gcf().canvas.__class__.__name__"
    seen = notebook.run(code)
    [value, figure] = displays(seen)
    assert value.content["data"]["text/plain"] == "'FigureCanvasAgg'"
    assert figure.content["data"]["image/png"].startswith("iVBOR")


def test_matplotlib_closes_shown_figures(notebook: Notebook) -> None:
    notebook.run("import matplotlib.pyplot as plt; plt.plot([1, 2]);")
    assert notebook.value("plt.get_fignums()") == "[]"


def test_matplotlib_inline_knows_its_backend(notebook: Notebook) -> None:
    notebook.run("%matplotlib inline")
    code = "import matplotlib; matplotlib.get_backend().rpartition('.')[2]"
    assert notebook.value(code) in ("'inline'", "'backend_inline'")


def test_altair_shows_vega(notebook: Notebook) -> None:
    code = """
        import altair
        altair.Chart(altair.Data(values=[{"a": 1}])).mark_bar().encode(x="a:Q")
    """
    assert "vega" in str(notebook.shown(code))


def test_bokeh_opens_its_comm(notebook: Notebook) -> None:
    code = """
        from bokeh.io.notebook import get_comms
        comm = get_comms("target")
        type(comm).__module__, comm.target_name
    """
    seen = notebook.run(code)
    assert seen.one("comm_open").content["target_name"] == "target"
    data = seen.one("execute_result").content["data"]
    assert data["text/plain"] == "('ipykernel.comm.comm', 'target')"


def test_bokeh_shows_a_figure(notebook: Notebook) -> None:
    code = """
        import bokeh.io, bokeh.plotting
        bokeh.io.output_notebook(hide_banner=True)
        figure = bokeh.plotting.figure(); figure.line([1, 2], [3, 4])
        handle = bokeh.io.show(figure, notebook_handle=True)
        figure.title.text = "pushed"
        bokeh.io.push_notebook(handle=handle)
    """
    seen = notebook.run(code)
    assert any(
        "application/vnd.bokehjs_exec.v0+json" in each.content["data"] for each in displays(seen)
    )
    assert seen.one("comm_open").content["target_name"]
    assert "comm_msg" in [message.msg_type for message in seen.published]


@pytest.mark.ours("its loop runs during cells, too, so it starts the server within the cell")
def test_bokehs_server_runs_between_cells(notebook: Notebook) -> None:
    code = """
        from bokeh.server.server import Server
        server = Server({"/": lambda document: None}, port=0); server.start()
        import urllib.request, concurrent.futures, asyncio
        def ask(): return urllib.request.urlopen(f"http://localhost:{server.port}/", timeout=20).status
        await asyncio.get_running_loop().run_in_executor(None, ask)
    """
    assert notebook.value(code) == "200"


def test_panel_is_in_a_kernel(notebook: Notebook) -> None:
    code = """
        import panel
        panel.extension()
        panel.widgets.IntSlider(name="x", start=0, end=3)
    """
    shown = [mime for message in displays(notebook.run(code)) for mime in message.content["data"]]
    assert "application/vnd.holoviews_exec.v0+json" in shown


def test_pyviz_comms_opens_its_comm(notebook: Notebook) -> None:
    code = """
        from pyviz_comms import JupyterComm
        import os
        comm = JupyterComm(id="plot"); comm.init(); comm.send({"a": 1})
        "_PYVIZ_COMMS_INSTALLED" in os.environ
    """
    seen = notebook.run(code)
    assert seen.one("comm_open").content["target_name"] == "plot"
    assert seen.one("comm_msg").content["data"] == {"a": 1}
    assert seen.one("execute_result").content["data"]["text/plain"] == "False"


def test_pyviz_comms_registers_a_target(notebook: Notebook) -> None:
    notebook.run("from pyviz_comms import JupyterCommJS\nJupyterCommJS(id='t', on_msg=print)")
    content = {"comm_id": "c", "target_name": "t", "data": {}}
    notebook.frontend.request("comm_open", content).sees(busy, idle)
    content = {"comm_id": "c", "data": {"a": 1}}
    notebook.frontend.request("comm_msg", content).reaches(idle)


def test_holoviews_sees_vscode(start_notebook: StartNotebook) -> None:
    code = """
        import holoviews.util
        import os
        "VSCODE_CWD" in os.environ or "VSCODE_PID" in os.environ
    """
    assert start_notebook(VSCODE_CWD="/").value(code) == "True"


def test_holoviews_loads_its_extension(notebook: Notebook) -> None:
    seen = notebook.run(
        "import holoviews; holoviews.extension('matplotlib')\nholoviews.Curve([1, 2])"
    )
    assert any(
        "image/png" in each.content["data"] or "text/html" in each.content["data"]
        for each in displays(seen)
    )
