"""Very many requests, interrupts, clients and connections: each request has its end, none is taken for another."""

from __future__ import annotations

import os
import random
import signal
import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import zmq

from faults.conftest import Figure, Scale
from faults.load import Footprint, is_at_rest, lives_on
from frontend import DEADLINE, Frontend
from frontend.wire import new_header

parity = pytest.mark.parity

Connect = Callable[..., Frontend]


class ControlTraffic(threading.Thread):
    """A client with nothing but a control socket, which asks all the while."""

    def __init__(self, frontend: Frontend) -> None:
        super().__init__()
        self.frontend = frontend
        self.ended = threading.Event()
        self.answers = 0
        self.slowest = 0.0
        self.failure: BaseException | None = None

    def run(self) -> None:
        """Ask until told to end."""
        try:
            with zmq.Context.instance().socket(zmq.DEALER) as control:
                control.linger = 0
                control.connect(self.frontend.url("control"))
                while not self.ended.is_set():
                    self.ask(control)
        except BaseException as failure:
            self.failure = failure

    def ask(self, control: zmq.Socket[bytes]) -> None:
        """One round trip."""
        begun = time.monotonic()
        header = new_header("kernel_info_request", "traffic")
        control.send_multipart(self.frontend.signer.pack(header, {}))
        assert control.poll(DEADLINE * 1000), "control does not answer"
        control.recv_multipart()
        self.slowest = max(self.slowest, time.monotonic() - begun)
        self.answers += 1

    def end(self) -> None:
        """Stop asking; a question without an answer fails the test."""
        self.ended.set()
        self.join()
        assert self.failure is None, self.failure


@parity
def test_no_request_is_stranded(fresh: Frontend, scale: Scale, figure: Figure) -> None:
    """Requests in bursts, and control at the same time: every one has its reply and its idle."""
    total, burst = scale(3_000, 100_000), 500
    traffic = ControlTraffic(fresh)
    traffic.start()
    begun = time.monotonic()
    for _ in range(total // burst):
        cells = [fresh.execute("", silent=True) for _ in range(burst)]
        for cell in cells:
            assert cell.finish().reply.content["status"] == "ok"
    figure("requests_per_second", total / (time.monotonic() - begun))
    traffic.end()
    figure("control_answers", traffic.answers)
    figure("control_worst_s", traffic.slowest)
    assert traffic.answers > 1
    lives_on(fresh)


def test_reconnects_under_one_identity_strand_nothing(
    fresh: Frontend, connect: Connect, scale: Scale
) -> None:
    """A client whose connection breaks comes back under its name: all that it asked runs, and it is heard at once."""
    fresh.run("count = 0")
    asked = 0
    for _ in range(scale(30, 300)):
        client = connect(fresh.kernel, session_id="returning", stdin=False)
        for _ in range(20):
            client.execute("count += 1", silent=True)
        asked += 20
        last = client.execute("", silent=True)
        assert last.reply.content["status"] == "ok"
        client.execute("count", silent=True)  # hangs up before the answer
        client.close()
    assert fresh.value("count") == str(asked)
    fresh.settle()
    states: dict[str, list[str]] = {}
    for message in fresh.of_others:
        if message.parent_header["session"] == "returning" and message.msg_type == "status":
            states.setdefault(message.parent_header["msg_id"], []).append(
                message.content["execution_state"]
            )
    assert len(states) >= asked
    assert all(each == ["busy", "idle"] for each in states.values())


def test_an_interrupt_hits_its_own_cell_or_nothing(
    fresh: Frontend, scale: Scale, figure: Figure
) -> None:
    dice = random.Random(8)
    interrupted = 0
    for number in range(scale(200, 1_000)):
        cell = fresh.execute("import time\nfor _ in range(20): time.sleep(0.0002)", silent=True)
        time.sleep(dice.uniform(0, 0.008))  # the moment is what is tried out
        fresh.request("interrupt_request", channel="control").finish()
        status = cell.finish().reply.content["status"]
        interrupted += status == "error"
        probe = fresh.execute(f"{number} + 1")
        data = probe.finish().one("execute_result").content["data"]
        assert data == {"text/plain": str(number + 1)}
    figure("interrupted", interrupted)
    assert interrupted > 0
    lives_on(fresh)


def test_interrupts_without_pause_hit_one_cell(
    fresh: Frontend, connect: Connect, scale: Scale
) -> None:
    """A key that is held down: many interrupts for one cell, and the next one is right."""
    other = connect(fresh.kernel)
    for _ in range(scale(10, 100)):
        cell = fresh.execute("print('begun', flush=True)\nwhile True: pass")
        cell.reaches_text("begun")
        asked = [other.request("interrupt_request", channel="control") for _ in range(200)]
        assert cell.finish().reply.content["ename"] == "KeyboardInterrupt"
        for each in asked:
            each.finish()
        lives_on(fresh)


LISTEN = """
import os, signal
heard = os.open({path!r}, os.O_CREAT | os.O_APPEND | os.O_WRONLY)
before = signal.signal(signal.SIGUSR1, lambda *_: os.write(heard, b"x"))
"""


def test_signals_as_the_kernel_falls_asleep(fresh: Frontend, scale: Scale, tmp_path: Path) -> None:
    """A handler of the user's runs at once, though the signal came between Python's last look and the wait."""
    heard = tmp_path / "heard"
    fresh.run(LISTEN.format(path=str(heard)))
    for number in range(1, scale(500, 20_000) + 1):
        fresh.execute("", silent=True).finish()
        moment = time.perf_counter() + random.choice((0.0, random.uniform(0, 1e-3)))
        while time.perf_counter() < moment:
            pass
        os.kill(fresh.kernel.pid, signal.SIGUSR1)
        deadline = time.monotonic() + DEADLINE
        while heard.stat().st_size < number:
            assert time.monotonic() < deadline, f"the handler did not run for signal {number}"
            time.sleep(0.0001)  # the handler's file is the clock


@parity
def test_many_short_lived_clients(
    fresh: Frontend, connect: Connect, scale: Scale, figure: Figure
) -> None:
    """Each connects, asks and hangs up; what they held of the system is given back."""
    lives_on(fresh)
    for _ in range(10):
        visit(fresh)
    before = Footprint.of(fresh.kernel)
    count = scale(200, 1_000)
    for _ in range(count):
        visit(fresh)
    gives_back(fresh, before)
    after = Footprint.of(fresh.kernel)
    figure("fds_more", after.fds - before.fds)
    figure("kb_each", (after.rss_bytes - before.rss_bytes) / 1e3 / count)
    assert after.rss_bytes - before.rss_bytes < 20e6 + 4096 * count
    lives_on(fresh)


def gives_back(frontend: Frontend, before: Footprint) -> None:
    """Wait until the kernel has closed the connections of peers that are gone."""
    frontend.wait_for(
        lambda: Footprint.of(frontend.kernel).fds <= before.fds + 3,
        f"no more than {before.fds} descriptors",
    )


def visit(frontend: Frontend) -> None:
    """One client: connect, subscribe, ask, hang up without a word."""
    with zmq.Context.instance().socket(zmq.DEALER) as shell:
        with zmq.Context.instance().socket(zmq.SUB) as iopub:
            iopub.linger = shell.linger = 0
            iopub.subscribe(b"")
            iopub.connect(frontend.url("iopub"))
            shell.connect(frontend.url("shell"))
            header = new_header("kernel_info_request", "visitor")
            shell.send_multipart(frontend.signer.pack(header, {}))
            assert shell.poll(DEADLINE * 1000), "no answer"
            shell.recv_multipart()


@parity
@pytest.mark.parametrize("channel", ["shell", "control", "iopub", "stdin", "hb"])
def test_connections_that_break_off(
    fresh: Frontend, channel: str, scale: Scale, figure: Figure
) -> None:
    """Peers that stop in the greeting, in the handshake or in the middle of a message."""
    lives_on(fresh)
    port = fresh.connection[f"{channel}_port"]
    before = Footprint.of(fresh.kernel)
    for number in range(scale(30, 1_000)):
        with socket.create_connection(("127.0.0.1", port), DEADLINE) as peer:
            peer.sendall(BEGINNINGS[number % len(BEGINNINGS)])
    assert fresh.heartbeat() == b"ping"
    gives_back(fresh, before)
    lives_on(fresh)
    assert is_at_rest(fresh.kernel), "a busy loop"


GREETING = b"\xff" + bytes(8) + b"\x7f\x03\x00NULL" + bytes(16) + b"\x00" + bytes(31)
READY = b"\x04\x26\x05READY\x0bSocket-Type\x00\x00\x00\x06DEALER\x08Identity\x00\x00\x00\x00"
BEGINNINGS = [
    b"",
    b"\xff",
    GREETING[:11],
    GREETING,
    GREETING + READY[:9],
    GREETING + READY,
    GREETING + READY + b"\x01\x09<IDS|MSG>\x01\x40half a signature",
    GREETING + READY + b"\x03" + (1 << 40).to_bytes(8, "big") + b"a frame of a terabyte",
    b"GET / HTTP/1.1\r\nHost: kernel\r\n\r\n",
]
"""What a peer may have sent of the ZMTP 3 protocol before it is gone."""
