"""execute_request: results, counts, options, user_expressions."""

import re

import pytest

from frontend import (
    Frontend,
    busy,
    error,
    execute_input,
    execute_result,
    idle,
    reply,
    result,
    stderr,
    stdout,
)

pytestmark = [pytest.mark.parity, pytest.mark.every_transport]


def test_a_value_is_published_as_execute_result(frontend: Frontend) -> None:
    frontend.execute("1 + 1").sees(busy, execute_input("1 + 1"), result("2"), reply("ok"), idle)


def test_a_statement_has_no_result(frontend: Frontend) -> None:
    frontend.execute("a = 1").sees(busy, execute_input("a = 1"), reply("ok"), idle)


def test_none_is_not_a_result(frontend: Frontend) -> None:
    frontend.execute("None").sees(busy, execute_input, reply("ok"), idle)


def test_a_semicolon_hides_the_result(frontend: Frontend) -> None:
    frontend.execute("41 + 1;").sees(busy, execute_input("41 + 1;"), reply("ok"), idle)


def test_only_the_last_expression_is_the_result(frontend: Frontend) -> None:
    frontend.execute("1\n2\n3").sees(busy, execute_input, result("3"), reply("ok"), idle)


def test_printed_text_comes_before_the_result(frontend: Frontend) -> None:
    cell = frontend.execute("print('first')\n'second'")
    cell.sees(busy, execute_input, stdout("first\n"), result("'second'"), reply("ok"), idle)


def test_the_result_carries_the_count_of_its_cell(frontend: Frontend) -> None:
    seen = frontend.run("'x'")
    count = seen.one("execute_input").content["execution_count"]
    assert seen.one("execute_result").content["execution_count"] == count


def test_the_reply_carries_the_count_of_its_cell(frontend: Frontend) -> None:
    seen = frontend.run("'x'")
    count = seen.one("execute_input").content["execution_count"]
    assert seen.reply.content["execution_count"] == count


def test_the_count_goes_up_by_one(frontend: Frontend) -> None:
    first = frontend.run("1").reply.content["execution_count"]
    second = frontend.run("1").reply.content["execution_count"]
    assert second == first + 1


def test_a_failed_cell_is_counted(frontend: Frontend) -> None:
    before = frontend.run("1").reply.content["execution_count"]
    cell = frontend.execute("1/0")
    cell.sees(busy, execute_input(execution_count=before + 1), error, reply("error"), idle)
    assert frontend.run("1").reply.content["execution_count"] == before + 2


def test_an_empty_cell_is_not_counted(frontend: Frontend) -> None:
    before = frontend.run("1").reply.content["execution_count"]
    frontend.execute("").sees(busy, execute_input(""), reply("ok"), idle)
    assert frontend.run("1").reply.content["execution_count"] == before + 1


def test_the_first_cell_is_number_one(fresh: Frontend) -> None:
    fresh.execute("1").sees(busy, execute_input("1", execution_count=1), result("1"), reply, idle)


def test_the_last_result_is_underscore(frontend: Frontend) -> None:
    frontend.run("'remembered'")
    frontend.execute("_").sees(busy, execute_input, result("'remembered'"), reply("ok"), idle)


def test_out_has_the_result_under_its_count(frontend: Frontend) -> None:
    count = frontend.run("'in Out'").reply.content["execution_count"]
    assert frontend.value(f"Out[{count}]") == "'in Out'"


def test_in_has_the_source_under_its_count(frontend: Frontend) -> None:
    count = frontend.run("'in In'").reply.content["execution_count"]
    assert frontend.value(f"In[{count}]") == repr("'in In'")


def test_silent_publishes_neither_input_nor_result(frontend: Frontend) -> None:
    frontend.execute("1 + 1", silent=True).sees(busy, reply("ok"), idle)


def test_silent_is_not_counted(frontend: Frontend) -> None:
    before = frontend.run("1").reply.content["execution_count"]
    frontend.execute("1", silent=True).finish()
    assert frontend.run("1").reply.content["execution_count"] == before + 1


def test_silent_sets_variables(frontend: Frontend) -> None:
    frontend.execute("quiet = 5", silent=True).finish()
    assert frontend.value("quiet") == "5"


def test_without_store_history_the_cell_is_not_counted(frontend: Frontend) -> None:
    before = frontend.run("1").reply.content["execution_count"]
    cell = frontend.execute("'unstored'", store_history=False)
    cell.sees(busy, execute_input, result("'unstored'"), reply("ok"), idle)
    assert frontend.run("1").reply.content["execution_count"] == before + 1


def test_user_expressions_are_evaluated_after_the_cell(frontend: Frontend) -> None:
    cell = frontend.execute("u = 20", user_expressions={"double": "u * 2"})
    value = cell.reply.content["user_expressions"]["double"]
    assert value == {"status": "ok", "data": {"text/plain": "40"}, "metadata": {}}


def test_a_user_expression_that_fails_is_an_error_in_its_place(frontend: Frontend) -> None:
    cell = frontend.execute("", user_expressions={"good": "1", "bad": "1/0"})
    answers = cell.reply.content["user_expressions"]
    assert answers["good"]["status"] == "ok"
    assert answers["bad"]["status"] == "error"
    assert answers["bad"]["ename"] == "ZeroDivisionError"
    assert answers["bad"]["evalue"] == "division by zero"
    assert isinstance(answers["bad"]["traceback"], list)


def test_a_user_expression_that_fails_leaves_the_reply_ok(frontend: Frontend) -> None:
    cell = frontend.execute("", user_expressions={"bad": "1/0"})
    assert cell.reply.content["status"] == "ok"


def test_user_expressions_are_not_evaluated_after_an_error(frontend: Frontend) -> None:
    cell = frontend.execute("1/0", user_expressions={"never": "print('ran')"})
    cell.sees(busy, execute_input, error, reply("error", user_expressions={}), idle)
    assert cell.reply.content["user_expressions"] == {}


def test_an_ok_reply_has_empty_payload_and_user_expressions(frontend: Frontend) -> None:
    content = frontend.execute("1").reply.content
    assert content["payload"] == []
    assert content["user_expressions"] == {}


def test_names_live_on_in_the_next_cell(frontend: Frontend) -> None:
    frontend.run("kept = 'still here'")
    frontend.execute("kept").sees(busy, execute_input, result("'still here'"), reply("ok"), idle)


def test_the_code_is_published_as_it_was_sent(frontend: Frontend) -> None:
    code = "# 😀 ünïcode\n%time 1\n"
    assert frontend.run(code).one("execute_input").content["code"] == code


def test_cells_run_in_the_order_they_were_sent(frontend: Frontend) -> None:
    frontend.run("order = []")
    cells = [frontend.execute(f"order.append({n})") for n in range(20)]
    cells[-1].finish()
    assert frontend.value("order == list(range(20))") == "True"


def test_the_result_has_metadata(frontend: Frontend) -> None:
    assert frontend.run("1").one("execute_result").content["metadata"] == {}


def test_a_warning_goes_to_stderr(frontend: Frontend) -> None:
    cell = frontend.execute("import warnings; warnings.warn('beware')")
    cell.sees(busy, execute_input, stderr(re.compile("UserWarning: beware")), reply("ok"), idle)


def test_fields_that_have_a_default_may_be_missing(frontend: Frontend) -> None:
    cell = frontend.request("execute_request", {"code": "3 * 3"})
    cell.sees(busy, execute_input, result("9"), reply("ok"), idle)


def test_started_is_in_the_metadata_of_the_reply(frontend: Frontend) -> None:
    metadata = frontend.execute("1").reply.metadata
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|\+00:00)", metadata["started"])


def test_the_cell_id_reaches_ipython(frontend: Frontend) -> None:
    code = (
        "def remember(info): global seen_id; seen_id = info.cell_id\n"
        "get_ipython().events.register('pre_run_cell', remember)"
    )
    frontend.run(code)
    frontend.execute("1", metadata={"cellId": "cell-7"}).finish()
    frontend.execute("get_ipython().events.unregister('pre_run_cell', remember)", silent=True)
    assert frontend.value("seen_id") == "'cell-7'"


def test_execute_result_is_of_type_execute_result(frontend: Frontend) -> None:
    seen = frontend.execute("'x'").sees(
        busy, execute_input, execute_result({"text/plain": "'x'"}), reply("ok"), idle
    )
    assert seen.one("execute_result").content["data"] == {"text/plain": "'x'"}
