"""Start, shutdown, restart, and the end of the process that started the kernel."""

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from frontend import (
    DEADLINE,
    Frontend,
    KernelProcess,
    KernelUnderTest,
    Lifeline,
    busy,
    execute_input,
    idle,
    reply,
    result,
    stdout,
)
from frontend.process import (
    CHANNEL_PORTS,
    connection_info,
    kernel_environment,
    write_private,
)

parity = pytest.mark.parity

Start = Callable[..., KernelProcess]
Connect = Callable[[KernelProcess], Frontend]
both_channels = pytest.mark.parametrize("channel", ["control", "shell"])


def shut_down(frontend: Frontend, *, channel: str = "control", restart: bool = False) -> int:
    """Ask for a shutdown; the exit code."""
    request = frontend.request("shutdown_request", {"restart": restart}, channel=channel)
    assert request.reply.content["status"] == "ok"
    return frontend.kernel.wait()


@parity
@both_channels
@pytest.mark.parametrize("restart", [False, True])
def test_shutdown_is_confirmed(fresh: Frontend, channel: str, restart: bool) -> None:
    request = fresh.request("shutdown_request", {"restart": restart}, channel=channel)
    assert request.reply.content == {"status": "ok", "restart": restart}


@pytest.mark.every_transport
@parity
@both_channels
@pytest.mark.parametrize("restart", [False, True])
def test_shutdown_ends_with_code_zero(fresh: Frontend, channel: str, restart: bool) -> None:
    assert shut_down(fresh, channel=channel, restart=restart) == 0


@pytest.mark.every_transport
@parity
def test_shutdown_is_published(fresh: Frontend) -> None:
    request = fresh.request("shutdown_request", {"restart": False}, channel="control")

    def published() -> bool:
        return any(message.msg_type == "shutdown_reply" for message in request.published)

    fresh.wait_for(published, "shutdown_reply on iopub", timeout=DEADLINE)


@parity
def test_exit_hooks_run(fresh: Frontend, tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    fresh.run(f"import atexit, pathlib; atexit.register(pathlib.Path({str(mark)!r}).touch)")
    shut_down(fresh)
    assert mark.exists()


@parity
def test_shutdown_says_nothing_on_stderr(fresh: Frontend) -> None:
    fresh.run("1")
    shut_down(fresh)
    assert "Traceback" not in fresh.kernel.stderr


@parity
def test_daemon_threads_do_not_keep_the_kernel(fresh: Frontend) -> None:
    code = "import threading; threading.Thread(target=threading.Event().wait, daemon=True).start()"
    fresh.run(code)
    assert shut_down(fresh) == 0


def test_threads_that_never_end_do_not_keep_the_kernel(fresh: Frontend) -> None:
    fresh.run("import threading; threading.Thread(target=threading.Event().wait).start()")
    shut_down(fresh)


def test_a_running_cell_does_not_keep_the_kernel(fresh: Frontend) -> None:
    cell = fresh.execute("print('go', flush=True)\nwhile True: pass")
    cell.reaches(stdout("go\n"))
    shut_down(fresh)


def test_a_cell_that_holds_the_gil_does_not_keep_the_kernel(fresh: Frontend) -> None:
    code = "import ctypes\nprint('go', flush=True)\nctypes.PyDLL(None).sleep(1000)"
    fresh.execute(code).reaches(stdout("go\n"))
    shut_down(fresh)


def test_a_cell_that_asks_does_not_keep_the_kernel(fresh: Frontend) -> None:
    fresh.execute("input()", allow_stdin=True)
    fresh.input_request()
    shut_down(fresh)


@parity
def test_tasks_that_never_end_do_not_keep_the_kernel(fresh: Frontend) -> None:
    fresh.run("import asyncio; t = asyncio.create_task(asyncio.sleep(1000))")
    assert shut_down(fresh) == 0


CHILD = """
import subprocess
with open({path!r}, "w") as held:
    child = subprocess.Popen(["sleep", "1000"], stdout=held)
"""


@pytest.mark.every_transport
@pytest.mark.parametrize("restart", [False, True])
def test_children_end_with_the_kernel(fresh: Frontend, tmp_path: Path, restart: bool) -> None:
    with Lifeline(tmp_path / "lifeline") as lifeline:
        fresh.run(CHILD.format(path=str(lifeline.path)))
        assert lifeline.is_held()
        shut_down(fresh, restart=restart)
        lifeline.wait_until_released()


def test_a_child_that_ignores_sigterm_ends_with_the_kernel(fresh: Frontend, tmp_path: Path) -> None:
    stubborn = CHILD.replace('"sleep", "1000"', "'sh', '-c', 'trap : TERM; while :; do :; done'")
    with Lifeline(tmp_path / "lifeline") as lifeline:
        fresh.run(stubborn.format(path=str(lifeline.path)))
        shut_down(fresh)
        lifeline.wait_until_released()


@pytest.mark.every_transport
@parity
def test_sigterm_ends_the_kernel(fresh: Frontend) -> None:
    fresh.kernel.popen.send_signal(signal.SIGTERM)
    fresh.kernel.wait()


@parity
def test_sigint_does_not_end_an_idle_kernel(fresh: Frontend) -> None:
    fresh.kernel.signal_group(signal.SIGINT)
    fresh.execute("1").sees(busy, execute_input, result("1"), reply("ok"), idle)


LAUNCHER = """
import json, os, subprocess, sys
argv, env = json.load(sys.stdin)
held = open(sys.argv[1], "w")
env["JPY_PARENT_PID"] = str(os.getpid())
out = open(os.devnull, "w")
subprocess.Popen(argv, env=env, stdout=out, stderr=out, start_new_session=True,
                 pass_fds=[held.fileno()])
held.close()
sys.stdin = None
import time
time.sleep(1000)
"""


@parity
@pytest.mark.parametrize("busy_with", ["", "while True: pass"], ids=["idle", "busy"])
def test_a_kernel_ends_with_the_process_that_started_it(
    kernel_under_test: KernelUnderTest, tmp_path: Path, busy_with: str
) -> None:
    file = tmp_path / "kernel.json"
    write_private(file, json.dumps(connection_info()))
    order = json.dumps([kernel_under_test.argv(file), kernel_environment(tmp_path, {})])
    with Lifeline(tmp_path / "lifeline") as lifeline:
        argv = [sys.executable, "-c", LAUNCHER, str(lifeline.path)]
        with subprocess.Popen(argv, stdin=subprocess.PIPE, text=True) as launcher:
            assert launcher.stdin
            launcher.stdin.write(order)
            launcher.stdin.close()
            with Frontend(Adopted(file, launcher)) as client:
                client.value("1")
                if busy_with:
                    client.execute(busy_with).reaches(execute_input)
                launcher.kill()
        lifeline.wait_until_released()


class Adopted(KernelProcess):
    """A kernel that another process started: its file and its launcher are all that is known."""

    def __init__(self, file: Path, launcher: subprocess.Popen[str]) -> None:
        self.connection_file = file
        self.popen = launcher  # type: ignore[assignment]
        self.stderr_file = Path(os.devnull)
        self._connection = None


@parity
def test_the_ports_are_written_to_the_file(fresh: Frontend) -> None:
    written = json.loads(fresh.kernel.connection_file.read_text())
    ports = [written[name] for name in written if name.endswith("_port")]
    assert len(set(ports)) == 5 and all(0 < port < 65_536 for port in ports)


@parity
def test_the_file_keeps_what_the_launcher_wrote(start_kernel: Start, connect: Connect) -> None:
    process = start_kernel(connection={"kernel_name": "mine", "x-own": [1]})
    connect(process)
    written = json.loads(process.connection_file.read_text())
    assert (written["kernel_name"], written["x-own"]) == ("mine", [1])


@parity
def test_the_file_stays_private(fresh: Frontend) -> None:
    assert fresh.kernel.connection_file.stat().st_mode & 0o077 == 0


@parity
def test_the_launchers_file_is_left_behind(fresh: Frontend) -> None:
    shut_down(fresh)
    assert fresh.kernel.connection_file.exists()


@parity
def test_given_ports_are_used(start_kernel: Start, connect: Connect) -> None:
    with socket.create_server(("127.0.0.1", 0)) as holder:
        port = holder.getsockname()[1]
    client = connect(start_kernel(connection={"shell_port": port}))
    assert client.connection["shell_port"] == port
    assert client.value("1") == "1"


@parity
def test_an_empty_key_means_no_signatures(start_kernel: Start, connect: Connect) -> None:
    client = connect(start_kernel(connection={"key": ""}))
    client.execute("1").sees(busy, execute_input, result("1"), reply("ok"), idle)


@parity
@pytest.mark.parametrize("scheme", ["hmac-sha512", "hmac-sha384", "hmac-sha1", "hmac-md5"])
def test_other_signature_schemes(start_kernel: Start, connect: Connect, scheme: str) -> None:
    client = connect(start_kernel(connection={"signature_scheme": scheme}))
    client.execute("1").sees(busy, execute_input, result("1"), reply("ok"), idle)


@parity
def test_a_key_of_unicode(start_kernel: Start, connect: Connect) -> None:
    client = connect(start_kernel(connection={"key": "schlüssel 🔑"}))
    client.execute("1").sees(busy, execute_input, result("1"), reply("ok"), idle)


IPC_PORTS = {name: number for number, name in enumerate(CHANNEL_PORTS, 1)}


@parity
def test_ipc_in_place_of_tcp(start_kernel: Start, connect: Connect, tmp_path: Path) -> None:
    info = {"transport": "ipc", "ip": str(tmp_path / "k"), **IPC_PORTS}
    client = connect(start_kernel(connection=info))
    client.execute("1").sees(busy, execute_input, result("1"), reply("ok"), idle)


def test_ipc_files_are_removed(start_kernel: Start, connect: Connect, tmp_path: Path) -> None:
    info = {"transport": "ipc", "ip": str(tmp_path / "k"), **IPC_PORTS}
    shut_down(connect(start_kernel(connection=info)))
    assert not list(tmp_path.glob("k-*"))


@parity
def test_two_kernels_live_side_by_side(start_kernel: Start, connect: Connect) -> None:
    one, other = connect(start_kernel()), connect(start_kernel())
    one.run("name = 'one'")
    other.run("name = 'other'")
    assert (one.value("name"), other.value("name")) == ("'one'", "'other'")
