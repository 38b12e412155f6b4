"""stop_on_error: exactly the cells that were queued behind a failed cell are aborted."""

from collections.abc import Callable

import pytest

from frontend import (
    Exchange,
    Frontend,
    Gate,
    busy,
    error,
    execute_input,
    idle,
    reply,
    result,
    stdout,
)

pytestmark = pytest.mark.parity

Hold = Callable[..., Exchange]
Release = Callable[[], None]


@pytest.fixture
def failing(frontend: Frontend, gate: Gate) -> Hold:
    """Send a cell that waits at the gate and then fails."""

    def send(**options: object) -> Exchange:
        cell = frontend.execute(f"_ = {gate.wait}\n1/0", **options)
        cell.reaches(busy)
        return cell

    return send


@pytest.fixture
def release(frontend: Frontend, gate: Gate) -> Release:
    """Let the waiting cell fail, once the kernel has had time to receive what was sent."""

    def let_fail() -> None:
        frontend.request("kernel_info_request", channel="control").finish()
        gate.open()

    return let_fail


def test_a_cell_queued_behind_an_error_is_aborted(
    frontend: Frontend, failing: Hold, release: Release
) -> None:
    failed, queued = failing(), frontend.execute("'never'")
    release()
    failed.sees(busy, execute_input, error, reply("error"), idle)
    queued.sees(busy, reply("aborted"), idle)


def test_every_cell_queued_behind_an_error_is_aborted(
    frontend: Frontend, failing: Hold, release: Release
) -> None:
    failing()
    queued = [frontend.execute("'never'") for _ in range(30)]
    release()
    for cell in queued:
        cell.sees(busy, reply("aborted"), idle)


def test_an_aborted_cell_does_not_run(frontend: Frontend, failing: Hold, release: Release) -> None:
    frontend.run("ran = False")
    failing()
    frontend.execute("ran = True")
    release()
    assert frontend.execute("", silent=True).finish()
    assert frontend.value("ran") == "False"


def test_an_aborted_cell_is_not_counted(
    frontend: Frontend, failing: Hold, release: Release
) -> None:
    failed, queued = failing(), frontend.execute("'never'")
    release()
    queued.finish()
    count = frontend.run("1").reply.content["execution_count"]
    assert count == failed.reply.content["execution_count"] + 1


def test_a_cell_sent_after_the_error_runs(
    frontend: Frontend, failing: Hold, release: Release
) -> None:
    failed = failing()
    release()
    failed.finish()
    frontend.execute("'runs'").sees(busy, execute_input, result("'runs'"), reply("ok"), idle)


def test_a_cell_sent_after_an_aborted_one_runs(
    frontend: Frontend, failing: Hold, release: Release
) -> None:
    failing()
    queued = frontend.execute("'never'")
    release()
    queued.finish()
    frontend.execute("'runs'").sees(busy, execute_input, result("'runs'"), reply("ok"), idle)


@pytest.mark.parametrize(
    ("msg_type", "content"),
    [
        ("kernel_info_request", {}),
        ("complete_request", {"code": "pri", "cursor_pos": 3}),
        ("inspect_request", {"code": "len", "cursor_pos": 3, "detail_level": 0}),
        ("is_complete_request", {"code": "1"}),
        ("comm_info_request", {}),
    ],
)
def test_other_requests_behind_an_error_are_answered(
    frontend: Frontend,
    failing: Hold,
    release: Release,
    msg_type: str,
    content: dict[str, object],
) -> None:
    failing()
    queued, other = frontend.execute("'never'"), frontend.request(msg_type, content)
    release()
    queued.sees(busy, reply("aborted"), idle)
    assert other.reply.content["status"] in ("ok", "complete")


def test_a_comm_message_behind_an_error_is_delivered(
    frontend: Frontend, failing: Hold, release: Release
) -> None:
    frontend.run("import comm; c = comm.create_comm(target_name='t'); got = []")
    frontend.run("c.on_msg(lambda m: got.append(m['content']['data']))")
    comm_id = frontend.value("c.comm_id").strip("'")
    failing()
    frontend.execute("'never'")
    frontend.request("comm_msg", {"comm_id": comm_id, "data": "delivered"})
    release()
    frontend.settle()
    assert frontend.value("got") == "['delivered']"


def test_aborted_cells_keep_their_place(
    frontend: Frontend, failing: Hold, release: Release
) -> None:
    failing()
    first = frontend.execute("'never'")
    between = frontend.request("is_complete_request", {"code": "1"})
    second = frontend.execute("'never'")
    release()
    second.finish()
    order = [first.msg_id, between.msg_id, second.msg_id]
    assert [msg_id for msg_id in frontend.reply_order if msg_id in order] == order


def test_without_stop_on_error_the_queue_goes_on(
    frontend: Frontend, failing: Hold, release: Release
) -> None:
    failed, queued = failing(stop_on_error=False), frontend.execute("'runs'")
    release()
    failed.sees(busy, execute_input, error, reply("error"), idle)
    queued.sees(busy, execute_input, result("'runs'"), reply("ok"), idle)


def test_a_silent_error_does_not_abort(frontend: Frontend, failing: Hold, release: Release) -> None:
    failed, queued = failing(silent=True), frontend.execute("'runs'")
    release()
    assert failed.reply.content["status"] == "error"
    queued.sees(busy, execute_input, result("'runs'"), reply("ok"), idle)


def test_the_queued_cells_own_wish_does_not_save_it(
    frontend: Frontend, failing: Hold, release: Release
) -> None:
    failing()
    queued = frontend.execute("'never'", stop_on_error=False)
    release()
    queued.sees(busy, reply("aborted"), idle)


def test_cells_of_another_client_are_aborted_too(
    frontend: Frontend, failing: Hold, release: Release, connect: Callable[..., Frontend]
) -> None:
    other = connect(frontend.kernel)
    failing()
    queued = other.execute("'never'")
    other.request("kernel_info_request", channel="control").finish()
    release()
    queued.sees(busy, reply("aborted"), idle)


def test_an_interrupt_aborts_the_queue(frontend: Frontend) -> None:
    running = frontend.execute("print('go')\nwhile True: pass")
    queued = frontend.execute("'never'")
    running.reaches(stdout("go\n"))
    frontend.request("kernel_info_request", channel="control").finish()
    frontend.interrupt()
    assert running.reply.content["status"] == "error"
    queued.sees(busy, reply("aborted"), idle)
