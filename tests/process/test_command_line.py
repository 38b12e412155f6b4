"""`python -m ipyrust`: flags that work, flags that do not, and no file at all."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from frontend import DEADLINE, Frontend, KernelProcess, KernelUnderTest
from ipyrust.exit_codes import ExitCode

Start = Callable[..., KernelProcess]
Connect = Callable[[KernelProcess], Frontend]


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command to its end."""
    argv = [sys.executable, "-m", "ipyrust", *arguments]
    return subprocess.run(argv, capture_output=True, text=True, timeout=DEADLINE, check=False)


def test_version_prints_one_line() -> None:
    done = run("--version")
    assert done.returncode == 0
    assert len(done.stdout.splitlines()) == 1
    assert done.stderr == ""


@pytest.mark.parametrize("flag", ["--help", "-h"])
def test_help_names_the_connection_file(flag: str) -> None:
    done = run(flag)
    assert done.returncode == 0
    assert "-f" in done.stdout and "ONNECTION" in done.stdout.upper()


@pytest.mark.parametrize(
    "arguments",
    [
        ["--no-such-flag"],
        ["-f"],
        ["positional"],
        ["--log-level=nonsense"],
        ["--shell=http"],
        ["--shell=70000"],
        ["-x"],
        ["--version=1"],
    ],
    ids=" ".join,
)
def test_a_wrong_flag_is_one_line_and_its_own_code(arguments: list[str]) -> None:
    done = run(*arguments)
    assert done.returncode == ExitCode.USAGE
    [line] = done.stderr.splitlines()
    assert arguments[0].partition("=")[0] in line
    assert done.stdout == ""


def test_a_misspelt_flag_is_explained() -> None:
    assert "--debug" in run("--debugg").stderr


def test_the_file_may_be_given_with_an_equals_sign(tmp_path: Path, connect: Connect) -> None:
    argv = (sys.executable, "-m", "ipyrust", "--f={connection_file}")
    process = KernelProcess(KernelUnderTest(argv), tmp_path)
    try:
        assert connect(process).value("1 + 1") == "2"
    finally:
        process.close()


def test_a_key_may_be_given_on_the_command_line(tmp_path: Path, connect: Connect) -> None:
    argv = (sys.executable, "-m", "ipyrust", "-f", "{connection_file}")
    process = KernelProcess(
        KernelUnderTest(argv),
        tmp_path,
        connection={"key": "from the command line"},
        arguments=('--Session.key=b"from the command line"',),
    )
    try:
        assert connect(process).value("1 + 1") == "2"
    finally:
        process.close()


def test_without_a_file_one_is_written_and_named(tmp_path: Path) -> None:
    env = {**os.environ, "JUPYTER_RUNTIME_DIR": str(tmp_path)}
    argv = [sys.executable, "-m", "ipyrust"]
    with subprocess.Popen(
        argv, stdout=subprocess.PIPE, text=True, env=env, start_new_session=True
    ) as process:
        try:
            assert process.stdout
            text = process.stdout.readline() + process.stdout.readline()
            [written] = tmp_path.glob("kernel-*.json")
            assert f"jupyter console --existing {written.name}" in text
            assert written.stat().st_mode & 0o777 == 0o600
            assert json.loads(written.read_text())["shell_port"] > 0
        finally:
            os.killpg(process.pid, signal.SIGTERM)
    assert not written.exists()
