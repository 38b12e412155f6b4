"""One notebook in JupyterLab, as a person uses it: menus, keys and toolbar, and what is seen."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from jupyter_home import DISPLAY_NAME

TIMEOUT_MS = 60_000


class LabPage:
    """The page of one open notebook. Waits on what the page shows, never on time."""

    def __init__(self, page: Any, path: Path) -> None:
        self.page = page
        self.path = path
        self.page.set_default_timeout(TIMEOUT_MS)

    def open(self, address: str) -> None:
        """Go to the notebook and wait until its cells are there; the kernel may still be starting."""
        self.page.goto(address)
        self.panel.locator(".jp-Notebook .jp-CodeCell").first.wait_for()

    def close(self) -> None:
        """Leave without saving."""
        self.page.close(run_before_unload=False)

    def screenshot(self, path: Path) -> None:
        """Save what is seen."""
        path.parent.mkdir(parents=True, exist_ok=True)
        self.page.screenshot(path=str(path))

    @property
    def panel(self) -> Any:
        """The notebook's tab with its toolbar."""
        return self.page.locator(".jp-NotebookPanel:visible")

    @property
    def kernel_name(self) -> Any:
        """The kernel's name in the toolbar."""
        return self.panel.locator(".jp-KernelName")

    def cell(self, index: int) -> Any:
        """A cell, counted from 0."""
        return self.panel.locator(".jp-Notebook .jp-CodeCell").nth(index)

    def output(self, index: int) -> Any:
        """The outputs of a cell."""
        return self.cell(index).locator(".jp-Cell-outputArea")

    def wait_for_idle(self) -> None:
        """Wait until the status bar says idle. The toolbar's circle says so before there is a kernel, too."""
        self.page.locator("#jp-main-statusbar").get_by_text(f"{DISPLAY_NAME} | Idle").wait_for()

    def menu(self, menu: str, entry: str) -> None:
        """Choose an entry of the menu bar."""
        self.page.locator(".lm-MenuBar-item", has_text=re.compile(f"^{menu}$")).click()
        label = self.page.locator(".lm-Menu:visible .lm-Menu-itemLabel")
        label.filter(has_text=re.compile(rf"^{re.escape(entry)}$")).click()

    def run_all(self) -> None:
        """Run > Run All Cells."""
        self.menu("Run", "Run All Cells")

    def run_cell(self, index: int) -> None:
        """Click into a cell and press Shift-Enter."""
        self.cell(index).locator(".cm-content").click()
        self.page.keyboard.press("Shift+Enter")

    def toolbar(self, name: str) -> None:
        """Press a button of the notebook's toolbar."""
        button = self.panel.locator(f".jp-Toolbar-item[data-jp-item-name='{name}']")
        button.locator("jp-button, button").first.click()

    def accept_dialog(self) -> None:
        """Press the dialog's default button, and wait until the dialog has gone."""
        dialog = self.page.locator(".jp-Dialog")
        dialog.locator(".jp-mod-accept").click()
        dialog.wait_for(state="detached")

    def prompt(self, index: int) -> Any:
        """The [n]: beside a cell."""
        return self.cell(index).locator(".jp-InputPrompt")
