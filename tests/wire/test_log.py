"""Rejected messages are logged on stderr: one clear line a kind, however many there are."""

from frontend import DELIMITER, Frontend
from frontend.wire import encode, new_header
from wire.hostile import forged, lives_on, parts, signed


def new_lines(frontend: Frontend, before: str) -> list[str]:
    """What was logged since `before`."""
    lives_on(frontend)
    return frontend.kernel.stderr.removeprefix(before).splitlines()


def test_an_honest_session_logs_nothing(fresh: Frontend) -> None:
    lives_on(fresh)
    assert fresh.kernel.stderr == ""


def test_a_missing_delimiter_is_logged(fresh: Frontend) -> None:
    fresh.send_frames([b"garbage"])
    [line] = new_lines(fresh, "")
    assert "delimiter" in line


def test_too_few_frames_are_logged(fresh: Frontend) -> None:
    fresh.send_frames([DELIMITER, b"", b""])
    [line] = new_lines(fresh, "")
    assert "frames" in line


def test_a_wrong_signature_is_logged(fresh: Frontend) -> None:
    fresh.send_frames(forged(parts(fresh), b"0" * 64))
    [line] = new_lines(fresh, "")
    assert "signature" in line.lower()


def test_a_replayed_message_is_logged(fresh: Frontend) -> None:
    frames = signed(fresh, parts(fresh, session="of another"))
    fresh.send_frames(frames)
    fresh.send_frames(frames)
    [line] = new_lines(fresh, "")
    assert any(word in line.lower() for word in ("replay", "duplicate", "twice"))


def test_a_header_without_msg_id_is_logged(fresh: Frontend) -> None:
    header = new_header("execute_request", fresh.session_id)
    del header["msg_id"]
    fresh.send_frames(signed(fresh, [encode(header), b"{}", b"{}", b"{}"]))
    [line] = new_lines(fresh, "")
    assert "msg_id" in line


def test_an_unknown_type_is_logged(fresh: Frontend) -> None:
    fresh.request("nonsense_request").finish()
    lines = new_lines(fresh, "")
    assert any("nonsense_request" in line for line in lines)


def test_a_flood_is_logged_in_few_lines(fresh: Frontend) -> None:
    for _ in range(1_000):
        fresh.send_frames(forged(parts(fresh), b"0" * 64))
    assert 1 <= len(new_lines(fresh, "")) <= 50


def test_the_key_is_never_logged(fresh: Frontend) -> None:
    fresh.send_frames(forged(parts(fresh), b"0" * 64))
    new_lines(fresh, "")
    assert fresh.connection["key"] not in fresh.kernel.stderr


def test_what_was_rejected_is_not_logged_word_for_word(fresh: Frontend) -> None:
    fresh.send_frames(forged([b"{}", b"{}", b"{}", b'{"code": "private"}'], b"0" * 64))
    assert not any("private" in line for line in new_lines(fresh, ""))
