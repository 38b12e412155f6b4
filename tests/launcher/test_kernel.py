"""`ipyrust -f FILE` is the kernel: same process, same signals, same exit codes."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from frontend import (
    DEADLINE,
    Frontend,
    KernelProcess,
    KernelUnderTest,
    busy,
    error,
    execute_input,
    idle,
    reply,
    stdout,
)
from ipyrust._version import __version__
from ipyrust.exit_codes import ExitCode
from launcher.conftest import MakeEnvironment
from launcher.environments import Environment, Machine


@pytest.fixture
def kernel(ours: Environment, machine: Machine, tmp_path: Path) -> Iterator[KernelProcess]:
    """A kernel that the launcher of an environment became."""
    command = (str(ours.launcher), "-f", "{connection_file}")
    process = KernelProcess(
        KernelUnderTest(command), tmp_path, env={"PYTHONPATH": None, "HOME": str(machine.home)}
    )
    yield process
    process.close()


def test_it_is_the_kernel_of_its_environment(kernel: KernelProcess, ours: Environment) -> None:
    with Frontend(kernel) as frontend:
        assert frontend.value("__import__('os').getpid()") == str(kernel.pid)
        assert frontend.value("__import__('sys').prefix") == repr(str(ours.prefix))
        assert frontend.value("__import__('sys').executable") == repr(str(ours.python))
        assert frontend.value("__import__('sys')._xoptions") == "{'frozen_modules': 'off'}"
        assert frontend.value("__import__('sys').argv[1:]") == repr(
            ["-f", str(kernel.connection_file)]
        )


def test_an_exit_code_is_the_kernels(kernel: KernelProcess) -> None:
    with Frontend(kernel) as frontend:
        frontend.execute("import os; os._exit(7)")
        assert kernel.wait() == 7


def test_a_signal_interrupts_a_cell(kernel: KernelProcess) -> None:
    with Frontend(kernel) as frontend:
        frontend.value("1")
        running = frontend.execute("print('runs')\nwhile True: pass")
        running.reaches_text("runs")
        kernel.signal_group(signal.SIGINT)
        running.sees(
            busy, execute_input, stdout("runs\n"), error("KeyboardInterrupt"), reply("error"), idle
        )


def test_a_deadly_signal_is_the_kernels(kernel: KernelProcess) -> None:
    assert kernel.connection
    kernel.popen.send_signal(signal.SIGKILL)
    assert kernel.wait() == -signal.SIGKILL


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["--no-such-flag"], ExitCode.USAGE),
        (["-f", "/no/such/file.json"], ExitCode.CONNECTION_FILE),
    ],
    ids=["flag", "file"],
)
def test_the_kernels_own_failures_pass_through(
    machine: Machine, ours: Environment, arguments: list[str], code: ExitCode
) -> None:
    direct = machine.run(ours.python, "-m", "ipyrust", *arguments)
    assert direct.returncode == code
    ended = machine.run(ours.launcher, *arguments)
    assert (ended.returncode, ended.stdout, ended.stderr) == (code, "", direct.stderr)


def test_ignored_signals_stay_as_they_were(machine: Machine, ours: Environment) -> None:
    show = "import signal; print(signal.getsignal(signal.SIGUSR1).name)"
    (ours.prefix / "bin" / "python").unlink()
    (ours.prefix / "bin" / "python").write_text(
        f'#!/bin/sh\nexec "{ours.prefix}/bin/python3.x" -c "{show}"\n'
    )
    (ours.prefix / "bin" / "python").chmod(0o755)
    (ours.prefix / "bin" / "python3.x").symlink_to(ours.prefix / "bin" / "python3")
    for trap, expected in (("trap '' USR1;", "SIG_IGN"), ("", "SIG_DFL")):
        assert machine.output("/bin/sh", "-c", f"{trap} exec {ours.launcher}") == f"{expected}\n"


def test_an_interpreter_that_cannot_start_is_one_line(machine: Machine, ours: Environment) -> None:
    for name in ("python", "python3"):
        (ours.prefix / "bin" / name).unlink()
        (ours.prefix / "bin" / name).write_bytes(b"\x7fELF nonsense")
        (ours.prefix / "bin" / name).chmod(0o755)
    line = machine.complaint(ExitCode.START, ours.launcher, "-f", "x")
    assert line.startswith(f"'{ours.python}' cannot be started: ")


def test_a_half_installed_engine_is_one_line(machine: Machine, make: MakeEnvironment) -> None:
    half = make("half")
    half.copy_kernel()
    half.copy_core(native=False)
    half.add_dependencies()
    half.add_paths()
    for program in ([half.launcher], [half.python, "-m", "ipyrust"]):
        line = machine.complaint(ExitCode.START, *program, "-f", "x")
        assert line.startswith(
            "the engine cannot be imported (No module named 'ipyrust_core._native')"
        )
        assert line.endswith(f"{half.python} -m pip install --force-reinstall ipyrust-core")


def test_kernel_and_engine_of_different_versions_are_one_line(
    machine: Machine, make: MakeEnvironment
) -> None:
    mixed = make("mixed")
    mixed.copy_kernel("99.0")
    mixed.add_ipyrust()
    for program in ([mixed.launcher], [mixed.python, "-m", "ipyrust"]):
        line = machine.complaint(ExitCode.VERSIONS, *program, "-f", "x")
        assert line.startswith(f"ipyrust-kernel 99.0 does not run on ipyrust-core {__version__}; ")
        assert line.endswith("-m pip install ipyrust-kernel==99.0 ipyrust-core==99.0")


def test_without_a_file_it_says_how_to_attach(
    ours: Environment, machine: Machine, tmp_path: Path
) -> None:
    process = KernelProcess(
        KernelUnderTest((str(ours.launcher),)), tmp_path, env={"PYTHONPATH": None}
    )
    try:
        deadline = time.monotonic() + DEADLINE
        while "jupyter console --existing" not in process.stdout:
            process.check_alive()
            assert time.monotonic() < deadline
            time.sleep(0.01)  # the file's content is the clock; nothing announces a change
        assert process.stdout.startswith(f"ipyrust kernel {process.pid} is running.")
    finally:
        process.close()
