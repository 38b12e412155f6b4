"""Peers that can connect and have no key.

Whatever they do, the kernel answers its clients, keeps its memory and its descriptors, and tells the log no secret.
"""

from __future__ import annotations

import contextlib
import resource
import socket
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import zmq

from frontend import DEADLINE, Frontend, KernelProcess, Signer
from frontend.wire import new_header
from wire import zmtp
from wire.hostile import forged, lives_on, marks, parts, signed
from wire.zmtp import GREETING, announce, ready, shake_hands

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc and sets limits")

CHANNELS = ("shell", "iopub", "stdin", "control", "hb")
CROWD = 500
GIB = 1 << 30
ROOM_BYTES = 64 << 20
"""What a kernel may grow by; what hostile peers announce or send here is many times as much."""
SECRET = "nobody-may-read-this"

Connect = Callable[[KernelProcess], Frontend]


@pytest.fixture
def guarded(fresh: Frontend) -> Iterator[Frontend]:
    """A client of a kernel that has run a cell, and that must tell nothing of it or of its key in the end."""
    fresh.run(f"secret = {SECRET!r}")
    before = resident_bytes(fresh)
    yield fresh
    assert resident_bytes(fresh) < before + ROOM_BYTES
    assert_discreet(fresh)


def assert_discreet(frontend: Frontend) -> None:
    """The process has written neither its key nor code."""
    for written in (frontend.kernel.stderr, frontend.kernel.stdout):
        assert frontend.connection["key"] not in written
        assert SECRET not in written


def resident_bytes(frontend: Frontend) -> int:
    """Memory of the kernel's process now."""
    pages = Path(f"/proc/{frontend.kernel.pid}/statm").read_text().split()[1]
    return int(pages) * resource.getpagesize()


def descriptors(frontend: Frontend) -> int:
    """How many file descriptors the kernel has open."""
    return len(list(Path(f"/proc/{frontend.kernel.pid}/fd").iterdir()))


def eventually(what: str, is_true: Callable[[], bool]) -> None:
    """Ask until it is true."""
    deadline = time.monotonic() + DEADLINE
    while not is_true():
        assert time.monotonic() < deadline, f"never happened: {what}"
        time.sleep(0.01)  # the kernel's state is the clock; nothing announces a change


@contextlib.contextmanager
def crowd(frontend: Frontend, count: int) -> Iterator[list[socket.socket]]:
    """Connections that never say a word, over all channels."""
    with contextlib.ExitStack() as stack:
        yield [
            stack.enter_context(zmtp.connect(frontend.connection, CHANNELS[number % len(CHANNELS)]))
            for number in range(count)
        ]


def test_silent_connections(guarded: Frontend, connect: Connect) -> None:
    before = descriptors(guarded)
    with crowd(guarded, CROWD):
        eventually("all are accepted", lambda: descriptors(guarded) >= before + CROWD)
        lives_on(guarded)
        guarded.heartbeat()
        lives_on(connect(guarded.kernel))
    eventually("their descriptors are closed", lambda: descriptors(guarded) <= before + 20)
    lives_on(guarded)


def test_more_connections_than_descriptors(guarded: Frontend, connect: Connect) -> None:
    limit = descriptors(guarded) + 50
    _, hard = resource.prlimit(guarded.kernel.pid, resource.RLIMIT_NOFILE)
    resource.prlimit(guarded.kernel.pid, resource.RLIMIT_NOFILE, (limit, hard))
    with crowd(guarded, 100):
        eventually("none is left", lambda: descriptors(guarded) >= limit)
        lives_on(guarded)
    eventually("they are closed", lambda: descriptors(guarded) < limit - 40)
    lives_on(guarded)
    lives_on(connect(guarded.kernel))


def test_a_handshake_a_byte_at_a_time(guarded: Frontend) -> None:
    said = GREETING + ready(b"DEALER")
    with crowd(guarded, 20) as peers:
        for number in range(len(said) - 1):
            for peer in peers:
                with contextlib.suppress(ConnectionError):  # Some channels refuse a DEALER.
                    peer.sendall(said[number : number + 1])
        lives_on(guarded)


@pytest.mark.parametrize("channel", ["shell", "control", "stdin"])
def test_a_frame_above_the_bound_ends_its_connection(guarded: Frontend, channel: str) -> None:
    with zmtp.connect(guarded.connection, channel) as peer:
        shake_hands(peer)
        announce(peer, GIB + 1)
        with contextlib.suppress(ConnectionResetError):
            assert peer.recv(1) == b""
    lives_on(guarded)


def test_frames_that_are_announced_and_never_sent(guarded: Frontend) -> None:
    with contextlib.ExitStack() as stack:
        for _ in range(20):
            peer = stack.enter_context(zmtp.connect(guarded.connection, "shell"))
            shake_hands(peer)
            announce(peer, GIB)
            peer.sendall(b"x" * 1_000)
        lives_on(guarded)
        assert_discreet(guarded)


def test_forged_cells_in_great_number(guarded: Frontend) -> None:
    json_frames = [*parts(guarded)[:3], b'{"code": "%s"}' % SECRET.encode()]
    large = [*json_frames, b"x" * (1 << 20)]
    for _ in range(200):
        guarded.send_frames(forged(json_frames, b"0" * 64))
        guarded.send_frames(forged(large, b""), channel="control")
    once = signed(guarded, parts(guarded, session="of another"))
    for _ in range(200):
        guarded.send_frames(once)
    lives_on(guarded)
    assert marks(guarded) == 1


def cell(code: str) -> list[bytes]:
    """The frames of a cell, without a signature."""
    return Signer("").pack(new_header("execute_request", "somebody"), {"code": code})


def curve_client(server_key: bytes | None) -> zmq.Socket[bytes]:
    """A DEALER on shell with its own CURVE keys, for a server of this key; None = no CURVE at all."""
    dealer = zmq.Context.instance().socket(zmq.DEALER)
    dealer.linger = 0
    if server_key is not None:
        dealer.curve_publickey, dealer.curve_secretkey = zmq.curve_keypair()
        dealer.curve_serverkey = server_key
    return dealer


@pytest.fixture
def curve(start_kernel: Callable[..., KernelProcess]) -> Iterator[tuple[KernelProcess, bytes]]:
    """A kernel with CURVE keys and no signatures, and its public key."""
    public, secret = zmq.curve_keypair()
    fields = {"key": "", "curve_publickey": public.decode(), "curve_secretkey": secret.decode()}
    process = start_kernel(connection=fields)
    yield process, public
    assert secret.decode() not in process.stderr


@pytest.mark.parametrize("wrong", ["no CURVE", "another server's key"])
def test_without_the_right_curve_key_nothing_arrives(
    curve: tuple[KernelProcess, bytes], tmp_path: Path, wrong: str
) -> None:
    process, public = curve
    url = f"tcp://127.0.0.1:{process.connection['shell_port']}"
    proof = tmp_path / "ran"
    stranger_key = None if wrong == "no CURVE" else zmq.curve_keypair()[0]
    with curve_client(stranger_key) as stranger, curve_client(public) as client:
        failed = zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL | zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL
        with stranger.get_monitor_socket(failed | zmq.EVENT_DISCONNECTED) as refused:
            stranger.connect(url)
            stranger.send_multipart(cell(f"open({str(proof)!r}, 'w')  # {SECRET}"))
            assert refused.poll(DEADLINE * 1000), "the stranger was not refused"
            stranger.disable_monitor()
        client.connect(url)
        client.send_multipart(cell("1"))
        assert client.poll(DEADLINE * 1000), "the kernel answers who has the key"
        client.recv_multipart()
        assert not stranger.poll(0)
    assert not proof.exists()
    assert SECRET not in process.stderr
