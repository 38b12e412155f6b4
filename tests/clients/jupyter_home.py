"""A Jupyter installation of its own for each test module, in which ipyrust is the kernel named `python3`.

Shared by the tests of clients, suites and browser: their `conftest.py` import the fixtures from here. Knows where
Jupyter looks for things and how to run one cell; knows nothing of any single client.

Another kernel than ipyrust can be tested with `--kernel` (see `tests/conftest.py`): a test that fails with ipykernel
too says more about the test than about ipyrust.
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from queue import Empty
from typing import Any

import nbformat
import pytest
from jupyter_client.blocking.client import BlockingKernelClient
from jupyter_client.manager import KernelManager

from frontend import KernelUnderTest

KERNEL_NAME = "python3"
DISPLAY_NAME = "Python 3 (under test)"
DEADLINE = 60.0
"""Seconds that an event may take before a test fails: generous, because nothing waits for it to pass."""

REPOSITORY = Path(__file__).resolve().parents[2]
ARTIFACTS = REPOSITORY / ".artifacts"
ANSI = re.compile(
    r"\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|\x1b\[[0-9;?<=>]*[ -/]*[@-~]|\x1b[()][0-9A-Za-z]|\x1b[=>78]"
)


def strip_ansi(text: str) -> str:
    """`text` without terminal escape sequences."""
    return ANSI.sub("", text)


def wait_until(condition: Callable[[], Any], what: str, timeout: float = DEADLINE) -> Any:
    """The first true value of `condition()`; fails naming `what` after `timeout` seconds."""
    end = time.monotonic() + timeout
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            pytest.fail(f"after {timeout:.0f} s still not: {what}")
        time.sleep(0.05)  # the pace of polling a condition that nobody signals (a file, a process)


def process_runs(pid: int) -> bool:
    """Whether `pid` is a process that has not ended; one that waits to be reaped by its parent has."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    with suppress(FileNotFoundError):  # no /proc: macOS
        state = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0]
        return state not in "ZX"
    return True


def environment_without_pytest() -> dict[str, str]:
    """The environment less what tells a program that it runs inside pytest: kernels behave differently there."""
    return {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}


def write_notebook(path: Path, *sources: str, kernel: str | None = KERNEL_NAME) -> None:
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


@contextmanager
def started(command: list[str], **options: Any) -> Iterator[subprocess.Popen[bytes]]:
    """Run `command` in a process group of its own, and end that group afterwards."""
    process = subprocess.Popen(
        command, start_new_session=True, env=environment_without_pytest(), **options
    )
    try:
        yield process
    finally:
        for number in (signal.SIGTERM, signal.SIGKILL):
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid, number)
            with suppress(subprocess.TimeoutExpired):
                process.wait(30)
                break


@dataclass(frozen=True)
class JupyterHome:
    """The folders of one isolated Jupyter installation, and the environment that points to them."""

    root: Path
    kernel: KernelUnderTest

    @property
    def runtime(self) -> Path:
        """Where connection files and server records are written."""
        return self.root / "runtime"

    @property
    def config(self) -> Path:
        """Where Jupyter's programs look for their configuration."""
        return self.root / "config"

    @property
    def environment(self) -> dict[str, str]:
        """What differs from the environment of the tests."""
        scripts = str(Path(sys.executable).parent)
        return {
            "JUPYTER_PATH": str(self.root / "path"),
            "JUPYTER_DATA_DIR": str(self.root / "data"),
            "JUPYTER_CONFIG_DIR": str(self.config),
            "JUPYTER_CONFIG_PATH": str(self.config),
            "JUPYTER_RUNTIME_DIR": str(self.runtime),
            "IPYTHONDIR": str(self.root / "ipython"),
            "PATH": os.pathsep.join([scripts, os.environ.get("PATH", os.defpath)]),
        }

    def create(self) -> None:
        """Make the folders, and the kernelspec that names the kernel under test `python3`."""
        for folder in ("data", "config", "runtime", "ipython"):
            (self.root / folder).mkdir(parents=True, mode=0o700)
        self.add_kernelspec(KERNEL_NAME)

    def add_kernelspec(self, name: str, env: dict[str, str] | None = None, **entries: Any) -> None:
        """Write a kernelspec called `name` for the kernel under test, with more `entries`."""
        folder = self.root / "path" / "kernels" / name
        folder.mkdir(parents=True)
        spec = {
            "argv": list(self.kernel.command),
            "display_name": DISPLAY_NAME,
            "language": "python",
            "kernel_protocol_version": "5.5",
            "metadata": {"debugger": True, "supported_encryption": ["curve"]},
            "env": env or {},
            **entries,
        }
        (folder / "kernel.json").write_text(json.dumps(spec, indent=1), encoding="utf-8")


@pytest.fixture(scope="module", autouse=True)
def jupyter_home(
    tmp_path_factory: pytest.TempPathFactory, kernel_under_test: KernelUnderTest
) -> Iterator[JupyterHome]:
    """An isolated Jupyter installation, in force for every test of the module and what it starts."""
    home = JupyterHome(tmp_path_factory.mktemp("jupyter"), kernel_under_test)
    home.create()
    with pytest.MonkeyPatch.context() as patch:
        for name, value in home.environment.items():
            patch.setenv(name, value)
        for name in ("MPLBACKEND", "JPY_SESSION_NAME", "PYTHONWARNINGS"):
            patch.delenv(name, raising=False)
        yield home


@dataclass
class CellRun:
    """What one execute_request brought: its reply, and its publications up to idle."""

    reply: dict[str, Any] = field(default_factory=dict)
    messages: list[dict[str, Any]] = field(default_factory=list)

    def contents(self, msg_type: str) -> list[dict[str, Any]]:
        """The contents of the publications of one type, in order."""
        return [m["content"] for m in self.messages if m["msg_type"] == msg_type]

    def stream(self, name: str) -> str:
        """All text of one stream."""
        return "".join(c["text"] for c in self.contents("stream") if c["name"] == name)

    @property
    def stdout(self) -> str:
        """All that went to stdout."""
        return self.stream("stdout")

    @property
    def status(self) -> str:
        """ok, error or aborted, as the reply says."""
        return self.reply["content"]["status"]

    @property
    def result(self) -> dict[str, Any]:
        """The mime bundle of the one execute_result."""
        (content,) = self.contents("execute_result")
        return content["data"]

    @property
    def displays(self) -> list[dict[str, Any]]:
        """The mime bundles of display_data, in order."""
        return [content["data"] for content in self.contents("display_data")]


class Notebook:
    """A kernel and the client attached to it: what a person at a notebook has."""

    def __init__(self, manager: KernelManager, client: BlockingKernelClient) -> None:
        self.manager = manager
        self.client = client

    def begin(self, code: str, **options: Any) -> str:
        """Send a cell and return its msg_id without waiting."""
        return self.client.execute(code, **options)

    def finish(self, msg_id: str, timeout: float = DEADLINE) -> CellRun:
        """Collect the publications of `msg_id` until idle, then its reply."""
        run = CellRun()
        end = time.monotonic() + timeout
        while True:
            message = self.next_publication(msg_id, end)
            if message["content"].get("execution_state") == "idle":
                break
            run.messages.append(message)
        while True:
            reply = self.client.get_shell_msg(timeout=max(0.1, end - time.monotonic()))
            if reply["parent_header"].get("msg_id") == msg_id:
                run.reply = reply
                return run

    def next_publication(self, msg_id: str, end: float) -> dict[str, Any]:
        """The next publication caused by `msg_id`; others are passed over."""
        while True:
            try:
                message = self.client.get_iopub_msg(timeout=max(0.1, end - time.monotonic()))
            except Empty:
                pytest.fail(f"no idle for {msg_id}")
            if message["parent_header"].get("msg_id") == msg_id:
                return message

    def run(self, code: str, **options: Any) -> CellRun:
        """Run one cell to its end."""
        return self.finish(self.begin(code, **options))

    def wait_for_stream(self, msg_id: str, text: str) -> None:
        """Wait until the cell `msg_id` has printed `text`."""
        end = time.monotonic() + DEADLINE
        seen = ""
        while text not in seen:
            message = self.next_publication(msg_id, end)
            assert message["content"].get("execution_state") != "idle", f"ended with {seen!r}"
            seen += message["content"].get("text", "")


@contextmanager
def started_kernel(kernel_name: str = KERNEL_NAME, **options: Any) -> Iterator[Notebook]:
    """Start a kernel through jupyter_client, attach a client, and shut both down."""
    manager = KernelManager(kernel_name=kernel_name)
    manager.start_kernel(env=environment_without_pytest(), **options)
    client = manager.client()
    try:
        client.start_channels()
        client.wait_for_ready(timeout=DEADLINE)
        yield Notebook(manager, client)
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
        manager.cleanup_resources()


@pytest.fixture
def notebook() -> Iterator[Notebook]:
    """A kernel for one test."""
    with started_kernel() as running:
        yield running


@pytest.fixture(scope="module")
def shared_notebook(jupyter_home: JupyterHome) -> Iterator[Notebook]:
    """A kernel for all the tests of a module that leave nothing behind in it."""
    with started_kernel() as running:
        yield running
