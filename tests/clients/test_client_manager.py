"""jupyter_client's managers and clients: start, interrupt, restart, shut down, stdin."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
from jupyter_client.manager import AsyncKernelManager, KernelManager, start_new_async_kernel
from jupyter_home import (
    DEADLINE,
    KERNEL_NAME,
    JupyterHome,
    Notebook,
    process_runs,
    started_kernel,
    strip_ansi,
    wait_until,
)

pytestmark = pytest.mark.timeout(240)

ENDLESS = "import time\nprint('begun', flush=True)\nwhile True:\n    time.sleep(0.05)"
ENDLESS_WITHOUT_SLEEP = "print('begun', flush=True)\nwhile True:\n    pass"


@pytest.fixture
def manager(jupyter_home: JupyterHome) -> Iterator[KernelManager]:
    """A manager whose kernel runs."""
    manager = KernelManager(kernel_name=KERNEL_NAME)
    manager.start_kernel()
    yield manager
    if manager.has_kernel:
        manager.shutdown_kernel(now=True)


def wait_for_ready(manager: KernelManager) -> None:
    """Wait until the kernel answers, with a client of its own."""
    client = manager.client()
    client.start_channels()
    client.wait_for_ready(timeout=DEADLINE)
    client.stop_channels()


def test_started_kernel_answers(notebook: Notebook) -> None:
    """A cell's result comes back."""
    assert notebook.run("6 * 7").result["text/plain"] == "42"


def test_kernel_under_test_is_the_one_that_runs(notebook: Notebook) -> None:
    """The manager started the process that the kernelspec of these tests names."""
    module = notebook.manager.kernel_spec.argv[2]
    run = notebook.run("import sys; ' '.join(sys.orig_argv)")
    assert module in run.result["text/plain"]


@pytest.mark.parametrize("code", [ENDLESS, ENDLESS_WITHOUT_SLEEP], ids=["sleeping", "busy"])
def test_interrupt_ends_the_cell(notebook: Notebook, code: str) -> None:
    """`KernelManager.interrupt_kernel` raises KeyboardInterrupt in the running cell."""
    msg_id = notebook.begin(code)
    notebook.wait_for_stream(msg_id, "begun")
    notebook.manager.interrupt_kernel()
    assert notebook.finish(msg_id).reply["content"]["ename"] == "KeyboardInterrupt"


def test_interrupt_by_message(jupyter_home: JupyterHome) -> None:
    """With `interrupt_mode` "message" the manager sends a request, and the process gets no signal."""
    jupyter_home.add_kernelspec("by-message", interrupt_mode="message")
    with started_kernel("by-message") as notebook:
        msg_id = notebook.begin(ENDLESS_WITHOUT_SLEEP)
        notebook.wait_for_stream(msg_id, "begun")
        notebook.manager.interrupt_kernel()
        assert notebook.finish(msg_id).reply["content"]["ename"] == "KeyboardInterrupt"
        assert notebook.run("1").status == "ok"


def test_kernel_works_after_an_interrupt(notebook: Notebook) -> None:
    """What was defined before the interrupt is there after it."""
    notebook.run("kept = 'still here'")
    msg_id = notebook.begin(ENDLESS)
    notebook.wait_for_stream(msg_id, "begun")
    notebook.manager.interrupt_kernel()
    notebook.finish(msg_id)
    assert notebook.run("print(kept)").stdout == "still here\n"


def test_interrupt_shows_only_the_users_code(notebook: Notebook) -> None:
    """The traceback of an interrupt ends in the cell: no frame of the kernel is in it."""
    msg_id = notebook.begin(ENDLESS_WITHOUT_SLEEP)
    notebook.wait_for_stream(msg_id, "begun")
    notebook.manager.interrupt_kernel()
    (error,) = notebook.finish(msg_id).contents("error")
    assert "File " not in strip_ansi("\n".join(error["traceback"]))


def test_interrupt_of_an_idle_kernel_is_harmless(notebook: Notebook) -> None:
    """An interrupt with no cell running neither ends the kernel nor hits the next cell."""
    notebook.manager.interrupt_kernel()
    assert notebook.run("1 + 1").status == "ok"


def test_restart_forgets_the_namespace(notebook: Notebook) -> None:
    """After a restart the client's channels work on and names are gone."""
    notebook.run("forgotten = 1")
    notebook.manager.restart_kernel()
    notebook.client.wait_for_ready(timeout=DEADLINE)
    assert notebook.run("forgotten").reply["content"]["ename"] == "NameError"


def test_restart_counts_from_one(notebook: Notebook) -> None:
    """The first cell after a restart is In[1]."""
    notebook.run("1")
    notebook.manager.restart_kernel()
    notebook.client.wait_for_ready(timeout=DEADLINE)
    assert notebook.run("2").reply["content"]["execution_count"] == 1


def test_restart_ends_the_old_process(notebook: Notebook) -> None:
    """A restart leaves no orphan."""
    before = notebook.manager.provisioner.pid
    notebook.manager.restart_kernel()
    assert notebook.manager.provisioner.pid != before
    assert not process_runs(before)


def test_shutdown_by_request_is_enough(manager: KernelManager) -> None:
    """The process ends by itself on shutdown_request, with exit code 0: no signal is needed."""
    wait_for_ready(manager)
    process = manager.provisioner.process
    manager.request_shutdown()
    assert wait_until(lambda: process.poll() is not None, "kernel process ended")
    assert process.returncode == 0


def test_shutdown_leaves_no_process(manager: KernelManager) -> None:
    """`KernelManager.shutdown_kernel` ends the process."""
    wait_for_ready(manager)
    pid = manager.provisioner.pid
    manager.shutdown_kernel()
    assert not process_runs(pid)


def test_shutdown_removes_the_connection_file(manager: KernelManager) -> None:
    """Nothing is left in the runtime folder."""
    wait_for_ready(manager)
    connection_file = Path(manager.connection_file)
    assert connection_file.exists()
    manager.shutdown_kernel()
    assert not connection_file.exists()


def test_shutdown_ends_an_endless_cell(notebook: Notebook) -> None:
    """A kernel that is busy shuts down in an orderly way too."""
    msg_id = notebook.begin(ENDLESS)
    notebook.wait_for_stream(msg_id, "begun")
    pid = notebook.manager.provisioner.pid
    notebook.manager.shutdown_kernel()
    assert not process_runs(pid)


def test_heartbeat_beats_during_a_cell(notebook: Notebook) -> None:
    """The client sees the kernel alive while a cell runs."""
    msg_id = notebook.begin(ENDLESS)
    notebook.wait_for_stream(msg_id, "begun")
    assert notebook.client.is_alive()
    assert notebook.client.hb_channel.is_beating()
    notebook.manager.interrupt_kernel()
    notebook.finish(msg_id)


def test_two_clients_share_the_namespace(notebook: Notebook) -> None:
    """A second client of the same kernel sees what the first defined."""
    notebook.run("shared = 'by both'")
    second = notebook.manager.client()
    second.start_channels()
    second.wait_for_ready(timeout=DEADLINE)
    assert Notebook(notebook.manager, second).run("print(shared)").stdout == "by both\n"
    second.stop_channels()


def test_ipc_transport(jupyter_home: JupyterHome) -> None:
    """`KernelManager.transport = "ipc"` works: the whole cell goes over Unix sockets."""
    manager = KernelManager(kernel_name=KERNEL_NAME, transport="ipc")
    manager.start_kernel()
    client = manager.client()
    client.start_channels()
    client.wait_for_ready(timeout=DEADLINE)
    assert Notebook(manager, client).run("print('over ipc')").stdout == "over ipc\n"
    client.stop_channels()
    manager.shutdown_kernel()


def test_kernel_runs_in_the_folder_it_was_started_in(tmp_path: Path) -> None:
    """`cwd=` of start_kernel is the cells' working folder, as for every notebook server."""
    with started_kernel(cwd=str(tmp_path)) as running:
        run = running.run("import os; print(os.getcwd())")
    assert run.stdout.strip() == str(tmp_path.resolve())


def test_execute_interactive_answers_input(notebook: Notebook) -> None:
    """`input()` reaches the client's stdin hook and gets its answer."""
    prompts: list[str] = []
    outputs: list[str] = []

    def answer(message: dict) -> None:
        prompts.append(message["content"]["prompt"])
        notebook.client.input("Ada")

    reply = notebook.client.execute_interactive(
        "name = input('name? '); print('hello', name)",
        timeout=DEADLINE,
        allow_stdin=True,
        stdin_hook=answer,
        output_hook=lambda message: outputs.append(message["content"].get("text", "")),
    )
    assert reply["content"]["status"] == "ok"
    assert prompts == ["name? "]
    assert "hello Ada\n" in "".join(outputs)


def test_execute_interactive_answers_getpass(notebook: Notebook) -> None:
    """`getpass` asks with password=True, so that clients do not echo."""
    asked: list[bool] = []

    def answer(message: dict) -> None:
        asked.append(message["content"]["password"])
        notebook.client.input("secret")

    reply = notebook.client.execute_interactive(
        "import getpass; assert getpass.getpass('password: ') == 'secret'",
        timeout=DEADLINE,
        allow_stdin=True,
        stdin_hook=answer,
        output_hook=lambda message: None,
    )
    assert reply["content"]["status"] == "ok"
    assert asked == [True]


def test_input_without_stdin_is_refused(notebook: Notebook) -> None:
    """A client without stdin gets an error, not a hanging cell."""
    run = notebook.run("input('name? ')", allow_stdin=False)
    assert run.reply["content"]["ename"] == "StdinNotImplementedError"


def test_cell_waiting_for_input_is_interrupted(notebook: Notebook) -> None:
    """An interrupt ends a cell that waits in `input()`."""
    msg_id = notebook.begin("input('name? ')", allow_stdin=True)
    notebook.client.get_stdin_msg(timeout=DEADLINE)
    notebook.manager.interrupt_kernel()
    assert notebook.finish(msg_id).reply["content"]["ename"] == "KeyboardInterrupt"


def test_async_manager_runs_a_cell(jupyter_home: JupyterHome) -> None:
    """AsyncKernelManager with its client: start, a cell, shutdown."""

    async def story() -> str:
        manager, client = await start_new_async_kernel(kernel_name=KERNEL_NAME)
        texts: list[str] = []
        await client.execute_interactive(
            "print('from an async client')",
            timeout=DEADLINE,
            output_hook=lambda message: texts.append(message["content"].get("text", "")),
        )
        client.stop_channels()
        await manager.shutdown_kernel()
        return "".join(texts)

    assert "from an async client\n" in asyncio.run(story())


def test_async_manager_interrupts(jupyter_home: JupyterHome) -> None:
    """AsyncKernelManager.interrupt_kernel ends a running cell."""

    async def story() -> str:
        manager = AsyncKernelManager(kernel_name=KERNEL_NAME)
        await manager.start_kernel()
        client = manager.client()
        client.start_channels()
        await client.wait_for_ready(timeout=DEADLINE)
        client.execute(ENDLESS)
        while True:
            message = await client.get_iopub_msg(timeout=DEADLINE)
            if "begun" in message["content"].get("text", ""):
                break
        await manager.interrupt_kernel()
        reply = await client.get_shell_msg(timeout=DEADLINE)
        client.stop_channels()
        await manager.shutdown_kernel()
        return reply["content"]["ename"]

    assert asyncio.run(story()) == "KeyboardInterrupt"


def test_async_manager_restarts(jupyter_home: JupyterHome) -> None:
    """AsyncKernelManager.restart_kernel: the same client goes on with a new process."""

    async def story() -> tuple[int, int]:
        manager, client = await start_new_async_kernel(kernel_name=KERNEL_NAME)
        before = manager.provisioner.pid
        await manager.restart_kernel()
        await client.wait_for_ready(timeout=DEADLINE)
        after = manager.provisioner.pid
        client.stop_channels()
        await manager.shutdown_kernel()
        return before, after

    before, after = asyncio.run(story())
    assert before != after


def test_cells_on_control_run_one_by_one(notebook: Notebook) -> None:
    """Cells sent by control do not overlap, and are answered in the order in which they came."""
    notebook.run("import time; spans = []")
    client, sent = notebook.client, []
    for seconds in (0.3, 0.2, 0.1):
        code = (
            f"spans.append(time.monotonic()); time.sleep({seconds}); spans.append(time.monotonic())"
        )
        message = client.session.msg("execute_request", {"code": code})
        client.control_channel.send(message)
        sent.append(message["header"]["msg_id"])
    replies = [client.get_control_msg(timeout=DEADLINE) for _ in sent]
    assert [reply["parent_header"]["msg_id"] for reply in replies] == sent
    assert notebook.run("spans == sorted(spans) and len(spans)").result["text/plain"] == "6"
