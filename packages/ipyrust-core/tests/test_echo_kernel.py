"""The example of the README: a real process under jupyter_client."""

from __future__ import annotations

import os
import re
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jupyter_client import BlockingKernelClient, KernelManager
from jupyter_client.kernelspec import KernelSpec

PACKAGE = Path(__file__).parents[1]
EXAMPLE = PACKAGE / "examples" / "echo_kernel.py"
PATIENCE = 20


class EchoManager(KernelManager):
    """Starts the example whatever the kernel's name."""

    @property
    def kernel_spec(self) -> KernelSpec:
        return KernelSpec(argv=[sys.executable, str(EXAMPLE), "{connection_file}"], language="echo")


@pytest.fixture
def manager(tmp_path) -> Iterator[KernelManager]:
    manager = EchoManager(connection_file=str(tmp_path / "kernel.json"))
    manager.start_kernel()
    yield manager
    if manager.is_alive():
        manager.shutdown_kernel(now=True)
    manager.cleanup_resources()


@pytest.fixture
def client(manager) -> Iterator[BlockingKernelClient]:
    client = manager.client()
    client.start_channels()
    client.wait_for_ready(timeout=PATIENCE)
    yield client
    client.stop_channels()


def transcript(client: BlockingKernelClient, msg_id: str) -> list[tuple[str, Any]]:
    seen: list[tuple[str, Any]] = []
    while ("status", "idle") not in seen:
        message = client.get_iopub_msg(timeout=PATIENCE)
        if message["parent_header"].get("msg_id") == msg_id:
            content = message["content"]
            shown = {
                "status": content.get("execution_state"),
                "execute_input": content.get("code"),
                "execute_result": content.get("data"),
            }
            seen.append((message["msg_type"], shown.get(message["msg_type"], content)))
    return seen


@pytest.mark.parametrize("code", ["hello", "zwei\nZeilen: é 😀", ""])
def test_it_echoes(client, code):
    msg_id = client.execute(code)
    reply = client.get_shell_msg(timeout=PATIENCE)
    assert (reply["msg_type"], reply["content"]["status"]) == ("execute_reply", "ok")
    assert transcript(client, msg_id) == [
        ("status", "busy"),
        ("execute_input", code),
        ("execute_result", {"text/plain": code}),
        ("status", "idle"),
    ]


def test_it_counts(client):
    counts = []
    for _ in range(3):
        client.execute("x")
        counts.append(client.get_shell_msg(timeout=PATIENCE)["content"]["execution_count"])
    assert counts == [1, 2, 3]


@pytest.mark.parametrize(
    ("ask", "expected"),
    [
        (lambda client: client.kernel_info(), {"implementation": "echo", "status": "ok"}),
        (lambda client: client.complete("abc", 2), {"matches": [], "cursor_start": 2}),
        (lambda client: client.inspect("abc"), {"found": False}),
        (lambda client: client.is_complete("abc"), {"status": "complete"}),
        (lambda client: client.history(), {"history": []}),
        (lambda client: client.comm_info(), {"comms": {}}),
    ],
    ids=["kernel_info", "complete", "inspect", "is_complete", "history", "comm_info"],
)
def test_it_answers(client, ask, expected):
    ask(client)
    content = client.get_shell_msg(timeout=PATIENCE)["content"]
    assert {name: content[name] for name in expected} == expected


def test_interrupts_between_cells_do_not_end_it(manager, client):
    for _ in range(3):
        manager.interrupt_kernel()
    os.kill(manager.provisioner.pid, signal.SIGINT)
    client.execute("still here")
    assert client.get_shell_msg(timeout=PATIENCE)["content"]["status"] == "ok"
    assert manager.is_alive()


@pytest.mark.parametrize("restart", [False, True])
def test_it_ends_with_code_0_when_asked(manager, client, restart):
    client.shutdown(restart=restart)
    reply = client.get_control_msg(timeout=PATIENCE)
    assert reply["content"] == {"status": "ok", "restart": restart}
    assert manager.provisioner.process.wait(timeout=PATIENCE) == 0


def test_it_ends_with_its_parent_s_end_of_patience(manager, client):
    manager.shutdown_kernel()
    assert not manager.is_alive()


def test_the_readme_shows_this_very_example():
    readme = (PACKAGE / "README.md").read_text("utf-8")
    blocks = re.findall(r"^```python\n(.*?)^```$", readme, re.DOTALL | re.MULTILINE)
    assert EXAMPLE.read_text("utf-8") in blocks
