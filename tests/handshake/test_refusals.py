"""A launcher that does not answer, or not rightly: one line that names its address, an exit code, no hang, no file."""

import json
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from frontend import KernelUnderTest, Signer
from frontend.process import CHANNEL_PORTS, curve_pair
from handshake.conftest import StartRegistered
from handshake.launcher import Form, Handshake, Launcher, RegisteredKernel
from ipyrust.exit_codes import ExitCode

REGISTRATION, CONNECTION_FILE = ExitCode.REGISTRATION, ExitCode.CONNECTION_FILE


def line_of(process: RegisteredKernel, code: ExitCode) -> str:
    """Wait for the end of a kernel that could not start; the only line that it prints."""
    assert process.wait() == code
    assert process.stdout == ""
    assert process.own_files == []
    [line] = process.stderr.splitlines()
    return line


@pytest.fixture(scope="module")
def unanswered(
    kernel_under_test: KernelUnderTest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, RegisteredKernel]]:
    """Kernels that get no answer, all waiting at the same time."""
    with ExitStack() as stack:

        def closed(**options: Any) -> dict[str, Any]:
            with Launcher(**options) as launcher:
                return launcher.file()

        def silent(form: Form) -> dict[str, Any]:
            return stack.enter_context(Launcher(form)).file()

        stranger = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        encrypted = stack.enter_context(Launcher(curve=curve_pair()))
        files = {
            "closed": closed(),
            "closed path": closed(
                transport="ipc", ip=str(tmp_path_factory.mktemp("ipc") / "closed")
            ),
            "silent content": silent("content"),
            "silent message": silent("message"),
            "stranger": {**closed(), "registration_port": stranger.getsockname()[1]},
            "other key": encrypted.file(**curve_pair()),
            "no key": encrypted.file(),
        }
        kernels = {}
        for name, file in files.items():
            folder = tmp_path_factory.mktemp("kernel")
            kernels[name] = RegisteredKernel(kernel_under_test, folder, file)
            stack.callback(kernels[name].close)
        yield kernels


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("closed", "nobody listens there"),
        ("closed path", "nobody listens there"),
        ("silent content", "no answer in 10 s"),
        ("silent message", "no answer in 10 s"),
        ("stranger", "no answer in 10 s"),
        ("other key", "no answer in 10 s"),
        ("no key", "no answer in 10 s"),
    ],
)
def test_no_answer(unanswered: dict[str, RegisteredKernel], name: str, reason: str) -> None:
    process = unanswered[name]
    address = process.file.get("ip") or process.file["registration_ip"]
    separator = "-" if process.file["transport"] == "ipc" else ":"
    where = f"{process.file['transport']}://{address}{separator}{process.file['registration_port']}"
    assert f"{where}: {reason}" in line_of(process, REGISTRATION)


Answer = Callable[[Launcher, Handshake], None]


@pytest.mark.parametrize(
    ("answer", "named"),
    [
        (
            lambda launcher, to: launcher.answer(to, {"status": "ok"}, signer=Signer("another")),
            "not signed with the key of the file",
        ),
        (
            lambda launcher, to: launcher.answer(to, {"status": "ok"}, signer=Signer("")),
            "not signed with the key of the file",
        ),
        (
            lambda launcher, to: launcher.answer(to, {"status": "error", "error": "too\nmany"}),
            "the launcher refuses: too many",
        ),
        (
            lambda launcher, to: launcher.answer(
                to, {"status": "error", "ename": "Full", "evalue": "no room"}
            ),
            "the launcher refuses: Full no room",
        ),
        (
            lambda launcher, to: launcher.answer(to, {"status": "error"}),
            "the launcher refuses",
        ),
        (
            lambda launcher, to: launcher.socket.send_multipart([*to.route, b'{"status":"ok"}']),
            "is not signed",
        ),
        (
            lambda launcher, to: launcher.socket.send_multipart(
                [*to.route, *launcher.signer.frames([b"{}", b"{}"])]
            ),
            "2 parts",
        ),
    ],
    ids=["other-key", "unsigned", "error", "ename", "bare-error", "no-delimiter", "parts"],
)
def test_a_wrong_answer(
    answer: Answer, named: str, launcher: Launcher, start_registered: StartRegistered
) -> None:
    process = start_registered(launcher.file())
    answer(launcher, launcher.receive())
    line = line_of(process, REGISTRATION)
    assert named in line
    assert f"tcp://127.0.0.1:{launcher.port}" in line
    assert launcher.signer.key.decode() not in line


@pytest.mark.parametrize("status", [None, "aborted", 1])
def test_a_reply_without_a_status(status: object, start_registered: StartRegistered) -> None:
    with Launcher("message") as launcher:
        process = start_registered(launcher.file())
        launcher.answer(launcher.receive(), {"status": status})
        assert "the launcher refuses" in line_of(process, REGISTRATION)


def test_a_message_of_another_type(start_registered: StartRegistered) -> None:
    with Launcher("message") as launcher:
        process = start_registered(launcher.file())
        launcher.answer(launcher.receive(), {"status": "ok"}, msg_type="kernel_info_reply")
        line = line_of(process, REGISTRATION)
    assert "kernel_info_reply" in line and "handshake_reply" in line


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("registration_port", 0),
        ("registration_port", "http"),
        ("registration_port", 65_536),
        ("registration_port", None),
        ("registration_ip", 5),
        ("kernel_id", 5),
        ("registration_curve_publickey", 5),
        ("registration_curve_publickey", "short"),
        ("key", None),
        ("transport", "udp"),
        ("curve_secretkey", "short"),
    ],
)
def test_a_file_that_cannot_be_used(
    field: str, value: object, launcher: Launcher, start_registered: StartRegistered
) -> None:
    line = line_of(start_registered(launcher.file(**{field: value})), CONNECTION_FILE)
    assert field in line


def test_an_address_without_a_key(start_registered: StartRegistered) -> None:
    with Launcher("content") as launcher:
        file = launcher.file(key="", registration_ip="0.0.0.0")
        line = line_of(start_registered(file), CONNECTION_FILE)
    assert "0.0.0.0" in line and "key" in line


def test_the_launchers_file_is_left(launcher: Launcher, start_registered: StartRegistered) -> None:
    process = start_registered(launcher.file())
    launcher.answer(launcher.receive(), {"status": "error"})
    line_of(process, REGISTRATION)
    found = json.loads(process.connection_file.read_text())
    assert found == process.file and not any(name in found for name in CHANNEL_PORTS)


def test_the_kernel_ends_when_it_is_told_to_while_it_waits(
    launcher: Launcher, start_registered: StartRegistered
) -> None:
    process = start_registered(launcher.file())
    launcher.receive()
    process.popen.terminate()
    assert process.wait() == -15
