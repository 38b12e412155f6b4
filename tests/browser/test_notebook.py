"""Notebook 7 in a browser: open a notebook, run it, see the outputs."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from client_environment import clients_python
from jupyter_home import ARTIFACTS, DISPLAY_NAME, JupyterHome, write_notebook
from servers import NotebookServer, notebook_server

pytest.importorskip("playwright.sync_api")
from playwright.sync_api import expect

pytestmark = pytest.mark.timeout(400)
expect.set_options(timeout=60_000)

PLOT = "import matplotlib.pyplot as plt\nplt.figure(figsize=(4, 2))\nplt.plot([1, 2, 4, 8])\nplt.show()"
ENDLESS = "print('be' + 'gun', flush=True)\nwhile True:\n    pass"


@pytest.fixture(scope="module")
def server(
    jupyter_home: JupyterHome, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[NotebookServer]:
    """Notebook 7, in an environment without ipyrust."""
    folder = tmp_path_factory.mktemp("notebooks")
    command = (str(clients_python()), "-m", "notebook")
    with notebook_server(jupyter_home, folder, *command) as running:
        yield running


@pytest.fixture
def page(server: NotebookServer, browser: Any, request: pytest.FixtureRequest) -> Iterator[Any]:
    """An empty page, of which a screenshot is left."""
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    page.set_default_timeout(60_000)
    yield page
    folder = ARTIFACTS / "notebook"
    folder.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=str(folder / f"{request.node.name}.png"))
    page.close(run_before_unload=False)
    server.shut_down_kernels()


def open_notebook(page: Any, server: NotebookServer, name: str, *sources: str) -> None:
    """Open a new notebook of these cells, and wait until its kernel is idle."""
    path = Path(server.folder) / f"{name}.ipynb"
    write_notebook(path, *sources)
    page.goto(f"{server.url}notebooks/{path.name}?token={server.token}")
    page.locator(".jp-Notebook .jp-CodeCell").first.wait_for()
    expect(page.locator(".jp-KernelName")).to_have_text(re.compile(re.escape(DISPLAY_NAME)))
    page.locator(".jp-Notebook-ExecutionIndicator[data-status='idle']").first.wait_for()


def run_all(page: Any) -> None:
    """Run > Run All Cells."""
    page.locator(".lm-MenuBar-item", has_text=re.compile("^Run$")).click()
    page.locator(".lm-Menu:visible").get_by_text("Run All Cells", exact=True).click()


def output(page: Any, index: int) -> Any:
    """The outputs of a cell, counted from 0."""
    return page.locator(".jp-Notebook .jp-CodeCell").nth(index).locator(".jp-Cell-outputArea")


def test_a_notebook_runs(page: Any, server: NotebookServer) -> None:
    """Text, a result, a picture, an error: each under its own cell."""
    open_notebook(page, server, "runs", "print('printed')", "6 * 7", PLOT, "1 / 0")
    run_all(page)
    expect(output(page, 0)).to_contain_text("printed")
    expect(output(page, 1)).to_contain_text("42")
    expect(output(page, 2).locator("img")).to_be_visible()
    expect(output(page, 3)).to_contain_text("ZeroDivisionError: division by zero")


def test_a_cell_is_interrupted(page: Any, server: NotebookServer) -> None:
    """The button in the toolbar ends an endless cell."""
    open_notebook(page, server, "interrupted", ENDLESS)
    run_all(page)
    expect(output(page, 0)).to_contain_text("begun")
    page.locator(".jp-Toolbar-item[data-jp-item-name='interrupt']").locator(
        "jp-button, button"
    ).first.click()
    expect(output(page, 0)).to_contain_text("KeyboardInterrupt")
