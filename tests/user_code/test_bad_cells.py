"""Code that fails in unusual ways: the cell fails, the kernel does not."""

import re

import pytest

from frontend import Frontend, busy, error, execute_input, idle, reply, result, stdout

pytestmark = pytest.mark.parity


def survives(frontend: Frontend) -> None:
    """The next cell runs as if nothing had happened."""
    frontend.execute("1 + 1").sees(busy, execute_input, result("2"), reply("ok"), idle)


def test_an_exception_in_repr_makes_the_reply_an_error(frontend: Frontend) -> None:
    code = "class Bad:\n    def __repr__(self): raise RuntimeError('in repr')\nBad()"
    seen = frontend.execute(code).finish()
    assert seen.one("error").content["ename"] == "RuntimeError"
    assert seen.reply.content["status"] == "error"
    survives(frontend)


def test_an_exception_in_repr_of_a_displayed_object(frontend: Frontend) -> None:
    code = "class Bad:\n    def __repr__(self): raise RuntimeError('in repr')\ndisplay(Bad())"
    seen = frontend.execute(code).finish()
    assert "in repr" in seen.one("error").content["evalue"]
    survives(frontend)


def test_an_exception_in_repr_html_leaves_the_text(frontend: Frontend) -> None:
    code = (
        "class Bad:\n    def _repr_html_(self): raise RuntimeError('in html')\n"
        "    def __repr__(self): return 'as text'\nBad()"
    )
    seen = frontend.execute(code).finish()
    data = seen.one("execute_result").content["data"]
    assert data == {"text/plain": "as text"}
    survives(frontend)


def test_a_repr_that_is_not_text(frontend: Frontend) -> None:
    frontend.execute("class Bad:\n    def __repr__(self): return 5\nBad()").finish()
    survives(frontend)


def test_an_exception_in_str_of_an_exception(frontend: Frontend) -> None:
    code = "class Bad(Exception):\n    def __str__(self): raise RuntimeError\nraise Bad"
    assert frontend.execute(code).finish().reply.content["status"] == "error"
    survives(frontend)


def test_sys_exit_is_an_error_and_ends_nothing(frontend: Frontend) -> None:
    seen = frontend.execute("import sys; sys.exit(3)").finish()
    assert seen.one("error").content["ename"] == "SystemExit"
    assert seen.one("error").content["evalue"] == "3"
    assert seen.reply.content["status"] == "error"
    survives(frontend)


@pytest.mark.parametrize("kind", ["BaseException", "GeneratorExit", "KeyboardInterrupt"])
def test_an_exception_outside_exception_is_an_error(frontend: Frontend, kind: str) -> None:
    cell = frontend.execute(f"raise {kind}")
    cell.sees(busy, execute_input, error(kind), reply("error"), idle)
    survives(frontend)


def test_endless_recursion_is_an_error(frontend: Frontend) -> None:
    cell = frontend.execute("def f(): f()\nf()")
    cell.sees(busy, execute_input, error("RecursionError"), reply("error"), idle)
    survives(frontend)


def test_too_much_memory_is_an_error(frontend: Frontend) -> None:
    cell = frontend.execute("'x' * (1 << 62)")
    cell.sees(busy, execute_input, error("MemoryError"), reply("error"), idle)
    survives(frontend)


def test_raising_what_is_no_exception(frontend: Frontend) -> None:
    cell = frontend.execute("raise 'text'")
    cell.sees(busy, execute_input, error("TypeError"), reply("error"), idle)


def test_a_null_byte_in_the_source(frontend: Frontend) -> None:
    assert frontend.execute("x = 1\0").reply.content["status"] == "error"
    survives(frontend)


def test_a_cancelled_error_of_the_user(frontend: Frontend) -> None:
    frontend.execute("import asyncio\nraise asyncio.CancelledError").finish()
    survives(frontend)


def test_an_assertion_of_the_user_has_no_message(frontend: Frontend) -> None:
    cell = frontend.execute("assert False")
    cell.sees(busy, execute_input, error("AssertionError", ""), reply("error"), idle)


def test_a_source_of_a_megabyte_runs(frontend: Frontend) -> None:
    code = "# " + "x" * 1_000_000 + "\n'ran'"
    frontend.execute(code).sees(busy, execute_input, result("'ran'"), reply("ok"), idle)


def test_deeply_nested_code_is_survived(frontend: Frontend) -> None:
    frontend.execute("(" * 10_000 + ")" * 10_000).finish()
    survives(frontend)


def test_a_deeply_nested_result_is_survived(frontend: Frontend) -> None:
    frontend.execute("deep = []\nfor _ in range(100_000): deep = [deep]\ndeep").finish()
    survives(frontend)


def test_a_result_that_refers_to_itself(frontend: Frontend) -> None:
    cell = frontend.execute("loop = []; loop.append(loop); loop")
    cell.sees(busy, execute_input, result("[[...]]"), reply("ok"), idle)


def test_a_long_result_is_shortened(frontend: Frontend) -> None:
    seen = frontend.run("list(range(1_000_000))")
    assert len(seen.one("execute_result").content["data"]["text/plain"]) < 100_000


def test_a_lone_surrogate_as_a_result(frontend: Frontend) -> None:
    cell = frontend.execute(r"'\ud800'")
    cell.sees(busy, execute_input, result(r"'\ud800'"), reply("ok"), idle)


def test_a_lone_surrogate_in_an_exception(frontend: Frontend) -> None:
    assert frontend.execute(r"raise ValueError('\ud800')").reply.content["status"] == "error"
    survives(frontend)


def test_a_display_of_what_json_cannot_hold(frontend: Frontend) -> None:
    frontend.execute("display({'application/json': {'x': object()}}, raw=True)").finish()
    survives(frontend)


def test_a_finalizer_that_fails_is_survived(frontend: Frontend) -> None:
    frontend.execute("class Bad:\n    def __del__(self): 1/0\nb = Bad(); del b").finish()
    survives(frontend)


def test_an_alarm_of_the_user_rings(fresh: Frontend) -> None:
    code = (
        "import signal\nrang = []\nsignal.signal(signal.SIGALRM, lambda *_: rang.append(1))\n"
        "_ = signal.setitimer(signal.ITIMER_REAL, 0.01)\nwhile not rang: pass\nprint('rang')"
    )
    fresh.execute(code).sees(busy, execute_input, stdout("rang\n"), reply("ok"), idle)


def test_a_hook_that_fails_is_survived(fresh: Frontend) -> None:
    fresh.run("get_ipython().events.register('post_execute', lambda: 1/0)")
    assert re.search("ZeroDivisionError", str(fresh.execute("1").finish()))
    assert fresh.value("1 + 1") == "2"


def test_a_transformer_that_fails_is_survived(fresh: Frontend) -> None:
    fresh.run(
        "def bad(lines): raise RuntimeError\nget_ipython().input_transformers_post.append(bad)"
    )
    fresh.execute("1").finish()
    assert fresh.kernel.popen.poll() is None
