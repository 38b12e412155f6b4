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
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat
import pytest

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "clients")]

pytest.register_assert_rewrite("jupyter_home", "lab_page")

from jupyter_home import (  # noqa: E402
    DEADLINE,
    DISPLAY_NAME,
    KERNEL_NAME,
    REPOSITORY,
    JupyterHome,
    jupyter_home,
    started,
    wait_until,
)
from lab_page import LabPage  # noqa: E402

__all__ = ["jupyter_home"]

ARTIFACTS = REPOSITORY / ".artifacts"
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


@dataclass(frozen=True)
class Lab:
    """A running JupyterLab server and the folder that it shows."""

    url: str
    token: str
    folder: Path

    def address(self, notebook: str) -> str:
        """The address that opens `notebook`, and nothing else, in a workspace of its own."""
        workspace = f"auto-{secrets.token_hex(4)}"
        return f"{self.url}lab/workspaces/{workspace}/tree/{notebook}?token={self.token}"

    def ask(self, path: str, method: str = "GET") -> Any:
        """One request to the server's API, and the JSON that it answers."""
        headers = {"Authorization": f"token {self.token}"}
        asked = urllib.request.Request(f"{self.url}api/{path}", method=method, headers=headers)
        with urllib.request.urlopen(asked, timeout=DEADLINE) as answer:
            return json.loads(answer.read() or "null")

    def shut_down_kernels(self) -> None:
        """End the kernels of all notebooks."""
        for kernel in self.ask("kernels"):
            self.ask(f"kernels/{kernel['id']}", "DELETE")


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
def lab(jupyter_home: JupyterHome, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """JupyterLab, started as `jupyter lab` starts it, until it answers."""
    pytest.importorskip("jupyterlab")
    folder = tmp_path_factory.mktemp("notebooks")
    for name, content in QUIET_SETTINGS.items():
        path = jupyter_home.config / "lab" / "user-settings" / f"{name}.jupyterlab-settings"
        path.parent.mkdir(parents=True)
        path.write_text(json.dumps(content), encoding="utf-8")
    token = secrets.token_hex(16)
    command = [sys.executable, "-m", "jupyter", "lab", "--no-browser", "--allow-root"]
    command += ["--ip=127.0.0.1", "--port=0", f"--IdentityProvider.token={token}"]
    command += [f"--ServerApp.root_dir={folder}", "--LabApp.extension_manager=readonly"]
    log_path = folder.parent / "lab.log"
    with (
        log_path.open("wb") as log,
        started(command, stdout=log, stderr=log, cwd=folder) as process,
    ):
        record = jupyter_home.runtime / f"jpserver-{process.pid}.json"

        def answers() -> Lab | None:
            assert process.poll() is None, log_path.read_text(encoding="utf-8")
            try:
                url = json.loads(record.read_text(encoding="utf-8"))["url"]
                server = Lab(url, token, folder)
                server.ask("status")
            except (OSError, ValueError):
                return None
            return server

        yield wait_until(answers, "JupyterLab answers", timeout=120)


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
    lab: Lab, browser: Any, request: pytest.FixtureRequest
) -> Iterator[Callable[..., LabPage]]:
    """Writes a notebook of the given cells and opens it in JupyterLab, leaving a screenshot of each."""
    pages: list[LabPage] = []

    def open_it(*sources: str, kernel: str | None = KERNEL_NAME) -> LabPage:
        path = lab.folder / f"{request.node.name.replace('[', '-').replace(']', '')}.ipynb"
        write_notebook(path, sources, kernel)
        page = LabPage(browser.new_page(viewport={"width": 1280, "height": 900}), path)
        pages.append(page)
        page.open(lab.address(path.name))
        if kernel:
            page.wait_for_idle()
        return page

    yield open_it
    for page in pages:
        page.screenshot(ARTIFACTS / "jupyterlab" / f"{page.path.stem}.png")
        page.close()
    lab.shut_down_kernels()


def write_notebook(path: Path, sources: tuple[str, ...], kernel: str | None) -> None:
    """A notebook of code cells; without `kernel` it asks for none."""
    notebook = nbformat.v4.new_notebook()
    if kernel:
        notebook.metadata["kernelspec"] = {
            "name": kernel,
            "display_name": DISPLAY_NAME,
            "language": "python",
        }
    notebook.cells = [nbformat.v4.new_code_cell(source) for source in sources]
    nbformat.write(notebook, path)
