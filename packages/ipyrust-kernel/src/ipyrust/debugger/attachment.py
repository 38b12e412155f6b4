"""pydevd inside this process: import it quietly, attach it, keep it armed, let an interrupt through, detach it.

Goal: a breakpoint is hit in every cell that runs after attaching, and an interrupt ends a cell that is stopped.

- Python switches a thread's tracing off for good when an exception leaves the trace function, as a KeyboardInterrupt
  at a stop does; also, threads that ran before attaching cannot be reached on every platform. So each cell re-arms its
  thread when it begins (`before_cell`).
- A KeyboardInterrupt that leaves pydevd's wait as it pleases would leave pydevd convinced that the thread is still
  stopped: no later stop would be reported. So it is held back there until pydevd has resumed everything by its own
  rules (`let_interrupts_through`).
- A forked child has the trace function but none of pydevd's threads, and would wait at a breakpoint for ever: it is
  let go of (`_forked`). For the same reason child processes are not debugged: no notebook frontend attaches to them.
"""

from __future__ import annotations

import os
import socket
import sys
import threading
from functools import cache
from types import FrameType
from typing import Any

from ipyrust.debugger.breakpoints import BreakpointHook, kept_breakpointhook
from ipyrust.debugger.connection import DebuggerGoneError, ReplyTimeoutError
from ipyrust.debugger.hidden_threads import hide

MISSING = (
    "debugpy is not installed in this kernel's environment, so there is no debugger; install it: "
    "{python} -m pip install 'ipyrust-kernel[debug]'"
)
SWITCHES = ("PYDEVD_DISABLE_FILE_VALIDATION", "PYDEVD_USE_FRAME_EVAL")
"""Variables that are set for the import and are of no concern to child processes. The first one saves users a warning:
a kernel that was started with frozen modules can be debugged all the same. The second one is debugpy's own."""
LOOPBACK = {"127.0.0.1", "::1"}


class DebuggerMissingError(Exception):
    """debugpy cannot be imported."""


def import_debugpy() -> Any:
    """The debugpy package, imported without any of its side effects on this process's behaviour.

    Raises:
        DebuggerMissingError: it is not installed, or it cannot run here.
    """
    with kept_breakpointhook():
        before = {name: os.environ.get(name) for name in SWITCHES}
        os.environ.setdefault("PYDEVD_DISABLE_FILE_VALIDATION", "1")
        try:
            import debugpy
            from debugpy.server import api  # noqa: F401  (this makes pydevd importable)
        except ImportError as error:
            if error.name == "debugpy":
                raise DebuggerMissingError(MISSING.format(python=sys.executable)) from None
            raise DebuggerMissingError(f"debugpy cannot be imported: {error}") from error
        except Exception as error:  # debugpy's own DebuggerInitializationError
            raise DebuggerMissingError(f"debugpy cannot start here: {error}") from error
        finally:
            for name, value in before.items():
                if value is None:
                    os.environ.pop(name, None)
    return debugpy


def adapter_directory() -> str:
    """The package of debugpy's adapter. Raises DebuggerMissingError."""
    return os.path.join(os.path.dirname(import_debugpy().__file__), "adapter")


class Attachment:
    """Ties pydevd in this process to an adapter."""

    def __init__(self) -> None:
        self._attached = False
        self._hook = BreakpointHook()
        self._connecting: threading.Thread | None = None

    def connect(self, host: str, port: int) -> None:
        """Have pydevd connect to the adapter, on a thread of its own: it waits until the session is configured.

        Raises:
            ValueError: the address is not on this machine.
        """
        if host not in LOOPBACK:
            raise ValueError(f"the adapter listens on {host!r}, which is not the loopback address")
        debugpy = import_debugpy()
        debugpy.configure(subProcess=False)
        self._connecting = hide(
            threading.Thread(
                target=debugpy.connect, args=((host, port),), name="ipyrust-attach", daemon=True
            )
        )
        self._connecting.start()

    def attached(self, timeout: float) -> None:
        """The session is configured: threads stop at breakpoints when this returns, those that run already, too.

        pydevd says that it is attached before it has switched on tracing, on the thread of `connect`. Waits for that
        for up to `timeout` seconds.

        Raises:
            ReplyTimeoutError: it took longer.
            DebuggerGoneError: the session has ended meanwhile.
        """
        if self._connecting is not None:
            self._connecting.join(timeout)
            if self._connecting.is_alive():
                raise ReplyTimeoutError(f"tracing was not switched on within {timeout:g} s")
            self._connecting = None
            if global_debugger() is None:
                raise DebuggerGoneError("it ended while tracing was switched on")
        debugger = global_debugger()
        if debugger is not None:
            _send_without_delay(debugger)
            let_interrupts_through(debugger)
            self._hook.install(stop_at)
            _release_in_children()
            self._attached = True

    def before_cell(self) -> None:
        """Called on the cell's thread when a cell begins: switch tracing on, or off if nothing is attached any more."""
        tracer = sys.gettrace()
        if self._attached:
            debugger = global_debugger()
            if debugger is not None and tracer is None:
                debugger.enable_tracing()
        elif tracer is not None and is_pydevds(tracer):
            _stop_tracing_this_thread()

    def detach(self) -> None:
        """Let go of this process: no tracing, no connection, none of pydevd's threads, `breakpoint()` as before."""
        self._attached = False
        self._hook.restore()
        if "pydevd" in sys.modules:
            import pydevd

            resume_all()  # Or a thread that was stopped would stop again in the next session.
            pydevd.stoptrace()


def global_debugger() -> Any:
    """pydevd's debugger object; None when it is not attached."""
    from _pydevd_bundle.pydevd_constants import get_global_debugger

    return get_global_debugger()


def resume_all() -> None:
    """Let every stopped thread go on."""
    from _pydevd_bundle.pydevd_api import PyDevdAPI

    PyDevdAPI().request_resume_thread("*")


def stop_at(frame: FrameType) -> None:
    """Stop the calling thread at the next line of `frame`."""
    import pydevd

    pydevd.settrace(
        suspend=True,
        trace_only_current_thread=True,
        patch_multiprocessing=False,
        stop_at_frame=frame,
        notify_stdin=False,
    )


def let_interrupts_through(debugger: Any) -> None:
    """Make a KeyboardInterrupt at a stop resume everything first, and only then reach the stopped code."""
    if "do_wait_suspend" in vars(debugger):
        return
    stop, wait = debugger.do_wait_suspend, debugger._do_wait_suspend
    interrupted: set[int] = set()

    def wait_and_hold_back(*arguments: Any) -> Any:
        while True:
            try:
                return wait(*arguments)
            except KeyboardInterrupt:
                interrupted.add(threading.get_ident())
                resume_all()

    def stop_and_deliver(*arguments: Any, **options: Any) -> Any:
        try:
            result = stop(*arguments, **options)
        except KeyboardInterrupt:
            interrupted.discard(threading.get_ident())
            resume_all()
            raise
        if threading.get_ident() in interrupted:
            interrupted.discard(threading.get_ident())
            raise KeyboardInterrupt
        return result

    debugger._do_wait_suspend = wait_and_hold_back
    debugger.do_wait_suspend = stop_and_deliver


def _send_without_delay(debugger: Any) -> None:
    """pydevd writes header and content one by one, which TCP answers with 40 ms of waiting unless told otherwise."""
    try:
        debugger._client_socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    except (AttributeError, OSError):
        pass  # A matter of speed only.


def is_pydevds(tracer: object) -> bool:
    """Whether a trace function belongs to pydevd."""
    owner = getattr(tracer, "__self__", tracer)
    module = getattr(tracer, "__module__", None) or type(owner).__module__
    return "pydevd" in str(module) or "pydevd" in type(owner).__module__


def _stop_tracing_this_thread() -> None:
    import pydevd_tracing

    pydevd_tracing.SetTrace(None)


@cache
def _release_in_children() -> None:
    """From now on, a forked child is not traced."""
    os.register_at_fork(after_in_child=_forked)


def _forked() -> None:
    from _pydevd_bundle.pydevd_constants import PYDEVD_USE_SYS_MONITORING, set_global_debugger

    if global_debugger() is None:
        return
    set_global_debugger(None)
    sys.breakpointhook = sys.__breakpointhook__
    if PYDEVD_USE_SYS_MONITORING:
        from _pydevd_sys_monitoring import pydevd_sys_monitoring

        pydevd_sys_monitoring.stop_monitoring(all_threads=True)
    else:
        threading.settrace(None)
        _stop_tracing_this_thread()
