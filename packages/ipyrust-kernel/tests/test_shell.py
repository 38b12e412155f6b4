"""ipython/shell: what libraries recognise, the environment, payloads, shell commands, magics."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest
from fake_core import Frontend, start_frontend, stop_frontend

from ipyrust.options import KernelOptions


@pytest.mark.parametrize(
    "detection",
    [
        "type(get_ipython()).__name__ == 'ZMQInteractiveShell'",
        "type(get_ipython()).__module__.startswith('ipykernel.')",
        "'zmq' in str(type(get_ipython())).lower()",
        "'IPKernelApp' in get_ipython().config",
        "get_ipython().has_trait('kernel')",
        "get_ipython().kernel is not None",
        "'terminal' not in get_ipython().__module__",
        "__import__('IPython').get_ipython() is get_ipython()",
        "hasattr(__import__('sys'), 'ps1')",
        "__name__ == '__main__'",
    ],
)
def test_libraries_find_a_notebook(frontend: Frontend, detection: str) -> None:
    assert frontend.execute(detection).result == "True"


@pytest.mark.parametrize(
    ("library", "expression"),
    [
        ("tqdm.autonotebook", "module.tqdm.__module__ in ('tqdm.notebook', 'tqdm.asyncio')"),
        ("pandas.io.formats.console", "module.in_ipython_frontend()"),
        ("click._compat", "module._is_jupyter_kernel_output(__import__('sys').stdout)"),
    ],
)
def test_a_real_library_finds_a_notebook(frontend: Frontend, library: str, expression: str) -> None:
    pytest.importorskip(library.split(".", maxsplit=1)[0])
    frontend.execute(f"import warnings; warnings.simplefilter('ignore')\nimport {library}")
    frontend.execute(f"import importlib\nmodule = importlib.import_module({library!r})")
    assert frontend.execute(expression).result == "True"


@pytest.mark.parametrize(
    ("name", "value"),
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
def test_the_environment_is_set(frontend: Frontend, name: str, value: str) -> None:
    assert os.environ[name] == value


def test_a_chosen_backend_stays(options: KernelOptions, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MPLBACKEND", "agg")
    frontend = start_frontend(options)
    assert frontend.execute("import os\nos.environ['MPLBACKEND']").result == "'agg'"
    stop_frontend(frontend)


def test_the_session_name_is_a_variable(
    options: KernelOptions, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JPY_SESSION_NAME", "folder/book.ipynb")
    frontend = start_frontend(options)
    assert frontend.execute("__session__").result == "'folder/book.ipynb'"
    stop_frontend(frontend)


def test_a_shell_command(frontend: Frontend) -> None:
    outcome = frontend.execute("!echo one; echo zwei äöü >&2; exit 3")
    assert outcome.text() == "one\nzwei äöü\n"
    assert frontend.execute("_exit_code").result == "3"


def test_a_shell_command_that_a_signal_ends(frontend: Frontend) -> None:
    frontend.execute("!kill -9 $$")
    assert frontend.execute("_exit_code").result == "-9"


def test_variables_in_a_shell_command(frontend: Frontend) -> None:
    frontend.execute("word = 'hello'")
    assert frontend.execute("!echo {word} $word").text() == "hello hello\n"


def test_a_shell_command_sees_a_terminal(frontend: Frontend) -> None:
    assert frontend.execute("!test -t 1 && echo terminal").text() == "terminal\n"


def test_the_output_of_a_shell_command_comes_at_once(frontend: Frontend) -> None:
    code = (
        "import sys, time\nstamps = []\n"
        "sys.stdout.register_hook(lambda message: stamps.append(time.monotonic()))\n"
        "!echo first; sleep 0.5; echo second\n"
    )
    frontend.execute(code)
    assert frontend.execute("stamps[1] - stamps[0] > 0.3").result == "True"


def test_a_background_command_is_refused(frontend: Frontend) -> None:
    assert frontend.execute("!sleep 1 &").reply["ename"] == "OSError"


def test_an_interrupt_reaches_the_command(frontend: Frontend) -> None:
    started = time.monotonic()
    frontend.execute(
        "import os, signal, threading\n"
        "threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGINT)).start()\n!sleep 30"
    )
    assert time.monotonic() - started < 5
    assert frontend.execute("_exit_code").result == "-2"


def test_captured_shell_output(frontend: Frontend) -> None:
    assert frontend.execute("lines = !echo a; echo b\nlist(lines)").result == "['a', 'b']"


def test_a_script_cell(frontend: Frontend) -> None:
    assert frontend.execute("%%bash\necho from bash").text() == "from bash\n"


def test_edit_tells_the_file(frontend: Frontend, tmp_path: Path) -> None:
    path = tmp_path / "code.py"
    path.write_text("x = 1\n")
    (payload,) = frontend.execute(f"%ed {path}").reply["payload"]
    assert (payload["source"], payload["filename"]) == ("edit_magic", str(path))


def test_less_pages_a_file(frontend: Frontend, tmp_path: Path) -> None:
    path = tmp_path / "words.txt"
    path.write_text("many words")
    (payload,) = frontend.execute(f"%less {path}").reply["payload"]
    assert payload["data"]["text/plain"] == "many words"


def test_less_needs_a_file(frontend: Frontend) -> None:
    assert frontend.execute("%more").reply["ename"] == "UsageError"


def test_connect_info(frontend: Frontend) -> None:
    text = frontend.execute("%connect_info").text()
    assert '"shell_port": 1' in text
    assert "--existing kernel-test.json" in text


def test_autosave(frontend: Frontend) -> None:
    outcome = frontend.execute("%autosave 60")
    code = outcome.of_type("display_data")[0].content["data"]["application/javascript"]
    assert "60000" in code


def test_subshell_tells_what_is_known(frontend: Frontend) -> None:
    text = frontend.execute("%subshell").text()
    assert "subshell id: None" in text
    assert f"pid: {os.getpid()}" in text


def test_clear(frontend: Frontend) -> None:
    assert frontend.execute("%clear").reply["status"] == "ok"


def test_store_is_there(frontend: Frontend) -> None:
    frontend.execute("kept = 5")
    assert frontend.execute("%store kept").reply["status"] == "ok"


@pytest.mark.parametrize("gui", ["inline", "asyncio", ""])
def test_guis_without_a_loop(frontend: Frontend, gui: str) -> None:
    assert frontend.execute(f"get_ipython().enable_gui({gui!r})").reply["status"] == "ok"


def test_a_gui_that_cannot_run_says_so(frontend: Frontend) -> None:
    outcome = frontend.execute("get_ipython().enable_gui('nonsense')")
    assert outcome.reply["ename"] == "UsageError"
    assert "nonsense" in outcome.reply["evalue"]


def test_config_lists_the_completer(frontend: Frontend) -> None:
    assert "IPCompleter" in frontend.execute("%config").text()


def test_reset_keeps_the_kernel_alive(frontend: Frontend) -> None:
    frontend.execute("x = 1\n%reset -f")
    assert frontend.execute("'x' in globals()").result == "False"


def test_who_lists_only_the_users_names(frontend: Frontend) -> None:
    frontend.execute("mine = 1")
    assert frontend.execute("%who").text().split() == ["mine"]


def test_run_cell_in_a_cell(frontend: Frontend) -> None:
    outcome = frontend.execute("r = get_ipython().run_cell('print(1)\\n2')")
    assert outcome.types == ["stream", "execute_result"]


def test_an_async_cell_in_a_plain_cell(frontend: Frontend) -> None:
    code = "get_ipython().run_cell('import asyncio; await asyncio.sleep(0, 7)').result"
    assert frontend.execute(code).reply["status"] == "ok"


def test_notebook_magic(frontend: Frontend, tmp_path: Path) -> None:
    pytest.importorskip("nbformat")
    frontend.execute("1 + 1")
    frontend.execute(f"%notebook {tmp_path}/book.ipynb")
    assert "1 + 1" in (tmp_path / "book.ipynb").read_text()
