"""Warm start: kernels that a template forks are in nothing different from kernels that were spawned."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jupyter_client.manager import KernelManager
from jupyter_home import DEADLINE, JupyterHome, Notebook, process_runs, wait_until

from frontend import KernelUnderTest
from ipyrust.warm.key import socket_path, template_key

pytestmark = pytest.mark.timeout(240)


class Warm:
    """The warm kernelspec of this module, its templates and the kernels that it starts."""

    def __init__(self, runtime: Path) -> None:
        self.runtime = runtime
        self._managers: list[KernelManager] = []
        self._notebooks: list[Notebook] = []

    def command(self, *arguments: str) -> str:
        """Output of `python -m ipyrust.warm …`."""
        command = [sys.executable, "-m", "ipyrust.warm", *arguments]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout

    def install(self, *options: str) -> None:
        """Install a warm kernelspec. Its templates end soon, also one that is ready when the test is over."""
        self.command("install", "--idle-seconds", "20", *options)

    def sockets(self) -> list[Path]:
        """Of the templates that have ever been ready."""
        return sorted((self.runtime / "ipyrust-warm").glob("warm-*.sock"))

    def start(self, name: str = "ipyrust-warm", **options: Any) -> Notebook:
        """A kernel of the warm kernelspec, however it came to be."""
        manager = KernelManager(kernel_name=name)
        manager.start_kernel(**options)
        self._managers.append(manager)
        client = manager.client()
        client.start_channels()
        client.wait_for_ready(timeout=DEADLINE)
        self._notebooks.append(Notebook(manager, client))
        return self._notebooks[-1]

    def forked(self, name: str = "ipyrust-warm", **options: Any) -> Notebook:
        """A kernel that surely was forked: a first one brings the template into being."""
        before = set(self.sockets())
        notebook = self.start(name, **options)
        if not was_forked(notebook):
            self.shut_down(notebook)
            wait_until(lambda: set(self.sockets()) - before, "a template is ready")
            notebook = self.start(name, **options)
        assert was_forked(notebook)
        return notebook

    def shut_down(self, notebook: Notebook) -> None:
        """End one kernel."""
        notebook.client.stop_channels()
        notebook.manager.shutdown_kernel()

    def close(self) -> None:
        """End everything."""
        for notebook in self._notebooks:
            notebook.client.stop_channels()
        for manager in self._managers:
            if manager.has_kernel:
                manager.shutdown_kernel(now=True)
            manager.cleanup_resources()
        self.command("stop")


def process_of(notebook: Notebook) -> Any:
    """What the provisioner watches."""
    provisioner: Any = notebook.manager.provisioner
    return provisioner.process


def was_forked(notebook: Notebook) -> bool:
    return type(process_of(notebook)).__name__ == "WarmProcess"


def value(notebook: Notebook, expression: str) -> str:
    return str(notebook.run(expression).result["text/plain"])


@pytest.fixture
def warm(
    jupyter_home: JupyterHome, kernel_under_test: KernelUnderTest, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Warm]:
    if "ipyrust" not in kernel_under_test.command:
        pytest.skip("warm start is ipyrust's own")
    for name in [name for name in os.environ if name.startswith("PYTEST_")]:
        monkeypatch.delenv(name)
    with tempfile.TemporaryDirectory() as runtime:  # The path of a socket has to be short.
        monkeypatch.setenv("JUPYTER_RUNTIME_DIR", runtime)
        warm = Warm(Path(runtime))
        warm.install()
        yield warm
        warm.close()


def test_a_forked_kernel_runs_cells(warm: Warm) -> None:
    notebook = warm.forked()
    assert value(notebook, "6 * 7") == "42"
    run = notebook.run("import sys; print('out'); print('err', file=sys.stderr)")
    assert (run.stdout, run.stream("stderr")) == ("out\n", "err\n")
    assert notebook.run("1/0").reply["content"]["ename"] == "ZeroDivisionError"
    assert notebook.run("!echo from a child").stdout == "from a child\n"


def test_it_has_the_callers_directory_environment_and_session(warm: Warm, tmp_path: Path) -> None:
    notebook = warm.forked(cwd=str(tmp_path))
    assert value(notebook, "import os; os.getcwd()") == repr(os.path.realpath(tmp_path))
    assert value(notebook, "os.getsid(0) == os.getpgrp() == os.getpid()") == "True"
    assert value(notebook, "os.environ['JPY_PARENT_PID']") == repr(str(os.getpid()))
    assert value(notebook, "os.getpid()") == str(process_of(notebook).pid)
    assert value(notebook, "os.read(0, 1)") == "b''"


def test_a_variable_that_counts_gets_a_template_of_its_own(
    warm: Warm, monkeypatch: pytest.MonkeyPatch
) -> None:
    warm.shut_down(warm.forked())
    monkeypatch.setenv("WHAT_AN_IMPORT_MAY_READ", "new")
    notebook = warm.start()
    assert not was_forked(notebook)
    assert value(notebook, "import os; os.environ['WHAT_AN_IMPORT_MAY_READ']") == "'new'"
    monkeypatch.setenv("JPY_SESSION_NAME", "/a/notebook.ipynb")
    assert (
        value(warm.forked(), "import os; os.environ['JPY_SESSION_NAME']") == "'/a/notebook.ipynb'"
    )


def test_it_is_interrupted_restarted_and_shut_down(warm: Warm) -> None:
    notebook = warm.forked()
    cell = notebook.begin("import time\nprint('begun', flush=True)\ntime.sleep(1000)")
    notebook.wait_for_stream(cell, "begun\n")
    notebook.manager.interrupt_kernel()
    assert notebook.finish(cell).reply["content"]["ename"] == "KeyboardInterrupt"
    notebook.run("x = 1")
    first = process_of(notebook).pid
    notebook.manager.restart_kernel()
    notebook.client.wait_for_ready(timeout=DEADLINE)
    assert was_forked(notebook)
    assert process_of(notebook).pid != first
    assert notebook.run("x").reply["content"]["ename"] == "NameError"
    process = process_of(notebook)
    warm.shut_down(notebook)
    assert process.wait(DEADLINE) == 0
    wait_until(lambda: not process_runs(process.pid), "the kernel has ended")


def test_a_relative_pythonpath_means_the_callers_directory(
    warm: Warm, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    inherited = os.environ.get("PYTHONPATH")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, ["src", inherited])))
    for name in ("one", "two"):
        source = tmp_path / name / "src"
        source.mkdir(parents=True)
        (source / "of_the_project.py").write_text(f"name = {name!r}\n")
        notebook = warm.forked(cwd=str(source.parent))
        assert value(notebook, "import of_the_project; of_the_project.name") == repr(name)


def test_without_a_place_for_templates_kernels_start_all_the_same(
    warm: Warm, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path_factory.mktemp("r")  # A short name: a socket's address has little room.
    (folder / "ipyrust-warm").write_text("in the way")
    with monkeypatch.context() as changed:
        changed.setenv("JUPYTER_RUNTIME_DIR", str(folder))
        with pytest.raises(OSError, match="ipyrust-warm"):
            socket_path(template_key([sys.executable], {}, []))
        notebook = warm.start()
        said = subprocess.run(
            [sys.executable, "-m", "ipyrust.warm", "status"], capture_output=True, text=True
        )
    assert not was_forked(notebook)
    assert value(notebook, "6 * 7") == "42"
    assert (said.returncode, said.stderr.count("\n")) == (7, 1)
    assert str(folder) in said.stderr


@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("import os; os._exit(7)", 7),
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", -signal.SIGKILL),
        ("import os; os.abort()", -signal.SIGABRT),
    ],
)
def test_its_exit_code_is_known(warm: Warm, code: str, status: int) -> None:
    notebook = warm.forked()
    notebook.begin(code)
    assert process_of(notebook).wait(DEADLINE) == status
    assert not notebook.manager.is_alive()


def test_it_outlives_its_template(warm: Warm) -> None:
    notebook = warm.forked()
    template = int(value(notebook, "import os; os.getppid()"))
    os.kill(template, signal.SIGKILL)
    wait_until(lambda: not process_runs(template), "the template has ended")
    assert value(notebook, "6 * 7") == "42"
    process = process_of(notebook)
    assert process.poll() is None
    warm.shut_down(notebook)
    assert process.wait(DEADLINE) == 1, "nobody can tell"
    assert not was_forked(warm.start()), "and a cold start brings the next template"


def test_a_template_ends_when_it_is_stopped_and_its_kernels_have_ended(warm: Warm) -> None:
    notebook = warm.forked()
    template = int(value(notebook, "import os; os.getppid()"))
    warm.command("stop")
    assert value(notebook, "6 * 7") == "42"
    assert process_runs(template)
    warm.shut_down(notebook)
    wait_until(lambda: not process_runs(template), "the template has ended")
    assert warm.sockets() == []


def test_a_template_that_nobody_needs_ends(warm: Warm) -> None:
    path = warm.runtime / "idle.sock"
    command = [sys.executable, "-m", "ipyrust.warm", "template", "--idle", "0.2"]
    subprocess.run([*command, "--socket", str(path)], timeout=DEADLINE, check=True)
    assert not path.exists()


def test_modules_are_imported_beforehand_and_looked_after(
    warm: Warm, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(
        "PYTHONPATH", os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])
    )
    module = tmp_path / "imported_beforehand.py"
    module.write_text("import os\npid = os.getpid()\nversion = 1\n")
    threaded = (
        "import threading\nthreading.Thread(target=threading.Event().wait, daemon=True).start()\n"
    )
    (tmp_path / "threaded.py").write_text(threaded)
    (tmp_path / "broken.py").write_text("1/0\n")
    warm.install("--name", "more", "--modules", "imported_beforehand,threaded,broken")
    notebook = warm.forked("more")
    assert value(notebook, "import os, imported_beforehand as i; i.pid == os.getppid()") == "True"
    assert value(notebook, "import sys; 'threaded' in sys.modules") == "False"
    status = warm.command("status")
    assert "threaded is not imported beforehand: it starts 1 threads" in status
    assert "broken is not imported beforehand: ZeroDivisionError" in status
    module.write_text("version = 22\n")
    again = warm.start("more")
    assert not was_forked(again)
    assert value(again, "import imported_beforehand as i; i.version") == "22"
    warm.shut_down(again)


def test_random_numbers_differ_between_kernels(warm: Warm) -> None:
    warm.install("--name", "numbers", "--modules", "random")
    numbers = set()
    for _ in range(2):
        notebook = warm.forked("numbers")
        numbers.add(value(notebook, "import random; random.random()"))
        numbers.add(value(notebook, "import uuid; uuid.uuid4()"))
    assert len(numbers) == 4


def test_nonsense_on_the_socket_does_not_end_the_template(warm: Warm) -> None:
    warm.shut_down(warm.forked())
    for nonsense in (b"", b"\n", b"[]\n", b"{}\n", b'{"arguments": [1]}\n', b"\xff" * 1000 + b"\n"):
        with socket.socket(socket.AF_UNIX) as link:
            link.connect(str(warm.sockets()[-1]))
            link.sendall(nonsense)
    assert was_forked(warm.start())
