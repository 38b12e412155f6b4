"""The debugger as a frontend sees it: each `debug_request` holds a DAP request, each reply its response.

Some commands are answered here at any time, some need a session (from `initialize` to `disconnect`), and whatever
else there is goes to debugpy. Requests come one at a time, on the control thread; events come on the connection's
thread and are published with the newest request as parent.

`stopped` is published only after debugpy was asked which threads there are: a frontend that sees it asks at once for
`debugInfo`. Events that follow wait behind it.
"""

from __future__ import annotations

import atexit
import logging
import os
import threading
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ipyrust.debugger import rich, sources
from ipyrust.debugger.adapter import Adapter
from ipyrust.debugger.attachment import Attachment, DebuggerMissingError, adapter_directory
from ipyrust.debugger.cells import (
    HASH_METHOD,
    HASH_SEED,
    SUFFIX,
    CellFiles,
    cell_directory,
    cell_file_name,
)
from ipyrust.debugger.connection import DebuggerGoneError, ReplyTimeoutError
from ipyrust.debugger.hidden_threads import hide
from ipyrust.debugger.replies import (
    Content,
    Json,
    RequestError,
    argument,
    failure,
    relayed,
    success,
)
from ipyrust.debugger.variables import VariableExplorer, shown
from ipyrust.ipython.kernel_traits import kernel_trait

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

log = logging.getLogger("ipyrust")

REPLY_TIMEOUT = 30.0
"""Seconds that debugpy may take for an answer."""
EVALUATION_TIMEOUT = 300.0
"""… for one that runs the user's code."""
EVALUATING = {"evaluate", "setExpression", "setVariable", "completions"}
MAX_HELD_EVENTS = 1000
KERNEL_PACKAGES = ("ipyrust", "ipyrust_core", "IPython", "traitlets", "debugpy", "asyncio")
"""Packages between the process's start and a cell's first line."""
NOT_STARTED = "the debugger has not been started: send `initialize` first"

Handler = Callable[[Content], Json]


class Debugger:
    """Answers debug requests, and holds the state of a session."""

    def __init__(
        self,
        shell: InteractiveShell,
        *,
        publish_event: Callable[[Json], None],
        kernel_modules: frozenset[str],
    ) -> None:
        """`publish_event` publishes one `debug_event`; `kernel_modules` are not to be stepped into."""
        self._shell = shell
        self._publish_event = publish_event
        self._kernel_modules = kernel_modules
        self._adapter: Adapter | None = None
        self._attachment = Attachment()
        self._files = CellFiles()
        self._breakpoints: dict[str, list[Json]] = {}
        self._stopped_threads: set[int] = set()
        self._explorer: VariableExplorer | None = None
        self._held: deque[Json] | None = None
        self._leading_lines: tuple[int, Any] | None = None
        self._always: dict[str, Handler] = {
            "initialize": self._initialize,
            "debugInfo": self._debug_info,
            "inspectVariables": self._inspect_variables,
            "richInspectVariables": self._rich_inspect_variables,
            "copyToGlobals": self._copy_to_globals,
            "modules": self._modules,
            "disconnect": self._disconnect,
        }
        self._in_session: dict[str, Handler] = {
            "attach": self._attach,
            "configurationDone": success_with_seq,
            "dumpCell": self._dump_cell,
            "setBreakpoints": self._set_breakpoints,
            "source": self._source,
            "variables": self._variables,
        }
        shell.events.register("pre_execute", self._attachment.before_cell)
        atexit.register(self._files.remove)

    @property
    def is_started(self) -> bool:
        """Whether a session is open."""
        return self._adapter is not None

    def handle(self, request: Content) -> Json:
        """Answer one request. Whatever goes wrong becomes a response that says so."""
        hide(threading.current_thread())
        command = request.get("command", "")
        handler = self._always.get(command)
        if handler is None:
            if not self.is_started and command != "variables":
                return failure(request, NOT_STARTED)
            handler = self._in_session.get(command, self._forward)
        try:
            return handler(request)
        except (RequestError, DebuggerMissingError, OSError) as error:
            return failure(request, str(error))
        except ReplyTimeoutError as error:
            return failure(request, f"debugpy did not answer: {error}")
        except DebuggerGoneError as error:
            return failure(request, f"the debugging session has ended: {error}")

    def close(self) -> None:
        """End the session, if there is one, and remove what it left behind."""
        self._end_session()
        self._shell.events.unregister("pre_execute", self._attachment.before_cell)
        atexit.unregister(self._files.remove)

    # -- the session -------------------------------------------------------------------------

    def _initialize(self, request: Content) -> Json:
        if self._adapter is not None:
            return self._forward(request)
        self._adapter = Adapter(
            adapter_directory(), on_event=self._on_event, on_close=self._on_close
        )
        started = False
        try:
            self._keep_leading_lines()
            response = self._forward(request)
            started = bool(response["success"])
        finally:
            if not started:
                self._end_session()
        return response

    def _attach(self, request: Content) -> Json:
        arguments = dict(request.get("arguments") or {})
        for name in ("connect", "host", "port", "processId", "subProcessId"):
            arguments.pop(name, None)
        arguments["listen"] = {"host": "127.0.0.1", "port": 0}
        if not kernel_trait(self._shell.config, "debug_just_my_code", False):
            arguments["debugOptions"] = ["DebugStdLib"]
        if kernel_trait(self._shell.config, "filter_internal_frames", True):
            arguments["rules"] = sources.exclusion_rules(self._kernel_modules, KERNEL_PACKAGES)
        response = self._forward({**request, "arguments": arguments})
        if response["success"]:
            self._attachment.attached(REPLY_TIMEOUT)
        return response

    def _disconnect(self, request: Content) -> Json:
        if self._adapter is None:
            return success_with_seq(request)
        arguments = {**(request.get("arguments") or {}), "terminateDebuggee": False}
        try:
            return self._forward({**request, "arguments": arguments})
        finally:
            self._end_session()

    def _end_session(self) -> None:
        adapter, self._adapter = self._adapter, None
        if adapter is not None:
            try:
                self._attachment.detach()
            finally:
                adapter.stop()
        self._breakpoints = {}
        self._stopped_threads = set()
        self._explorer = None
        self._restore_leading_lines()
        self._files.remove()

    def _keep_leading_lines(self) -> None:
        """Empty lines at the top of a cell count for the frontend, so they must for the compiler."""
        from IPython.core.inputtransformer2 import leading_empty_lines

        transforms: list[Any] = self._shell.input_transformer_manager.cleanup_transforms
        if leading_empty_lines in transforms:
            self._leading_lines = transforms.index(leading_empty_lines), leading_empty_lines
            transforms.remove(leading_empty_lines)

    def _restore_leading_lines(self) -> None:
        if self._leading_lines is not None:
            self._shell.input_transformer_manager.cleanup_transforms.insert(*self._leading_lines)
            self._leading_lines = None

    # -- requests ----------------------------------------------------------------------------

    def _forward(self, request: Content) -> Json:
        """Let debugpy answer."""
        if self._adapter is None:
            raise RequestError(NOT_STARTED)
        command = str(request.get("command", ""))
        timeout = EVALUATION_TIMEOUT if command in EVALUATING else REPLY_TIMEOUT
        response = self._adapter.connection.request(command, request.get("arguments"), timeout)
        return relayed(request, response)

    def _debug_info(self, request: Content) -> Json:
        return success(
            request,
            {
                "isStarted": self.is_started,
                "hashMethod": HASH_METHOD,
                "hashSeed": HASH_SEED,
                "tmpFilePrefix": cell_directory() + os.sep,
                "tmpFileSuffix": SUFFIX,
                "breakpoints": [
                    {"source": source, "breakpoints": breakpoints}
                    for source, breakpoints in self._breakpoints.items()
                ],
                "stoppedThreads": sorted(self._stopped_threads),
                "richRendering": True,
                "exceptionPaths": ["Python Exceptions"],
                "copyToGlobals": True,
            },
        )

    def _dump_cell(self, request: Content) -> Json:
        path = self._files.write(argument(request, "code", str))
        return success(request, {"sourcePath": path})

    def _set_breakpoints(self, request: Content) -> Json:
        path = argument(request, "source", dict).get("path")
        wanted = argument(request, "breakpoints", list)
        response = self._forward(request)
        if response["success"]:
            found = response.get("body", {}).get("breakpoints", [])
            # debugpy may have moved them to lines that have code.
            self._breakpoints[str(path)] = [
                {**asked, "line": set_["line"]}
                for asked, set_ in zip(wanted, found, strict=False)
                if "line" in set_
            ]
        return response

    def _source(self, request: Content) -> Json:
        text = sources.read_source(str(argument(request, "source", dict).get("path")))
        if text is None:
            return failure(request, "source unavailable", {})
        return success(request, {"content": text})

    def _variables(self, request: Content) -> Json:
        reference = argument(request, "variablesReference", int)
        if self._stopped_threads:
            response = self._forward(request)
            if response["success"]:
                response["body"]["variables"] = shown(response["body"]["variables"])
            return response
        if self._explorer is None:
            raise RequestError("nothing is stopped, and inspectVariables was not sent before")
        return with_seq(success(request, {"variables": shown(self._explorer.children(reference))}))

    def _inspect_variables(self, request: Content) -> Json:
        self._explorer = VariableExplorer(self._shell.user_ns, cell_file_name("sys._getframe()"))
        return with_seq(success(request, {"variables": shown(self._explorer.variables())}))

    def _rich_inspect_variables(self, request: Content) -> Json:
        name = argument(request, "variableName", str)
        if not name.isidentifier():
            body = rich.body({}, {})
            if name in rich.GROUPS:
                return success(request, body)
            return failure(request, f"{name!r:.80} is not the name of a variable", body)
        frame = (request.get("arguments") or {}).get("frameId")
        if not self._stopped_threads or frame is None:
            return success(request, rich.of_global(self._shell, name))
        arguments = {
            "expression": rich.expression_for(name),
            "frameId": frame,
            "context": "clipboard",
        }
        response = self._forward({**request, "command": "evaluate", "arguments": arguments})
        text = response.get("body", {}).get("result", "") if response["success"] else ""
        return success(request, rich.decoded(text))

    def _copy_to_globals(self, request: Content) -> Json:
        target = argument(request, "dstVariableName", str)
        source = argument(request, "srcVariableName", str)
        if not target.isidentifier() or not source.isidentifier():
            return failure(request, "dstVariableName and srcVariableName must be valid identifiers")
        arguments = {
            "expression": f"globals()[{target!r}]",
            "value": source,
            "frameId": argument(request, "srcFrameId", int),
        }
        response = self._forward({**request, "command": "setExpression", "arguments": arguments})
        return relayed(request, response)

    def _modules(self, request: Content) -> Json:
        return success(request, sources.list_modules(request.get("arguments") or {}))

    # -- events, on the connection's thread --------------------------------------------------

    def _on_event(self, event: Json) -> None:
        if self._held is not None and len(self._held) < MAX_HELD_EVENTS:
            self._held.append(event)
            return
        name, body = event.get("event"), event.get("body") or {}
        if name == "stopped" and body.get("allThreadsStopped"):
            self._held = deque([event])
            self._send("threads", self._on_threads)
            return
        if name == "stopped":
            self._stopped_threads |= {body["threadId"]}
        elif name == "continued":
            gone = self._stopped_threads if body.get("allThreadsContinued") else {body["threadId"]}
            self._stopped_threads = self._stopped_threads - gone
        elif name == "debugpyWaitingForServer":
            self._attachment.connect(body["host"], body["port"])
        elif name == "initialized":
            self._send("configurationDone", lambda _reply: None)
        self._publish_event(event)

    def _send(self, command: str, on_reply: Callable[[Json | None], None]) -> None:
        adapter = self._adapter
        if adapter is not None:
            adapter.connection.send(command, None, on_reply)
        else:
            on_reply(None)

    def _on_threads(self, reply: Json | None) -> None:
        """Publish the `stopped` event that waited for this, and what came after it."""
        held, self._held = self._held or deque(), None
        stopped = held.popleft()
        threads = reply.get("body", {}).get("threads", []) if reply else []
        self._stopped_threads = {thread["id"] for thread in threads} | {stopped["body"]["threadId"]}
        self._publish_event(stopped)
        for event in held:
            self._on_event(event)

    def _on_close(self) -> None:
        """The adapter has ended: by `disconnect`, or by itself, and then nothing may stay stopped."""
        if self._adapter is not None:
            log.warning("debugpy's adapter ended; the debugging session is over")
            self._end_session()
            self._publish_event({"type": "event", "event": "terminated", "seq": 0, "body": {}})


def with_seq(response: Json) -> Json:
    """The response with a `seq`, where ipykernel's has one."""
    return {"seq": response["request_seq"], **response}


def success_with_seq(request: Content) -> Json:
    """A positive response without a body."""
    return with_seq(success(request))
