"""`python -m ipyrust` as a process, with a stand-in for the engine that ends or fails as it is told."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import ipyrust
from ipyrust._version import __version__
from ipyrust.exit_codes import ExitCode

ENGINE = """
import sys

__version__ = {version!r}

def run_kernel(connection_file, interpreter, *, registered_file, capture_fds, crash_reports):
    {body}
    return 0
"""
ERRORS = """
class ConnectionFileError(Exception): pass
class BindError(Exception): pass
class RegistrationError(Exception): pass
"""
NATIVE = """
def journal_beside(connection_file):
    return connection_file + '.journal'
"""
OF_OTHER_COMMANDS = {
    ExitCode.NAME_TAKEN,
    ExitCode.NOT_FOUND,
    ExitCode.NO_PYTHON,
    ExitCode.BAD_PYTHON,
    ExitCode.FINDINGS,
}
Kernel = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def kernel(tmp_path: Path) -> Kernel:
    """Start `python -m ipyrust` on an engine whose `run_kernel` has the given body."""

    def start(
        *arguments: str,
        engine: str | None = "pass",
        version: str = __version__,
        cwd: Path = tmp_path,
        **variables: str,
    ):
        package = tmp_path / "engine" / "ipyrust_core"
        package.mkdir(parents=True, exist_ok=True)
        (package / "errors.py").write_text(ERRORS)
        (package / "_native.py").write_text(NATIVE)
        text = (
            "raise ImportError('half installed')"
            if engine is None
            else ENGINE.format(body=engine, version=version)
        )
        (package / "__init__.py").write_text(text)
        paths = [str(package.parent), str(Path(ipyrust.__file__).parent.parent)]
        environment = {
            **os.environ,
            "PYTHONPATH": os.pathsep.join(paths),
            "JUPYTER_RUNTIME_DIR": str(tmp_path / "runtime"),
            **variables,
        }
        return subprocess.run(
            [sys.executable, "-m", "ipyrust", *arguments],
            cwd=cwd,
            env=environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    return start


def failed(ended: subprocess.CompletedProcess[str], code: ExitCode) -> str:
    """The one line that a failure prints."""
    assert ended.returncode == code, ended.stderr
    assert ended.stderr.startswith("ipyrust: ")
    assert ended.stderr.count("\n") == 1
    return ended.stderr


def test_version_and_help_need_no_engine(kernel: Kernel) -> None:
    assert kernel("--version", engine=None).stdout == f"ipyrust {__version__}\n"
    text = kernel("--help", engine=None).stdout
    assert text.startswith("usage: python -m ipyrust ")
    assert max(map(len, text.splitlines())) < 100


def test_help_names_the_exit_codes(kernel: Kernel) -> None:
    text = kernel("--help").stdout.partition("Exit codes:")[2]
    for code in ExitCode:
        assert f"{code:d} " in text or code in OF_OTHER_COMMANDS


def test_it_serves_the_file(kernel: Kernel, tmp_path: Path) -> None:
    ended = kernel("-f", "k.json", engine="print(connection_file)")
    assert (ended.returncode, ended.stderr) == (0, "")
    assert ended.stdout == f"{tmp_path / 'k.json'}\n"


def test_an_engine_of_another_version_is_refused(kernel: Kernel, tmp_path: Path) -> None:
    ended = kernel("-f", str(tmp_path / "k.json"), version="99.0")
    text = failed(ended, ExitCode.VERSIONS)
    assert f"ipyrust-kernel {__version__} does not run on ipyrust-core 99.0" in text
    assert f"-m pip install ipyrust-kernel=={__version__} ipyrust-core=={__version__}" in text


def test_the_engines_exit_code_is_the_processs(kernel: Kernel) -> None:
    assert kernel("-f", "k.json", engine="return 9").returncode == 9


def test_nothing_slow_is_imported_before_the_sockets(kernel: Kernel) -> None:
    slow = "{'IPython', 'traitlets', 'argparse', 'pathlib', 'json', 'importlib.metadata', 'asyncio', 'ipyrust.install'}"
    ended = kernel("-f", "k.json", engine=f"print({slow} & set(sys.modules))")
    assert ended.stdout == "set()\n"


def test_argv_is_what_libraries_take_for_a_notebook(kernel: Kernel) -> None:
    ended = kernel("-f", "k.json", engine="print(sys.argv)")
    launcher = Path(ipyrust.__file__).parent / "ipykernel_launcher.py"
    assert ended.stdout == f"{[str(launcher), '-f', 'k.json']}\n"


def test_a_file_beside_the_notebook_does_not_stand_in_for_ours(
    kernel: Kernel, tmp_path: Path
) -> None:
    (tmp_path / "difflib.py").write_text("raise SystemExit('shadowed')")
    (tmp_path / "traceback.py").write_text("raise SystemExit('shadowed')")
    assert "did you mean --debug?" in failed(kernel("--debgu"), ExitCode.USAGE)


def test_a_working_directory_that_was_removed(kernel: Kernel, tmp_path: Path) -> None:
    command = "import os, sys; os.mkdir('gone'); os.chdir('gone'); os.rmdir('../gone'); "
    command += "os.execv(sys.executable, [sys.executable, '-m', 'ipyrust', '--version'])"
    environment = {**os.environ, "PYTHONPATH": str(Path(ipyrust.__file__).parent.parent)}
    ended = subprocess.run(
        [sys.executable, "-c", command],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr


START = """
    from contextlib import suppress
    from os import dup
    from types import SimpleNamespace
    core = SimpleNamespace(original_fd=dup, connection_file=connection_file)
    with suppress(Exception):
        interpreter.start(SimpleNamespace(core=core))
"""


def test_without_a_file_it_writes_one_and_says_how_to_attach(
    kernel: Kernel, tmp_path: Path
) -> None:
    first, attach, file, end = kernel(engine=START).stdout.splitlines()
    pid = first.split()[2]
    assert attach == f"    jupyter console --existing kernel-{pid}.json"
    assert file == f"Connection file: {tmp_path}/runtime/kernel-{pid}.json"
    assert end.endswith(f"kill {pid}")


def test_the_engine_keeps_its_descriptor(kernel: Kernel) -> None:
    engine = START.replace("import dup", "import dup, fstat")
    engine = engine.replace("original_fd=dup", "original_fd=lambda fd: own")
    engine = engine.replace("    with", "    own = dup(1)\n    with", 1) + "    fstat(own)\n"
    ended = kernel(engine=engine)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert "Attach a client" in ended.stdout


def test_it_says_nothing_when_the_file_is_known_or_quiet_is_wanted(kernel: Kernel) -> None:
    assert kernel("-f", "k.json", engine=START).stdout == ""
    assert kernel("--quiet", engine=START).stdout == ""


def test_the_file_it_wrote_is_gone_afterwards(kernel: Kernel, tmp_path: Path) -> None:
    ended = kernel(engine="print(open(connection_file).read())")
    assert json.loads(ended.stdout)["shell_port"] == 0
    assert os.listdir(tmp_path / "runtime") == []


def test_the_file_it_wrote_is_gone_after_a_kill(kernel: Kernel, tmp_path: Path) -> None:
    ended = kernel(engine="import os, signal; os.kill(os.getpid(), signal.SIGTERM)")
    assert ended.returncode == -signal.SIGTERM
    assert os.listdir(tmp_path / "runtime") == []


def test_a_killed_child_leaves_its_parents_file(kernel: Kernel) -> None:
    fork = "import os, signal; child = os.fork() or os.kill(os.getpid(), signal.SIGTERM)"
    ended = kernel(engine=f"{fork}; os.waitpid(child, 0); print(os.path.exists(connection_file))")
    assert ended.stdout == "True\n"


def test_the_file_it_wrote_is_gone_after_a_failure(kernel: Kernel, tmp_path: Path) -> None:
    failed(kernel(engine="raise RuntimeError('x')"), ExitCode.START)
    assert os.listdir(tmp_path / "runtime") == []


@pytest.mark.parametrize(
    ("arguments", "captures"), [([], True), (["--IPKernelApp.capture_fd_output=False"], False)]
)
def test_file_descriptors_are_captured(
    kernel: Kernel, arguments: list[str], captures: bool
) -> None:
    assert kernel("-f", "k", *arguments, engine="print(capture_fds)").stdout == f"{captures}\n"


@pytest.mark.parametrize(
    ("arguments", "wanted"), [([], True), (["--IPKernelApp.crash_reports=False"], False)]
)
def test_crash_reports_can_be_switched_off(
    kernel: Kernel, arguments: list[str], wanted: bool
) -> None:
    assert kernel("-f", "k", *arguments, engine="print(crash_reports)").stdout == f"{wanted}\n"


def test_variables_instead_of_arguments(kernel: Kernel) -> None:
    ended = kernel(
        "-f",
        "k.json",
        "--IPKernelApp.parent_handle=77",
        engine="import os; print(os.environ['JPY_PARENT_PID'])",
    )
    assert ended.stdout == "77\n"


def test_options_reach_the_interpreter(kernel: Kernel) -> None:
    ended = kernel(
        "-f",
        "k",
        "--profile=p",
        "--colors=linux",
        "--",
        "a",
        engine="print(interpreter.make_options())",
    )
    assert "profile='p'" in ended.stdout
    assert "('InteractiveShell.colors', 'linux')" in ended.stdout
    assert "argv=('a',)" in ended.stdout


def test_show_config(kernel: Kernel, tmp_path: Path) -> None:
    (tmp_path / "p").mkdir()
    (tmp_path / "p" / "ipython_kernel_config.py").write_text("c.A.x = [1]")
    arguments = (f"--profile-dir={tmp_path / 'p'}", "--colors=linux")
    text = kernel("--show-config", *arguments).stdout
    assert text.splitlines()[0] == f"profile: {tmp_path / 'p'}"
    assert "A\n  .x = [1]\n" in text
    shown = json.loads(kernel("--show-config-json", *arguments).stdout)
    assert (shown["A"], shown["InteractiveShell"]) == ({"x": [1]}, {"colors": "linux"})


def test_wrong_usage(kernel: Kernel) -> None:
    text = failed(kernel("--conection-file=x"), ExitCode.USAGE)
    assert text == "ipyrust: unknown option --conection-file; did you mean --connection-file?\n"


RAISE = "from ipyrust_core.errors import {0}; raise {0}('reason and advice')"


def test_a_connection_file_that_cannot_be_used(kernel: Kernel) -> None:
    ended = kernel("-f", "k", engine=RAISE.format("ConnectionFileError"))
    assert failed(ended, ExitCode.CONNECTION_FILE) == "ipyrust: reason and advice\n"


def test_an_address_in_use(kernel: Kernel) -> None:
    ended = kernel("-f", "k", engine=RAISE.format("BindError"))
    assert failed(ended, ExitCode.ADDRESS) == "ipyrust: reason and advice\n"


def test_a_launcher_that_does_not_take_the_ports(kernel: Kernel) -> None:
    ended = kernel("-f", "k", engine=RAISE.format("RegistrationError"))
    assert failed(ended, ExitCode.REGISTRATION) == "ipyrust: reason and advice\n"


REGISTERED = (
    START.replace("=connection_file", "=registered_file")
    + """
    open(registered_file, 'x').close()
"""
)


def test_a_registered_kernel_has_a_file_of_its_own(kernel: Kernel, tmp_path: Path) -> None:
    (tmp_path / "runtime").mkdir()
    Path(tmp_path / "k.json").write_text("the launcher's")
    ended = kernel("-f", "k.json", engine=REGISTERED + "    print(registered_file)\n")
    folder, _, name = ended.stdout.strip().rpartition("/")
    assert folder == str(tmp_path / "runtime") and name.startswith("kernel-")
    assert os.listdir(folder) == []
    assert (tmp_path / "k.json").read_text() == "the launcher's"


def test_a_registered_kernels_file_is_gone_after_a_kill(kernel: Kernel, tmp_path: Path) -> None:
    (tmp_path / "runtime").mkdir()
    end = "    import os, signal; os.kill(os.getpid(), signal.SIGTERM)\n"
    ended = kernel("-f", "k.json", engine=REGISTERED + end)
    assert ended.returncode == -signal.SIGTERM
    assert os.listdir(tmp_path / "runtime") == []


def test_no_engine(kernel: Kernel) -> None:
    text = failed(kernel("-f", "k", engine=None), ExitCode.START)
    assert "the engine cannot be imported (half installed)" in text
    assert "pip install --force-reinstall ipyrust-core" in text


def test_no_ipython(kernel: Kernel) -> None:
    text = failed(kernel("-f", "k", engine="import IPython_is_missing"), ExitCode.START)
    assert "No module named 'IPython_is_missing'" in text
    assert "pip install ipython_is_missing" in text


def test_a_start_that_fails(kernel: Kernel) -> None:
    text = failed(kernel("-f", "k", engine="raise OSError('two\\nlines')"), ExitCode.START)
    assert "OSError: two lines (--debug shows the traceback)" in text
    ended = kernel("-f", "k", "--debug", engine="raise OSError('x')")
    assert "Traceback" in ended.stderr


def test_a_runtime_folder_that_cannot_be_made(kernel: Kernel, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    text = failed(kernel(JUPYTER_RUNTIME_DIR=str(tmp_path / "file" / "x")), ExitCode.NOT_WRITABLE)
    assert str(tmp_path / "file") in text
    assert "JUPYTER_RUNTIME_DIR" in text


def test_addresses_for_a_torn_file(kernel: Kernel, tmp_path: Path) -> None:
    (tmp_path / "k.json").write_text("{")
    text = failed(kernel("-f", "k.json", "--shell=1"), ExitCode.CONNECTION_FILE)
    assert "'k.json' is not a JSON object" in text


def test_install_is_a_subcommand(kernel: Kernel, tmp_path: Path) -> None:
    prefix = str(tmp_path / "prefix")
    assert kernel("install", "--prefix", prefix, engine=None).returncode == 0
    assert (tmp_path / "prefix/share/jupyter/kernels/ipyrust/kernel.json").exists()
    assert kernel("install", "--prefix", prefix, "--name", "no such", engine=None).returncode == 2
