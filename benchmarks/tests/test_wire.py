"""Frames are signed, checked and recognised as the measured path relies on."""

import pytest

from benchmarks.wire import DELIMITER, Frames, Signer, has_type, is_child, is_idle


def _status(signer: Signer, parent_id: str, state: str) -> Frames:
    """A status publication with its topic, as a kernel would publish it."""
    parts = [
        b'{"msg_id":"k_1","msg_type":"status"}',
        f'{{"msg_id":"{parent_id}"}}'.encode(),
        b"{}",
        f'{{"execution_state":"{state}"}}'.encode(),
    ]
    return [b"topic", DELIMITER, signer.sign(parts), *parts]


def test_decode_returns_what_was_signed() -> None:
    signer = Signer(b"key")
    request = signer.request("comm_msg", {"data": 1}, [b"buffer"])
    message = signer.decode(request.frames)
    assert (message.msg_type, message.content, message.buffers) == (
        "comm_msg",
        {"data": 1},
        [b"buffer"],
    )


def test_decode_rejects_another_key() -> None:
    with pytest.raises(ValueError, match="wrong signature"):
        Signer(b"one").decode(Signer(b"other").request("x", {}).frames)


def test_every_request_has_its_own_signature() -> None:
    signer = Signer(b"key")
    assert signer.request("x", {}).frames[1] != signer.request("x", {}).frames[1]


def test_idle_belongs_to_its_request() -> None:
    signer = Signer(b"key")
    request = signer.request("execute_request", {})
    msg_id = request.msg_id.decode()
    assert is_idle(_status(signer, msg_id, "idle"), request)
    assert not is_idle(_status(signer, msg_id, "busy"), request)
    assert not is_idle(_status(signer, msg_id + "0", "idle"), request)


def test_type_and_parent_are_found_behind_the_topic() -> None:
    signer = Signer(b"key")
    request = signer.request("execute_request", {})
    frames = _status(signer, request.msg_id.decode(), "busy")
    assert has_type(frames, b"status")
    assert is_child(frames, request)
