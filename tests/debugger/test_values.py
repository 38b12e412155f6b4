"""Variables: listed, shown richly, changed; modules; exceptions."""

import pytest

from debugger.dap import DebugFrontend
from frontend import busy, execute_input, idle, reply, result, stdout

parity = pytest.mark.parity

CODE = "def f(a, b):\n    c = a + b\n    return c\nf(2, 3)\n"
GROUPS = {"special variables", "function variables"}


def variables(debug: DebugFrontend) -> dict[str, dict[str, object]]:
    """What inspectVariables lists, by name."""
    return {item["name"]: item for item in debug.ask("inspectVariables")["variables"]}


@parity
def test_variables_without_a_stop(debug: DebugFrontend) -> None:
    debug.frontend.run("i = 3\ntext = 'ü'\nitems = {'a': 1, 'b': [1, 2]}")
    found = variables(debug)
    assert {"i", "text", "items"} | GROUPS == set(found)
    assert found["i"] == {
        "name": "i",
        "value": "3",
        "type": "int",
        "evaluateName": "i",
        "variablesReference": 0,
    }
    assert found["text"]["value"] == "'ü'"


def test_children_without_a_session(debug: DebugFrontend) -> None:
    debug.frontend.run("items = {'a': 1, 'b': [1, 2]}")
    reference = variables(debug)["items"]["variablesReference"]
    assert isinstance(reference, int)
    found = debug.children(reference)
    assert (found["'a'"]["value"], found["'b'"]["value"]) == ("1", "[1, 2]")
    stale = debug.response("variables", variablesReference=12345)
    assert stale["success"] is False


@parity
def test_ipythons_own_names_are_not_listed(attached: DebugFrontend) -> None:
    attached.frontend.run("1 + 1")
    attached.frontend.run("_")
    assert set(variables(attached)) == GROUPS
    _, frame = attached.run_to("mine = 1\nmine\n", 2)
    assert set(attached.scope(frame, "Globals")) == {"mine"} | GROUPS


@parity
def test_a_rich_variable_without_a_stop(debug: DebugFrontend) -> None:
    pytest.importorskip("pandas")
    debug.frontend.run("import pandas\ndf = pandas.DataFrame({'a': [1, 2]})")
    data = debug.ask_rich("df")["data"]
    assert "<table" in data["text/html"] and "a" in data["text/plain"]


def test_a_rich_variable_at_a_stop(attached: DebugFrontend) -> None:
    pytest.importorskip("pandas")
    code = (
        "import pandas\ndef f(n):\n    local = pandas.DataFrame({'größe': range(n)})\n"
        "    return len(local)\nf(500)\n"
    )
    cell, frame = attached.run_to(code, 4)
    body = attached.ask_rich("local", frameId=frame["id"])
    assert "<table" in body["data"]["text/html"] and "größe" in body["data"]["text/plain"]
    assert body["metadata"] == {}
    attached.resume(frame)
    cell.sees(busy, execute_input, result("500"), reply("ok"), idle)


def test_an_image_is_shown_at_a_stop(attached: DebugFrontend) -> None:
    code = (
        "class Picture:\n    def _repr_png_(self):\n        return bytes(range(256)) * 1000\n"
        "picture = Picture()\npicture = picture\n"
    )
    _, frame = attached.run_to(code, 5)
    data = attached.ask_rich("picture", frameId=frame["id"])["data"]
    assert data["image/png"].startswith("AAECAwQF") and len(data["image/png"]) > 300_000


def test_what_has_no_rich_representation(attached: DebugFrontend) -> None:
    empty = {"data": {}, "metadata": {}}
    assert attached.ask_rich("missing") == empty
    assert attached.ask_rich("special variables") == empty
    assert attached.response("richInspectVariables", variableName="1 + 1")["success"] is False
    _, frame = attached.run_to(CODE, 2)
    assert attached.ask_rich("missing", frameId=frame["id"]) == empty
    assert attached.ask_rich("a", frameId=frame["id"])["data"] == {"text/plain": "2"}


def test_copy_to_globals(attached: DebugFrontend) -> None:
    cell, frame = attached.run_to(CODE, 2)
    attached.ask(
        "copyToGlobals", srcVariableName="a", dstVariableName="copied", srcFrameId=frame["id"]
    )
    assert attached.scope(frame, "Globals")["copied"]["value"] == "2"
    refused = attached.response(
        "copyToGlobals", srcVariableName="a b", dstVariableName="x", srcFrameId=frame["id"]
    )
    assert refused["success"] is False and "identifiers" in refused["message"]
    attached.resume(frame)
    cell.sees(busy, execute_input, result("5"), reply("ok"), idle)
    assert attached.frontend.value("copied") == "2"


@parity
def test_an_expression_is_set(attached: DebugFrontend) -> None:
    cell, frame = attached.run_to(CODE, 2)
    attached.ask("setExpression", expression="b", value="40", frameId=frame["id"])
    attached.resume(frame)
    cell.sees(busy, execute_input, result("42"), reply("ok"), idle)


def test_modules(attached: DebugFrontend) -> None:
    everything = attached.ask("modules")
    by_name = {item["name"]: item for item in everything["modules"]}
    assert by_name["json"]["path"].endswith("json/__init__.py")
    assert everything["totalModules"] > len(everything["modules"])
    some = attached.ask("modules", startModule=10, moduleCount=20)["modules"]
    assert all(10 <= item["id"] < 30 for item in some)


@parity
def test_a_conditional_breakpoint(attached: DebugFrontend) -> None:
    code = "for i in range(10):\n    x = i\nprint(x)\n"
    path = attached.dump(code)
    attached.ask(
        "setBreakpoints",
        breakpoints=[{"line": 2, "condition": "i == 7"}],
        source={"path": path},
        sourceModified=False,
    )
    cell = attached.frontend.execute(code)
    frame = attached.stopped_frame()
    assert attached.evaluate(frame, "i") == "7"
    attached.resume(frame)
    cell.sees(busy, execute_input, stdout("9\n"), reply("ok"), idle)


@parity
def test_a_raised_exception_stops(attached: DebugFrontend) -> None:
    code = "def bad():\n    raise ValueError('é')\nbad()\n"
    attached.dump(code)
    attached.ask("setExceptionBreakpoints", filters=["raised"])
    cell = attached.frontend.execute(code)
    stopped = attached.wait_for_event("stopped")["body"]
    assert stopped["reason"] == "exception"
    info = attached.ask("exceptionInfo", threadId=stopped["threadId"])
    assert (info["exceptionId"], info["description"]) == ("ValueError", "é")
    attached.ask("setExceptionBreakpoints", filters=[])
    attached.ask("continue", threadId=stopped["threadId"])
    assert cell.finish().reply.content["ename"] == "ValueError"


@parity
def test_step_into_and_out(attached: DebugFrontend) -> None:
    cell, frame = attached.run_to(CODE, 4)
    attached.resume(frame, "stepIn")
    frame = attached.stopped_frame()
    assert (frame["name"], frame["line"]) == ("f", 2)
    attached.resume(frame, "stepOut")
    frame = attached.stopped_frame()
    assert frame["name"] == "<module>"
    attached.resume(frame)
    cell.sees(busy, execute_input, result("5"), reply("ok"), idle)


@parity
def test_stepping_off_the_end_of_a_cell_does_not_show_the_kernel(attached: DebugFrontend) -> None:
    cell, frame = attached.run_to("x = 1\nx\n", 2)
    attached.resume(frame, "next")
    cell.sees(busy, execute_input, result("1"), reply("ok"), idle)
