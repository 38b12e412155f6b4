"""One request → the interpreter's method → one reply. A table, and a function for each type.

Content comes from outside, so every field is checked before it is used; a wrong one gets a reply that names it.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ipyrust_core import wire_json
from ipyrust_core.errors import AlreadyRepliedError, CoreClosedError
from ipyrust_core.interpreter import Cell, CommMessage, Content
from ipyrust_core.log import log
from ipyrust_core.parent import parent

if TYPE_CHECKING:
    from ipyrust_core._native import Request
    from ipyrust_core.kernel import Kernel
    from ipyrust_core.shells import Shell


class BadContentError(ValueError):
    """A field of a request is missing or of the wrong type."""


def field(content: Content, name: str, kind: type | tuple[type, ...], *default: Any) -> Any:
    """`content[name]`, checked. Raises BadContentError when it is missing without a default, or not a `kind`."""
    value = content.get(name, default[0]) if default else content.get(name)
    if isinstance(value, kind) or (default and value is default[0]):
        return value
    wanted = getattr(kind, "__name__", "value")
    raise BadContentError(f"content.{name} must be a {wanted}, not {value!r:.80}")


def decode_object(data: bytes, what: str) -> dict[str, Any]:
    """Decode a JSON frame that must hold an object. Raises BadContentError."""
    try:
        value = wire_json.decode(data)
    except (ValueError, RecursionError) as error:
        raise BadContentError(f"{what} is not JSON that can be read: {error}") from error
    if not isinstance(value, dict):
        raise BadContentError(f"{what} must be a JSON object, not a {type(value).__name__}")
    return value


def serve(request: Request, kernel: Kernel, shell: Shell | None) -> None:
    """Answer one request between busy and idle, which `with request` publishes.

    `shell` is the shell that is free for it; None when it is served beside or in the middle of a cell.
    """
    token = parent.set(request)
    try:
        with request:
            try:
                if request.msg_type == "execute_request" and shell is not None:
                    _execute(request, kernel, shell)
                elif shell is not None:
                    shell.interruptibly(request, lambda: _answer(request, kernel))
                else:
                    _answer(request, kernel)
            except BadContentError as error:
                log.warning("%s: %s", request.msg_type, error)
                _reply_error(request, error)
    finally:
        parent.reset(token)


def _answer(request: Request, kernel: Kernel) -> None:
    content = decode_object(request.content, "content")
    try:
        reply = HANDLERS[request.msg_type](request, content, kernel)
        encoded = None if reply is None else wire_json.encode(reply)
    except BadContentError:
        raise
    except CoreClosedError:
        raise
    except (
        BaseException
    ) as error:  # Also a SystemExit of user code: a request must not end the kernel.
        log.exception("%s failed", request.msg_type)
        _reply_error(request, error)
        return
    if encoded is not None:
        request.reply(encoded)


def _execute(request: Request, kernel: Kernel, shell: Shell) -> None:
    """execute_request: execute_input, the cell, the reply, and the abort of what waits behind a failed cell."""
    cell = _cell(request)
    started = time.time()
    count = 0
    if not cell.silent:
        count = kernel.interpreter.execution_count
        kernel.publish("execute_input", {"code": cell.code, "execution_count": count})
        # A message without a parent is shown by next to no client, so the first cell of the user carries it; what
        # frontends run for themselves is not stored.
        if cell.store_history and (notice := kernel.core.take_crash_notice()) is not None:
            kernel.core.write_stream("stderr", notice, parent=request)
    slot = kernel.core.begin_cell(request, count, cell.code)
    try:
        content = shell.run_cell(cell)
    finally:
        kernel.core.end_cell(slot)
    try:
        status, encoded = str(content["status"]), wire_json.encode(content)
    except Exception as error:  # A reply without a status, or with something that JSON cannot hold.
        log.exception("%s has no valid reply", request.msg_type)
        status, encoded = "error", wire_json.encode(_error_content(error))
    if status == "error" and cell.stop_on_error and not cell.silent:
        shell.queue.abort_pending(request, kernel.stop_on_error_timeout)
    request.reply_to_cell(encoded, status, started)


def _cell(request: Request) -> Cell:
    content = decode_object(request.content, "content")
    silent = bool(content.get("silent", False))
    return Cell(
        request,
        code=field(content, "code", str),
        silent=silent,
        store_history=not silent and bool(content.get("store_history", True)),
        user_expressions=field(content, "user_expressions", dict, {}) or {},
        allow_stdin=bool(content.get("allow_stdin", False)),
        stop_on_error=bool(content.get("stop_on_error", True)),
        metadata=_metadata(request),
    )


def _metadata(request: Request) -> dict[str, Any]:
    data = request.metadata
    return {} if data == b"{}" else decode_object(data, "metadata")


def _reply_error(request: Request, error: BaseException) -> None:
    try:
        request.reply(wire_json.encode(_error_content(error)))
    except AlreadyRepliedError:
        log.warning("%s failed after its reply: %s", request.msg_type, error)


def _error_content(error: BaseException) -> Content:
    return {
        "status": "error",
        "ename": type(error).__name__,
        "evalue": str(error),
        "traceback": [],
    }


def _complete(request: Request, content: Content, kernel: Kernel) -> Content:
    code = field(content, "code", str)
    return kernel.interpreter.complete(code, _position(content, code))


def _inspect(request: Request, content: Content, kernel: Kernel) -> Content:
    code = field(content, "code", str)
    return kernel.interpreter.inspect(
        code,
        _position(content, code),
        field(content, "detail_level", int, 0),
        field(content, "omit_sections", (list, tuple), ()),
    )


def _position(content: Content, code: str) -> int:
    position = field(content, "cursor_pos", int, None)
    return len(code) if position is None else max(0, min(position, len(code)))


def _is_complete(request: Request, content: Content, kernel: Kernel) -> Content:
    return kernel.interpreter.is_complete(field(content, "code", str))


def _history(request: Request, content: Content, kernel: Kernel) -> Content:
    for name in ("n", "session", "start", "stop"):
        field(content, name, int, None)
    field(content, "pattern", str, None)
    return kernel.interpreter.history(content)


def _comm_info(request: Request, content: Content, kernel: Kernel) -> Content:
    return kernel.interpreter.comm_info(field(content, "target_name", str, None))


def _comm(request: Request, content: Content, kernel: Kernel) -> None:
    kernel.interpreter.comm(
        CommMessage(
            request=request,
            msg_type=request.msg_type,
            content=content,
            metadata=decode_object(request.metadata, "metadata"),
            buffers=request.buffers,
        )
    )


def _debug(request: Request, content: Content, kernel: Kernel) -> Content:
    return kernel.interpreter.debug(content)


HANDLERS: dict[str, Callable[[Request, Content, Kernel], Content | None]] = {
    "complete_request": _complete,
    "inspect_request": _inspect,
    "is_complete_request": _is_complete,
    "history_request": _history,
    "comm_info_request": _comm_info,
    "comm_open": _comm,
    "comm_msg": _comm,
    "comm_close": _comm,
    "debug_request": _debug,
}
