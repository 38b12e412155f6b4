"""Frames that are no message: dropped, and the kernel lives on."""

import socket

import pytest

from frontend import DELIMITER, Frontend, busy, execute_input, idle, reply, result
from frontend.wire import encode, new_header
from wire.hostile import lives_on, marks, parts, signed

parity = pytest.mark.parity
on_both = pytest.mark.parametrize("channel", ["shell", "control"])


@on_both
@pytest.mark.parametrize(
    "frames",
    [
        [b""],
        [b""] * 10,
        [b"no delimiter here"],
        [b"a", b"b", b"c", b"d", b"e", b"f"],
        [b"<IDS|MSG"],
        [b"<IDS|MSG>x"],
    ],
    ids=["empty", "empties", "one", "six", "short", "long"],
)
def test_no_delimiter(target: Frontend, channel: str, frames: list[bytes]) -> None:
    target.send_frames(frames, channel=channel)
    lives_on(target)


@on_both
@pytest.mark.parametrize("count", range(6))
def test_too_few_frames(target: Frontend, channel: str, count: int) -> None:
    target.send_frames(signed(target, parts(target))[:count] or [b""], channel=channel)
    lives_on(target)
    assert marks(target) == 0


@on_both
@pytest.mark.parametrize("count", range(4))
def test_too_few_json_frames_with_a_signature(target: Frontend, channel: str, count: int) -> None:
    target.send_frames(signed(target, parts(target)[:count]), channel=channel)
    lives_on(target)


def test_two_delimiters(target: Frontend) -> None:
    target.send_frames([DELIMITER, *signed(target, parts(target))])
    lives_on(target)
    assert marks(target) == 0


def test_a_delimiter_alone(target: Frontend) -> None:
    target.send_frames([DELIMITER])
    lives_on(target)


def test_empty_frames_after_the_delimiter(target: Frontend) -> None:
    target.send_frames([DELIMITER, *[b""] * 5])
    lives_on(target)


@parity
def test_identities_of_a_client_come_back(target: Frontend) -> None:
    header = new_header("kernel_info_request", target.session_id)
    request = target.expect(header)
    target.send_frames([b"one", b"two", *target.signer.pack(header, {})])
    seen = request.sees(busy, reply("ok"), idle)
    assert seen.reply and seen.reply.identities == (b"one", b"two")


def test_ten_thousand_identities(target: Frontend) -> None:
    target.send_frames([b"x"] * 10_000 + [DELIMITER])
    target.send_frames([b""] * 10_000)
    lives_on(target)


def test_ten_thousand_buffers(target: Frontend) -> None:
    cell = target.request("execute_request", {"code": "'buffered'"}, buffers=[b"x"] * 10_000)
    cell.sees(busy, execute_input, result("'buffered'"), reply("ok"), idle)


@pytest.mark.parametrize("place", ["identity", "signature", "content", "buffer"])
def test_a_frame_of_100_mb(target: Frontend, place: str) -> None:
    huge = b"x" * 100_000_000
    header = encode(new_header("execute_request", target.session_id))
    frames = {
        "identity": [huge, DELIMITER],
        "signature": [DELIMITER, huge, header, b"{}", b"{}", b"{}"],
        "content": [DELIMITER, b"0" * 64, header, b"{}", b"{}", huge],
        "buffer": [DELIMITER, b"0" * 64, header, b"{}", b"{}", b"{}", huge],
    }[place]
    target.send_frames(frames)
    lives_on(target)


@parity
def test_an_honest_cell_of_2_mb_runs(target: Frontend) -> None:
    cell = target.execute("#" + "x" * 2_000_000 + "\n'long'", silent=True)
    cell.sees(busy, reply("ok"), idle)


def test_garbage_on_stdin(target: Frontend) -> None:
    target.send_frames([b"garbage"], channel="stdin")
    target.send_frames([DELIMITER, b"0" * 64, b"{}", b"{}", b"{}", b"{}"], channel="stdin")
    lives_on(target)


def test_garbage_on_stdin_while_a_cell_asks(target: Frontend) -> None:
    cell = target.execute("input()", allow_stdin=True)
    question = target.input_request()
    target.send_frames([b"garbage"], channel="stdin")
    target.send_frames([DELIMITER, b"0" * 64, b"{}", b"{}", b"{}", b"{}"], channel="stdin")
    target.answer(question, "honest")
    cell.sees(busy, execute_input, result("'honest'"), reply("ok"), idle)


def test_an_answer_that_is_not_text(target: Frontend) -> None:
    cell = target.execute("input()", allow_stdin=True)
    question = target.input_request()
    header = new_header("input_reply", target.session_id)
    frames = target.signer.pack(header, {"value": 5}, parent_header=question.header)
    target.send_frames(frames, channel="stdin")
    target.interrupt()
    assert cell.finish().reply
    lives_on(target)


@parity
@pytest.mark.parametrize("channel", ["shell", "control", "stdin", "iopub", "hb"])
@pytest.mark.parametrize("greeting", [b"GET / HTTP/1.1\r\n\r\n", b"\xff" * 64, b""])
def test_a_client_that_does_not_speak_zmq(target: Frontend, channel: str, greeting: bytes) -> None:
    with socket.create_connection(("127.0.0.1", target.connection[f"{channel}_port"])) as raw:
        raw.sendall(greeting)
        lives_on(target)


@parity
def test_a_hundred_clients_that_come_and_go(target: Frontend) -> None:
    for _ in range(100):
        socket.create_connection(("127.0.0.1", target.connection["shell_port"])).close()
    lives_on(target)
