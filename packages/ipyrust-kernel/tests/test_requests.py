"""handlers/ complete, inspect, is_complete, history."""

from __future__ import annotations

import pygments
import pytest
from fake_core import Frontend


def test_completion_knows_its_place_in_code_points(frontend: Frontend) -> None:
    frontend.execute("number_of_things = 1")
    code = "'😀'; number_of_th"
    reply = frontend.interpreter.complete(code, len(code))
    assert reply["matches"] == ["number_of_things"]
    assert code[reply["cursor_start"] : reply["cursor_end"]] == "number_of_th"


def test_completion_tells_types(frontend: Frontend) -> None:
    reply = frontend.interpreter.complete("impor", 5)
    entry = reply["metadata"]["_jupyter_types_experimental"][0]
    assert set(entry) == {"start", "end", "text", "type", "signature"}


def test_completion_in_a_later_line(frontend: Frontend) -> None:
    code = "x = 1\nimpor"
    reply = frontend.interpreter.complete(code, len(code))
    assert (reply["cursor_start"], reply["cursor_end"]) == (6, 11)


def test_completion_beyond_the_end_is_completion_at_the_end(frontend: Frontend) -> None:
    assert frontend.interpreter.complete("impor", 99)["cursor_end"] == 5


def test_nothing_to_complete(frontend: Frontend) -> None:
    reply = frontend.interpreter.complete("zzz_nothing_here", 16)
    assert (reply["status"], reply["matches"]) == ("ok", [])


def test_inspection_finds_a_docstring(frontend: Frontend) -> None:
    reply = frontend.interpreter.inspect("len", 2, 0, ())
    assert reply["found"]
    assert "number of items" in reply["data"]["text/plain"]
    assert "text/html" not in reply["data"]


def test_html_is_made_where_it_is_shown(
    frontend: Frontend, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Colouring it takes longer than everything else."""
    frontend.execute("def known(argument): 'its text'")
    shell = frontend.interpreter.ipython.shell
    coloured = []
    highlight = pygments.highlight
    monkeypatch.setattr(pygments, "highlight", lambda *a: coloured.append(a) or highlight(*a))
    assert "text/html" not in frontend.interpreter.inspect("known", 3, 0, ())["data"]
    assert not coloured
    shell.enable_html_pager = True
    try:
        shown = frontend.interpreter.inspect("known", 3, 0, ())["data"]["text/html"]
    finally:
        shell.enable_html_pager = False
    assert coloured
    assert 'class="highlight"' in shown


def test_inspection_in_detail_shows_the_source(frontend: Frontend) -> None:
    frontend.execute("def known():\n    return 'the source'")
    reply = frontend.interpreter.inspect("known", 3, 1, ())
    assert "the source" in reply["data"]["text/plain"]


def test_inspection_of_the_unknown(frontend: Frontend) -> None:
    reply = frontend.interpreter.inspect("no_such_name", 3, 0, ())
    assert reply == {"status": "ok", "found": False, "data": {}, "metadata": {}}


def test_inspection_survives_a_hostile_object(frontend: Frontend) -> None:
    frontend.execute(
        "class Hostile:\n    def __getattribute__(self, name):\n        raise RuntimeError\nh = Hostile()"
    )
    assert frontend.interpreter.inspect("h", 1, 0, ())["status"] == "ok"


@pytest.mark.parametrize(
    ("code", "reply"),
    [
        ("1 + 1", {"status": "complete"}),
        ("for x in y:", {"status": "incomplete", "indent": "    "}),
        ("x = = 1", {"status": "invalid"}),
    ],
)
def test_is_complete(frontend: Frontend, code: str, reply: dict[str, str]) -> None:
    assert frontend.interpreter.is_complete(code) == reply


def run_cells(frontend: Frontend) -> None:
    for code in ("a = 1", "b = 2", "a + b", "a = 1"):
        frontend.execute(code)


def inputs(reply: dict[str, object]) -> list[object]:
    return [entry[2] for entry in reply["history"]]  # type: ignore[attr-defined]


def test_history_tail_has_the_latest_cell(frontend: Frontend) -> None:
    run_cells(frontend)
    reply = frontend.interpreter.history(
        {"hist_access_type": "tail", "n": 2, "raw": True, "output": False}
    )
    assert inputs(reply) == ["a + b", "a = 1"]


def test_history_range_of_this_session(frontend: Frontend) -> None:
    run_cells(frontend)
    request = {
        "hist_access_type": "range",
        "session": 0,
        "start": 1,
        "stop": 3,
        "raw": True,
        "output": False,
    }
    assert frontend.interpreter.history(request)["history"] == [[0, 1, "a = 1"], [0, 2, "b = 2"]]


def test_history_with_output(frontend: Frontend) -> None:
    run_cells(frontend)
    request = {"hist_access_type": "range", "session": 0, "start": 3, "stop": 4, "output": True}
    assert frontend.interpreter.history(request)["history"] == [[0, 3, ("a + b", "3")]]


def test_history_search(frontend: Frontend) -> None:
    run_cells(frontend)
    request = {"hist_access_type": "search", "pattern": "a*", "n": 10, "output": False, "raw": True}
    assert inputs(frontend.interpreter.history(request)) == ["a = 1", "a + b", "a = 1"]


def test_history_search_unique(frontend: Frontend) -> None:
    run_cells(frontend)
    request = {"hist_access_type": "search", "pattern": "a*", "unique": True}
    assert sorted(inputs(frontend.interpreter.history(request))) == ["a + b", "a = 1"]
