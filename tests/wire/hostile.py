"""What an attacker, or a broken client, may put on a socket; and what must be true afterwards."""

from __future__ import annotations

from collections.abc import Sequence

from frontend import DELIMITER, Frontend, busy, execute_input, idle, reply, result
from frontend.wire import Json, encode, new_header

MARK = "hacked"


def parts(frontend: Frontend, **header: object) -> list[bytes]:
    """The four JSON frames of a cell that leaves a mark."""
    content = {"code": f"{MARK} = globals().get('{MARK}', 0) + 1", "silent": False}
    full: Json = {**new_header("execute_request", frontend.session_id), **header}
    return [encode(full), b"{}", b"{}", encode(content)]


def signed(frontend: Frontend, json_frames: Sequence[bytes]) -> list[bytes]:
    """Frames with the right signature, whatever they hold."""
    return frontend.signer.frames(json_frames)


def forged(json_frames: Sequence[bytes], signature: bytes) -> list[bytes]:
    """Frames with a signature of the caller's choice."""
    return [DELIMITER, signature, *json_frames]


def lives_on(frontend: Frontend) -> None:
    """The next honest requests are answered on both channels."""
    frontend.execute("'alive'").sees(busy, execute_input, result("'alive'"), reply("ok"), idle)
    control = frontend.request("kernel_info_request", channel="control")
    control.sees(busy, reply("ok"), idle)


def marks(frontend: Frontend) -> int:
    """How often a cell of `parts` has run."""
    return int(frontend.value(f"globals().get('{MARK}', 0)"))


def forget(frontend: Frontend) -> None:
    """Remove the mark."""
    frontend.execute(f"globals().pop('{MARK}', None)", silent=True).finish()
