"""Servers of notebooks on a loopback port: started as a person starts them, until they answer."""

from __future__ import annotations

import json
import re
import secrets
import socket
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jupyter_home import DEADLINE, JupyterHome, started, wait_until


@dataclass(frozen=True)
class NotebookServer:
    """A running Jupyter server and the folder that it shows."""

    url: str
    token: str
    folder: Path

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


@contextmanager
def notebook_server(home: JupyterHome, folder: Path, *command: str) -> Iterator[NotebookServer]:
    """Run `command`, which starts a Jupyter server for `folder`, until the block ends."""
    token = secrets.token_hex(16)
    options = ["--no-browser", "--allow-root", "--ip=127.0.0.1", "--port=0"]
    options += [f"--IdentityProvider.token={token}", f"--ServerApp.root_dir={folder}"]
    log_path = folder.parent / "server.log"
    with (
        log_path.open("wb") as log,
        started([*command, *options], stdout=log, stderr=log, cwd=folder) as process,
    ):
        record = home.runtime / f"jpserver-{process.pid}.json"

        def answers() -> NotebookServer | None:
            assert process.poll() is None, log_path.read_text(encoding="utf-8")
            try:
                url = json.loads(record.read_text(encoding="utf-8"))["url"]
                server = NotebookServer(url, token, folder)
                server.ask("status")
            except (OSError, ValueError):
                return None
            return server

        yield wait_until(answers, "the server answers", timeout=120)


@contextmanager
def voila_server(python: Path, notebook: Path) -> Iterator[str]:
    """Run Voilà for one notebook; yields the address of the page."""
    command = [str(python), "-m", "voila", str(notebook), "--no-browser"]
    command += ["--Voila.ip=127.0.0.1", f"--port={free_port()}"]
    log_path = notebook.with_suffix(".log")
    with (
        log_path.open("wb") as log,
        started(command, stdout=log, stderr=log, cwd=notebook.parent) as process,
    ):

        def address() -> str | None:
            said = log_path.read_text(encoding="utf-8")
            assert process.poll() is None, said
            found = re.search(r"running at:\s+(http://\S+)", said)
            return found[1] if found else None

        yield wait_until(address, "Voilà says where it is", timeout=120)


def free_port() -> int:
    """A port that nobody uses; Voilà tries others if somebody takes it first."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
