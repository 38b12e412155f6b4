"""The native engine, seen from Python: the whole surface of the PyO3 binding.

Everything that blocks releases the GIL while it waits and lets signal handlers run (it returns or raises within 50 ms
of a signal). Nothing here ever calls back into Python. JSON crosses as UTF-8 bytes, once each way; the engine itself
reads nothing but headers. Section numbers (§) are those of the Jupyter messaging specification 5.5.
"""

from collections.abc import Callable, Sequence
from types import FrameType, TracebackType
from typing import Any, Literal, Self, final

from typing_extensions import Buffer

__all__ = [
    "KernelCore",
    "Request",
    "RequestQueue",
    "SignalHandler",
    "StreamWriter",
    "__version__",
    "crash_report",
    "crash_reports",
    "journal_beside",
    "libzmq_has",
    "libzmq_version",
    "murmur2",
    "raise_in_thread",
    "write_connection_file",
]

__version__: str
"""Version of the engine, from Cargo.toml."""

def libzmq_version() -> tuple[int, int, int]:
    """Version of the libzmq in use, as (major, minor, patch). Does not block."""

def libzmq_has(capability: str) -> bool:
    """Tell whether libzmq was built with `capability`: "curve", "ipc", … Does not block."""

def murmur2(data: bytes, seed: int) -> int:
    """32-bit MurmurHash2 of `data` over little-endian words; `seed` is below 2**32.

    Does not block; holds the GIL (1 GB/s).
    """

def write_connection_file(path: str, *, kernel_name: str = "ipyrust") -> None:
    """Write a new connection file with a random key, loopback tcp and ports 0 (= chosen when a kernel binds).

    The file gets mode 0600 and must not exist yet.

    Raises:
        ConnectionFileError: `path` exists or cannot be written.
    """

def crash_report(path: str, *, as_json: bool = False) -> str:
    """Read a crash report: as text for people, or as JSON. Follows no symbolic link and reads at most 1 MiB.

    Raises:
        OSError: it cannot be read, belongs to somebody else, or is no crash report.
    """

def crash_reports(folder: str, *, own_journal: str | None = None) -> list[str]:
    """Paths of the crash reports in `folder`, the newest first.

    What dead kernels left there is made into reports first; `own_journal` is the caller's, which is left alone. At most
    10 reports are kept. Reads files with the GIL released.
    """

def journal_beside(connection_file: str) -> str:
    """Path of the journal of the kernel with this connection file, whether there is one or not."""

def raise_in_thread(thread_id: int, kind: type[BaseException] | None) -> bool:
    """Raise `kind` in the thread with this `threading.get_ident()` at its next bytecode.

    None takes back what was not raised yet. Does not block, and does not end a system call that the thread sits in.
    Returns whether there is such a thread.
    """

@final
class Request:
    """One request as it arrived on the shell or control channel. Immutable; safe to share between threads.

    Used as a context manager it publishes `status: busy` on entering and `status: idle` on leaving, with itself as
    parent; a `*_request` left unanswered gets a reply with `status: error` first.
    """

    @property
    def msg_type(self) -> str:
        """`header.msg_type`: what is asked."""
    @property
    def msg_id(self) -> str:
        """`header.msg_id`: unique name of the message."""
    @property
    def session_id(self) -> str:
        """`header.session` of the client that asked."""
    @property
    def channel(self) -> Literal["shell", "control"]:
        """Channel it came by; the reply goes by the same."""
    @property
    def subshell_id(self) -> str | None:
        """`header.subshell_id`; None = the main shell."""
    @property
    def identities(self) -> list[bytes]:
        """Routing prefix of the client: the frames before the delimiter."""
    @property
    def header(self) -> bytes:
        """The header as it arrived, JSON."""
    @property
    def parent_header(self) -> bytes:
        """The parent_header as it arrived; not checked to be JSON."""
    @property
    def metadata(self) -> bytes:
        """The metadata as it arrived; not checked to be JSON."""
    @property
    def content(self) -> bytes:
        """The content as it arrived; not checked to be JSON."""
    @property
    def buffers(self) -> list[memoryview]:
        """Binary frames after the content, without a copy; read-only."""
    @property
    def size_bytes(self) -> int:
        """What it keeps in memory, roughly: its frames."""
    @property
    def received_at(self) -> float:
        """When the I/O thread took it off the socket: seconds since the epoch."""
    @property
    def is_replied(self) -> bool:
        """Whether it was answered."""
    def reply(
        self,
        content: bytes,
        *,
        metadata: bytes | None = None,
        buffers: Sequence[Buffer] | None = None,
    ) -> None:
        """Queue the reply (`…_request` → `…_reply`) for the client that asked. Never waits; comm messages have none.

        `metadata` None = `{}`; `buffers` must be contiguous and arrive as they are at the call: large `bytes` and
        received frames are kept until they are sent, everything else is copied.

        Raises:
            AlreadyRepliedError: this request was answered before.
            CoreClosedError: the core is closed.
        """
    def reply_to_cell(self, content: bytes, status: str, started: float) -> None:
        """Queue the reply to an execute_request, with the metadata of a cell. Never waits.

        `status` is that of the content; `started` is when the cell began, in seconds since 1970 (`time.time()`).

        Raises:
            AlreadyRepliedError: this request was answered before.
            CoreClosedError: the core is closed.
        """
    def __enter__(self) -> Self: ...
    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        traceback: TracebackType | None,
        /,
    ) -> None: ...

@final
class RequestQueue:
    """First-in-first-out queue of the requests of one channel or subshell, filled by the I/O thread."""

    def get(self, timeout: float | None = None, *, fd: int = -1) -> Request | None:
        """Wait for the next request; `timeout` in seconds, None = for ever.

        Returns None when the time is over, when a signal came whose handler is Python's, or when `fd` (if not -1)
        became readable first, so that a thread can wait for requests and for an event loop's selector in one call.

        Raises:
            CoreClosedError: the core is closed; no request will come any more.
            KeyboardInterrupt, or whatever a Python signal handler raises.
        """
    def get_nowait(self, *, comms_only: bool = False) -> Request | None:
        """Take the next request, or None if there is none. With `comms_only`, the first that is a comm message.

        Raises:
            CoreClosedError: the core is closed and the queue empty.
        """
    def fileno(self, *, comms_only: bool = False) -> int:
        """File descriptor that polls readable while requests wait (`comms_only`: comm messages), or once closed."""
    def abort_pending(self, failed: Request, window: float = 0.0) -> int:
        """Mark every execute_request that has reached this process but not been taken: it will be answered `aborted`.

        `failed` is the request of the cell that failed, and is replied to afterwards. Aborted requests keep their place
        and are answered (busy, reply, idle) by the engine when their turn comes.

        Blocks, without the GIL, until 20 ms after `failed` came (200 ms while cells follow each other), so that what
        was sent together with it counts as well, and for one round of the I/O thread (microseconds), so that requests
        already in the socket do. What arrives later is aborted if its header's date shows that the client made it
        before it could know of the failure, or within `window` more seconds. Returns the number marked (§ execute,
        stop_on_error).
        """
    def close(self) -> None:
        """Refuse and answer with an error whatever is still queued; wake every waiter with CoreClosedError."""
    def __len__(self) -> int: ...

@final
class SignalHandler:
    """A handler for `signal.signal` that raises KeyboardInterrupt when `wanted(frame)` is true.

    It is native so that the traceback ends in the code that was interrupted. While the process forks it calls
    `put_off()` instead and does not raise: Python would discard the exception, and the hooks around a fork hold locks.
    """

    def __new__(
        cls, wanted: Callable[[FrameType | None], bool], put_off: Callable[[], None]
    ) -> Self: ...
    def __call__(self, signum: int, frame: FrameType | None, /) -> None: ...
    def fork_begins(self) -> None:
        """For `os.register_at_fork(before=...)`."""
    def fork_ended(self) -> None:
        """For `os.register_at_fork(after_in_parent=...)`."""
    def forked(self) -> None:
        """For `os.register_at_fork(after_in_child=...)`."""

@final
class StreamWriter:
    """The hot end of `sys.stdout` or `sys.stderr`: hands text to the outbox with the parent that is current now."""

    def write(self, text: str, /) -> int:
        """Queue `text` for the current parent and return its length in code points.

        Neighbouring writes with the same parent are merged into one `stream` message. Waits, with the GIL released,
        while the outbox is full. Lone surrogates are shown as backslash escapes.

        Raises:
            TypeError: `text` is not a str.
        """
    def flush(self) -> None:
        """Send what is queued now rather than at the next tick; bounded wait, at most 10 s."""

@final
class KernelCore:
    """Five bound sockets, the I/O thread that owns them, and the queues between it and Python."""

    def __new__(
        cls,
        connection_file: str,
        *,
        registered_file: str | None = None,
        kernel_info: bytes,
        log_fd: int = 2,
        parent_pid: int | None = None,
        capture_fds: bool = False,
        stop_grace: float = 2.0,
        replay_bytes: int = 0,
        backlog_bytes: int | None = None,
        username: str = "kernel",
        serve_control: Callable[[], None] | None = None,
    ) -> Self:
        """Read the connection file, bind all sockets and start answering. Returns when every channel listens.

        From here on kernel_info (content: `kernel_info`, a JSON object), connect, heartbeat, interrupt, usage and
        shutdown are answered without Python. Ports that were 0 or absent are chosen and written back to the file.

        A registration file is served, too (specification, "Kernel startup handshake"): the ports are told to the
        launcher, whose answer is waited for, without the GIL and for 10 s at the most; the file stays as it is.

        Args:
            connection_file: path of the JSON connection file, or of the launcher's registration file.
            registered_file: where the connection file is written if `connection_file` is a registration file, and what
                the property `connection_file` is then; None = nowhere.
            kernel_info: content of every kernel_info_reply until `set_kernel_info`.
            log_fd: where log lines go (duplicated).
            parent_pid: exit when this process ends; None = watch nobody.
            capture_fds: put pipes over file descriptors 1 and 2 and publish what is written there.
            stop_grace: seconds a shutdown waits for running user code before it ends the process.
            replay_bytes: how much of what executions published is kept for `replay_request`; 0 keeps nothing.
            backlog_bytes: how much of large messages may be on its way to subscribers before others wait or are left
                out; None = 256 MiB.
            username: `username` of our headers.
            serve_control: run once in a native thread of its own when the first request for `control` arrives.

        Raises:
            ConnectionFileError: the file is missing, torn, unreadable, writable by others, or names an unknown
                transport or scheme.
            BindError: an address is in use or not available.
            RegistrationError: the launcher did not answer in time, refused, or signed with another key.
        """
    @property
    def connection_file(self) -> str:
        """Path of the connection file."""
    @property
    def connection_info(self) -> dict[str, Any]:
        """The connection file's content as bound: transport, ip, *_port, key, signature_scheme."""
    @property
    def session_id(self) -> str:
        """`header.session` of every message the kernel sends."""
    @property
    def shell(self) -> RequestQueue:
        """Requests for the main thread."""
    @property
    def control(self) -> RequestQueue:
        """Control requests that need Python (debug_request and unknown types)."""
    @property
    def exit_reason(
        self,
    ) -> Literal["shutdown", "restart", "parent_died", "io_error", "closed"] | None:
        """Why the queues were closed; None while the kernel serves."""
    def set_kernel_info(self, content: bytes) -> None:
        """Replace the content of kernel_info_reply."""
    def publish(
        self,
        msg_type: str,
        content: bytes,
        *,
        parent: Request | None,
        metadata: bytes | None = None,
        buffers: Sequence[Buffer] | None = None,
        topic: bytes | None = None,
    ) -> None:
        """Queue one IOPub message. Waits while the outbox is full (`status` and `error` never wait).

        `metadata` None = `{}`; `buffers` are those of `Request.reply`; `topic` defaults to
        `kernel.<session_id>.<msg_type>`.

        Raises:
            CoreClosedError: the core is closed.
        """
    def write_stream(self, name: str, text: str, *, parent: Request | None) -> None:
        """Queue `text` as a `stream` message named "stdout" or "stderr"; merged and bounded like StreamWriter.write."""
    def stream_writer(
        self,
        name: str,
        parent: Callable[[], Request | None],
        fallback: Callable[[], Request | None] | None = None,
    ) -> StreamWriter:
        """Make the writer of one stream.

        `parent` is called at every write, so it should be a C-level callable such as `ContextVar.get`; only when it
        returns None `fallback` is asked, and when that is None, too, the text belongs to the request that the main
        thread ran last.
        """
    def flush(self, timeout: float = 10.0) -> bool:
        """Wait until everything queued so far was handed to libzmq; False if `timeout` seconds were not enough."""
    def request_input(self, prompt: str, *, password: bool, parent: Request) -> str:
        """Ask the client that sent `parent` for one line on the stdin channel and wait for it.

        A newer call for the same client replaces nothing: replies go to the oldest waiter of that client.

        Raises:
            KeyboardInterrupt: the cell was interrupted while waiting.
            CoreClosedError: the core is closed.
        """
    def begin_execution(self, request: Request) -> None:
        """Open the interrupt window of `request` on the calling thread. Main thread only."""
    def end_execution(self) -> bool:
        """Close the window; True if an interrupt was aimed at this execution and not yet delivered."""
    def interrupt_wanted(self) -> bool:
        """Called by the SIGINT handler: does the signal belong to the open window? False between cells."""
    def put_interrupt_off(self) -> None:
        """Called by the SIGINT handler where it must not raise: send the signal again soon if it is wanted."""
    def interrupt_lost(self) -> None:
        """Python discarded the KeyboardInterrupt of this execution: send the signal again soon."""
    def open_subshell(self, subshell_id: str) -> RequestQueue:
        """The queue of a subshell that a create_subshell_request opened.

        Raises:
            KeyError: no such subshell.
        """
    def subshell_ids(self) -> list[str]:
        """Ids of the open subshells."""
    def close_subshell(self, subshell_id: str) -> None:
        """Close a subshell's queue; what waits in it is answered with an error. Unknown ids are ignored."""
    def comm_sent(self, comm_id: str, message_id: str | None, subshell_id: str | None) -> None:
        """Note who sent on a comm: what comes on it next (or with this id) is routed to that subshell, None = main."""
    def comm_closed(self, comm_id: str) -> None:
        """Forget the routes of a comm."""
    def drain_captured(self) -> None:
        """Publish what waits in the captured descriptors, in order with what was written before. Does not block."""
    def original_fd(self, fd: int) -> int:
        """Duplicate of file descriptor 1 or 2 as it was before capture."""
    def signal_fd(self) -> int:
        """The descriptor for `signal.set_wakeup_fd`: so the engine knows of a signal before Python has felt it."""
    def counters(self) -> dict[str, int]:
        """Messages and bytes in and out, rejected frames by kind, aborted requests, outbox high-water mark."""
    def request_exit(self, *, restart: bool = False) -> None:
        """Stop serving, as after a shutdown_request: the queues close, and `shell.get` raises CoreClosedError."""
    def keep_journal(self) -> int | None:
        """Keep a journal beside the connection file until `close`; returns the descriptor for `faulthandler`'s text.

        What a kernel with the same connection file left behind is made into a report first. None if the folder cannot
        be written, which the log says. Blocks for a few calls to the file system.
        """
    @property
    def journal_path(self) -> str | None:
        """Path of the journal; None if there is none."""
    def watch_endings(self) -> None:
        """Handle the signals that end a process and have no handler, to note them in the journal.

        Of a crash (SIGSEGV, SIGABRT, SIGBUS, SIGFPE, SIGILL) clients are told, too. The process dies of the signal all
        the same. To be called before `faulthandler.enable`, which calls these handlers when it has written the stacks.
        """
    def stack_fd(self) -> int:
        """Descriptor of a file in memory to which the handler of SIGQUIT is to write stacks.

        Raises:
            OSError: the process has no descriptor left.
        """
    def watch_stack_signal(self) -> None:
        """Learn when the handler of SIGQUIT that `faulthandler.register` has just installed is done."""
    def begin_cell(self, request: Request, execution_count: int, code: str) -> int:
        """Note that the calling thread runs this cell (0 = without a number), and the beginning of its code.

        Costs two short locks and no system call. Returns the slot for `end_cell`.
        """
    def end_cell(self, slot: int) -> None:
        """Note that the cell which the calling thread began last is over."""
    def name_cell(self, name: str, execution_count: int) -> None:
        """Note the file name under which tracebacks show the code of a cell. The last 64 are remembered."""
    def take_crash_notice(self) -> str | None:
        """What the user should hear of the death of the kernel before this one; once, then None."""
    def note_exit(self, code: int) -> None:
        """Note that the process is about to call `_exit`, and tell the clients. Waits for that, at most 0.3 s."""
    def stack_content(self, threads: bytes) -> bytes:
        """Content of a stack_reply, as JSON. `threads` is a JSON list of {id, name, frames: [{file, line, function}]}.

        Raises:
            ValueError: `threads` is something else.
        """
    def begin_cleanup(self, budget: float = 5.0) -> None:
        """Tell the engine that user code has ended: what follows may take `budget` seconds before the exit by force."""
    def child_after_fork(self) -> None:
        """Called in a forked child: the sockets belong to the parent.

        Streams write to file descriptors 1 and 2 from then on, and everything else is dropped.
        """
    def close(self, timeout: float = 1.0) -> None:
        """Send what is queued (at most `timeout` seconds), close all sockets, end the I/O thread. Idempotent."""
