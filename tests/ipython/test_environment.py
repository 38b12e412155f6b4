"""Whose Python and pip a cell's commands find, however the kernel was launched; and the IPYRUST_… switches."""

from __future__ import annotations

import os
import sys
import venv
from collections.abc import Callable
from pathlib import Path

import pytest

import ipyrust
import ipyrust_core
from frontend import (
    Frontend,
    KernelProcess,
    KernelUnderTest,
    busy,
    execute_input,
    idle,
    reply,
    stdout,
)

Start = Callable[..., KernelProcess]
Connect = Callable[[KernelProcess], Frontend]
Launch = Callable[..., Frontend]


@pytest.fixture
def launch(connect: Connect, tmp_path: Path, kernel_under_test: KernelUnderTest):
    """Start a kernel with another Python, from outside its environment."""
    if not kernel_under_test.is_ipyrust:
        pytest.skip("ipyrust only")
    started: list[KernelProcess] = []

    def start(python: Path, **env: str | None) -> Frontend:
        packages = [Path(ipyrust.__file__).parents[1], Path(ipyrust_core.__file__).parents[1]]
        site = [path for path in sys.path if path.endswith("site-packages")]
        env = {"PYTHONPATH": os.pathsep.join([*map(str, packages), *site]), **env}
        command = (str(python), "-m", "ipyrust", "-f", "{connection_file}")
        started.append(KernelProcess(KernelUnderTest(command), tmp_path, env=env))
        return connect(started[-1])

    yield start
    for process in started:
        process.close()


@pytest.fixture
def environment(tmp_path: Path) -> Path:
    """A virtual environment, not activated."""
    folder = tmp_path / "env"
    venv.create(folder, with_pip=False, symlinks=True)
    pip = folder / "bin" / "pip"
    pip.write_text(f"#!{folder}/bin/python\nimport sys\nprint('pip of', sys.prefix)\n")
    pip.chmod(0o755)
    return folder


@pytest.mark.parametrize("program", ["python", "python3"])
def test_python_is_the_kernels_own(launch: Launch, environment: Path, program: str) -> None:
    client = launch(environment / "bin" / "python", VIRTUAL_ENV=None)
    seen = client.run(f"!{program} -c 'import sys; print(sys.prefix)'")
    assert seen.text().strip() == str(environment)


def test_pip_is_the_kernels_own(launch: Launch, environment: Path) -> None:
    client = launch(environment / "bin" / "python", VIRTUAL_ENV="/other")
    assert client.run("!pip").text().strip() == f"pip of {environment}"
    assert client.run("%%bash\npip").text().strip() == f"pip of {environment}"
    code = "import subprocess; print(subprocess.check_output('pip', text=True))"
    assert client.run(code).text().strip() == f"pip of {environment}"


def test_the_virtual_environment_is_named(launch: Launch, environment: Path) -> None:
    client = launch(environment / "bin" / "python", VIRTUAL_ENV="/other")
    assert client.run("!echo $VIRTUAL_ENV").text().strip() == str(environment)


def test_a_conda_environment_is_named(launch: Launch, environment: Path) -> None:
    (environment / "conda-meta").mkdir()  # conda's mark; the rest of a prefix does not matter
    client = launch(environment / "bin" / "python", CONDA_PREFIX="/other")
    seen = client.run("!echo $CONDA_PREFIX $CONDA_DEFAULT_ENV")
    assert seen.text().split() == [str(environment), str(environment)]


def test_the_environment_can_be_kept(launch: Launch, environment: Path) -> None:
    client = launch(environment / "bin" / "python", IPYRUST_KEEP_PATH="1", VIRTUAL_ENV="/other")
    assert client.value("__import__('os').environ['PATH']") == repr(os.environ["PATH"])
    assert client.value("__import__('os').environ['VIRTUAL_ENV']") == "'/other'"


@pytest.fixture
def with_environment(start_kernel: Start, connect: Connect) -> Callable[..., Frontend]:
    """Start a kernel with environment variables and arguments."""

    def start(*arguments: str, **env: str) -> Frontend:
        return connect(start_kernel(env=env, arguments=arguments))

    return start


def test_jedi_can_be_switched(with_environment: Launch) -> None:
    client = with_environment(IPYRUST_USE_JEDI="0")
    assert client.value("get_ipython().Completer.use_jedi") == "False"


def test_the_command_line_wins_over_the_environment(with_environment: Launch) -> None:
    client = with_environment("--Completer.use_jedi=True", IPYRUST_USE_JEDI="0")
    assert client.value("get_ipython().Completer.use_jedi") == "True"


def completion_metadata(client: Frontend) -> dict[str, object]:
    """The metadata of a completion."""
    asked = client.request("complete_request", {"code": "impor", "cursor_pos": 5})
    return asked.reply.content["metadata"]


def test_experimental_completions_can_be_switched(with_environment: Launch) -> None:
    assert completion_metadata(with_environment(IPYRUST_EXPERIMENTAL_COMPLETIONS="0")) == {}
    flag = "--IPythonKernel.use_experimental_completions=False"
    assert completion_metadata(with_environment(flag)) == {}
    assert completion_metadata(with_environment()) != {}


@pytest.mark.parametrize(
    ("arguments", "env"),
    [
        ((), {"IPYRUST_STOP_ON_ERROR_TIMEOUT": "100"}),
        (("--IPythonKernel.stop_on_error_timeout=100",), {}),
        (("--Kernel.stop_on_error_timeout=100",), {}),
    ],
)
def test_what_comes_after_a_failed_cell_can_be_aborted(
    with_environment: Launch, arguments: tuple[str, ...], env: dict[str, str]
) -> None:
    client = with_environment(*arguments, **env)
    client.execute("1/0").finish()
    client.execute("1").sees(busy, reply("aborted"), idle)


@pytest.mark.parametrize(
    ("arguments", "env"),
    [
        ((), {"IPYRUST_CAPTURE_FDS": "0"}),
        (("--IPKernelApp.capture_fd_output=False",), {"IPYRUST_CAPTURE_FDS": "1"}),
    ],
)
def test_descriptors_can_be_left_alone(
    with_environment: Launch, arguments: tuple[str, ...], env: dict[str, str]
) -> None:
    client = with_environment(*arguments, **env)
    cell = client.execute("import os; _ = os.write(1, b'to the terminal')")
    cell.sees(busy, execute_input, reply("ok"), idle)
    assert client.kernel.stdout == "to the terminal"


def test_descriptors_are_captured_otherwise(frontend: Frontend) -> None:
    cell = frontend.execute("import os; _ = os.write(1, b'to the cell')")
    cell.sees(busy, execute_input, stdout("to the cell"), reply("ok"), idle)
