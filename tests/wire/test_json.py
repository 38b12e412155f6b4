"""Signed messages whose JSON is wrong: the peer's fault, not a reason to fall over."""

import pytest

from frontend import Frontend, busy, idle, reply
from frontend.wire import encode, new_header
from wire.hostile import lives_on, marks, parts, signed

parity = pytest.mark.parity

NOT_JSON = [b"", b"{", b"}", b"nonsense", b"{'a': 1}", b'{"a": 1} trailing', b"\x00"]
NOT_AN_OBJECT = [b"[]", b'"text"', b"5", b"null", b"true", b"[[{}]]"]
NOT_UTF_8 = [b"\xff\xfe{}", b'{"a": "\xff"}', b'{"a": "\xed\xa0\x80"}']
DEEP = b"[" * 100_000 + b"]" * 100_000
DEEP_OBJECT = b'{"a":' * 100_000 + b"1" + b"}" * 100_000
on_both = pytest.mark.parametrize("channel", ["shell", "control"])
frame = pytest.mark.parametrize("frame", range(4), ids=["header", "parent", "metadata", "content"])


def send_with(target: Frontend, frame: int, value: bytes, channel: str) -> None:
    """Send a signed cell with one of its JSON frames replaced."""
    json_frames = parts(target, session="of another")
    json_frames[frame] = value
    target.send_frames(signed(target, json_frames), channel=channel)


@on_both
@frame
@pytest.mark.parametrize("value", NOT_JSON)
def test_a_frame_that_is_not_json(target: Frontend, channel: str, frame: int, value: bytes) -> None:
    send_with(target, frame, value, channel)
    lives_on(target)


@on_both
@frame
@pytest.mark.parametrize("value", NOT_AN_OBJECT)
def test_a_frame_that_is_not_an_object(
    target: Frontend, channel: str, frame: int, value: bytes
) -> None:
    send_with(target, frame, value, channel)
    lives_on(target)


@on_both
@frame
@pytest.mark.parametrize("value", NOT_UTF_8)
def test_a_frame_that_is_not_utf_8(
    target: Frontend, channel: str, frame: int, value: bytes
) -> None:
    send_with(target, frame, value, channel)
    lives_on(target)


@on_both
@frame
@pytest.mark.parametrize("value", [DEEP, DEEP_OBJECT], ids=["lists", "objects"])
def test_a_frame_that_is_deeply_nested(
    target: Frontend, channel: str, frame: int, value: bytes
) -> None:
    send_with(target, frame, value, channel)
    lives_on(target)


@pytest.mark.parametrize("field", ["msg_id", "msg_type", "session"])
@pytest.mark.parametrize("value", [None, 5, [], {}, True], ids=repr)
def test_a_header_field_that_is_not_text(target: Frontend, field: str, value: object) -> None:
    header = {"session": "of another", field: value}
    target.send_frames(signed(target, parts(target, **header)))
    lives_on(target)


@pytest.mark.parametrize("field", ["msg_id", "msg_type"])
def test_a_header_without_a_field_it_needs_is_dropped(target: Frontend, field: str) -> None:
    header = new_header("execute_request", target.session_id)
    del header[field]
    target.send_frames(signed(target, [encode(header), *parts(target)[1:]]))
    lives_on(target)
    assert marks(target) == 0


@pytest.mark.parametrize("field", ["username", "date", "version"])
def test_a_header_field_nobody_needs_may_be_missing(target: Frontend, field: str) -> None:
    header = new_header("kernel_info_request", target.session_id)
    del header[field]
    request = target.expect(header)
    target.send_frames(target.signer.pack(header, {}))
    seen = request.sees(busy, reply("ok"), idle)
    assert seen.reply and seen.reply.parent_header == header


@pytest.mark.parametrize("date", ["", "yesterday", "9999-99-99", "2026-01-01T00:00:00"])
def test_a_strange_date_comes_back_as_it_was(target: Frontend, date: str) -> None:
    request = target.request("kernel_info_request", header={"date": date})
    assert request.reply.parent_header["date"] == date


@parity
def test_a_long_msg_id_comes_back_as_it_was(target: Frontend) -> None:
    request = target.request("kernel_info_request", header={"msg_id": "x" * 100_000})
    assert request.reply.parent_header["msg_id"] == "x" * 100_000


@parity
@pytest.mark.parametrize("text", ["é😀\u2028", "\x00\x1f\x7f", '"\\', "a/b"])
def test_any_text_may_be_a_msg_id(target: Frontend, text: str) -> None:
    request = target.request("kernel_info_request", header={"msg_id": text})
    assert request.reply.parent_header["msg_id"] == text


WRONG_CELLS = [
    {},
    {"code": None},
    {"code": 5},
    {"code": ["1"]},
    {"code": "1", "user_expressions": 5},
]


@pytest.mark.parametrize("content", WRONG_CELLS, ids=repr)
def test_a_cell_with_wrong_content_is_an_error(
    target: Frontend, content: dict[str, object]
) -> None:
    cell = target.request("execute_request", content)
    assert cell.finish().reply.content["status"] == "error"
    lives_on(target)


@pytest.mark.parametrize(
    ("msg_type", "content"),
    [
        ("complete_request", {}),
        ("complete_request", {"code": "a", "cursor_pos": "0"}),
        ("complete_request", {"code": 5, "cursor_pos": 0}),
        ("inspect_request", {}),
        ("inspect_request", {"code": "a", "cursor_pos": None, "detail_level": "x"}),
        ("is_complete_request", {}),
        ("is_complete_request", {"code": {}}),
        ("history_request", {"hist_access_type": "tail", "n": "many"}),
    ],
)
def test_a_request_with_wrong_content_is_an_error(
    target: Frontend, msg_type: str, content: dict[str, object]
) -> None:
    target.request(msg_type, content).sees(busy, reply("error"), idle)
    lives_on(target)


@pytest.mark.parametrize("position", [-1, 10**6, 2**63, -(2**70)])
def test_a_cursor_beyond_the_code_is_survived(target: Frontend, position: int) -> None:
    content = {"code": "pri", "cursor_pos": position, "detail_level": 0}
    for msg_type in ("complete_request", "inspect_request"):
        assert target.request(msg_type, content).reply.content["status"] in ("ok", "error")
    lives_on(target)


@pytest.mark.parametrize("msg_type", ["comm_open", "comm_msg", "comm_close"])
@pytest.mark.parametrize("content", [{}, {"comm_id": 5}, {"comm_id": "x", "target_name": {}}])
def test_a_comm_message_with_wrong_content_is_survived(
    target: Frontend, msg_type: str, content: dict[str, object]
) -> None:
    target.request(msg_type, content).reaches(idle)
    lives_on(target)
