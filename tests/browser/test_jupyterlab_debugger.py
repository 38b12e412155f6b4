"""JupyterLab's debugger in a browser: a breakpoint, the variables, step and continue."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from lab_page import LabPage

pytest.importorskip("playwright.sync_api")
pytest.importorskip("debugpy")
from playwright.sync_api import expect

pytestmark = pytest.mark.timeout(240)
expect.set_options(timeout=60_000)

Open = Callable[..., LabPage]
CODE = """\
def double(x):
    inside = x * 2
    return inside
print("the result is", double(21))"""


class DebuggerPanel:
    """The sidebar of the debugger, and the breakpoints of a cell."""

    def __init__(self, lab: LabPage) -> None:
        self.lab = lab

    def switch_on(self) -> None:
        """Press the bug in the toolbar, and wait until the debugger is attached."""
        button = self.lab.panel.locator(".jp-DebuggerBugButton")
        expect(button).to_have_attribute("title", "Enable Debugger")
        button.click()
        expect(button).to_have_attribute("aria-pressed", "true")
        expect(self.sidebar).to_be_visible()

    @property
    def sidebar(self) -> Any:
        """The whole of it."""
        return self.lab.page.locator(".jp-DebuggerSidebar")

    def set_breakpoint(self, cell: int, line: int) -> None:
        """Click beside a line, counted from 1, and wait until the list of breakpoints has it.

        The gutter's first element is as wide as the widest mark and not seen.
        """
        gutter = self.lab.cell(cell).locator(".cm-breakpoint-gutter .cm-gutterElement")
        gutter.nth(line).click()
        listed = self.sidebar.locator(".jp-DebuggerBreakpoint-source")
        expect(listed).to_have_count(1)

    def wait_for_stop(self, function: str, line: int) -> None:
        """Wait until the call stack has `function` on top and the editor shows the line."""
        frame = self.sidebar.locator(".jp-DebuggerCallstackFrame.selected")
        expect(frame).to_contain_text(function)
        expect(frame).to_contain_text(f":{line}")
        highlighted = self.lab.page.locator(".jp-DebuggerEditor-highlight")
        expect(highlighted).to_contain_text(CODE.splitlines()[line - 1].strip())

    def variable(self, name: str) -> Any:
        """The value that is shown for a variable."""
        rows = self.sidebar.locator(".jp-DebuggerVariables-body .jp-TreeItem")
        named = self.lab.page.locator(
            ".jp-DebuggerVariables-name", has_text=re.compile(f"^{name}$")
        )
        return rows.filter(has=named).locator(".jp-DebuggerVariables-detail")

    def press(self, command: str) -> None:
        """Press a button above the call stack: continue, next, stepIn, stepOut, terminate."""
        self.sidebar.locator(f"jp-button[data-command='debugger:{command}']").click()


@pytest.fixture
def debugger(open_notebook: Open) -> DebuggerPanel:
    """The debugger of a notebook of one cell, which calls a function."""
    panel = DebuggerPanel(open_notebook(CODE))
    panel.switch_on()
    return panel


def test_a_breakpoint_stops_the_cell(debugger: DebuggerPanel) -> None:
    """Local variables are seen with their values; Continue runs the cell to its end."""
    debugger.set_breakpoint(0, line=3)
    debugger.lab.run_cell(0)
    debugger.wait_for_stop("double", line=3)
    expect(debugger.variable("x")).to_have_text("21")
    expect(debugger.variable("inside")).to_have_text("42")
    debugger.press("continue")
    expect(debugger.lab.output(0)).to_contain_text("the result is 42")
    expect(debugger.lab.prompt(0)).to_have_text("[1]:")


def test_a_step_goes_to_the_next_line(debugger: DebuggerPanel) -> None:
    """After Next the line before has been run."""
    debugger.set_breakpoint(0, line=2)
    debugger.lab.run_cell(0)
    debugger.wait_for_stop("double", line=2)
    expect(debugger.variable("x")).to_have_text("21")
    expect(debugger.variable("inside")).to_have_count(0)
    debugger.press("next")
    debugger.wait_for_stop("double", line=3)
    expect(debugger.variable("inside")).to_have_text("42")
    debugger.press("continue")
    expect(debugger.lab.output(0)).to_contain_text("the result is 42")
