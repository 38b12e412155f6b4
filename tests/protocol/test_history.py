"""history_request: tail, range and search over IPython's database."""

from typing import Any

import pytest

from frontend import Frontend, busy, idle, reply

pytestmark = pytest.mark.parity


@pytest.fixture
def past(fresh: Frontend) -> Frontend:
    """A kernel that has run five cells."""
    for code in ("a = 1", "%time b = 2", "a + 40", "'needle'", "a = 1"):
        fresh.run(code)
    return fresh


def history(frontend: Frontend, **content: Any) -> list[list[Any]]:
    """The items of the history_reply."""
    fields = {"output": False, "raw": True, **content}
    seen = frontend.request("history_request", fields).sees(busy, reply("ok"), idle)
    assert seen.reply
    return seen.reply.content["history"]


def inputs(items: list[list[Any]]) -> list[Any]:
    """The sources, without session and line numbers."""
    return [item[2] for item in items]


def test_tail_is_the_last_cells_in_order(past: Frontend) -> None:
    items = history(past, hist_access_type="tail", n=3)
    assert inputs(items) == ["a + 40", "'needle'", "a = 1"]


def test_items_have_session_line_and_source(past: Frontend) -> None:
    [[session, line, source]] = history(past, hist_access_type="tail", n=1)
    assert isinstance(session, int)
    assert (line, source) == (5, "a = 1")


def test_range_of_the_current_session(past: Frontend) -> None:
    items = history(past, hist_access_type="range", session=0, start=2, stop=4)
    assert [item[1:] for item in items] == [[2, "%time b = 2"], [3, "a + 40"]]


def test_raw_shows_what_was_typed(past: Frontend) -> None:
    items = history(past, hist_access_type="range", session=0, start=2, stop=3, raw=True)
    assert inputs(items) == ["%time b = 2"]


def test_not_raw_shows_what_was_run(past: Frontend) -> None:
    items = history(past, hist_access_type="range", session=0, start=2, stop=3, raw=False)
    assert "run_line_magic('time'" in inputs(items)[0]


def test_with_output_an_item_pairs_source_and_result(past: Frontend) -> None:
    items = history(past, hist_access_type="range", session=0, start=3, stop=4, output=True)
    assert items[0][2] == ["a + 40", "41"]


def test_with_output_a_cell_without_result_has_none(past: Frontend) -> None:
    items = history(past, hist_access_type="range", session=0, start=1, stop=2, output=True)
    assert items[0][2] == ["a = 1", None]


def test_search_takes_a_glob(past: Frontend) -> None:
    items = history(past, hist_access_type="search", pattern="*need*", n=10)
    assert inputs(items) == ["'needle'"]


def test_search_returns_every_occurrence(past: Frontend) -> None:
    items = history(past, hist_access_type="search", pattern="a = 1", n=10)
    assert inputs(items) == ["a = 1", "a = 1"]


def test_search_for_unique_returns_one(past: Frontend) -> None:
    items = history(past, hist_access_type="search", pattern="a = 1", n=10, unique=True)
    assert inputs(items) == ["a = 1"]


def test_search_returns_at_most_n(past: Frontend) -> None:
    items = history(past, hist_access_type="search", pattern="*", n=2)
    assert len(items) == 2


def test_search_without_a_hit_is_empty(past: Frontend) -> None:
    assert history(past, hist_access_type="search", pattern="*nowhere*", n=5) == []


def test_unstored_cells_are_not_in_history(past: Frontend) -> None:
    past.execute("'secret'", store_history=False).finish()
    assert "'secret'" not in inputs(history(past, hist_access_type="tail", n=10))


def test_failed_cells_are_in_history(past: Frontend) -> None:
    past.execute("1/0").finish()
    assert inputs(history(past, hist_access_type="tail", n=1)) == ["1/0"]


def test_an_earlier_kernel_is_in_the_tail(past: Frontend, start_kernel: Any, connect: Any) -> None:
    past.request("shutdown_request", {"restart": False}, channel="control")
    past.kernel.wait()
    later = connect(start_kernel(env={"IPYTHONDIR": str(past.kernel.ipython_dir)}))
    assert inputs(history(later, hist_access_type="tail", n=2)) == ["'needle'", "a = 1"]
