"""What the fault tests put on a kernel, and what they read off its process."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import psutil
import zmq

from frontend import DEADLINE, Frontend, KernelProcess, Message, idle


class Subscriber:
    """One more subscriber, with hardly any room of its own, which reads when it is told to."""

    def __init__(self, frontend: Frontend) -> None:
        """Subscribe, and wait until the kernel has noticed."""
        self._unpack = frontend.signer.unpack
        self._kernel = frontend.kernel
        self.socket = zmq.Context.instance().socket(zmq.SUB)
        self.socket.rcvhwm = 1
        self.socket.rcvbuf = 256 << 10
        self.socket.connect(frontend.url("iopub"))
        self.socket.subscribe(b"")
        self.socket.subscribe(b"stalled")  # whose welcome proves both; not every kernel greets each
        while self.read().content.get("subscription") != "stalled":
            pass

    def read(self) -> Message:
        """The next message."""
        deadline = time.monotonic() + DEADLINE
        while not self.socket.poll(100):
            self._kernel.check_alive()
            assert time.monotonic() < deadline, "the subscriber hears nothing"
        return self._unpack("iopub", self.socket.recv_multipart())

    def read_until_idle(self, msg_id: str) -> list[Message]:
        """All messages of one request."""
        found: list[Message] = []
        while not (found and idle.matches(found[-1])):
            message = self.read()
            if message.parent_header.get("msg_id") == msg_id:
                found.append(message)
        return found

    def close(self) -> None:
        """Hang up."""
        self.socket.close(linger=0)


def text_of(messages: list[Message], name: str = "stdout") -> str:
    """All text of one stream."""
    streams = [each.content for each in messages if each.msg_type == "stream"]
    return "".join(each["text"] for each in streams if each["name"] == name)


def answers_on_control(frontend: Frontend) -> float:
    """One round trip on control; seconds."""
    begun = time.monotonic()
    assert frontend.request("kernel_info_request", channel="control").reply.content
    return time.monotonic() - begun


def is_not_deaf(frontend: Frontend) -> float:
    """Heartbeat, control and interrupt_request are answered; the longest of them in seconds."""
    begun = time.monotonic()
    assert frontend.heartbeat() == b"ping"
    heard = [time.monotonic() - begun]
    heard += [answers_on_control(frontend) for _ in range(5)]
    begun = time.monotonic()
    interrupt = frontend.request("interrupt_request", channel="control")
    assert interrupt.reply.content["status"] == "ok"
    return max(*heard, time.monotonic() - begun)


def lives_on(frontend: Frontend) -> None:
    """The next cell is right."""
    assert frontend.run("6 * 7").one("execute_result").content["data"]["text/plain"] == "42"


def shuts_down(frontend: Frontend) -> float:
    """A shutdown is confirmed, and the process ends with 0; seconds until then."""
    begun = time.monotonic()
    shutdown = frontend.request("shutdown_request", {"restart": False}, channel="control")
    seen = shutdown.finish()  # The reply comes on iopub, too, a moment later or just now.
    assert seen.published[0].content == {"execution_state": "busy"}
    assert seen.reply and seen.reply.content["status"] == "ok"
    assert frontend.kernel.wait() == 0
    return time.monotonic() - begun


@dataclass(frozen=True)
class Footprint:
    """What a process holds of the system."""

    rss_bytes: int
    fds: int
    threads: int

    @classmethod
    def of(cls, kernel: KernelProcess) -> Footprint:
        """Now."""
        process = psutil.Process(kernel.pid)
        return cls(process.memory_info().rss, process.num_fds(), process.num_threads())


def cpu_seconds(kernel: KernelProcess) -> float:
    """Processor time of the kernel so far."""
    times = psutil.Process(kernel.pid).cpu_times()
    return float(times.user + times.system)


def is_at_rest(kernel: KernelProcess) -> bool:
    """Whether an idle kernel takes next to no processor: less than a fifth of one second, three times at most."""
    for _ in range(3):
        before = cpu_seconds(kernel)
        time.sleep(1.0)  # the clock that processor time is compared with
        if cpu_seconds(kernel) - before < 0.2:
            return True
    return False


def has_no_child(kernel: KernelProcess) -> bool:
    """Whether no child, dead or alive, is left."""
    return not psutil.Process(kernel.pid).children(recursive=True)


@dataclass
class Watched:
    """The largest memory that was seen."""

    most_bytes: int = 0
    ended: threading.Event = field(default_factory=threading.Event)


@contextmanager
def memory_watched(kernel: KernelProcess, interval: float = 0.05) -> Iterator[Watched]:
    """Look at the kernel's memory all the while."""
    watched = Watched()
    process = psutil.Process(kernel.pid)

    def watch() -> None:
        while not watched.ended.wait(interval):
            try:
                watched.most_bytes = max(watched.most_bytes, process.memory_info().rss)
            except psutil.NoSuchProcess:
                return

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield watched
    finally:
        watched.ended.set()
        thread.join()


def is_root() -> bool:
    """Whether the tests may mount file systems."""
    return os.geteuid() == 0
