"""Voilà: a notebook as a page, with its outputs and its widgets."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from client_environment import clients_python
from jupyter_home import JupyterHome, write_notebook
from servers import voila_server

pytest.importorskip("playwright.sync_api")
from playwright.sync_api import expect

pytestmark = pytest.mark.timeout(400)
expect.set_options(timeout=60_000)

SLIDER = """\
import ipywidgets
slider = ipywidgets.IntSlider(value=3, min=0, max=10)
label = ipywidgets.Label("not moved")
def moved(change):
    label.value = f"slider at {change.new}"
slider.observe(moved, "value")
ipywidgets.VBox([slider, label])"""


@pytest.fixture(scope="module")
def page(
    jupyter_home: JupyterHome, browser: Any, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Any]:
    """The page that Voilà, in an environment without ipyrust, makes of a notebook."""
    pytest.importorskip("ipywidgets")
    notebook = tmp_path_factory.mktemp("voila") / "page.ipynb"
    write_notebook(notebook, "print('pri' + 'nted')", "1234 * 5678", SLIDER)
    with voila_server(clients_python(), notebook) as address:
        page = browser.new_page()
        page.set_default_timeout(60_000)
        page.goto(address)
        yield page
        page.close()


def test_outputs_are_on_the_page(page: Any) -> None:
    """The cells were run when the page was asked for."""
    expect(page.locator("body")).to_contain_text("printed")
    expect(page.locator("body")).to_contain_text("7006652")


def test_a_moved_slider_reaches_the_kernel(page: Any) -> None:
    """The observer runs in the kernel, and what it changes is seen."""
    handle = page.locator(".noUi-handle")
    expect(handle).to_be_visible()
    handle.focus()
    handle.press("ArrowRight")
    expect(page.locator(".widget-label", has_text="slider at")).to_have_text("slider at 4")
