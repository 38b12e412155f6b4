"""Kernels that other machines could reach, and files that other users could read."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from frontend import Frontend, KernelProcess, KernelUnderTest
from frontend.process import curve_pair
from ipyrust.exit_codes import ExitCode

Start = Callable[..., KernelProcess]
Connect = Callable[[KernelProcess], Frontend]
CURVE = curve_pair()


def refusal(process: KernelProcess) -> str:
    """The only line of a kernel that does not start."""
    assert process.wait() == ExitCode.CONNECTION_FILE
    [line] = process.stderr.splitlines()
    return line


@pytest.mark.parametrize("ip", ["0.0.0.0", "192.0.2.1", "::", "somewhere.example"])
@pytest.mark.parametrize("curve", [{}, CURVE], ids=["plain", "curve"])
def test_without_a_key_only_loopback(start_kernel: Start, ip: str, curve: dict[str, Any]) -> None:
    line = refusal(start_kernel(connection={"ip": ip, "key": "", **curve}))
    assert "key" in line and ip in line and "127.0.0.1" in line


@pytest.mark.parametrize("arguments", [("--no-secure",), ("--Session.key=",)])
def test_a_key_that_the_command_line_takes_away(
    start_kernel: Start, arguments: tuple[str, ...]
) -> None:
    process = start_kernel(arguments=("--ip=0.0.0.0", *arguments))
    assert "0.0.0.0" in refusal(process)


@pytest.mark.parametrize("ip", ["127.0.0.1", "127.0.0.2", "localhost"])
def test_loopback_may_be_without_a_key(start_kernel: Start, connect: Connect, ip: str) -> None:
    assert connect(start_kernel(connection={"ip": ip, "key": ""})).value("1") == "1"


def test_every_address_with_a_key(start_kernel: Start, connect: Connect) -> None:
    process = start_kernel(connection={"ip": "0.0.0.0"})
    process.connection["ip"] = "127.0.0.1"
    assert connect(process).value("1") == "1"


def test_ipc_may_be_without_a_key(start_kernel: Start, connect: Connect, tmp_path: Path) -> None:
    """Whoever may not write to the folder and its sockets cannot connect."""
    where = {"transport": "ipc", "ip": str(tmp_path / "k")}
    assert connect(start_kernel(connection={**where, "key": ""})).value("1") == "1"
    assert {path.stat().st_mode & 0o002 for path in tmp_path.glob("k-*")} == {0}


class ReadableKernel(KernelProcess):
    """A kernel whose connection file others can read."""

    mode = 0o644

    def before_start(self) -> None:
        """Let them."""
        self.connection_file.chmod(self.mode)


@pytest.mark.parametrize("mode", [0o640, 0o644, 0o604], ids=oct)
def test_a_key_that_others_can_read_is_warned_of(
    kernel_under_test: KernelUnderTest, tmp_path: Path, connect: Connect, mode: int
) -> None:
    """Launchers that write such files exist, so it is no reason to refuse."""
    kernel = type("Kernel", (ReadableKernel,), {"mode": mode})
    process = kernel(kernel_under_test, tmp_path)
    try:
        assert connect(process).value("1") == "1"
        [line] = process.stderr.splitlines()
        assert f"mode {mode:04o}" in line and "chmod 600" in line and "kernel.json" in line
        assert process.connection["key"] not in line
    finally:
        process.close()


def test_a_private_file_is_not_warned_of(fresh: Frontend) -> None:
    fresh.settle()
    assert fresh.kernel.stderr == ""
