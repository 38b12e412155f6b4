"""What code finds around it: get_ipython(), environment variables, startup files, configuration."""

from collections.abc import Callable
from pathlib import Path

import pytest

from frontend import Frontend, KernelProcess, busy, execute_input, idle, reply, result

pytestmark = pytest.mark.parity

Start = Callable[..., KernelProcess]
Connect = Callable[[KernelProcess], Frontend]


@pytest.fixture
def configured(
    start_kernel: Start, connect: Connect, tmp_path: Path
) -> Callable[[str, str], Frontend]:
    """Start a kernel with one file in its IPython profile."""

    def start(name: str, text: str) -> Frontend:
        path = tmp_path / "ipython" / "profile_default" / name
        path.parent.mkdir(parents=True)
        path.write_text(text)
        return connect(start_kernel(folder=tmp_path))

    return start


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("type(get_ipython()).__name__", "'ZMQInteractiveShell'"),
        ("get_ipython().has_trait('kernel')", "True"),
        ("get_ipython().kernel is not None", "True"),
        ("'IPKernelApp' in get_ipython().config", "True"),
        ("__name__", "'__main__'"),
        ("__import__('sys').modules['__main__'].__dict__ is globals()", "True"),
    ],
)
def test_get_ipython_is_what_libraries_look_for(
    frontend: Frontend, expression: str, value: str
) -> None:
    assert frontend.value(expression) == value


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("TERM", "xterm-color"),
        ("CLICOLOR", "1"),
        ("FORCE_COLOR", "1"),
        ("CLICOLOR_FORCE", "1"),
        ("PAGER", "cat"),
        ("GIT_PAGER", "cat"),
        ("MPLBACKEND", "module://matplotlib_inline.backend_inline"),
    ],
)
def test_the_environment_is_that_of_a_notebook(
    frontend: Frontend, variable: str, value: str
) -> None:
    assert frontend.value(f"__import__('os').environ[{variable!r}]") == repr(value)


def test_the_parent_is_in_the_environment(frontend: Frontend) -> None:
    assert frontend.value("__import__('os').environ['JPY_PARENT_PID'].isdigit()") == "True"


def test_the_backend_of_matplotlib_can_be_chosen(start_kernel: Start, connect: Connect) -> None:
    client = connect(start_kernel(env={"MPLBACKEND": "agg"}))
    assert client.value("__import__('os').environ['MPLBACKEND']") == "'agg'"


def test_the_session_name_is_in_the_namespace(start_kernel: Start, connect: Connect) -> None:
    client = connect(start_kernel(env={"JPY_SESSION_NAME": "/home/me/book.ipynb"}))
    assert client.value("__session__") == "'/home/me/book.ipynb'"


def test_the_working_folder_is_the_launchers(
    start_kernel: Start, connect: Connect, tmp_path: Path
) -> None:
    client = connect(start_kernel(cwd=tmp_path))
    assert client.value("__import__('os').getcwd()") == repr(str(tmp_path))


def test_modules_are_found_in_the_working_folder(
    start_kernel: Start, connect: Connect, tmp_path: Path
) -> None:
    (tmp_path / "neighbour.py").write_text("value = 9\n")
    client = connect(start_kernel(cwd=tmp_path))
    assert client.value("__import__('neighbour').value") == "9"


def test_a_startup_file_runs(configured: Callable[[str, str], Frontend]) -> None:
    client = configured("startup/00-first.py", "started_with = 3")
    assert client.value("started_with") == "3"


def test_a_startup_file_of_ipython_may_use_magics(
    configured: Callable[[str, str], Frontend],
) -> None:
    client = configured("startup/00-first.ipy", "%env FROM_STARTUP=yes")
    assert client.value("__import__('os').environ['FROM_STARTUP']") == "'yes'"


def test_a_startup_file_is_not_counted(configured: Callable[[str, str], Frontend]) -> None:
    client = configured("startup/00-first.py", "started_with = 3")
    cell = client.execute("1")
    cell.sees(busy, execute_input("1", execution_count=1), result("1"), reply("ok"), idle)


def test_a_startup_file_that_fails_is_survived(
    configured: Callable[[str, str], Frontend],
) -> None:
    assert configured("startup/00-first.py", "1/0").value("1 + 1") == "2"


@pytest.mark.parametrize("name", ["ipython_config.py", "ipython_kernel_config.py"])
def test_a_configuration_file_is_read(
    configured: Callable[[str, str], Frontend], name: str
) -> None:
    client = configured(name, "c.InteractiveShellApp.exec_lines = ['configured = 4']")
    assert client.value("configured") == "4"


def test_the_shell_is_configured(configured: Callable[[str, str], Frontend]) -> None:
    text = "c.InteractiveShell.ast_node_interactivity = 'all'"
    cell = configured("ipython_kernel_config.py", text).execute("1\n2")
    cell.sees(busy, execute_input, result("1"), result("2"), reply("ok"), idle)


def test_an_extension_is_loaded(configured: Callable[[str, str], Frontend]) -> None:
    text = "c.InteractiveShellApp.extensions = ['autoreload']"
    client = configured("ipython_kernel_config.py", text)
    assert client.value("'autoreload' in get_ipython().magics_manager.magics['line']") == "True"


def test_a_configuration_file_that_fails_is_survived(
    configured: Callable[[str, str], Frontend],
) -> None:
    assert configured("ipython_kernel_config.py", "1/0").value("1 + 1") == "2"


def test_history_can_be_turned_off(configured: Callable[[str, str], Frontend]) -> None:
    client = configured("ipython_config.py", "c.HistoryManager.enabled = False")
    client.run("1")
    assert not list(client.kernel.ipython_dir.glob("**/history.sqlite"))
