"""A debugging session from its start to its end, as JupyterLab drives it."""

import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from debugger.dap import INITIALIZE, DebugFrontend
from frontend import Frontend, KernelProcess, busy, execute_input, idle, reply, result, stdout
from security.strangers import children

parity = pytest.mark.parity

CODE = """\
def add(a, b):
    total = a + b
    return total

name = 'é世界🦀'
add(2, 3)
"""


@parity
def test_debug_info_before_a_session(debug: DebugFrontend) -> None:
    body = debug.ask("debugInfo")
    assert body.pop("tmpFilePrefix").endswith(f"/ipykernel_{debug.frontend.kernel.pid}/")
    assert body == {
        "isStarted": False,
        "hashMethod": "Murmur2",
        "hashSeed": 0xC70F6907,
        "tmpFileSuffix": ".py",
        "breakpoints": [],
        "stoppedThreads": [],
        "richRendering": True,
        "exceptionPaths": ["Python Exceptions"],
        "copyToGlobals": True,
    }


def test_debugpy_is_imported_by_initialize_and_not_before(debug: DebugFrontend) -> None:
    debug.ask("debugInfo")
    assert debug.frontend.request("kernel_info_request").reply.content["status"] == "ok"
    imported = "[m for m in __import__('sys').modules if 'debugpy' in m or 'pydevd' in m]"
    assert debug.frontend.value(imported) == "[]"
    debug.ask("initialize", **INITIALIZE)
    assert "debugpy" in debug.frontend.value(imported)


def test_the_kernel_says_that_it_has_a_debugger(debug: DebugFrontend) -> None:
    content = debug.frontend.request("kernel_info_request").reply.content
    assert "debugger" in content["supported_features"]


@parity
@pytest.mark.every_transport
def test_a_whole_session(debug: DebugFrontend) -> None:
    capabilities = debug.ask("initialize", **INITIALIZE)
    assert capabilities["supportsSetExpression"] and capabilities["supportsConditionalBreakpoints"]
    debug.ask("attach")
    cell, frame = debug.run_to(CODE, 2)
    assert (frame["name"], frame["line"], frame["depth"]) == ("add", 2, 2)
    assert debug.ask("debugInfo")["stoppedThreads"][0] == frame["threadId"]
    assert {"id": 1, "name": "MainThread"} in debug.ask("threads")["threads"]
    assert {name: item["value"] for name, item in debug.scope(frame, "Locals").items()} == {
        "a": "2",
        "b": "3",
    }
    assert debug.evaluate(frame, "a * 10") == "20"
    debug.resume(frame, "next")
    frame = debug.stopped_frame()
    assert frame["line"] == 3
    assert debug.evaluate(frame, "total") == "5"
    debug.resume(frame)
    debug.wait_for_event("continued")
    cell.sees(busy, execute_input, result("5"), reply("ok"), idle)
    assert debug.ask("debugInfo")["stoppedThreads"] == []
    debug.disconnect()
    debug.wait_for_event("terminated")
    assert debug.ask("debugInfo")["isStarted"] is False


@parity
def test_events_have_the_newest_debug_request_as_parent(attached: DebugFrontend) -> None:
    attached.break_at(CODE, 2)
    newest = attached.send("setExceptionBreakpoints", filters=[])
    assert newest.reply.content["success"]
    attached.frontend.execute(CODE)
    attached.wait_for_event("stopped")
    events = [m.content["event"] for m in newest.published if m.msg_type == "debug_event"]
    assert "stopped" in events


@parity
def test_debug_info_knows_the_breakpoints(attached: DebugFrontend) -> None:
    path = attached.break_at(CODE, 2, 6)
    assert attached.ask("debugInfo")["breakpoints"] == [
        {"source": path, "breakpoints": [{"line": 2}, {"line": 6}]}
    ]


@parity
def test_non_ascii_source_comes_back_whole(attached: DebugFrontend) -> None:
    path = attached.dump(CODE)
    assert attached.ask("source", source={"path": path})["content"] == CODE
    missing = attached.response("source", source={"path": "/nowhere.py"})
    assert (missing["success"], missing["message"]) == (False, "source unavailable")


@parity
def test_non_ascii_values(attached: DebugFrontend) -> None:
    code = "größe = '世界🦀' * 50\nprint(größe[:1])"
    cell, frame = attached.run_to(code, 2)
    assert attached.scope(frame, "Globals")["größe"]["value"] == repr("世界🦀" * 50)
    attached.resume(frame)
    cell.sees(busy, execute_input, stdout("世\n"), reply("ok"), idle)


@parity
def test_empty_lines_at_the_top_of_a_cell_count(attached: DebugFrontend) -> None:
    _, frame = attached.run_to("\n\nx = 1\ny = 2\n", 4)
    assert frame["line"] == 4


@parity
def test_a_session_can_be_opened_again(attached: DebugFrontend) -> None:
    for _ in range(2):
        cell, frame = attached.run_to(CODE, 2)
        attached.resume(frame)
        cell.sees(busy, execute_input, result("5"), reply("ok"), idle)
        attached.disconnect()
        cell = attached.frontend.execute(CODE)
        cell.sees(busy, execute_input, result("5"), reply("ok"), idle)
        attached.start()


def test_disconnecting_lets_a_stopped_cell_go_on(attached: DebugFrontend) -> None:
    cell, _ = attached.run_to(CODE, 2)
    attached.disconnect()
    cell.sees(busy, execute_input, result("5"), reply("ok"), idle)


def test_a_client_cannot_end_the_kernel_by_disconnecting(attached: DebugFrontend) -> None:
    attached.ask("disconnect", restart=False, terminateDebuggee=True)
    attached.frontend.run("1 + 1")


def test_requests_may_overlap_and_have_equal_numbers(attached: DebugFrontend) -> None:
    _, frame = attached.run_to(CODE, 2)
    asked = {}
    for number in range(20):
        attached._last_seq = 100
        asked[number] = attached.send(
            "evaluate", expression=f"a + {number}", frameId=frame["id"], context="repl"
        )
    for number, exchange in asked.items():
        assert exchange.reply.content["body"]["result"] == str(2 + number)
        assert exchange.reply.content["request_seq"] == 101


def test_what_needs_a_session_says_so(debug: DebugFrontend) -> None:
    for command in ("attach", "stackTrace", "dumpCell", "evaluate"):
        response = debug.response(command)
        assert response["success"] is False
        assert "initialize" in response["message"]
    assert debug.response("disconnect")["success"]


@parity
def test_an_unknown_command_is_debugpys_to_refuse(attached: DebugFrontend) -> None:
    response = attached.response("nonsense")
    assert response["success"] is False
    assert "nonsense" in response["message"]


def test_bad_arguments_are_named(attached: DebugFrontend) -> None:
    response = attached.response("dumpCell", code=3)
    assert response["success"] is False
    assert "arguments.code" in response["message"]


def test_files_are_private_and_removed_on_disconnect(attached: DebugFrontend) -> None:
    path = Path(attached.dump(CODE))
    assert path.read_text() == CODE
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    attached.disconnect()
    assert not path.parent.exists()


def test_files_are_removed_at_the_end_of_the_kernel(attached: DebugFrontend) -> None:
    path = Path(attached.dump(CODE))
    attached.frontend.request("shutdown_request", {"restart": False}, channel="control")
    attached.frontend.kernel.wait()
    assert not path.parent.exists()


@parity
def test_tracebacks_name_cells_and_not_files(attached: DebugFrontend) -> None:
    code = "1/0"
    attached.dump(code)
    reply_content = attached.frontend.execute(code).reply.content
    assert "ipykernel_" not in "".join(reply_content["traceback"])


@pytest.mark.parametrize(
    ("arguments", "name"),
    [
        ((), "rgb_to_yiq"),
        (("--Kernel.debug_just_my_code=False",), "rgb_to_yiq"),
        (("--Kernel.debug_just_my_code=True",), "<module>"),
    ],
    ids=["default", "off", "on"],
)
def test_just_my_code_is_a_setting(
    start_kernel: Callable[..., KernelProcess],
    connect: Callable[[KernelProcess], Frontend],
    arguments: tuple[str, ...],
    name: str,
) -> None:
    """Without it, stepping in leads into a library."""
    client = connect(start_kernel(arguments=arguments))
    client.run("import colorsys")
    debug = DebugFrontend(client)
    debug.start()
    cell, frame = debug.run_to("colorsys.rgb_to_yiq(0, 0, 0)\n1\n", 1)
    debug.resume(frame, "stepIn")
    frame = debug.stopped_frame()
    assert frame["name"] == name
    debug.resume(frame)
    cell.sees(busy, execute_input, result("1"), reply("ok"), idle)


def test_no_port_stays_open(attached: DebugFrontend) -> None:
    """pydevd came in through one on loopback, which is closed behind it."""
    told = [event["body"]["sockets"] for event in attached.events("debugpySockets")]
    opened = {(item["host"], item["port"]) for sockets in told for item in sockets}
    assert opened and {host for host, _ in opened} == {"127.0.0.1"}
    assert not {port for _, port in opened} & listening_ports()
    assert told[-1] == []


def listening_ports() -> set[int]:
    """Ports of this machine on which somebody listens over IPv4."""
    lines = Path("/proc/net/tcp").read_text().splitlines()[1:]
    return {int(line.split()[1].partition(":")[2], 16) for line in lines if line.split()[3] == "0A"}


def test_no_thread_of_a_session_stays(attached: DebugFrontend) -> None:
    attached.disconnect()
    attached.frontend.run("1")
    names = attached.frontend.value("[t.name for t in __import__('threading').enumerate()]")
    assert "debug" not in names and "pydevd" not in names
    assert attached.frontend.value("__import__('sys').gettrace()") == "None"


def test_the_end_of_the_adapter_ends_the_session(attached: DebugFrontend) -> None:
    cell, _ = attached.run_to(CODE, 2)
    [adapter] = children(attached.frontend.kernel.pid)
    os.kill(adapter, 9)
    attached.wait_for_event("terminated")
    cell.sees(busy, execute_input, result("5"), reply("ok"), idle)
    assert attached.ask("debugInfo")["isStarted"] is False
    attached.start()
    _, frame = attached.run_to(CODE, 2)
    assert frame["line"] == 2
