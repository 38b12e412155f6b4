"""inspect_request and is_complete_request."""

import re
from typing import Any

import pytest

from frontend import Frontend, busy, idle, reply

pytestmark = pytest.mark.parity


def inspect(frontend: Frontend, code: str, **options: Any) -> dict[str, Any]:
    """Content of the inspect_reply, with the cursor at the end unless told."""
    content = {"code": code, "cursor_pos": len(code), "detail_level": 0, **options}
    seen = frontend.request("inspect_request", content).sees(busy, reply("ok"), idle)
    assert seen.reply
    return seen.reply.content


def plain(content: dict[str, Any]) -> str:
    """The text/plain of an inspect_reply without colours."""
    return re.sub(r"\x1b\[[0-9;]*m", "", content["data"]["text/plain"])


def test_documentation_is_found(frontend: Frontend) -> None:
    content = inspect(frontend, "len")
    assert content["found"] is True
    assert "Return the number of items in a container" in plain(content)


def test_an_unknown_name_is_not_found(frontend: Frontend) -> None:
    content = inspect(frontend, "no_such_name")
    assert content["found"] is False
    assert content["data"] == {}
    assert content["metadata"] == {}


def test_detail_zero_shows_no_source(frontend: Frontend) -> None:
    frontend.run("def own():\n    'documented'\n    return 'the source'")
    text = plain(inspect(frontend, "own"))
    assert "documented" in text and "the source" not in text


def test_detail_one_shows_the_source(frontend: Frontend) -> None:
    frontend.run("def own():\n    'documented'\n    return 'the source'")
    assert "return 'the source'" in plain(inspect(frontend, "own", detail_level=1))


def test_inside_a_call_the_function_is_inspected(frontend: Frontend) -> None:
    assert "items in a container" in plain(inspect(frontend, "len("))


def test_the_cursor_chooses_the_name(frontend: Frontend) -> None:
    assert "absolute value" in plain(inspect(frontend, "len + abs", cursor_pos=9))


def test_positions_count_code_points(frontend: Frontend) -> None:
    assert "absolute value" in plain(inspect(frontend, "'😀😀😀', abs", cursor_pos=9))


def test_attributes_are_inspected(frontend: Frontend) -> None:
    assert "uppercase" in plain(inspect(frontend, "str.upper"))


def test_a_magic_is_inspected(frontend: Frontend) -> None:
    assert "Time execution" in plain(inspect(frontend, "%timeit"))


def test_detail_level_may_be_missing(frontend: Frontend) -> None:
    request = frontend.request("inspect_request", {"code": "len", "cursor_pos": 3})
    assert request.reply.content["found"] is True


def test_an_empty_cell_is_not_found(frontend: Frontend) -> None:
    assert inspect(frontend, "")["found"] is False


def test_a_failing_repr_is_survived(frontend: Frontend) -> None:
    frontend.run("class Bad:\n    def __repr__(self): raise RuntimeError('no')\nbad = Bad()")
    assert inspect(frontend, "bad")["status"] == "ok"


def is_complete(frontend: Frontend, code: str) -> dict[str, Any]:
    """Content of the is_complete_reply."""
    request = frontend.request("is_complete_request", {"code": code})
    seen = request.sees(busy, reply, idle)
    assert seen.reply
    return seen.reply.content


@pytest.mark.parametrize("code", ["1 + 1", "x = 1\n", "def f():\n    pass\n\n", "%time 1", "!ls"])
def test_a_whole_cell_is_complete(frontend: Frontend, code: str) -> None:
    assert is_complete(frontend, code) == {"status": "complete"}


@pytest.mark.parametrize(
    ("code", "indent"),
    [("for n in range(3):", "    "), ("if 1:\n    if 2:", "        "), ("print(1,", "    ")],
)
def test_an_unfinished_cell_says_how_to_indent(frontend: Frontend, code: str, indent: str) -> None:
    content = is_complete(frontend, code)
    assert content["status"] == "incomplete"
    assert set(content["indent"]) <= {" "}
    if code.endswith(":"):
        assert content["indent"] == indent


def test_an_open_string_is_incomplete(frontend: Frontend) -> None:
    assert is_complete(frontend, "'''open")["status"] == "incomplete"


@pytest.mark.parametrize("code", ["a b", "x = = 1", ")"])
def test_wrong_code_is_invalid(frontend: Frontend, code: str) -> None:
    assert is_complete(frontend, code) == {"status": "invalid"}
