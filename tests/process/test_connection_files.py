"""Connection files that cannot be used: one line that names value and fix, an exit code, no hang."""

import json
import os
import socket
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from frontend import KernelProcess, KernelUnderTest
from frontend.process import CHANNEL_PORTS
from ipyrust.exit_codes import ExitCode

CONNECTION_FILE, ADDRESS = ExitCode.CONNECTION_FILE, ExitCode.ADDRESS

Refusal = Callable[..., tuple[int, str]]


@pytest.fixture
def refusal(kernel_under_test: KernelUnderTest, tmp_path: Path) -> Iterator[Refusal]:
    """Start a kernel on a connection file that the caller spoils; its exit code and only line."""
    started: list[KernelProcess] = []

    def start(spoil: Callable[[Path], object] | None = None, **changes: Any) -> tuple[int, str]:
        process = SpoiledKernel(kernel_under_test, tmp_path, spoil, changes)
        started.append(process)
        code = process.wait()
        assert process.stdout == ""
        [line] = process.stderr.splitlines()
        return code, line

    yield start
    for process in started:
        process.close()


class SpoiledKernel(KernelProcess):
    """A kernel whose connection file is changed before it starts."""

    def __init__(
        self,
        kernel: KernelUnderTest,
        folder: Path,
        spoil: Callable[[Path], object] | None,
        changes: dict[str, Any],
    ) -> None:
        self._spoil = spoil
        super().__init__(kernel, folder, connection=changes)

    def before_start(self) -> None:
        """Spoil the file."""
        if self._spoil:
            self._spoil(self.connection_file)


def test_a_missing_file(refusal: Refusal) -> None:
    code, line = refusal(lambda path: path.unlink())
    assert code == CONNECTION_FILE
    assert "kernel.json" in line


def test_a_file_in_a_missing_folder(kernel_under_test: KernelUnderTest, tmp_path: Path) -> None:
    argv = kernel_under_test.argv(tmp_path / "no" / "such" / "kernel.json")
    done = subprocess.run(argv, capture_output=True, text=True, timeout=20, check=False)
    assert done.returncode == CONNECTION_FILE
    assert len(done.stderr.splitlines()) == 1


def test_a_torn_file(refusal: Refusal) -> None:
    code, line = refusal(lambda path: path.write_text(path.read_text()[:50]))
    assert code == CONNECTION_FILE
    assert "kernel.json" in line and "JSON" in line


@pytest.mark.parametrize("text", ["", "[]", "null", "5", '"text"', "\x00"], ids=repr)
def test_a_file_that_is_no_json_object(refusal: Refusal, text: str) -> None:
    code, line = refusal(lambda path: path.write_text(text))
    assert code == CONNECTION_FILE
    assert "kernel.json" in line


def test_a_file_that_is_not_utf_8(refusal: Refusal) -> None:
    code, line = refusal(lambda path: path.write_bytes(b'{"key": "\xff"}'))
    assert code == CONNECTION_FILE
    assert "kernel.json" in line


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_an_unreadable_file(refusal: Refusal) -> None:
    code, line = refusal(lambda path: path.chmod(0))
    assert code == CONNECTION_FILE
    assert "kernel.json" in line


def test_a_folder_in_place_of_the_file(refusal: Refusal) -> None:
    def spoil(path: Path) -> None:
        path.unlink()
        path.mkdir()

    code, line = refusal(spoil)
    assert code == CONNECTION_FILE
    assert "kernel.json" in line


@pytest.mark.parametrize("mode", [0o602, 0o666], ids=oct)
def test_a_file_that_others_may_write(refusal: Refusal, mode: int) -> None:
    code, line = refusal(lambda path: path.chmod(mode))
    assert code == CONNECTION_FILE
    assert "kernel.json" in line
    assert "600" in line


@pytest.mark.parametrize("transport", ["udp", "", "TCP ", 5], ids=repr)
def test_an_unknown_transport(refusal: Refusal, transport: object) -> None:
    code, line = refusal(transport=transport)
    assert code == CONNECTION_FILE
    assert "transport" in line
    assert "tcp" in line and "ipc" in line


@pytest.mark.parametrize("scheme", ["hmac-nonsense", "sha256", "", 5], ids=repr)
def test_an_unknown_signature_scheme(refusal: Refusal, scheme: object) -> None:
    code, line = refusal(signature_scheme=scheme)
    assert code == CONNECTION_FILE
    assert "signature_scheme" in line
    assert "hmac-sha256" in line


@pytest.mark.parametrize("key", [5, None, [], {}, True], ids=repr)
def test_a_key_that_is_not_text(refusal: Refusal, key: object) -> None:
    code, line = refusal(key=key)
    assert code == CONNECTION_FILE
    assert "key" in line


@pytest.mark.parametrize("channel", CHANNEL_PORTS)
@pytest.mark.parametrize("port", ["http", -1, 65_536, 1.5, []], ids=repr)
def test_a_port_that_is_no_port(refusal: Refusal, channel: str, port: object) -> None:
    code, line = refusal(**{channel: port})
    assert code == CONNECTION_FILE
    assert channel in line


@pytest.mark.parametrize("channel", CHANNEL_PORTS)
def test_a_port_in_use(refusal: Refusal, channel: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as holder:
        port = holder.getsockname()[1]
        code, line = refusal(**{channel: port})
    assert code == ADDRESS
    assert str(port) in line
    assert "in use" in line


def test_two_channels_with_one_port(refusal: Refusal) -> None:
    with socket.create_server(("127.0.0.1", 0)) as holder:
        port = holder.getsockname()[1]
    code, line = refusal(shell_port=port, iopub_port=port)
    assert code in (ADDRESS, CONNECTION_FILE)
    assert str(port) in line


def test_an_address_that_is_not_of_this_machine(refusal: Refusal) -> None:
    code, line = refusal(ip="192.0.2.1")
    assert code == ADDRESS
    assert "192.0.2.1" in line


@pytest.mark.parametrize("ip", ["", 5, "not an address"], ids=repr)
def test_an_ip_that_is_no_address(refusal: Refusal, ip: object) -> None:
    code, line = refusal(ip=ip)
    assert code in (ADDRESS, CONNECTION_FILE)
    assert "ip" in line


def test_a_key_is_never_shown(refusal: Refusal) -> None:
    _, line = refusal(transport="udp", key="very secret")
    assert "very secret" not in line


def test_the_file_is_left_as_it_was(refusal: Refusal, tmp_path: Path) -> None:
    refusal(transport="udp")
    assert json.loads((tmp_path / "kernel.json").read_text())["transport"] == "udp"


def test_the_codes_are_distinct() -> None:
    codes = [int(code) for code in ExitCode]
    assert len(set(codes)) == len(codes)


@pytest.mark.parametrize("name", ["key", "curve_secretkey"])
def test_a_key_that_is_no_string_is_not_repeated(refusal: Refusal, name: str) -> None:
    """The line ends up in logs."""
    code, line = refusal(**{name: ["sesame"]})
    assert code == CONNECTION_FILE
    assert f"{name} must be a string" in line and "an array" in line
    assert "sesame" not in line
