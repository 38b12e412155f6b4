"""The template: a process that has imported what kernels need, and forks one whenever a provisioner asks.

It never runs user code, has one thread, and no kernel's sockets: what it forks starts from a clean slate. It retires
when something that it imported has changed on disk, when another template took its place, or when nobody asked for a
kernel for `--idle` seconds; then it stops listening, and ends once the kernels that it forked have ended, because only
a parent can tell how a process ended.
"""

from __future__ import annotations

import fcntl
import gc
import importlib
import os
import selectors
import signal
import socket
import sys
import time
from argparse import ArgumentParser
from collections.abc import Callable, Sequence
from pathlib import Path

from ipyrust.warm import wire
from ipyrust.warm.child import KernelRequest, become
from ipyrust.warm.freshness import Freshness

NEEDED = (
    "IPython.core.logger",
    "IPython.core.magics",
    "IPython.core.oinspect",
    "concurrent.futures.thread",
    "getpass",
    "ipyrust.app",
    "ipyrust.connection_file",
    "ipyrust.handlers.complete",
    "ipyrust.handlers.execute",
    "ipyrust.interpreter",
    "ipyrust.ipython.build",
    "ipyrust.ipython.magics",
    "ipyrust.leaving",
    "ipyrust.options",
    "ipyrust_core.control",
    "ipyrust_core.kernel",
    "ipyrust_core.run",
    "tempfile",
)
"""What a kernel imports until it has run its first cell; these import the rest."""
REQUEST_TIMEOUT = 5.0
"""Seconds that a starter has for sending its request."""
LOOK_AFTER = 60.0
"""Seconds between two looks whether the socket is still there."""


class Template:
    """Listens at `path`, forks kernels and watches them."""

    def __init__(self, path: Path, idle_seconds: float, freshness: Freshness) -> None:
        self._path = path
        self._idle_seconds = idle_seconds
        self._freshness = freshness
        self._kernels: dict[int, socket.socket] = {}
        self._selector = selectors.DefaultSelector()
        self._children_ended, self._noted = socket.socketpair()
        self._listener: socket.socket | None = None
        self._used_at = time.monotonic()
        self._pid = os.getpid()

    def serve(self) -> KernelRequest | None:
        """Fork kernels until this template is retired and the last of them has ended.

        Returns None then; and, in each forked child, what was asked for.

        Raises:
            OSError: the socket cannot be made.
        """
        self._listen()
        for fd in (self._children_ended, self._noted):
            fd.setblocking(False)
        signal.set_wakeup_fd(self._noted.fileno(), warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.signal(signal.SIGTERM, lambda *_: self.retire())
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        self._selector.register(self._children_ended, selectors.EVENT_READ)
        while self._listener is not None or self._kernels:
            ready = {key.fileobj for key, _ in self._selector.select(self._timeout())}
            if self._children_ended in ready:
                self._children_ended.recv(4096)
                self._reap()
            if self._listener in ready:
                request = self._answer()
                if request is not None:
                    return request
            if self._is_done():
                self.retire()
        return None

    def retire(self) -> None:
        """Stop listening, and take what was said here along, unless another template has taken this one's place."""
        if self._listener is None:
            return
        self._selector.unregister(self._listener)
        if self._is_ours():
            self._path.unlink(missing_ok=True)
            notes_of(self._path).unlink(missing_ok=True)
        self._listener.close()
        self._listener = None

    def _listen(self) -> None:
        """Take the place of whoever listened here before."""
        beside = self._path.with_name(f"{self._path.name}.{os.getpid()}")
        beside.unlink(missing_ok=True)
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(beside))
        self._inode = beside.stat().st_ino
        self._listener.listen(64)
        self._listener.setblocking(False)
        beside.rename(self._path)
        self._selector.register(self._listener, selectors.EVENT_READ)

    def _is_ours(self) -> bool:
        try:
            return self._path.stat().st_ino == self._inode
        except OSError:
            return False

    def _is_done(self) -> bool:
        idle = not self._kernels and time.monotonic() - self._used_at >= self._idle_seconds
        return idle or not self._is_ours()

    def _timeout(self) -> float | None:
        if self._listener is None:
            return None
        left = self._idle_seconds - (time.monotonic() - self._used_at)
        return LOOK_AFTER if self._kernels else max(0.0, min(LOOK_AFTER, left))

    def _answer(self) -> KernelRequest | None:
        """Serve one starter; not None in the child."""
        assert self._listener is not None
        try:
            link, _ = self._listener.accept()
        except OSError:
            return None
        fds: list[int] = []
        try:
            if not wire.is_own_user(link):
                link.close()
                return None
            message, fds = wire.receive(link, fds=3, within=REQUEST_TIMEOUT)
            link.settimeout(REQUEST_TIMEOUT)
            request = KernelRequest.checked(message, fds)
            if self._freshness.is_lost():
                self.retire()  # First: who is refused starts a successor, which makes its own files here.
                wire.send(link, {"refused": "something that was imported has changed on disk"})
                link.close()
                return None
            return request if self._fork(link) else None
        except (OSError, ValueError) as error:
            print(f"ipyrust.warm: a request was refused: {error}", file=sys.stderr, flush=True)
            link.close()
            return None
        finally:
            if os.getpid() == self._pid:
                for fd in fds:
                    os.close(fd)

    def _fork(self, link: socket.socket) -> bool:
        """Fork a kernel; true in the child."""
        self._used_at = time.monotonic()
        pid = os.fork()
        if pid:
            self._kernels[pid] = link
            try:
                wire.send(link, {"pid": pid})
            except OSError:
                os.kill(pid, signal.SIGKILL)  # Its starter gave up, and starts another.
                raise
            return False
        signal.set_wakeup_fd(-1)
        self._selector.close()
        _wait_for_go(link)
        for each in (
            self._listener,
            self._children_ended,
            self._noted,
            link,
            *self._kernels.values(),
        ):
            if each is not None:
                each.close()
        return True

    def _reap(self) -> None:
        """Tell the starters of those that have ended how they did."""
        for pid in list(self._kernels):
            ended, status = os.waitpid(pid, os.WNOHANG)
            if ended:
                link = self._kernels.pop(pid)
                try:
                    wire.send(link, {"status": os.waitstatus_to_exitcode(status)})
                except OSError:
                    pass  # The starter is gone; nobody wants to know.
                link.close()


def _wait_for_go(link: socket.socket) -> None:
    """In the child: a starter that does not know of this kernel starts another, with the same connection file."""
    try:
        message, _ = wire.receive(link, within=REQUEST_TIMEOUT)
        if message == wire.GO:
            return
    except OSError:
        pass
    os._exit(0)


def preload(names: Sequence[str], say: Callable[[str], None]) -> None:
    """Import what every kernel needs, and those of `names` that start no thread, which a fork would lose."""
    for name in NEEDED:
        importlib.import_module(name)
    for name in names:
        trouble = _trouble_with(name)
        if trouble:
            say(f"{name} is not imported beforehand: {trouble}")
        else:
            importlib.import_module(name)
    gc.collect()
    gc.freeze()  # Else the first collection of every kernel would copy all that they share.


def _trouble_with(name: str) -> str:
    """Why `name` must not be imported here, found out by a child that does; empty if it may be."""
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(read)
        try:
            importlib.import_module(name)
            trouble = "" if _threads() == 1 else f"it starts {_threads() - 1} threads"
        except BaseException as error:
            trouble = f"{type(error).__name__}: {error}"
        os.write(write, trouble.encode("utf-8", "replace")[:1000])
        os._exit(0)
    os.close(write)
    with open(read, "rb") as answer:
        trouble = answer.read().decode()
    _, status = os.waitpid(pid, 0)
    return trouble or ("" if status == 0 else "importing it ends the process")


def _only_one(path: Path) -> int | None:
    """The lock that a template holds while it gets ready; None if another one does so for this socket.

    Every kernel that starts meanwhile brings a template of its own, and imports may take a minute, or never end.
    """
    lock = os.open(path.with_suffix(".lock"), os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(lock)
        return None
    return lock


def notes_of(path: Path) -> Path:
    """Where a template with this socket says what it did not import."""
    return path.with_suffix(".txt")


def _threads() -> int:
    """Threads of this process, those of libraries too where the system tells."""
    try:
        return len(os.listdir("/proc/self/task"))
    except OSError:
        import threading

        return threading.active_count()


def main(arguments: Sequence[str]) -> int:
    """The template's command line; in a forked kernel, the kernel's."""
    parser = ArgumentParser(prog="python -m ipyrust.warm template", allow_abbrev=False)
    parser.add_argument("--socket", type=Path, required=True)
    parser.add_argument("--modules", default="", help="separated by commas")
    parser.add_argument("--idle", type=float, default=3600.0, help="seconds")
    options = parser.parse_args(arguments)
    began_ns = time.time_ns()
    lock = _only_one(options.socket)
    if lock is None:
        return 0
    notes = notes_of(options.socket)
    notes.unlink(missing_ok=True)

    def say(line: str) -> None:
        with notes.open("a", encoding="utf-8") as file:
            file.write(line + "\n")

    preload([name for name in options.modules.split(",") if name], say)
    if _threads() != 1:
        say("no template: an import of the environment has started threads")
        return 1
    template = Template(options.socket, options.idle, Freshness(began_ns))
    os.close(lock)  # Kernels would hold it, too.
    request = template.serve()
    return 0 if request is None else _run_kernel(request)


def _run_kernel(request: KernelRequest) -> int:
    from ipyrust.app import main as run
    from ipyrust.exit_codes import ExitCode

    try:
        become(request)
    except OSError as error:
        print(f"ipyrust: cannot enter {request.directory!r}: {error.strerror}", file=sys.__stderr__)
        return int(ExitCode.START)
    return run(request.arguments)
