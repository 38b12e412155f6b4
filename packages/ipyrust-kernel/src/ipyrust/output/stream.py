"""`sys.stdout` and `sys.stderr` of the kernel.

`OutStream.write` is the native writer itself, set on the instance, so that `print` enters no Python frame. Only while
something has to see the text first (a hook, an echo) is it replaced by a Python method. The class claims the module
`ipykernel.iostream`, because libraries recognise a notebook's stream by it (click keeps colours).
"""

from __future__ import annotations

import codecs
import io
import os
import sys
import threading
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, TextIO

from ipyrust_core.parent import parent

if TYPE_CHECKING:
    from contextvars import Token

    from typing_extensions import Buffer

    from ipyrust.output.parent_lookup import ParentLookup, ParentMessages
    from ipyrust_core._native import Request, StreamWriter

Message = dict[str, Any]
MessageHook = Callable[[Message], Message | None]


class OutStream(io.TextIOBase):
    """A text stream whose text is published as `stream` messages (messaging specification, "Streams")."""

    encoding = "UTF-8"
    errors = "backslashreplace"
    topic: bytes
    _fd = -1

    def __init__(
        self,
        name: str,
        writer: StreamWriter,
        *,
        current_parent: ParentLookup,
        messages: ParentMessages,
        echo: TextIO | None = None,
    ) -> None:
        super().__init__()
        self.name = name
        self.topic = b"stream." + name.encode()
        self.echo = echo
        self._writer = writer
        self._current_parent = current_parent
        self._messages = messages
        self._hooks = threading.local()
        self._hook_count = 0
        self._lock = threading.Lock()
        self._buffer: ByteStream | None = None
        self._pid = os.getpid()
        self.flush = writer.flush  # type: ignore[method-assign]
        self._choose_write()

    def _choose_write(self) -> None:
        plain = self.echo is None and not self._hook_count
        self.write = (  # type: ignore[method-assign]
            self._writer.write if plain else self._write_visibly
        )

    def _write_visibly(self, text: str) -> int:
        """Write past the echo and the hooks of the calling thread."""
        if not isinstance(text, str):
            raise TypeError(f"write() argument must be str, not {type(text).__name__}")
        if self.echo is not None:
            _echo(self.echo, text)
        hooks: list[MessageHook] = getattr(self._hooks, "list", [])
        if not hooks:
            return self._writer.write(text)
        shown = self._apply_hooks(hooks, text)
        if shown:
            self._writer.write(shown)
        return len(text)

    def _apply_hooks(self, hooks: list[MessageHook], text: str) -> str:
        message: Message = {
            "header": {"msg_type": "stream"},
            "msg_type": "stream",
            "parent_header": self.parent_header,
            "metadata": {},
            "content": {"name": self.name, "text": text},
        }
        for hook in hooks:
            shown = hook(message)
            if shown is None:
                return ""
            message = shown
        return str(message["content"]["text"])

    def writelines(self, lines: Iterable[str], /) -> None:  # type: ignore[override]
        """Write each of `lines` as it is."""
        for line in lines:
            self.write(line)

    @property
    def buffer(self) -> ByteStream:
        """Binary view, for code that writes UTF-8 bytes."""
        if self._buffer is None:
            self._buffer = ByteStream(self)
        return self._buffer

    def writable(self) -> bool:
        """True."""
        return True

    def isatty(self) -> bool:
        """False: a notebook is no terminal."""
        return False

    def _is_master_process(self) -> bool:
        """ipykernel's name of the question whether this is the kernel's process, and not a fork of it."""
        return os.getpid() == self._pid

    def fileno(self) -> int:
        """A duplicate of the process's own file descriptor 1 or 2, for `subprocess` and the like.

        A duplicate, because wurlitzer refuses to work where it is the same as that of `sys.__stdout__`.

        Raises:
            io.UnsupportedOperation: the process has no such descriptor.
        """
        try:
            if self._fd >= 0:
                os.fstat(self._fd)
            else:
                self._fd = os.dup(2 if self.name == "stderr" else 1)
        except OSError:
            self._fd = -1
            raise io.UnsupportedOperation("fileno") from None
        return self._fd

    def close(self) -> None:
        """Flush. The stream stays open: it belongs to the kernel and not to the cell that closes it."""
        if "_writer" in self.__dict__:
            self._writer.flush()

    def reconfigure(self, **_options: Any) -> None:
        """Accepted and ignored: the wire is UTF-8, and lines are sent without waiting for a buffer to fill."""

    def register_hook(self, hook: MessageHook) -> None:
        """Show `hook` each text that the calling thread writes, as a `stream` message, before it is published.

        What it returns is published in its stead; None swallows the text.
        """
        if not hasattr(self._hooks, "list"):
            self._hooks.list = []
        self._hooks.list.append(hook)
        self._count_hooks(1)

    def unregister_hook(self, hook: MessageHook) -> bool:
        """Take `hook` off again; False if the calling thread had not registered it."""
        hooks: list[MessageHook] = getattr(self._hooks, "list", [])
        if hook not in hooks:
            return False
        hooks.remove(hook)
        self._count_hooks(-1)
        return True

    def _count_hooks(self, change: int) -> None:
        with self._lock:
            self._hook_count += change
            self._choose_write()

    @property
    def parent_header(self) -> Message:
        """Header of the request that the next text will belong to."""
        return self._messages.header(self._current_parent())

    @parent_header.setter
    def parent_header(self, header: Message) -> None:
        self.set_parent(header)

    def set_parent(self, message: Message) -> None:
        """Make the request that `message` names the parent of the calling task or thread; unknown ones are ignored."""
        request = self._messages.find(message)
        if request is not None:
            parent.set(request)

    def set_thread_parent(self, message: Message) -> Token[Request | None]:
        """As `set_parent`, returning the token that `reset_thread_parent` takes."""
        return parent.set(self._messages.find(message) or self._current_parent())

    def reset_thread_parent(self, token: Token[Request | None]) -> None:
        """Undo the `set_thread_parent` that returned `token`."""
        parent.reset(token)


OutStream.__module__ = "ipykernel.iostream"


class ByteStream(io.BufferedIOBase):
    """The `.buffer` of an OutStream: bytes in, decoded across the borders of writes."""

    def __init__(self, stream: OutStream) -> None:
        super().__init__()
        self._stream = stream
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._lock = threading.Lock()

    @property
    def name(self) -> str:
        """Name of the text stream above."""
        return self._stream.name

    @property
    def raw(self) -> ByteStream:
        """Itself: nothing is buffered here."""
        return self

    def write(self, data: Buffer, /) -> int:
        """Publish `data` as text; an unfinished character waits for the next write. Returns the number of bytes."""
        if isinstance(data, str):
            raise TypeError("a bytes-like object is required, not 'str'")
        with memoryview(data) as view:
            chunk = bytes(view)
        with self._lock:
            text = self._decoder.decode(chunk)
        if text:
            self._stream.write(text)
        return len(chunk)

    def flush(self) -> None:
        """Flush the text stream."""
        if "_stream" in self.__dict__:
            self._stream.flush()

    def close(self) -> None:
        """Flush; see `OutStream.close`."""
        self.flush()

    def fileno(self) -> int:
        """As the text stream's."""
        return self._stream.fileno()

    def writable(self) -> bool:
        """True."""
        return True

    def isatty(self) -> bool:
        """False."""
        return False


def is_usable(stream: Any) -> bool:
    """Whether user code can still print to `stream`; one that cannot tell is, and None, too: it swallows the text."""
    try:
        return not getattr(stream, "closed", False)
    except Exception:
        return False


def flush_quietly(stream: Any) -> None:
    """Flush a stream of the user's; whatever goes wrong is theirs and shows on their next write."""
    try:
        stream.flush()
    except Exception:
        pass


def _echo(target: TextIO, text: str) -> None:
    try:
        target.write(text)
        target.flush()
    except (OSError, ValueError, UnicodeError):
        pass  # the terminal went away; the clients still get the text


class Streams:
    """The two streams of a kernel, and the pair install/restore for `sys`."""

    def __init__(self, stdout: TextIO, stderr: TextIO) -> None:
        self.stdout = stdout
        self.stderr = stderr
        self._replaced: tuple[TextIO | None, TextIO | None] | None = None

    def install(self) -> None:
        """Put the streams into `sys`."""
        self._replaced = (sys.stdout, sys.stderr)
        sys.stdout, sys.stderr = self.stdout, self.stderr

    def restore(self) -> None:
        """Put back what `install` found, unless user code has replaced it since."""
        if self._replaced is None:
            return
        if sys.stdout is self.stdout:
            sys.stdout = self._replaced[0]
        if sys.stderr is self.stderr:
            sys.stderr = self._replaced[1]
        self._replaced = None

    def repair(self) -> None:
        """Before a cell: a stream that an earlier cell closed or deleted is replaced by the kernel's own."""
        for name in ("stdout", "stderr"):
            ours = getattr(self, name)
            if getattr(sys, name, ours) is not ours and is_usable(getattr(sys, name)):
                continue
            setattr(sys, name, ours)

    def flush_foreign(self) -> None:
        """Flush streams that user code put in the place of ours; ours need none, the outbox keeps the order."""
        for name in ("stdout", "stderr"):
            theirs = getattr(sys, name, None)
            if theirs is not getattr(self, name):
                flush_quietly(theirs)
