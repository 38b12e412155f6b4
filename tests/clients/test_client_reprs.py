"""Libraries find in the kernel what they look for: tables, plots, colours, progress bars."""

from __future__ import annotations

import base64
from collections.abc import Iterator

import pytest
from jupyter_home import Notebook, started_kernel

pytestmark = pytest.mark.timeout(240)

PNG_START = b"\x89PNG\r\n\x1a\n"


@pytest.fixture(scope="module")
def kernel(shared_notebook: Notebook) -> Notebook:
    """One kernel for all."""
    return shared_notebook


@pytest.fixture(scope="module")
def plotting(jupyter_home: object) -> Iterator[Notebook]:
    """A kernel that has imported matplotlib."""
    pytest.importorskip("matplotlib")
    with started_kernel() as running:
        assert running.run("import matplotlib.pyplot as plt").status == "ok"
        yield running


def test_pandas_table_is_html(kernel: Notebook) -> None:
    """A DataFrame is a table, not text."""
    pytest.importorskip("pandas")
    run = kernel.run("import pandas; pandas.DataFrame({'column': [1, 2]})")
    assert "<table" in run.result["text/html"]


def test_figure_is_png(plotting: Notebook) -> None:
    """`plt.show()` displays a PNG."""
    (display,) = plotting.run("plt.plot([1, 2, 4]); plt.show()").displays
    assert base64.b64decode(display["image/png"]).startswith(PNG_START)


def test_figure_is_shown_without_show(plotting: Notebook) -> None:
    """An open figure is displayed at the end of its cell, before the reply."""
    (display,) = plotting.run("plt.plot([1, 2, 4]);").displays
    assert "image/png" in display


def test_figure_is_shown_once(plotting: Notebook) -> None:
    """The figure is closed after its cell: the next cell shows nothing."""
    plotting.run("plt.plot([1, 2, 4]);")
    assert plotting.run("1 + 1").displays == []


def test_figure_format_is_configurable(plotting: Notebook) -> None:
    """`%config InlineBackend` switches to SVG."""
    plotting.run("%config InlineBackend.figure_formats = ['svg']")
    (display,) = plotting.run("plt.plot([1, 2, 4]);").displays
    plotting.run("%config InlineBackend.figure_formats = ['png']")
    assert "<svg" in display["image/svg+xml"]


def test_matplotlib_magic(plotting: Notebook) -> None:
    """`%matplotlib inline` is accepted without a word."""
    run = plotting.run("%matplotlib inline")
    assert (run.status, run.stdout) == ("ok", "")


def test_backend_is_inline(plotting: Notebook) -> None:
    """matplotlib chose the inline backend by itself."""
    run = plotting.run("print(plt.get_backend())")
    assert "inline" in run.stdout


def test_rich_renders_html(kernel: Notebook) -> None:
    """rich takes the kernel for Jupyter and displays HTML."""
    pytest.importorskip("rich")
    run = kernel.run("import rich; rich.print('[bold]loud[/bold]')")
    assert "loud" in run.displays[0]["text/html"]


def test_plotly_chooses_its_notebook_renderer(kernel: Notebook) -> None:
    """plotly takes the kernel for a notebook and chooses its mime type."""
    pytest.importorskip("plotly")
    run = kernel.run("import plotly.io as pio; print(pio.renderers.default)")
    assert "plotly_mimetype" in run.stdout


def test_plotly_figure_is_its_mime_type(kernel: Notebook) -> None:
    """A figure is displayed as plotly's own JSON."""
    pytest.importorskip("plotly")
    pytest.importorskip("nbformat")
    run = kernel.run("import plotly.graph_objects as go\ngo.Figure(go.Bar(y=[2, 1, 3])).show()")
    assert run.status == "ok", run.reply
    assert run.displays[0]["application/vnd.plotly.v1+json"]["data"][0]["type"] == "bar"


def test_tqdm_chooses_its_notebook_bar(kernel: Notebook) -> None:
    """tqdm.autonotebook takes the kernel for a notebook."""
    for package in ("tqdm", "ipywidgets"):
        pytest.importorskip(package)
    run = kernel.run("from tqdm.autonotebook import tqdm; print(tqdm.__name__)")
    assert run.stdout == "tqdm_notebook\n"


def test_shell_is_named_as_libraries_expect(kernel: Notebook) -> None:
    """rich, spaCy, huggingface_hub and others look for this class name."""
    run = kernel.run("print(type(get_ipython()).__name__)")
    assert run.stdout == "ZMQInteractiveShell\n"


def test_config_names_the_application(kernel: Notebook) -> None:
    """tqdm, polars and others look for this key of the configuration."""
    run = kernel.run("print('IPKernelApp' in get_ipython().config)")
    assert run.stdout == "True\n"


def test_numpy_scalar_in_json(kernel: Notebook) -> None:
    """A mime bundle with numpy numbers is encoded, not refused."""
    pytest.importorskip("numpy")
    run = kernel.run(
        "import numpy\nfrom IPython.display import display\n"
        "display({'application/json': {'n': numpy.int64(7)}}, raw=True)"
    )
    assert run.displays[0]["application/json"] == {"n": 7}
