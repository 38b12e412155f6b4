"""running_cell: what belongs to a cell, while other cells run on other threads."""

from __future__ import annotations

import threading

import pytest
from fake_core import Frontend

from ipyrust.ipython.history import put


def numbers_of(frontend: Frontend, *, stored: bool) -> int:
    """The number that a cell on a thread of its own gets."""
    shell = frontend.interpreter.ipython.shell
    taken: list[int] = []

    def take() -> None:
        shell.numbers.reserve()
        with shell.cell("", stored=stored) as cell:
            taken.append(cell.number)
            cell.number += 1

    thread = threading.Thread(target=take)
    thread.start()
    thread.join()
    return taken[0]


def test_a_reserved_number_is_nobody_elses(frontend: Frontend) -> None:
    assert frontend.interpreter.execution_count == 1
    assert frontend.interpreter.execution_count == 1
    assert numbers_of(frontend, stored=True) == 2
    assert frontend.execute("1").reply["execution_count"] == 1
    assert frontend.execute("1").reply["execution_count"] == 3


def test_a_cell_that_is_not_stored_uses_no_number_up(frontend: Frontend) -> None:
    assert numbers_of(frontend, stored=False) == 1
    assert frontend.execute("1").reply["execution_count"] == 1


def test_an_empty_cell_gives_its_number_back(frontend: Frontend) -> None:
    frontend.execute("")
    assert frontend.execute("1").reply["execution_count"] == 1


def test_within_a_cell_the_count_is_its_own(frontend: Frontend) -> None:
    code = (
        "shell = get_ipython(); before = shell.execution_count\n"
        "shell.numbers._take()\n"
        "shell.execution_count - before"
    )
    assert frontend.execute(code).result == "0"


def test_a_new_session_begins_with_one(frontend: Frontend) -> None:
    frontend.execute("1")
    frontend.execute("get_ipython().reset()")
    assert frontend.execute("1").reply["execution_count"] == 1
    assert frontend.execute("1").reply["execution_count"] == 2


def test_a_count_set_by_hand_counts(frontend: Frontend) -> None:
    frontend.execute("get_ipython().execution_count = 100")
    assert frontend.execute("1").reply["execution_count"] in (100, 101)


def test_a_payload_of_a_thread_goes_with_the_next_reply(frontend: Frontend) -> None:
    code = (
        "import threading\n"
        "thread = threading.Thread(target=get_ipython().set_next_input, args=['text'])\n"
        "thread.start(); thread.join()"
    )
    assert [each["text"] for each in frontend.execute(code).reply["payload"]] == ["text"]
    assert frontend.execute("1").reply["payload"] == []


@pytest.mark.parametrize(
    ("numbers", "expected"),
    [
        ([1, 2], ["", "a", "b"]),
        ([2, 1], ["", "b", "a"]),
        ([1, 3], ["", "a", "", "b"]),
        ([1, 1], ["", "a", "b"]),
        ([1, 10_000], ["", "a", "b"]),
    ],
)
def test_inputs_lie_under_their_numbers(numbers: list[int], expected: list[str]) -> None:
    history = [""]
    for number, source in zip(numbers, ["a", "b"], strict=True):
        put(history, number, source)
    assert history == expected


def test_flags_of_one_thread_are_not_those_of_another(frontend: Frontend) -> None:
    compiler = frontend.interpreter.ipython.shell.compile
    seen: list[int] = []
    with compiler.extra_flags(0x2000):
        thread = threading.Thread(target=lambda: seen.append(compiler.flags & 0x2000))
        thread.start()
        thread.join()
        assert compiler.flags & 0x2000
    assert (seen, compiler.flags & 0x2000) == ([0], 0)


def test_future_imports_reach_later_cells(frontend: Frontend) -> None:
    frontend.execute("from __future__ import annotations")
    code = "def f(x: undefined): pass\nf.__annotations__"
    assert frontend.execute(code).result == "{'x': 'undefined'}"
