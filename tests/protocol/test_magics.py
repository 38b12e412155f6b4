"""Magics, shell commands, matplotlib: what IPython adds to Python."""

import base64
import re

import pytest

from frontend import (
    Frontend,
    busy,
    display_data,
    execute_input,
    idle,
    reply,
    result,
    stderr,
    stdout,
)

pytestmark = pytest.mark.parity


def lines(text: str) -> re.Pattern[str]:
    """Exactly these lines; a pseudo-terminal may have added carriage returns."""
    return re.compile(r"\A" + re.escape(text).replace("\\\n", "\r?\n") + r"\Z")


def test_a_shell_command_prints_into_the_cell(frontend: Frontend) -> None:
    cell = frontend.execute("!echo one; echo two")
    cell.sees(busy, execute_input, stdout(lines("one\ntwo\n")), reply("ok"), idle)


def test_a_shell_command_sees_python_variables(frontend: Frontend) -> None:
    cell = frontend.execute("name = 'world'\n!echo hello {name}")
    cell.sees(busy, execute_input, stdout(lines("hello world\n")), reply("ok"), idle)


def test_a_shell_command_leaves_its_exit_code(frontend: Frontend) -> None:
    frontend.run("!exit 7")
    assert frontend.value("_exit_code") == "7"


def test_a_shell_command_prints_unicode(frontend: Frontend) -> None:
    seen = frontend.run("!printf 'é😀\\n'")
    assert seen.text().strip() == "é😀"


def test_a_shell_command_can_be_captured(frontend: Frontend) -> None:
    cell = frontend.execute("found = !echo one; echo two")
    cell.sees(busy, execute_input, reply("ok"), idle)
    assert frontend.value("list(found)") == "['one', 'two']"


def test_printed_text_and_a_shell_command_keep_their_order(frontend: Frontend) -> None:
    seen = frontend.run("print('before')\n!echo between\nprint('after')")
    assert seen.text().replace("\r", "") == "before\nbetween\nafter\n"


def test_output_of_a_shell_command_arrives_while_it_runs(frontend: Frontend) -> None:
    cell = frontend.execute("!echo early; sleep 1000")
    cell.reaches(stdout(lines("early\n")))
    frontend.interrupt()
    cell.finish()


def test_bash_runs_a_script(frontend: Frontend) -> None:
    cell = frontend.execute("%%bash\necho out\necho err >&2")
    seen = cell.finish()
    assert (seen.text(), seen.text("stderr")) == ("out\n", "err\n")


def test_time_prints_how_long_it_took(frontend: Frontend) -> None:
    cell = frontend.execute("%time 1 + 1")
    wall = stdout(re.compile("Wall time"))
    cell.sees(busy, execute_input, wall, result("2"), reply("ok"), idle)


def test_timeit_prints_an_average(frontend: Frontend) -> None:
    cell = frontend.execute("%timeit -n1 -r1 pass")
    cell.sees(busy, execute_input, stdout(re.compile("per loop")), reply("ok"), idle)


def test_capture_keeps_output_from_the_cell(frontend: Frontend) -> None:
    cell = frontend.execute("%%capture kept\nprint('hidden')\ndisplay(1)")
    cell.sees(busy, execute_input, reply("ok"), idle)
    assert frontend.value("kept.stdout") == repr("hidden\n")
    assert frontend.value("len(kept.outputs)") == "1"


def test_captured_output_can_be_shown_later(frontend: Frontend) -> None:
    frontend.run("%%capture kept\nprint('hidden')\ndisplay('shown')")
    cell = frontend.execute("kept()")
    shown = display_data({"text/plain": "'shown'"})
    cell.sees(busy, execute_input, stdout("hidden\n"), shown, reply("ok"), idle)


def test_html_is_displayed(frontend: Frontend) -> None:
    cell = frontend.execute("%%html\n<b>bold</b>")
    bold = display_data({"text/html": "<b>bold</b>\n"})
    cell.sees(busy, execute_input, bold, reply("ok"), idle)


def test_writefile_writes_a_file(frontend: Frontend) -> None:
    path = frontend.kernel.folder / "written.txt"
    frontend.run(f"%%writefile {path}\ncontent\n")
    assert path.read_text() == "content\n"


def test_run_runs_a_script(frontend: Frontend) -> None:
    script = frontend.kernel.folder / "script.py"
    script.write_text("print('script as', __name__)\nfrom_script = 1\n")
    cell = frontend.execute(f"%run {script}")
    cell.sees(busy, execute_input, stdout("script as __main__\n"), reply("ok"), idle)
    assert frontend.value("from_script") == "1"


def test_cd_changes_the_folder(fresh: Frontend) -> None:
    fresh.run("%cd -q /")
    assert fresh.value("__import__('os').getcwd()") == "'/'"


def test_env_sets_a_variable(frontend: Frontend) -> None:
    frontend.run("%env OWN_VARIABLE=5")
    assert frontend.value("__import__('os').environ['OWN_VARIABLE']") == "'5'"


def test_who_lists_names(fresh: Frontend) -> None:
    cell = fresh.execute("only_name = 1\n%who")
    cell.sees(busy, execute_input, stdout(re.compile("only_name")), reply("ok"), idle)


def test_reset_forgets_names(fresh: Frontend) -> None:
    fresh.run("forgotten = 1")
    fresh.run("%reset -f")
    assert fresh.value("'forgotten' in globals()") == "False"


def test_prun_pages_its_report(frontend: Frontend) -> None:
    cell = frontend.execute("%prun pass")
    assert any("function calls" in str(payload) for payload in cell.reply.content["payload"])


def test_a_magic_of_the_user_runs(fresh: Frontend) -> None:
    fresh.run(
        "from IPython.core.magic import register_line_magic\n@register_line_magic\n"
        "def shout(line): return line.upper()"
    )
    cell = fresh.execute("%shout louder")
    cell.sees(busy, execute_input, result("'LOUDER'"), reply("ok"), idle)


def test_connect_info_shows_the_ports(frontend: Frontend) -> None:
    assert str(frontend.connection["shell_port"]) in frontend.run("%connect_info").text()


def test_line_magics_work_without_percent(frontend: Frontend) -> None:
    cell = frontend.execute("pwd")
    cell.sees(busy, execute_input, result(re.compile("^'.*'$")), reply("ok"), idle)


def is_png(encoded: str) -> bool:
    """Whether this is an image in base64."""
    return base64.b64decode(encoded).startswith(b"\x89PNG")


PNG = display_data({"image/png": is_png})


@pytest.mark.parametrize("first_line", ["%matplotlib inline\n", ""], ids=["magic", "default"])
def test_a_figure_is_shown_when_its_cell_ends(frontend: Frontend, first_line: str) -> None:
    pytest.importorskip("matplotlib")
    cell = frontend.execute(first_line + "import matplotlib.pyplot as plt; plt.plot([1, 2]);")
    cell.sees(busy, execute_input, PNG, reply("ok"), idle, timeout=60)


def test_show_shows_the_figure_at_once(frontend: Frontend) -> None:
    pytest.importorskip("matplotlib")
    code = "import matplotlib.pyplot as plt; plt.plot([1, 2]); plt.show(); print('after')"
    cell = frontend.execute(code)
    cell.sees(busy, execute_input, PNG, stdout("after\n"), reply("ok"), idle, timeout=60)


def test_a_figure_is_shown_once(frontend: Frontend) -> None:
    pytest.importorskip("matplotlib")
    frontend.execute("import matplotlib.pyplot as plt; plt.plot([1]);").finish(timeout=60)
    frontend.execute("1").sees(busy, execute_input, result("1"), reply("ok"), idle)


def test_a_cell_magic_that_fails_says_why(frontend: Frontend) -> None:
    cell = frontend.execute("%%no_such_magic\n1")
    cell.sees(busy, execute_input, stderr(re.compile("no_such_magic")), reply("error"), idle)
