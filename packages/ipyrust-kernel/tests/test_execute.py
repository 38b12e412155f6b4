"""handlers/execute: what a cell publishes and what its reply says."""

from __future__ import annotations

import os
import signal
import threading
import time

import pytest
from fake_core import Frontend


def test_a_statement_publishes_nothing(frontend: Frontend) -> None:
    outcome = frontend.execute("x = 1")
    assert outcome.publications == []
    assert outcome.reply == {
        "status": "ok",
        "execution_count": 1,
        "user_expressions": {},
        "payload": [],
    }


def test_the_last_expression_is_the_result(frontend: Frontend) -> None:
    outcome = frontend.execute("6 * 7")
    (result,) = outcome.publications
    assert result.msg_type == "execute_result"
    assert result.content == {
        "data": {"text/plain": "42"},
        "metadata": {},
        "execution_count": 1,
    }
    assert result.parent is outcome.request
    assert result.topic == b"kernel.kernel-session.execute_result"


def test_a_semicolon_hides_the_result(frontend: Frontend) -> None:
    assert frontend.execute("6 * 7;").publications == []


def test_a_semicolon_in_a_string_hides_nothing(frontend: Frontend) -> None:
    assert frontend.execute("'a;'").result == "'a;'"


def test_streams_and_result_keep_their_order(frontend: Frontend) -> None:
    code = "import sys\nprint('out')\nprint('err', file=sys.stderr)\nprint('out')\n1"
    assert frontend.execute(code).types == ["stream", "stream", "stream", "execute_result"]


def test_an_error_is_published_and_replied(frontend: Frontend) -> None:
    outcome = frontend.execute("1/0")
    (error,) = outcome.publications
    assert error.msg_type == "error"
    assert (error.content["ename"], error.content["evalue"]) == (
        "ZeroDivisionError",
        "division by zero",
    )
    assert {key: outcome.reply[key] for key in error.content} == error.content
    assert outcome.reply["status"] == "error"
    assert outcome.reply["execution_count"] == 1


def test_a_syntax_error_is_published_and_replied(frontend: Frontend) -> None:
    outcome = frontend.execute("x =")
    assert outcome.types == ["error"]
    assert outcome.reply["ename"] == "SyntaxError"


def test_a_failing_repr_makes_an_error_reply(frontend: Frontend) -> None:
    code = "class Bad:\n    def __repr__(self):\n        raise ValueError('no repr')\nBad()"
    outcome = frontend.execute(code)
    assert outcome.types == ["error"]
    assert (outcome.reply["status"], outcome.reply["ename"], outcome.reply["evalue"]) == (
        "error",
        "ValueError",
        "no repr",
    )


def test_a_failing_repr_in_display_is_no_failure_of_the_cell(frontend: Frontend) -> None:
    code = "class Bad:\n    def _repr_html_(self):\n        raise ValueError\ndisplay(Bad())"
    assert frontend.execute(code).reply["status"] == "ok"


def test_the_cell_after_a_failed_result_is_fine(frontend: Frontend) -> None:
    frontend.execute("class Bad:\n    def __repr__(self):\n        raise KeyboardInterrupt\nBad()")
    assert frontend.execute("display(1)").reply["status"] == "ok"


@pytest.mark.parametrize(
    ("raised", "ename"),
    [
        ("KeyboardInterrupt", "KeyboardInterrupt"),
        ("SystemExit(3)", "SystemExit"),
        ("GeneratorExit", "GeneratorExit"),
        ("type('Odd', (BaseException,), {})('odd')", "Odd"),
    ],
)
def test_every_base_exception_becomes_an_error_reply(
    frontend: Frontend, raised: str, ename: str
) -> None:
    outcome = frontend.execute(f"raise {raised}")
    assert outcome.reply["status"] == "error"
    assert outcome.reply["ename"] == ename
    assert [item.content["ename"] for item in outcome.of_type("error")] == [ename]


def test_sys_exit_says_so_and_does_not_exit(frontend: Frontend) -> None:
    outcome = frontend.execute("import sys; sys.exit(3)")
    assert (outcome.reply["ename"], outcome.reply["evalue"]) == ("SystemExit", "3")
    assert outcome.reply["payload"] == []


def test_quit_asks_the_client_to_exit_and_ends_the_kernel(frontend: Frontend) -> None:
    outcome = frontend.execute("quit()")
    assert outcome.reply["payload"] == [{"source": "ask_exit", "keepkernel": False}]
    assert frontend.kernel.core.shell.closed


def test_quit_may_keep_the_kernel(frontend: Frontend) -> None:
    outcome = frontend.execute("exit(keep_kernel=True)")
    assert outcome.reply["payload"] == [{"source": "ask_exit", "keepkernel": True}]


def test_deep_recursion_is_an_error(frontend: Frontend) -> None:
    outcome = frontend.execute("def f():\n    return f()\nf()")
    assert outcome.reply["ename"] == "RecursionError"
    assert frontend.execute("1").result == "1"


def test_an_unprintable_exception_is_an_error(frontend: Frontend) -> None:
    code = "class Odd(Exception):\n    def __str__(self):\n        raise TypeError\nraise Odd"
    outcome = frontend.execute(code)
    assert outcome.reply["ename"] == "Odd"
    assert outcome.types.count("error") == 1


def test_an_exception_before_a_functions_first_line(frontend: Frontend) -> None:
    code = (
        "def f(): raise KeyboardInterrupt\nf.__code__ = f.__code__.replace(co_linetable=b'')\nf()"
    )
    outcome = frontend.execute(code)
    assert outcome.types == ["error"]
    assert "f()" in "".join(outcome.reply["traceback"])


def test_an_exception_group_is_published(frontend: Frontend) -> None:
    outcome = frontend.execute("raise ExceptionGroup('many', [ValueError(1), TypeError(2)])")
    (error,) = outcome.publications
    assert "TypeError: 2" in "".join(error.content["traceback"])
    assert "run_code" not in "".join(error.content["traceback"])


def test_a_magics_complaint_is_an_error_reply(frontend: Frontend) -> None:
    outcome = frontend.execute("%no_such_magic")
    assert outcome.reply["ename"] == "UsageError"
    assert "no_such_magic" in outcome.text("stderr")


def test_silent_shows_and_counts_nothing(frontend: Frontend) -> None:
    outcome = frontend.execute("1", silent=True)
    assert outcome.publications == []
    assert frontend.interpreter.execution_count == 1


def test_store_history_false_does_not_count(frontend: Frontend) -> None:
    frontend.execute("1", store_history=False)
    assert frontend.interpreter.execution_count == 1


def test_an_empty_cell_does_not_count(frontend: Frontend) -> None:
    assert frontend.execute("  \n").reply["execution_count"] == 0


def test_user_expressions_are_evaluated(frontend: Frontend) -> None:
    outcome = frontend.execute("x = 2", user_expressions={"y": "x + 1", "bad": "1/0"})
    expressions = outcome.reply["user_expressions"]
    assert expressions["y"]["data"] == {"text/plain": "3"}
    assert expressions["bad"]["ename"] == "ZeroDivisionError"


def test_user_expressions_are_left_out_after_an_error(frontend: Frontend) -> None:
    outcome = frontend.execute("1/0", user_expressions={"y": "1"})
    assert outcome.reply["user_expressions"] == {}


def test_the_last_set_next_input_counts(frontend: Frontend) -> None:
    code = "ip = get_ipython()\nip.set_next_input('a')\nip.set_next_input('b', replace=True)"
    assert frontend.execute(code).reply["payload"] == [
        {"source": "set_next_input", "text": "b", "replace": True}
    ]


def test_payloads_do_not_reach_the_next_cell(frontend: Frontend) -> None:
    frontend.execute("get_ipython().set_next_input('a')")
    assert frontend.execute("1").reply["payload"] == []


def test_help_goes_to_the_pager(frontend: Frontend) -> None:
    (payload,) = frontend.execute("len?").reply["payload"]
    assert payload["source"] == "page"
    assert "number of items" in payload["data"]["text/plain"]


def test_top_level_await(frontend: Frontend) -> None:
    outcome = frontend.execute("import asyncio\nawait asyncio.sleep(0, 'slept')")
    assert outcome.result == "'slept'"


def test_post_events_run_for_async_cells(frontend: Frontend) -> None:
    frontend.execute(
        "seen = []\nget_ipython().events.register('post_execute', lambda: seen.append(1))"
    )
    frontend.execute("seen.clear()")
    frontend.execute("import asyncio; await asyncio.sleep(0)")
    assert frontend.execute("seen").result == "[1, 1]"


def test_a_word_await_makes_no_async_cell(frontend: Frontend) -> None:
    assert not frontend.interpreter.runs_async("x = 'await this'")
    assert not frontend.interpreter.runs_async("async def f():\n    await g()")
    assert frontend.interpreter.runs_async("await g()")
    assert frontend.interpreter.runs_async("async with g() as h:\n    pass")


def test_autoawait_can_be_switched_off(frontend: Frontend) -> None:
    frontend.execute("%autoawait off")
    assert not frontend.interpreter.runs_async("await g()")


def test_a_cancelled_task_is_a_cancelled_error(frontend: Frontend) -> None:
    code = (
        "import asyncio\ntask = asyncio.ensure_future(asyncio.sleep(10))\ntask.cancel()\nawait task"
    )
    assert frontend.execute(code).reply["ename"] == "CancelledError"


def test_asyncio_run_works_in_a_plain_cell(frontend: Frontend) -> None:
    assert frontend.execute("import asyncio\nasyncio.run(asyncio.sleep(0, 5))").result == "5"


def test_an_interrupt_ends_a_sleeping_cell(frontend: Frontend) -> None:
    timer = threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGINT))
    timer.start()
    started = time.monotonic()
    outcome = frontend.execute("import time; time.sleep(10)")
    assert time.monotonic() - started < 5
    assert outcome.reply["ename"] == "KeyboardInterrupt"


def test_a_cell_magic_may_print(frontend: Frontend) -> None:
    assert "Wall time" in frontend.execute("%%time\npass").text()


def test_cells_are_transformed_once(frontend: Frontend) -> None:
    frontend.execute(
        "calls = []\nget_ipython().input_transformers_post.append(lambda ls: (calls.append(1), ls)[1])"
    )
    frontend.execute("calls.clear()")
    frontend.execute("pass")
    assert frontend.execute("len(calls)").result == "2"


def test_the_metadata_of_the_request_reaches_the_events(frontend: Frontend) -> None:
    frontend.execute(
        "seen = []\n"
        "get_ipython().events.register('pre_run_cell', lambda info: seen.append((info.cell_id, info.cell_meta)))"
    )
    frontend.execute("pass", metadata={"cellId": "abc", "tags": []})
    assert frontend.execute("seen[0]").result == "('abc', {'cellId': 'abc', 'tags': []})"


def test_the_file_name_of_a_cell_is_ipykernels(frontend: Frontend) -> None:
    code = "def f():\n    pass\nf.__code__.co_filename"
    name = frontend.execute(code).result
    assert f"ipykernel_{os.getpid()}" in name
    assert name.endswith(".py'")
