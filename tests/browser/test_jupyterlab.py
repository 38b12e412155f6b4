"""JupyterLab in a browser: run all, plot, table, widget, input, completion, interrupt, restart."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import nbformat
import pytest
from jupyter_home import DISPLAY_NAME, strip_ansi, wait_until
from lab_page import LabPage

pytest.importorskip("playwright.sync_api")
from playwright.sync_api import expect

pytestmark = pytest.mark.timeout(240)
expect.set_options(timeout=60_000)

Open = Callable[..., LabPage]
PLOT = "import matplotlib.pyplot as plt\nplt.figure(figsize=(4, 2))\nplt.plot([1, 2, 4, 8])\nplt.show()"
TABLE = "import pandas\npandas.DataFrame({'column': [1, 2]})"
SLIDER = """\
import ipywidgets
slider = ipywidgets.IntSlider(value=3, min=0, max=10)
printed = ipywidgets.Output()
def moved(change):
    with printed:
        print("slider at", change.new)
slider.observe(moved, "value")
ipywidgets.VBox([slider, printed])"""
ENDLESS = "print('be' + 'gun', flush=True)\nwhile True:\n    pass"


def test_notebook_opens_with_its_kernel(open_notebook: Open) -> None:
    """The kernel that the notebook names starts and shows its name in the toolbar."""
    page = open_notebook("1 + 1")
    expect(page.kernel_name).to_have_text(re.compile(re.escape(DISPLAY_NAME)))
    page.wait_for_idle()


def test_kernel_is_chosen(open_notebook: Open) -> None:
    """A notebook without a kernel asks for one, and runs on the chosen one."""
    page = open_notebook("6 * 7", kernel=None)
    dialog = page.page.locator(".jp-Dialog")
    dialog.locator("select").select_option(label=DISPLAY_NAME)
    page.accept_dialog()
    page.wait_for_idle()
    page.run_all()
    expect(page.output(0)).to_contain_text("42")


def test_run_all_shows_every_output(open_notebook: Open) -> None:
    """Text, a result, a table, an error output: each under its own cell, numbered."""
    pytest.importorskip("pandas")
    page = open_notebook("print('printed text')", "6 * 7", TABLE, "1 / 0")
    page.run_all()
    expect(page.prompt(3)).to_have_text("[4]:")
    expect(page.output(0)).to_contain_text("printed text")
    expect(page.output(1)).to_contain_text("42")
    expect(page.output(2).locator("table.dataframe")).to_be_visible()
    expect(page.output(3)).to_contain_text("ZeroDivisionError: division by zero")


def test_plot_is_seen(open_notebook: Open) -> None:
    """A matplotlib figure is an image that the browser has decoded."""
    pytest.importorskip("matplotlib")
    page = open_notebook(PLOT)
    page.run_all()
    image = page.output(0).locator("img")
    expect(image).to_be_visible()
    assert image.get_attribute("src").startswith("data:image/png;base64,")
    page.page.wait_for_function("image => image.naturalWidth > 100", arg=image.element_handle())


def test_moving_a_slider_prints(open_notebook: Open) -> None:
    """An ipywidgets slider is drawn; moving it changes what the kernel prints."""
    pytest.importorskip("ipywidgets")
    page = open_notebook(SLIDER)
    page.run_all()
    handle = page.output(0).locator(".noUi-handle")
    expect(handle).to_be_visible()
    handle.focus()
    handle.press("ArrowRight")
    expect(page.output(0).locator(".widget-output, .jupyter-widgets-output-area")).to_contain_text(
        "slider at 4"
    )


def test_kernel_moves_the_slider(open_notebook: Open) -> None:
    """A value set by a later cell moves the slider that is shown."""
    pytest.importorskip("ipywidgets")
    page = open_notebook(SLIDER, "slider.value = 7")
    page.run_cell(0)
    expect(page.output(0).locator(".noUi-handle")).to_be_visible()
    page.run_cell(1)
    expect(page.output(0).locator(".noUi-handle")).to_have_attribute("aria-valuenow", "7.0")


@pytest.mark.parametrize("way", ["toolbar", "menu", "keyboard"])
def test_interrupt_takes_effect(open_notebook: Open, way: str) -> None:
    """An endless cell ends with KeyboardInterrupt, and the next cell runs."""
    page = open_notebook(ENDLESS, "print('after', 'it')")
    page.run_cell(0)
    expect(page.output(0)).to_contain_text("begun")
    interrupt(page, way)
    expect(page.output(0)).to_contain_text("KeyboardInterrupt")
    page.run_cell(1)
    expect(page.output(1)).to_contain_text("after it")


def interrupt(page: LabPage, way: str) -> None:
    """Ask for an interrupt in one of the ways that JupyterLab offers."""
    if way == "toolbar":
        page.toolbar("interrupt")
    elif way == "menu":
        page.menu("Kernel", "Interrupt Kernel")
    else:
        page.page.keyboard.press("Escape")
        page.page.keyboard.type("ii")


def test_restart_forgets_the_namespace(open_notebook: Open) -> None:
    """Restart Kernel and Run All Cells: names are gone and counting starts at 1."""
    page = open_notebook("'kept' in globals()", "kept = 1")
    page.run_all()
    expect(page.prompt(1)).to_have_text("[2]:")
    page.run_cell(0)
    expect(page.output(0)).to_contain_text("True")
    page.toolbar("restart-and-run")
    page.accept_dialog()
    expect(page.output(0)).to_contain_text("False")
    expect(page.prompt(0)).to_have_text("[1]:")


def test_input_is_asked_under_the_cell(open_notebook: Open) -> None:
    """`input()` shows a field under the cell; what is typed there is its value."""
    page = open_notebook("print('hello', input('name? '))")
    page.run_cell(0)
    field = page.output(0).locator("input.jp-Stdin-input")
    field.fill("Ada")
    field.press("Enter")
    expect(page.output(0)).to_contain_text("hello Ada")


def test_tab_completes(open_notebook: Open) -> None:
    """Tab offers the names that the kernel knows."""
    page = open_notebook("a_rather_long_name = 1", "a_rather_lo")
    page.run_cell(0)
    expect(page.prompt(0)).to_have_text("[1]:")
    page.cell(1).locator(".cm-content").click()
    page.page.keyboard.press("Control+End")
    page.page.keyboard.press("Tab")
    offered = page.page.locator(".jp-Completer-item.jp-mod-active")
    expect(offered).to_contain_text("a_rather_long_name")
    page.page.keyboard.press("Enter")
    expect(page.cell(1).locator(".cm-content")).to_have_text("a_rather_long_name")


def test_saved_notebook_has_the_outputs(open_notebook: Open) -> None:
    """File > Save writes what the kernel sent."""
    page = open_notebook("print('kept on disk')")
    page.run_all()
    expect(page.output(0)).to_contain_text("kept on disk")
    page.wait_for_idle()
    page.menu("File", "Save Notebook")

    def saved() -> Any:
        return nbformat.read(page.path, as_version=4).cells[0].outputs

    assert strip_ansi(wait_until(saved, "notebook saved")[0].text) == "kept on disk\n"
