"""error: what a failing cell publishes and replies."""

import re

import pytest

from frontend import Frontend, busy, error, execute_input, idle, reply, stderr, stdout

pytestmark = pytest.mark.parity


def plain(traceback: list[str]) -> str:
    """The traceback's text without colours."""
    return re.sub(r"\x1b\[[0-9;]*m", "", "\n".join(traceback))


def test_an_exception_is_published_and_replied(frontend: Frontend) -> None:
    cell = frontend.execute("1/0")
    zero = {"ename": "ZeroDivisionError", "evalue": "division by zero"}
    cell.sees(busy, execute_input("1/0"), error(*zero.values()), reply("error", **zero), idle)


def test_the_reply_has_the_same_traceback_as_the_publication(frontend: Frontend) -> None:
    seen = frontend.execute("1/0").finish()
    assert seen.reply.content["traceback"] == seen.one("error").content["traceback"]


def test_the_traceback_shows_the_line(frontend: Frontend) -> None:
    seen = frontend.execute("x = 1\nundefined_name + x").finish()
    text = plain(seen.one("error").content["traceback"])
    assert re.search(r"-+> ?2 undefined_name \+ x", text)


def test_the_traceback_is_a_list_of_text(frontend: Frontend) -> None:
    traceback = frontend.execute("1/0").finish().one("error").content["traceback"]
    assert traceback and all(isinstance(line, str) for line in traceback)


def test_the_traceback_has_colours(frontend: Frontend) -> None:
    assert "\x1b[" in "".join(frontend.execute("1/0").finish().one("error").content["traceback"])


def test_the_traceback_shows_functions_of_earlier_cells(frontend: Frontend) -> None:
    frontend.run("def divide(n):\n    return n / 0")
    seen = frontend.execute("divide(5)").finish()
    assert "return n / 0" in plain(seen.one("error").content["traceback"])


def test_the_cause_of_an_exception_is_shown(frontend: Frontend) -> None:
    code = "try:\n    1/0\nexcept Exception as e:\n    raise ValueError('outer') from e"
    cell = frontend.execute(code)
    seen = cell.sees(busy, execute_input, error("ValueError", "outer"), reply("error"), idle)
    text = plain(seen.one("error").content["traceback"])
    assert "direct cause" in text and "ZeroDivisionError" in text


def test_a_syntax_error_is_an_error(frontend: Frontend) -> None:
    cell = frontend.execute("1 +")
    cell.sees(busy, execute_input, error("SyntaxError"), reply("error"), idle)


def test_an_error_of_indentation_is_an_error(frontend: Frontend) -> None:
    cell = frontend.execute("if True:\npass")
    cell.sees(busy, execute_input, error("IndentationError"), reply("error"), idle)


def test_an_unknown_magic_is_reported_as_usage_error(frontend: Frontend) -> None:
    cell = frontend.execute("%no_such_magic")
    cell.sees(
        busy, execute_input, stderr(re.compile("UsageError.*no_such_magic")), reply("error"), idle
    )


def test_the_reply_has_the_count(frontend: Frontend) -> None:
    seen = frontend.execute("1/0").finish()
    count = seen.one("execute_input").content["execution_count"]
    assert seen.reply.content["execution_count"] == count


def test_the_reply_has_an_empty_payload(frontend: Frontend) -> None:
    assert frontend.execute("1/0").reply.content["payload"] == []


def test_the_status_is_in_the_metadata_of_the_reply(frontend: Frontend) -> None:
    assert frontend.execute("1/0").reply.metadata["status"] == "error"


def test_an_exception_group_is_replied(frontend: Frontend) -> None:
    cell = frontend.execute("raise ExceptionGroup('several', [ValueError(1), TypeError(2)])")
    assert cell.reply.content["status"] == "error"
    assert cell.reply.content["ename"] == "ExceptionGroup"


def test_a_class_may_render_its_own_traceback(frontend: Frontend) -> None:
    code = (
        "class Own(Exception):\n"
        "    def _render_traceback_(self): return ['rendered', 'by hand']\n"
        "raise Own('x')"
    )
    seen = frontend.execute(code).finish()
    assert seen.one("error").content["traceback"] == ["rendered", "by hand"]


def test_a_handler_for_exceptions_may_take_over(fresh: Frontend) -> None:
    code = (
        "def handle(shell, kind, value, tb, tb_offset=None): shell.user_ns['handled'] = str(value)\n"
        "get_ipython().set_custom_exc((LookupError,), handle)"
    )
    fresh.run(code)
    fresh.execute("raise KeyError('k')").finish()
    assert fresh.value("handled") == repr("'k'")


TAKES_OVER = {
    "a handler": "shell.set_custom_exc((Exception,), lambda *a, **k: print('shown'))",
    "showtraceback": "shell.showtraceback = lambda *a, **k: print('shown')",
    "_showtraceback": "shell._showtraceback = lambda *a: print('shown')",
}


@pytest.mark.parametrize("how", TAKES_OVER)
def test_who_shows_errors_is_not_told_a_second_time(fresh: Frontend, how: str) -> None:
    """rich's tracebacks, for instance."""
    fresh.run(f"shell = get_ipython()\n{TAKES_OVER[how]}")
    cell = fresh.execute("1/0")
    cell.sees(busy, execute_input, stdout("shown\n"), reply("error"), idle)
    content = cell.reply.content
    assert (content["ename"], content["traceback"]) == ("ZeroDivisionError", [])


AWAITED = """
import asyncio
async def fails(): 1/0
"""


@pytest.mark.parametrize(
    "code", ["await asyncio.create_task(fails())", "await asyncio.gather(fails())"]
)
def test_an_awaited_error_shows_the_users_code_only(frontend: Frontend, code: str) -> None:
    frontend.run(AWAITED)
    shown = "\n".join(frontend.execute(code).finish().one("error").content["traceback"])
    assert "fails()" in shown
    assert "interrupts.py" not in shown and "hidden" not in shown


def test_the_kernel_works_after_an_error(frontend: Frontend) -> None:
    frontend.execute("1/0").finish()
    assert frontend.value("1 + 1") == "2"


def test_the_last_exception_is_kept_for_post_mortem(frontend: Frontend) -> None:
    frontend.execute("1/0").finish()
    assert frontend.value("__import__('sys').last_value") == "ZeroDivisionError('division by zero')"


def test_tracebacks_can_be_made_plain(fresh: Frontend) -> None:
    fresh.run("%colors NoColor")
    traceback = fresh.execute("1/0").finish().one("error").content["traceback"]
    assert "\x1b[" not in "".join(traceback)
