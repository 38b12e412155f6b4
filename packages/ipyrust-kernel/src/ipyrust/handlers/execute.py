"""execute_request (messaging specification, "Execute").

A cell is transformed exactly once, when the core asks whether it may suspend; `execute` takes up what that left.
"""

from __future__ import annotations

import sys
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, NamedTuple

from IPython.core.async_helpers import _asyncio_runner, _should_be_async
from IPython.core.interactiveshell import ExecutionInfo, ExecutionResult

from ipyrust.ipython.shell import name_of, text_of

if TYPE_CHECKING:
    from ipyrust.ipython.running_cell import ShownErrors
    from ipyrust.ipython.shell import ZMQInteractiveShell
    from ipyrust_core.interpreter import Cell

Runner = Callable[[Awaitable[ExecutionResult]], ExecutionResult]


class PreparedCode(NamedTuple):
    """Code after IPython's input transformers."""

    code: str
    transformed: str
    failure: tuple[Any, Any, Any] | None
    """exc_info of a transformer that failed."""
    suspends: bool
    """Runs as a task of the kernel's own asyncio loop."""
    runner: Runner | None
    """Runs the cell instead, if another async library was chosen with %autoawait."""


def prepare(shell: ZMQInteractiveShell, code: str) -> PreparedCode:
    """Transform `code` and find out how it has to be run."""
    failure = None
    try:
        transformed = shell.transform_cell(code)
    except Exception:
        transformed, failure = code, sys.exc_info()
    if shell.trio_runner is not None:
        return PreparedCode(code, transformed, failure, False, shell.trio_runner)
    if failure is not None or not shell.autoawait or not awaits(transformed):
        return PreparedCode(code, transformed, failure, False, None)
    if shell.loop_runner is _asyncio_runner:
        return PreparedCode(code, transformed, failure, True, None)
    from ipyrust.ipython.runners import safe_runner

    runner = safe_runner(shell.loop_runner, shell.publisher.core.interrupt_wanted)
    return PreparedCode(code, transformed, failure, False, runner)


def awaits(code: str) -> bool:
    """Whether `code` awaits at the top level; only code that has one of the words is worth compiling for it."""
    return ("await" in code or "async" in code) and bool(_should_be_async(code))


async def execute(shell: ZMQInteractiveShell, cell: Cell, prepared: PreparedCode) -> dict[str, Any]:
    """Run one cell and return execute_reply's content."""
    if cell.request.subshell_id is None:
        shell.publisher.last.request = cell.request
    shell.publisher.streams.repair()
    with shell.cell(prepared.transformed, stored=cell.store_history) as running:
        result = await run(shell, cell, prepared)
        reply: dict[str, Any] = {"status": "ok", "execution_count": running.number - 1}
        if result.success and not running.shown.in_result:
            reply["user_expressions"] = (
                shell.user_expressions(dict(cell.user_expressions))  # type: ignore[no-untyped-call]
                if cell.user_expressions
                else {}
            )
        else:
            reply.update(error_content(shell, result, running.shown), user_expressions={})
        payloads: Any = shell.payload_manager
        reply["payload"] = payloads.take()
    shell.publisher.streams.flush_foreign()
    return reply


async def run(shell: ZMQInteractiveShell, cell: Cell, prepared: PreparedCode) -> ExecutionResult:
    """Run the cell with the events around it; whatever escapes IPython is shown and becomes part of the result."""
    result: ExecutionResult | None = None
    coroutine = shell.run_cell_async(
        cell.code,
        store_history=cell.store_history,
        silent=cell.silent,
        transformed_cell=prepared.transformed,
        preprocessing_exc_tuple=prepared.failure,
        cell_id=cell.cell_id,
        **shell.cell_meta_argument(cell.metadata),
    )
    try:
        try:
            result = prepared.runner(coroutine) if prepared.runner else await coroutine
        finally:
            shell.events.trigger("post_execute")
            if not cell.silent:
                shell.events.trigger("post_run_cell", result)
    except BaseException as error:
        shell.showtraceback(running_compiled_code=True)
        result = result or failed_result(shell, cell)
        result.error_in_exec = error
    return result


def failed_result(shell: ZMQInteractiveShell, cell: Cell) -> ExecutionResult:
    """The result of a cell that IPython did not finish."""
    return ExecutionResult(
        ExecutionInfo(cell.code, cell.store_history, cell.silent, True, cell.cell_id)
    )


def error_content(
    shell: ZMQInteractiveShell, result: ExecutionResult, shown: ShownErrors
) -> dict[str, Any]:
    """The error fields of the reply; makes sure that an `error` was published too, unless the user shows errors."""
    error = result.error_before_exec or result.error_in_exec or shown.error
    content = {
        "status": "error",
        "ename": name_of(type(error) if error is not None else None),
        "evalue": text_of(error),
        "traceback": shown.traceback or [],
    }
    is_told = shown.traceback is not None or shell.leaves_errors_to_user(error)
    if not is_told and content["ename"] != "BdbQuit":
        content["traceback"] = [f"{content['ename']}: {content['evalue']}"]
        fields = ("ename", "evalue", "traceback")
        shell.publisher.publish("error", {key: content[key] for key in fields})
    return content
