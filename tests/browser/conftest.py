"""JupyterLab on a loopback port and headless Chromium: what a person has in front of them.

Chromium is the system's (`CHROMIUM` names another executable). Where it is missing, these tests are skipped; in CI
(`CI=true`) that is a failure instead.
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "clients")]

pytest.register_assert_rewrite("jupyter_home", "lab_page", "servers", "client_environment")

from jupyter_home import (  # noqa: E402
    ARTIFACTS,
    KERNEL_NAME,
    JupyterHome,
    jupyter_home,
    write_notebook,
)
from lab_page import LabPage  # noqa: E402
from servers import NotebookServer, notebook_server  # noqa: E402

__all__ = ["jupyter_home"]

CHROMIUM_FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
QUIET_SETTINGS = {
    "@jupyterlab/apputils-extension/notification": {
        "checkForUpdates": False,
        "fetchNews": "false",
    },
}


def lab_address(server: NotebookServer, notebook: str) -> str:
    """The address that opens `notebook`, and nothing else, in a workspace of its own."""
    workspace = f"auto-{secrets.token_hex(4)}"
    return f"{server.url}lab/workspaces/{workspace}/tree/{notebook}?token={server.token}"


def missing(what: str) -> None:
    """Skip for want of `what`, or fail where everything is expected to be there."""
    if os.environ.get("CI", "").lower() in ("1", "true"):
        pytest.fail(f"{what} is missing in CI")
    pytest.skip(f"needs {what}")


@pytest.fixture(scope="session")
def chromium() -> str:
    """The path of the Chromium executable."""
    found = (
        os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
    )
    if not found:
        missing("Chromium")
    assert found
    return found


@pytest.fixture(scope="module")
def lab(
    jupyter_home: JupyterHome, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[NotebookServer]:
    """JupyterLab, started as `jupyter lab` starts it, until it answers."""
    pytest.importorskip("jupyterlab")
    for name, content in QUIET_SETTINGS.items():
        path = jupyter_home.config / "lab" / "user-settings" / f"{name}.jupyterlab-settings"
        path.parent.mkdir(parents=True)
        path.write_text(json.dumps(content), encoding="utf-8")
    folder = tmp_path_factory.mktemp("notebooks")
    command = [sys.executable, "-m", "jupyter", "lab", "--LabApp.extension_manager=readonly"]
    with notebook_server(jupyter_home, folder, *command) as server:
        yield server


@pytest.fixture(scope="module")
def browser(chromium: str) -> Iterator[Any]:
    """Headless Chromium with an empty profile."""
    playwright = pytest.importorskip("playwright.sync_api")
    with playwright.sync_playwright() as running:
        opened = running.chromium.launch(executable_path=chromium, args=CHROMIUM_FLAGS)
        yield opened
        opened.close()


@pytest.fixture
def open_notebook(
    lab: NotebookServer, browser: Any, request: pytest.FixtureRequest
) -> Iterator[Callable[..., LabPage]]:
    """Writes a notebook of the given cells and opens it in JupyterLab, leaving a screenshot of each."""
    pages: list[LabPage] = []

    def open_it(*sources: str, kernel: str | None = KERNEL_NAME) -> LabPage:
        path = lab.folder / f"{request.node.name.replace('[', '-').replace(']', '')}.ipynb"
        write_notebook(path, *sources, kernel=kernel)
        page = LabPage(browser.new_page(viewport={"width": 1280, "height": 900}), path)
        pages.append(page)
        page.open(lab_address(lab, path.name))
        if kernel:
            page.wait_for_idle()
        return page

    yield open_it
    for page in pages:
        page.screenshot(ARTIFACTS / "jupyterlab" / f"{page.path.stem}.png")
        page.close()
    lab.shut_down_kernels()
