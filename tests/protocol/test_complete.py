"""complete_request: matches, and which part of the code they replace."""

from typing import Any

import pytest

from frontend import Frontend, busy, idle, reply

pytestmark = pytest.mark.parity


def complete(frontend: Frontend, code: str, cursor_pos: int | None = None) -> dict[str, Any]:
    """Content of the reply, with the cursor at the end unless told."""
    position = len(code) if cursor_pos is None else cursor_pos
    content = {"code": code, "cursor_pos": position}
    seen = frontend.request("complete_request", content).sees(busy, reply("ok"), idle)
    assert seen.reply
    return seen.reply.content


def test_a_builtin_is_completed(frontend: Frontend) -> None:
    assert "print" in complete(frontend, "prin")["matches"]


def test_the_cursor_spans_the_word(frontend: Frontend) -> None:
    content = complete(frontend, "x = prin")
    assert (content["cursor_start"], content["cursor_end"]) == (4, 8)


def test_positions_count_code_points(frontend: Frontend) -> None:
    content = complete(frontend, "'😀😀'; prin")
    assert (content["cursor_start"], content["cursor_end"]) == (6, 10)


def test_a_completion_in_the_middle_ends_at_the_cursor(frontend: Frontend) -> None:
    content = complete(frontend, "prin(1)\nx = 1", 4)
    assert "print" in content["matches"]
    assert (content["cursor_start"], content["cursor_end"]) == (0, 4)


def test_positions_count_from_the_start_of_the_cell(frontend: Frontend) -> None:
    content = complete(frontend, "a = 1\nb = prin")
    assert (content["cursor_start"], content["cursor_end"]) == (10, 14)


def test_attributes_of_a_live_object_are_completed(frontend: Frontend) -> None:
    frontend.run("class Live: pass\nlive = Live(); live.found_attribute = 1")
    matches = complete(frontend, "live.found_")["matches"]
    assert any(match.endswith("found_attribute") for match in matches)


def test_names_of_the_user_are_completed(frontend: Frontend) -> None:
    frontend.run("peculiar_name = 1")
    assert "peculiar_name" in complete(frontend, "peculiar_")["matches"]


def test_modules_are_completed_in_imports(frontend: Frontend) -> None:
    assert "collections" in complete(frontend, "import collectio")["matches"]


def test_magics_are_completed(frontend: Frontend) -> None:
    assert "%matplotlib" in complete(frontend, "%matplotl")["matches"]


def test_keys_of_a_dict_are_completed(frontend: Frontend) -> None:
    frontend.run("table = {'first_column': 1}")
    matches = complete(frontend, "table['first_c")["matches"]
    assert any("first_column" in match for match in matches)


def test_latex_symbols_are_completed(frontend: Frontend) -> None:
    assert complete(frontend, "\\alpha")["matches"] == ["α"]


def test_nothing_found_is_an_empty_list(frontend: Frontend) -> None:
    content = complete(frontend, "no_such_name_anywhere_")
    assert content["matches"] == []


def test_types_are_in_the_metadata(frontend: Frontend) -> None:
    content = complete(frontend, "prin")
    types = content["metadata"]["_jupyter_types_experimental"]
    [entry] = [entry for entry in types if entry["text"] == "print"]
    assert entry["type"] == "function"
    assert (entry["start"], entry["end"]) == (0, 4)
    assert isinstance(entry["signature"], str)


def test_types_count_code_points_too(frontend: Frontend) -> None:
    content = complete(frontend, "'😀'; prin")
    [entry] = [
        entry
        for entry in content["metadata"]["_jupyter_types_experimental"]
        if entry["text"] == "print"
    ]
    assert (entry["start"], entry["end"]) == (5, 9)


def test_every_match_has_its_type(frontend: Frontend) -> None:
    content = complete(frontend, "str.")
    types = content["metadata"]["_jupyter_types_experimental"]
    assert [entry["text"] for entry in types] == content["matches"]


def test_completing_prints_nothing_of_the_users_objects(frontend: Frontend) -> None:
    code = "class Loud:\n    def __dir__(self): print('dir!'); return ['quiet']\nloud = Loud()"
    frontend.run(code)
    request = frontend.request("complete_request", {"code": "loud.qu", "cursor_pos": 7})
    assert request.reply.content["status"] == "ok"


def test_a_failing_dir_is_survived(frontend: Frontend) -> None:
    frontend.run("class Bad:\n    def __dir__(self): raise RuntimeError\nbad = Bad()")
    assert complete(frontend, "bad.")["status"] == "ok"


def test_code_that_is_wrong_is_survived(frontend: Frontend) -> None:
    assert complete(frontend, "for for ((( [\x00 pri")["status"] == "ok"


def test_an_empty_cell_is_answered(frontend: Frontend) -> None:
    content = complete(frontend, "")
    assert isinstance(content["matches"], list)
