"""Nothing runs that was not signed, or that was signed once and sent twice."""

import hashlib
import hmac

import pytest

from frontend import DELIMITER, Frontend, Signer
from frontend.wire import encode, new_header
from wire.hostile import forged, lives_on, marks, parts, signed

parity = pytest.mark.parity
pytestmark = parity


@pytest.mark.parametrize("channel", ["shell", "control"])
@pytest.mark.parametrize(
    "signature",
    [b"", b"0" * 64, b"0", b"0" * 63, b"0" * 65, b"\xff" * 64, b"g" * 64, b"0" * 100_000],
    ids=["empty", "zeros", "one", "63", "65", "bytes", "nonhex", "long"],
)
def test_a_wrong_signature(target: Frontend, channel: str, signature: bytes) -> None:
    target.send_frames(forged(parts(target), signature), channel=channel)
    lives_on(target)
    assert marks(target) == 0


def test_another_key(target: Frontend) -> None:
    target.send_frames(Signer("another key").frames(parts(target)))
    lives_on(target)
    assert marks(target) == 0


def test_another_digest(target: Frontend) -> None:
    json_frames = parts(target)
    digest = hmac.new(target.signer.key, b"".join(json_frames), hashlib.md5).hexdigest()
    target.send_frames(forged(json_frames, digest.encode()))
    lives_on(target)
    assert marks(target) == 0


@pytest.mark.parametrize("changed", range(4))
def test_a_frame_changed_after_signing(target: Frontend, changed: int) -> None:
    json_frames = parts(target)
    signature = target.signer.sign(json_frames)
    json_frames[changed] = json_frames[changed].replace(b"}", b" }")
    target.send_frames(forged(json_frames, signature))
    lives_on(target)
    assert marks(target) == 0


def test_a_signature_of_another_message(target: Frontend) -> None:
    signature = target.signer.sign(parts(target))
    target.send_frames(forged(parts(target), signature))
    lives_on(target)
    assert marks(target) == 0


def test_a_part_of_the_signature(target: Frontend) -> None:
    json_frames = parts(target)
    target.send_frames(forged(json_frames, target.signer.sign(json_frames)[:32]))
    lives_on(target)
    assert marks(target) == 0


def test_a_signed_message_runs(target: Frontend) -> None:
    target.send_frames(signed(target, parts(target, session="of another")))
    assert marks(target) == 1


def test_a_replayed_message_runs_once(target: Frontend) -> None:
    frames = signed(target, parts(target, session="of another"))
    for _ in range(3):
        target.send_frames(frames)
    lives_on(target)
    assert marks(target) == 1


def test_a_message_replayed_much_later_runs_once(target: Frontend) -> None:
    frames = signed(target, parts(target, session="of another"))
    target.send_frames(frames)
    for _ in range(500):
        target.execute("", silent=True)
    target.settle()
    target.send_frames(frames)
    assert marks(target) == 1


def test_a_message_replayed_by_another_client_runs_once(target: Frontend) -> None:
    frames = signed(target, parts(target, session="of another"))
    target.send_frames(frames)
    target.send_frames([b"another identity", *frames])
    lives_on(target)
    assert marks(target) == 1


def test_an_unsigned_interrupt_interrupts_nothing(target: Frontend) -> None:
    cell = target.execute("input()", allow_stdin=True)
    question = target.input_request()
    header = encode(new_header("interrupt_request", target.session_id))
    target.send_frames(forged([header, b"{}", b"{}", b"{}"], b"0" * 64), channel="control")
    target.request("kernel_info_request", channel="control").finish()
    target.answer(question, "undisturbed")
    assert cell.finish().reply.content["status"] == "ok"


def test_an_unsigned_shutdown_ends_nothing(target: Frontend) -> None:
    header = encode(new_header("shutdown_request", target.session_id))
    for channel in ("shell", "control"):
        target.send_frames(forged([header, b"{}", b"{}", b"{}"], b"0" * 64), channel=channel)
    lives_on(target)


def test_an_unsigned_message_is_not_answered(target: Frontend) -> None:
    header = new_header("kernel_info_request", target.session_id)
    target.send_frames([DELIMITER, b"", encode(header), b"{}", b"{}", b"{}"])
    lives_on(target)
    assert not target.replies_to(header["msg_id"])
    assert not target.published_for(header["msg_id"])
