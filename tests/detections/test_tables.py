"""Data frames: pandas and polars show HTML; polars and pandas adapt to a notebook."""

from detections.notebook import Notebook


def test_pandas_shows_html(notebook: Notebook) -> None:
    data = notebook.shown("import pandas; pandas.DataFrame({'a': [1]})")
    assert "<table" in data["text/html"] and "a" in data["text/plain"]


def test_pandas_knows_the_frontend(notebook: Notebook) -> None:
    code = "from pandas.io.formats.console import in_ipython_frontend; in_ipython_frontend()"
    assert notebook.value(code) == "True"


def test_polars_knows_the_notebook(notebook: Notebook) -> None:
    assert (
        notebook.value("from polars._utils.various import _in_notebook; _in_notebook()") == "True"
    )


def test_polars_shows_html(notebook: Notebook) -> None:
    data = notebook.shown("import polars; polars.DataFrame({'a': [1]})")
    assert "<table" in data["text/html"]
