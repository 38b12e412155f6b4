"""`run_kernel`: bind first, import the rest afterwards.

Until the sockets answer, a client waits for every import; so this module imports the engine and nothing else, and
asyncio and the rest of the package come when kernel_info, heartbeat and control are being answered already.
"""

import os
from _thread import allocate_lock

from ipyrust_core._native import KernelCore
from ipyrust_core.post_mortem import PostMortem

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from ipyrust_core.control import ControlThread
    from ipyrust_core.interpreter import Interpreter
    from ipyrust_core.late_imports import LateModules

EXIT_CODES = {"shutdown": 0, "restart": 0, "closed": 0, "parent_died": 1, "io_error": 70}
"""Exit code of the process by the engine's reason to stop."""

LATE: "LateModules" = {"locale": ()}
"""What asyncio's dependencies need late or never …"""

LATE_WITH_SSL: "LateModules" = {**LATE, "ssl": (), "asyncio.sslproto": ()}
"""… and what asyncio itself does, where there is `ssl`."""

REPLAY_BYTES = 16 << 20
"""Bytes of output that are kept for clients that were away, unless somebody asks for another number."""


def run_kernel(
    connection_file: str,
    interpreter: "Interpreter",
    *,
    registered_file: str | None = None,
    log_fd: int = 2,
    parent_pid: int | None = None,
    capture_fds: bool = False,
    crash_reports: bool = True,
    replay_bytes: int = REPLAY_BYTES,
    backlog_bytes: int | None = None,
) -> int:
    """Serve `interpreter` on the addresses of `connection_file` until shutdown. Main thread only.

    Args:
        connection_file: path of the JSON connection file, or of a registration file (then the kernel chooses its ports
            and tells its launcher).
        interpreter: the language.
        registered_file: where a kernel with a registration file writes its connection file; None = nowhere.
        log_fd: file descriptor for the engine's log lines.
        parent_pid: exit when this process ends; None = JPY_PARENT_PID of the environment, 0 = watch nobody.
        capture_fds: publish what is written to file descriptors 1 and 2.
        crash_reports: keep a journal beside the connection file, of which the next kernel makes a report if this one
            does not end in order.
        replay_bytes: how much output is kept for clients that were away; 0 keeps nothing.
        backlog_bytes: bytes of large messages that may be on their way to subscribers before others wait for them, or
            are left out because one of them does not read; None = 256 MiB.

    Returns:
        The exit code for the process (`EXIT_CODES`).

    Raises:
        ConnectionFileError: the connection file cannot be used.
        BindError: an address cannot be bound.
        RegistrationError: the launcher does not take the ports.
        Exception: whatever `interpreter.start` raises.
    """
    import _signal  # type: ignore[import-not-found]  # `signal` would import enum first.
    from json import dumps

    before = _signal.signal(_signal.SIGINT, _ignore_interrupt)
    control = _LazyControl()
    core = KernelCore(
        connection_file,
        registered_file=registered_file,
        kernel_info=dumps(_kernel_info(interpreter, replay_bytes)).encode(),
        log_fd=log_fd,
        parent_pid=_watched_pid(parent_pid),
        capture_fds=capture_fds,
        replay_bytes=replay_bytes,
        backlog_bytes=backlog_bytes,
        serve_control=control.serve,
    )
    post_mortem = PostMortem(core)
    try:
        post_mortem.offer_stacks()
        if crash_reports:
            post_mortem.keep_journal()
        # `threading` takes the thread that imports it first for the main thread; so the control thread waits for this.
        serve = _import_serve()
        control.may_start()
        return EXIT_CODES[serve(core, interpreter, control.thread)]
    finally:
        control.may_start()
        post_mortem.restore()
        core.close()
        _signal.signal(_signal.SIGINT, before)


def _import_serve() -> "Callable[[KernelCore, Interpreter, ControlThread], str]":
    """`ipyrust_core.kernel.serve`; asyncio, which it needs, is most of what this imports."""
    from importlib.util import find_spec

    from ipyrust_core.collector import no_collections
    from ipyrust_core.late_imports import late_imports

    # Where Python was built without it, asyncio must hear so.
    has_ssl = find_spec("_ssl") is not None
    with no_collections(), late_imports(LATE_WITH_SSL if has_ssl else LATE):
        from ipyrust_core.kernel import serve
    return serve


def _kernel_info(interpreter: "Interpreter", replay_bytes: int) -> dict[str, object]:
    """Content of kernel_info_reply: what the language says, and what the engine does beyond the specification."""
    info = interpreter.kernel_info()
    features = [*info.get("supported_features", ()), *(["replay"] if replay_bytes else [])]
    return {"status": "ok", **info, "supported_features": features}


def _ignore_interrupt(signum: int, frame: object) -> None:
    """Do nothing: there is no cell yet. SIG_IGN would be inherited by child processes."""


class _LazyControl:
    """The control thread, made when somebody needs it: the engine may, before the main thread does."""

    def __init__(self) -> None:
        self._gate = allocate_lock()
        self._gate.acquire()
        self._opened = False
        self._lock = allocate_lock()
        self._thread: ControlThread | None = None

    def may_start(self) -> None:
        """Let the control thread import what it needs."""
        if not self._opened:
            self._opened = True
            self._gate.release()

    @property
    def thread(self) -> "ControlThread":
        """The one control thread."""
        from ipyrust_core.control import ControlThread

        with self._lock:
            self._thread = self._thread or ControlThread()
            return self._thread

    def serve(self) -> None:
        """Run by the engine on a thread of its own."""
        with self._gate:
            pass
        self.thread.serve()


def _watched_pid(parent_pid: int | None) -> int | None:
    if parent_pid is not None:
        return parent_pid or None
    text = os.environ.get("JPY_PARENT_PID", "")
    return int(text) if text.isdecimal() else None
