"""ipython/profile and ipython/startup: configuration and what runs before the first cell."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from fake_core import Frontend, start_frontend, stop_frontend

from ipyrust.options import KernelOptions

Start = Callable[..., Frontend]


@pytest.fixture
def start(options: KernelOptions) -> Iterator[Start]:
    """Starts a frontend with changed options; stops it after the test."""
    started: list[Frontend] = []

    def start_with(**changes: Any) -> Frontend:
        started.append(start_frontend(options._replace(**changes)))
        return started[-1]

    yield start_with
    for frontend in started:
        stop_frontend(frontend)


@pytest.fixture
def profile(options: KernelOptions) -> Path:
    """Directory of the default profile."""
    directory = Path(str(options.ipython_dir)) / "profile_default"
    (directory / "startup").mkdir(parents=True)
    return directory


def test_a_plain_start_imports_no_application(tmp_path: Path) -> None:
    code = (
        "import sys\nfrom fake_core import FakeKernel\n"
        "from ipyrust.interpreter import IPythonInterpreter\n"
        "from ipyrust.options import KernelOptions\n"
        "interpreter = IPythonInterpreter(lambda: KernelOptions(ipython_dir=sys.argv[1]))\n"
        "interpreter.start(FakeKernel())\n"
        "lazy = ['sqlite3', 'jedi', 'pydoc', 'prompt_toolkit', 'matplotlib', 'pdb', 'debugpy',\n"
        "        'IPython.terminal', 'IPython.core.shellapp', 'IPython.core.completer', 'zmq',\n"
        "        'jupyter_client', 'tornado', 'psutil', 'pexpect']\n"
        "sys.__stdout__.write(' '.join(name for name in lazy if name in sys.modules))\n"
    )
    result = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)],
        capture_output=True,
        text=True,
        cwd=Path(__file__).parent,
        check=True,
    )
    assert result.stdout == ""


def test_kernel_info_does_not_import_ipython() -> None:
    code = (
        "import sys\nfrom ipyrust.interpreter import IPythonInterpreter\n"
        "info = IPythonInterpreter().kernel_info()\nassert 'IPython' not in sys.modules\n"
        "import IPython\nassert info['implementation_version'] == IPython.__version__\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_exec_lines_run(start: Start) -> None:
    assert start(exec_lines=("begun = 1",)).execute("begun").result == "1"


def test_code_to_run_runs(start: Start) -> None:
    assert start(code_to_run="begun = 2").execute("begun").result == "2"


def test_startup_files_run(start: Start, profile: Path) -> None:
    (profile / "startup" / "00-first.py").write_text("begun = 3")
    assert start().execute("begun").result == "3"


def test_a_failing_startup_file_is_shown_and_survived(start: Start, profile: Path) -> None:
    (profile / "startup" / "00-first.py").write_text("1/0")
    frontend = start()
    assert [item.msg_type for item in frontend.kernel.core.publications] == ["error"]
    assert frontend.execute("1").result == "1"


def test_names_of_the_startup_are_hidden(start: Start) -> None:
    assert "begun" not in start(exec_lines=("begun = 1",)).execute("%who").text()


@pytest.mark.parametrize("name", ["ipython_config.py", "ipython_kernel_config.py"])
def test_configuration_files_apply(start: Start, profile: Path, name: str) -> None:
    (profile / name).write_text("c.InteractiveShell.ast_node_interactivity = 'all'")
    assert start().execute("1\n2").types == ["execute_result", "execute_result"]


def test_exec_lines_of_a_configuration_file(start: Start, profile: Path) -> None:
    (profile / "ipython_kernel_config.py").write_text("c.IPKernelApp.exec_lines = ['begun = 4']")
    assert start().execute("begun").result == "4"


def test_a_failing_configuration_file_is_survived(start: Start, profile: Path) -> None:
    (profile / "ipython_config.py").write_text("1/0")
    assert start().execute("1").result == "1"


def test_an_extra_configuration_file(start: Start, tmp_path: Path) -> None:
    path = tmp_path / "extra.py"
    path.write_text("c.InteractiveShell.ast_node_interactivity = 'all'")
    assert start(config_files=(str(path),)).execute("1\n2").types == ["execute_result"] * 2


def test_overrides_of_the_command_line_win(start: Start, profile: Path) -> None:
    (profile / "ipython_config.py").write_text("c.InteractiveShell.cache_size = 5")
    frontend = start(config=(("InteractiveShell.cache_size", "7"),))
    assert frontend.execute("get_ipython().cache_size").result == "7"


def test_a_repeated_override_is_a_list(start: Start) -> None:
    pairs = (
        ("InteractiveShellApp.exec_lines", "a = 1"),
        ("InteractiveShellApp.exec_lines", "b = 2"),
    )
    assert start(config=pairs).execute("a + b").result == "3"


def test_an_override_without_a_class_is_refused(start: Start) -> None:
    with pytest.raises(ValueError, match="names no class"):
        start(config=(("colors", "linux"),))


def test_extensions_are_loaded(start: Start, tmp_path: Path) -> None:
    (tmp_path / "myext.py").write_text(
        "def load_ipython_extension(ip):\n    ip.push({'loaded': 1})"
    )
    sys.path.insert(0, str(tmp_path))
    assert start(extensions=("myext",)).execute("loaded").result == "1"


def test_another_profile(start: Start, options: KernelOptions) -> None:
    frontend = start(profile="special")
    assert frontend.execute("get_ipython().profile").result == "'special'"


def test_the_working_directory_is_importable(start: Start, tmp_path: Path) -> None:
    import os

    os.chdir(tmp_path)
    (tmp_path / "neighbour.py").write_text("here = True")
    assert start().execute("import neighbour\nneighbour.here").result == "True"
