"""A frontend's half of a debugging session: requests numbered, replies awaited, events in order."""

from __future__ import annotations

from typing import Any

from frontend import DEADLINE, Exchange, Frontend, Message

Json = dict[str, Any]

INITIALIZE = {
    "clientID": "jupyterlab",
    "clientName": "JupyterLab",
    "adapterID": "python",
    "pathFormat": "path",
    "linesStartAt1": True,
    "columnsStartAt1": True,
    "supportsVariableType": True,
    "supportsVariablePaging": True,
    "supportsRunInTerminalRequest": True,
    "locale": "en",
}


class DebugFrontend:
    """Sends DAP requests through `frontend`."""

    def __init__(self, frontend: Frontend) -> None:
        self.frontend = frontend
        self._last_seq = 0
        self._seen = 0
        self._events: list[Json] = []
        file = frontend._file

        def file_and_note(message: Message) -> None:
            if message.msg_type == "debug_event":
                self._events.append(message.content)
            file(message)

        frontend._file = file_and_note  # type: ignore[method-assign]

    def send(self, command: str, **arguments: Any) -> Exchange:
        """Send one request."""
        self._last_seq += 1
        content = {
            "type": "request",
            "seq": self._last_seq,
            "command": command,
            "arguments": arguments,
        }
        return self.frontend.request("debug_request", content, channel="control")

    def response(self, command: str, **arguments: Any) -> Json:
        """The response to one request, whatever it says."""
        return self.send(command, **arguments).reply.content

    def ask(self, command: str, **arguments: Any) -> Json:
        """The body of the response to one request, which must succeed."""
        response = self.response(command, **arguments)
        assert response["success"], response
        assert response["type"] == "response"
        assert response["command"] == command
        assert response["request_seq"] == self._last_seq
        return response.get("body", {})

    # -- a session --------------------------------------------------------------------------------

    def start(self) -> None:
        """Open a session, as JupyterLab does when its debugger is switched on."""
        self.ask("initialize", **INITIALIZE)
        self.ask("attach")

    def disconnect(self) -> None:
        """Close the session."""
        self.ask("disconnect", restart=False, terminateDebuggee=False)

    def dump(self, code: str) -> str:
        """Have the kernel write a cell to its file; returns the path."""
        path: str = self.ask("dumpCell", code=code)["sourcePath"]
        return path

    def break_at(self, code: str, *lines: int) -> str:
        """Set breakpoints in a cell; returns the path of its file."""
        path = self.dump(code)
        found = self.ask(
            "setBreakpoints",
            breakpoints=[{"line": line} for line in lines],
            source={"path": path},
            sourceModified=False,
        )
        assert [item["line"] for item in found["breakpoints"]] == list(lines)
        assert all(item["verified"] for item in found["breakpoints"])
        self.ask("configurationDone")
        return path

    def run_to(self, code: str, *lines: int) -> tuple[Exchange, Json]:
        """Run a cell with breakpoints and wait for the first stop: the cell and the top frame."""
        self.break_at(code, *lines)
        cell = self.frontend.execute(code)
        return cell, self.stopped_frame()

    # -- events -----------------------------------------------------------------------------------

    def events(self, name: str | None = None) -> list[Json]:
        """The content of every `debug_event` so far, in the order of arrival."""
        return [event for event in self._events if name in (None, event["event"])]

    def wait_for_event(self, name: str) -> Json:
        """Wait for the next event of this name that no call has returned yet."""

        def position() -> int | None:
            events = self.events()
            return next(
                (n for n in range(self._seen, len(events)) if events[n]["event"] == name), None
            )

        self.frontend.wait_for(lambda: position() is not None, f"the event {name}", DEADLINE)
        found = position()
        assert found is not None
        self._seen = found + 1
        return self.events()[found]

    def stopped_frame(self) -> Json:
        """Wait for the next stop; the top frame of the stopped thread, with its `threadId`."""
        thread = self.wait_for_event("stopped")["body"]["threadId"]
        frames = self.ask("stackTrace", threadId=thread)["stackFrames"]
        return {**frames[0], "threadId": thread, "depth": len(frames)}

    def resume(self, frame: Json, command: str = "continue") -> None:
        """Let the stopped thread go on."""
        self.ask(command, threadId=frame["threadId"])

    # -- values -----------------------------------------------------------------------------------

    def scope(self, frame: Json, name: str) -> dict[str, Json]:
        """The variables of one scope of a frame, by name."""
        scopes = self.ask("scopes", frameId=frame["id"])["scopes"]
        (reference,) = (item["variablesReference"] for item in scopes if item["name"] == name)
        return self.children(reference)

    def children(self, reference: int) -> dict[str, Json]:
        """Variables by name."""
        found = self.ask("variables", variablesReference=reference)["variables"]
        return {item["name"]: item for item in found}

    def ask_rich(self, name: str, **arguments: Any) -> Json:
        """The rich representation of a variable."""
        response = self.response("richInspectVariables", variableName=name, **arguments)
        assert response["success"], response
        body: Json = response["body"]
        return body

    def evaluate(self, frame: Json, expression: str) -> str:
        """What an expression is worth in a frame."""
        body = self.ask("evaluate", expression=expression, frameId=frame["id"], context="repl")
        result: str = body["result"]
        return result
