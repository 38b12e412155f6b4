"""A frontend that runs all cells sends them one after the other; none of them runs behind one that failed at once."""

import time
from datetime import datetime, timedelta

import pytest

from frontend import Exchange, Frontend, busy, idle, reply


def sent_apart(frontend: Frontend, code: str, seconds: float) -> Exchange:
    """Send a cell so long after what was sent before it."""
    moment = time.perf_counter() + seconds
    while time.perf_counter() < moment:
        pass
    return frontend.execute(code)


@pytest.mark.parametrize("failing", ["1/0", "%nosuch", "def f(:", "raise KeyboardInterrupt"])
def test_cells_that_come_a_little_later_are_aborted(frontend: Frontend, failing: str) -> None:
    frontend.run("ran = []")
    first = frontend.execute(failing)
    rest = [sent_apart(frontend, f"ran.append({number})", 0.001) for number in range(8)]
    assert first.reply.content["status"] == "error"
    for cell in rest:
        cell.sees(busy, reply("aborted"), idle)
    assert frontend.value("ran") == "[]"


def test_cells_that_a_server_holds_up_are_aborted_by_their_dates(frontend: Frontend) -> None:
    """What was made before the reply can have been heard of arrives long after it."""
    frontend.run("ran = False")
    failed = frontend.execute("1/0")
    assert failed.reply.content["status"] == "error"
    soon_after = datetime.fromisoformat(failed.header["date"]) + timedelta(milliseconds=3)
    header = {"date": soon_after.isoformat()}
    late = frontend.request("execute_request", {"code": "ran = True"}, header=header)
    late.sees(busy, reply("aborted"), idle)
    assert frontend.value("ran") == "False"


@pytest.mark.parity
def test_who_waits_for_the_error_may_go_on_at_once(frontend: Frontend) -> None:
    for number in range(50):
        assert frontend.execute("1/0").reply.content["status"] == "error"
        assert frontend.value(str(number)) == str(number)


@pytest.mark.parity
@pytest.mark.parametrize("date", ["2026-01-31T12:00:00Z", "2026-01-31T12:00:00.000Z", "", "now"])
def test_dates_that_say_nothing_abort_nothing(frontend: Frontend, date: str) -> None:
    frontend.settle()
    for code, status in (("1/0", "error"), ("1", "ok"), ("2", "ok")):
        cell = frontend.request("execute_request", {"code": code}, header={"date": date})
        assert cell.reply.content["status"] == status
