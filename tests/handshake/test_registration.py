"""A kernel that is given a registration file chooses its ports, tells the launcher, and works as any other."""

import json
import signal
from collections.abc import Callable
from pathlib import Path

import pytest
import zmq

from frontend import Frontend, KernelProcess, busy, execute_input, idle, reply, result, stdout
from frontend.process import CHANNEL_PORTS, curve_pair
from handshake.conftest import StartRegistered
from handshake.launcher import Launcher, RegisteredKernel

Connect = Callable[[KernelProcess], Frontend]
MANY = 20


def register(launcher: Launcher, process: RegisteredKernel) -> None:
    """Take the ports of the only kernel that starts."""
    handshake = launcher.receive()
    launcher.accept(handshake)
    process.listens_on(handshake.ports)


def shut_down(frontend: Frontend, *, restart: bool = False) -> int:
    """Ask for the end; the exit code."""
    request = frontend.request("shutdown_request", {"restart": restart}, channel="control")
    assert request.reply.content["status"] == "ok"
    return frontend.kernel.wait()


def test_cells_run_over_the_ports_that_were_told(registered: Frontend) -> None:
    registered.execute("print('a'); 6 * 7").sees(
        busy, execute_input, stdout("a\n"), result("42"), reply("ok"), idle
    )
    assert registered.heartbeat() == b"ping"


def test_questions_and_interrupts_work(registered: Frontend, gate: object) -> None:
    cell = registered.execute("input('?')", allow_stdin=True)
    registered.answer(registered.input_request(), "!")
    cell.sees(busy, execute_input, result("'!'"), reply("ok"), idle)
    endless = registered.execute("print('begun', flush=True)\nwhile True: pass")
    endless.reaches_text("begun")
    registered.interrupt()
    assert endless.reply.content["ename"] == "KeyboardInterrupt"


def test_the_forms_of_the_request(launcher: Launcher, start_registered: StartRegistered) -> None:
    start_registered(launcher.file())
    handshake = launcher.receive()
    assert len(set(handshake.ports.values())) == 5
    if launcher.form == "content":
        assert handshake.content["kernel_id"] == "a-kernel"
        assert all(isinstance(handshake.content[name], str) for name in CHANNEL_PORTS)
        assert len(handshake.route) == 1
    else:
        assert set(handshake.content) == set(CHANNEL_PORTS)
        assert all(isinstance(handshake.content[name], int) for name in CHANNEL_PORTS)
        assert handshake.header["msg_type"] == "handshake_request"
        assert handshake.route[1:] == (b"",), "what a REP socket needs to find the way back"
    launcher.accept(handshake)


def test_a_launcher_may_listen_with_rep(
    start_registered: StartRegistered, connect: Connect
) -> None:
    """Positron's does, and closes the socket after one answer."""
    with Launcher("message") as launcher:
        launcher.socket.close()
        launcher.socket = zmq.Context.instance().socket(zmq.REP)
        launcher.port = launcher.socket.bind_to_random_port("tcp://127.0.0.1")
        process = start_registered(launcher.file())
        register(launcher, process)
        launcher.socket.close(linger=1000)
        assert connect(process).value("1") == "1"


def test_the_launchers_file_stays_as_it_is(registered: Frontend) -> None:
    kernel = registered.kernel
    assert isinstance(kernel, RegisteredKernel)
    assert json.loads(kernel.connection_file.read_text()) == kernel.file


def test_the_true_ports_are_told_to_whoever_asks(registered: Frontend) -> None:
    ports = {name: registered.connection[name] for name in CHANNEL_PORTS}
    content = registered.request("connect_request").reply.content
    assert {name: content[name] for name in CHANNEL_PORTS} == ports
    shown = registered.run("%connect_info").text()
    told, _ = json.JSONDecoder().raw_decode(shown)
    assert {name: told[name] for name in CHANNEL_PORTS} == ports
    assert not any(name.startswith("registration") for name in told)


def test_other_clients_find_a_connection_file(registered: Frontend, connect: Connect) -> None:
    kernel = registered.kernel
    assert isinstance(kernel, RegisteredKernel)
    [path] = kernel.own_files
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700
    written = json.loads(path.read_text())
    assert {name: written[name] for name in CHANNEL_PORTS} == {
        name: registered.connection[name] for name in CHANNEL_PORTS
    }
    assert str(path) in registered.run("%connect_info").text()
    code = "import ipykernel; print(ipykernel.get_connection_file())"
    assert registered.run(code).text() == f"{path}\n"
    kernel._connection = written
    assert connect(kernel).value("1 + 1") == "2"


def test_the_connection_file_ends_with_the_kernel(registered: Frontend) -> None:
    assert shut_down(registered) == 0
    assert registered.kernel.own_files == []  # type: ignore[attr-defined]


def test_the_connection_file_ends_with_a_terminated_kernel(registered: Frontend) -> None:
    registered.settle()
    registered.kernel.popen.send_signal(signal.SIGTERM)
    registered.kernel.wait()
    assert registered.kernel.own_files == []  # type: ignore[attr-defined]


def test_many_kernels_at_once(start_registered: StartRegistered, connect: Connect) -> None:
    """One registration socket, kernels told apart by `kernel_id`."""
    with Launcher("content") as launcher:
        kernels = {
            f"kernel-{number}": start_registered(launcher.file(kernel_id=f"kernel-{number}"))
            for number in range(MANY)
        }
        taken: set[int] = set()
        for _ in range(MANY):
            handshake = launcher.receive()
            launcher.accept(handshake)
            kernels[handshake.content["kernel_id"]].listens_on(handshake.ports)
            taken |= set(handshake.ports.values())
    assert len(taken) == 5 * MANY
    for process in kernels.values():
        assert connect(process).value("__import__('os').getpid()") == str(process.pid)


def test_a_restart_with_the_same_file(
    launcher: Launcher, start_registered: StartRegistered, connect: Connect, tmp_path: Path
) -> None:
    first = start_registered(launcher.file(), folder=tmp_path)
    register(launcher, first)
    client = connect(first)
    client.run("name = 1")
    assert shut_down(client, restart=True) == 0
    second = start_registered(launcher.file(), folder=tmp_path)
    register(launcher, second)
    assert connect(second).value("'name' in globals()") == "False"


def test_ports_that_the_file_gives_are_kept(
    launcher: Launcher, start_registered: StartRegistered
) -> None:
    with zmq.Context.instance().socket(zmq.REP) as holder:
        port = holder.bind_to_random_port("tcp://127.0.0.1")
    start_registered(launcher.file(shell_port=port))
    handshake = launcher.receive()
    assert handshake.ports["shell_port"] == port
    launcher.accept(handshake)


def test_the_kernel_may_listen_elsewhere(
    start_registered: StartRegistered, connect: Connect
) -> None:
    with Launcher("content") as launcher:
        process = start_registered(launcher.file(ip="127.0.0.2"))
        register(launcher, process)
        client = connect(process)
        assert client.url("shell").startswith("tcp://127.0.0.2:")
        assert client.value("1") == "1"


@pytest.mark.parametrize("form", ["content", "message"])
def test_ipc(
    form: str, start_registered: StartRegistered, connect: Connect, tmp_path: Path
) -> None:
    """The kernel's sockets have the launcher's prefix and numbers of their own, also when several start at once."""
    with Launcher(form, transport="ipc", ip=str(tmp_path / "k")) as launcher:  # type: ignore[arg-type]
        kernels = [start_registered(launcher.file()) for _ in range(3)]
        handshakes = [launcher.receive() for _ in kernels]
        for handshake in handshakes:
            launcher.accept(handshake)
    numbers = [number for each in handshakes for number in each.ports.values()]
    assert len(set(numbers)) == len(numbers) and launcher.port not in numbers
    pids = set()
    for process, handshake in zip(kernels, handshakes, strict=True):
        process.listens_on(handshake.ports)
        pids.add(connect(process).value("__import__('os').getpid()"))
    assert pids == {str(process.pid) for process in kernels}


def test_curve_with_one_pair(start_registered: StartRegistered, connect: Connect) -> None:
    """The launcher's socket has the kernel's own keys."""
    pair = curve_pair()
    with Launcher(curve=pair) as launcher:
        process = start_registered(launcher.file(**pair))
        register(launcher, process)
        assert connect(process).value("1") == "1"


def test_curve_with_a_key_of_the_launchers_own(
    start_registered: StartRegistered, connect: Connect
) -> None:
    """One long-lived registration socket, and a pair for each kernel."""
    own, pair = curve_pair(), curve_pair()
    with Launcher("content", curve=own) as launcher:
        key = {"registration_curve_publickey": own["curve_publickey"]}
        process = start_registered(launcher.file(**pair, **key))
        register(launcher, process)
        assert connect(process).value("1") == "1"
        told, _ = json.JSONDecoder().raw_decode(connect(process).run("%connect_info").text())
        assert told["curve_publickey"] == pair["curve_publickey"]
