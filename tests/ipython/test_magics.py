"""Every magic that a notebook uses, with one fact about it. What needs a second step stands below the tables."""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Callable

import pytest

from frontend import (
    Frontend,
    KernelProcess,
    busy,
    clear_output,
    error,
    execute_input,
    idle,
    reply,
    result,
    stderr,
    stdout,
)

parity = pytest.mark.parity
ok = reply("ok")


def printed(pattern: str) -> re.Pattern[str]:
    """Text that has this in it, whatever is coloured in it."""
    return re.compile(pattern.replace(" ", r"(\x1b\[[\d;]*m| )+"), re.DOTALL)


@parity
@pytest.mark.parametrize(
    ("code", "pattern"),
    [
        ("%time 1 + 1;", "Wall time"),
        ("%%time\n_ = sum(range(10))", "Wall time"),
        ("%timeit -n2 -r2 pass", "2 loops each"),
        ("%%timeit -n2 -r2\npass", "2 loops each"),
        ("only_here = 1\n%who", "only_here"),
        ("only_here = 1\n%whos", "only_here +int +1"),
        ("%history -n 1-2", "1:"),
        ("%history -g history", "history"),
        ("%config ZMQInteractiveShell", "ast_node_interactivity"),
        ("%config HistoryManager", "hist_file"),
        ("%xmode Plain", "Exception reporting mode: Plain"),
        ("%colors NoColor", ""),
        ("%automagic", "Automagic is"),
        ("%pdb off", "Automatic pdb calling has been turned OFF"),
        ("%alias_magic tt timeit", "Created"),
        ("%pip --version", "pip \\d"),
        ("%lsmagic", "Available line magics"),
        ("%logstate", "Logging has not been activated"),
        ("%autosave 30", "Autosaving every 30 seconds"),
        ("%subshell", "subshell id: None"),
        ("%autoawait", "asyncio"),
        ("%pinfo2 json", ""),
        ("%quickref", ""),
        ("%rehashx", ""),
        ("%load_ext autoreload\n%autoreload 0", ""),
        ("%precision 3", ""),
        ("%dhist", "Directory history"),
        ("%sx echo captured", ""),
        ("%env HOME", ""),
        ("%system echo captured", ""),
        ("%ls /", ""),
        ("%%bash\necho from bash", "from bash"),
        ("%%sh\necho from sh", "from sh"),
        ("%%script cat\nthrough cat", "through cat"),
        ("%%python3\nprint('another python')", "another python"),
        ("%%script --no-raise-error false\nx", ""),
        ("%%html\n<b>bold</b>", ""),
        ("%%latex\n$x$", ""),
        ("%%markdown\n*x*", ""),
        ("%%javascript\n1", ""),
        ("%%svg\n<svg/>", ""),
        ("%%prun -q\npass", ""),
        ("%unload_ext no_such_extension", ""),
    ],
)
def test_it_prints_and_succeeds(frontend: Frontend, code: str, pattern: str) -> None:
    seen = frontend.execute(code).finish(timeout=60)
    assert seen.reply and seen.reply.content["status"] == "ok", str(seen)
    shown = "".join(str(message.content) for message in seen.published[2:-1])
    assert printed(pattern).search(shown), str(seen)


@parity
@pytest.mark.parametrize(
    ("code", "expression", "value"),
    [
        ("%%capture kept\nprint('hidden')", "kept.stdout", "'hidden\\n'"),
        ("%%bash --out kept\necho hidden", "kept", "'hidden\\n'"),
        ("%%bash --err kept\necho hidden >&2", "kept", "'hidden\\n'"),
        ("kept = %sx echo one", "list(kept)", "['one']"),
        ("kept = !echo one", "kept.n", "'one'"),
        ("kept = %timeit -n1 -r1 -o -q pass", "kept.loops", "1"),
        ("%config InteractiveShell.ast_node_interactivity = 'last_expr'", "1", "1"),
        ("%alias_magic zz time", "'zz' in get_ipython().magics_manager.magics['line']", "True"),
        ("%macro kept 1", "type(kept).__name__", "'Macro'"),
        ("kept = 5\n%xdel kept", "'kept' in globals()", "False"),
        ("%set_env KEPT=5", "__import__('os').environ['KEPT']", "'5'"),
        ("%bookmark kept /tmp", "1", "1"),
        ("%reset_selective -f kept", "'kept' in globals()", "False"),
        ("kept = 7\n%store kept\ndel kept\n%store -r kept", "kept", "7"),
    ],
)
def test_it_changes_the_namespace(
    frontend: Frontend, code: str, expression: str, value: str
) -> None:
    frontend.run(code)
    assert frontend.value(expression) == value


@parity
@pytest.mark.parametrize(
    ("code", "pattern"),
    [
        ("len?", "Return the number of items"),
        ("len??", "Return the number of items"),
        ("%pinfo len", "Return the number of items"),
        ("%pdoc len", "Return the number of items"),
        ("%psource json.dumps", "def dumps"),
        ("%pfile json", "JSON"),
        ("%prun pass", "function calls"),
        ("from IPython.core.page import page; page('a long text')", "a long text"),
        ("from IPython.core import page; page.display_page('shown')", None),
        ("%magic", "magic"),
    ],
)
def test_it_opens_the_pager(frontend: Frontend, code: str, pattern: str | None) -> None:
    frontend.run("import json")
    seen = frontend.run(code)
    pages = [page for page in seen.reply.content["payload"] if page["source"] == "page"]
    if pattern is None:  # display_page shows what would be paged
        assert not pages and seen.one("display_data").content["data"]["text/plain"] == "shown"
    else:
        assert printed(pattern).search(pages[0]["data"]["text/plain"])


@parity
@pytest.mark.parametrize("magic", ["less", "more"])
def test_a_file_is_paged(frontend: Frontend, magic: str) -> None:
    path = frontend.kernel.folder / "text.txt"
    path.write_text("in the file")
    (page,) = frontend.run(f"%{magic} {path}").reply.content["payload"]
    assert (page["source"], page["data"]["text/plain"]) == ("page", "in the file")


@parity
@pytest.mark.skipif(not shutil.which("man"), reason="no man here")
def test_a_manual_page_is_paged(frontend: Frontend) -> None:
    (page,) = frontend.run("%man ls").reply.content["payload"]
    assert page["source"] == "page"


@parity
def test_load_puts_a_file_into_the_next_cell(frontend: Frontend) -> None:
    path = frontend.kernel.folder / "loaded.py"
    path.write_text("loaded = 1\n")
    (payload,) = frontend.run(f"%load {path}").reply.content["payload"]
    assert payload["source"] == "set_next_input" and "loaded = 1" in payload["text"]
    assert payload["replace"] is True


@parity
def test_edit_names_file_and_line(frontend: Frontend) -> None:
    path = frontend.kernel.folder / "edited.py"
    path.write_text("edited = 1\n")
    (payload,) = frontend.run(f"%edit -n 3 {path}").reply.content["payload"]
    assert payload["source"] == "edit_magic"
    assert os.path.samefile(payload["filename"], path)


@parity
def test_recall_puts_an_earlier_cell_into_the_next_one(fresh: Frontend) -> None:
    fresh.run("earlier = 1")
    (payload,) = fresh.run("%recall 1").reply.content["payload"]
    assert payload["text"].strip() == "earlier = 1"


@parity
def test_writefile_appends(frontend: Frontend) -> None:
    path = frontend.kernel.folder / "written.txt"
    frontend.run(f"%%writefile {path}\none\n")
    frontend.run(f"%%writefile -a {path}\ntwo\n")
    assert path.read_text() == "one\ntwo\n"


@parity
def test_autoreload_reloads_a_changed_module(fresh: Frontend) -> None:
    module = fresh.kernel.folder / "changing.py"
    module.write_text("value = 1\n")
    fresh.run(
        f"import sys; sys.path.insert(0, {str(module.parent)!r}); sys.dont_write_bytecode = True"
    )
    fresh.run("%load_ext autoreload\n%autoreload 2\nimport changing")
    module.write_text("value = 2  # changed\n")
    os.utime(module, (2e9, 2e9))
    cell = fresh.execute("changing.value")
    cell.sees(busy, execute_input, result("2"), ok, idle)


@parity
def test_logstart_writes_what_is_run(fresh: Frontend) -> None:
    log = fresh.kernel.folder / "log.py"
    fresh.run(f"%logstart -o {log} over")
    fresh.run("logged = 1")
    fresh.run("%logstop")
    assert "logged = 1" in log.read_text()


@parity
def test_notebook_writes_the_session(fresh: Frontend) -> None:
    pytest.importorskip("nbformat")
    path = fresh.kernel.folder / "session.ipynb"
    for code in ("1 + 1", "2 + 2", f"%notebook {path}"):
        fresh.run(code)
    cells = json.loads(path.read_text())["cells"]
    assert [cell["source"] for cell in cells] == [["1 + 1"], ["2 + 2"]]
    assert cells[0]["outputs"][0]["data"]["text/plain"] == ["2"]


@parity
def test_a_script_that_fails_shows_its_error(frontend: Frontend) -> None:
    script = frontend.kernel.folder / "fails.py"
    script.write_text("before = 1\n1/0\n")
    cell = frontend.execute(f"%run {script}")
    cell.reaches(error("ZeroDivisionError"))
    cell.finish()
    assert frontend.value("before") == "1"


@parity
def test_config_sets_a_trait(fresh: Frontend) -> None:
    fresh.run("%config InteractiveShell.ast_node_interactivity = 'all'")
    cell = fresh.execute("1\n2")
    cell.sees(busy, execute_input, result("1"), result("2"), ok, idle)


@parity
def test_xmode_changes_the_next_error(fresh: Frontend) -> None:
    fresh.run("%xmode Minimal")
    cell = fresh.execute("1/0")
    assert len("".join(cell.reply.content["traceback"]).splitlines()) == 1


@parity
def test_clear_says_so_as_a_terminal_would(frontend: Frontend) -> None:
    assert "\x1b" in frontend.run("%clear").text()


@parity
def test_clear_output_is_asked_for(frontend: Frontend) -> None:
    cell = frontend.execute("from IPython.display import clear_output as c; c(wait=True)")
    cell.sees(busy, execute_input, clear_output(True), ok, idle)


@parity
def test_a_script_that_fails_fails_the_cell(frontend: Frontend) -> None:
    cell = frontend.execute("%%bash\nexit 3")
    cell.sees(busy, execute_input, error("CalledProcessError"), reply("error"), idle)


@parity
@pytest.mark.parametrize("magic", ["%%bash", "%%sh", "%%script bash"])
def test_a_script_prints_while_it_runs(frontend: Frontend, magic: str) -> None:
    cell = frontend.execute(f"{magic}\necho early\nsleep 1000")
    cell.reaches(stdout("early\n"))
    frontend.interrupt()
    cell.finish()
    assert frontend.value("1 + 1") == "2"


@parity
def test_a_script_in_the_background_can_be_read(frontend: Frontend) -> None:
    frontend.run("%%bash --bg --out pipe\necho in the background")
    cell = frontend.execute("data = await pipe.read(); data")
    cell.sees(busy, execute_input, result("b'in the background\\n'"), ok, idle)


@parity
def test_conda_without_conda_says_so(frontend: Frontend) -> None:
    assert frontend.execute("%conda list").reply.content["status"] in ("ok", "error")
    assert frontend.value("1 + 1") == "2"


@parity
def test_qtconsole_does_not_wait(fresh: Frontend) -> None:
    assert fresh.execute("%qtconsole --version").reply.content["status"] == "ok"


def test_gui_of_an_unknown_name_is_a_usage_error(frontend: Frontend) -> None:
    cell = frontend.execute("%gui nonsense")
    why = stderr(re.compile("^UsageError: %gui nonsense"))
    cell.sees(busy, execute_input, why, reply("error", ename="UsageError"), idle)


def test_a_magic_in_a_subshell_names_it(
    start_kernel: Callable[..., KernelProcess], connect: Callable[[KernelProcess], Frontend]
) -> None:
    client = connect(start_kernel())
    made = client.request("create_subshell_request", channel="control")
    subshell_id = made.reply.content["subshell_id"]
    content = {"code": "%subshell", "silent": False}
    asked = client.request("execute_request", content, header={"subshell_id": subshell_id})
    assert f"subshell id: {subshell_id}" in asked.finish().text()


@parity
def test_displays_of_magics_have_their_type(frontend: Frontend) -> None:
    for magic, mimetype in (
        ("html", "text/html"),
        ("svg", "image/svg+xml"),
        ("latex", "text/latex"),
    ):
        seen = frontend.run(f"%%{magic}\n<svg></svg>")
        assert mimetype in seen.one("display_data").content["data"], magic
