"""stack_request: where a kernel is that does not come back."""

import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from frontend import (
    Exchange,
    Frontend,
    Gate,
    KernelProcess,
    busy,
    execute_input,
    idle,
    reply,
    result,
    stdout,
)

HOLD_GIL = """\
import ctypes, sys
sys.setswitchinterval(1000)  # From here on no other thread gets its turn.
print('go')
while True: ctypes.PyDLL(None).sleep(1000)  # A signal's handler ends one sleep.
"""

PLACES = {
    "loop": ("def spin():\n    print('go', flush=True)\n    while True: pass\nspin()", "spin"),
    "sleep": ("import time\nprint('go', flush=True)\ntime.sleep(1000)", "<module>"),
    "await": (
        (
            "import asyncio\nasync def wait():\n    print('go', flush=True)\n"
            "    await asyncio.sleep(1000)\nawait wait()"
        ),
        "wait",
    ),
}


def stacks(frontend: Frontend) -> dict[str, Any]:
    """The reply's content."""
    return frontend.request("stack_request", channel="control").reply.content


def cell_thread(content: dict[str, Any]) -> dict[str, Any]:
    """The one thread that runs a cell."""
    (thread,) = [thread for thread in content["threads"] if thread["cell"] is not None]
    return thread


def own_functions(thread: dict[str, Any]) -> list[str]:
    """The functions of a thread that cells define, the innermost first."""
    return [frame["function"] for frame in thread["frames"] if frame["cell"] is not None]


def begin(frontend: Frontend, code: str) -> Exchange:
    """Run a cell until it has said that it got going."""
    cell = frontend.execute(code)
    cell.reaches(stdout("go\n"))
    return cell


@pytest.fixture
def stuck(
    start_kernel: Callable[..., KernelProcess], connect: Callable[[KernelProcess], Frontend]
) -> Frontend:
    """A client of a kernel that nobody will ask anything after the test."""
    return connect(start_kernel())


@pytest.mark.parametrize("place", PLACES)
def test_a_busy_kernel_tells_where_it_is(frontend: Frontend, place: str) -> None:
    code, function = PLACES[place]
    cell = begin(frontend, code)
    content = stacks(frontend)
    assert (content["status"], content["more_threads"]) == ("ok", 0)
    thread = cell_thread(content)
    assert thread["name"] == "MainThread"
    assert own_functions(thread)[0] == function
    (running,) = content["cells"]
    assert (running["msg_id"], running["thread"]) == (cell.msg_id, thread["id"])
    assert running["execution_count"] == thread["cell"]
    frontend.interrupt()
    cell.finish()


def test_the_request_has_its_statuses(frontend: Frontend) -> None:
    frontend.request("stack_request", channel="control").sees(busy, reply("ok"), idle)


def test_an_idle_kernel_runs_no_cell(frontend: Frontend) -> None:
    content = stacks(frontend)
    assert content["cells"] == [] and not any(each["cell"] for each in content["threads"])


def test_threads_have_their_names(fresh: Frontend) -> None:
    fresh.run(
        "import threading\nstop = threading.Event()\n"
        "threading.Thread(target=stop.wait, name='the waiter', daemon=True).start()"
    )
    names = [thread["name"] for thread in stacks(fresh)["threads"]]
    assert {"MainThread", "the waiter"} <= set(names)


def test_names_that_are_no_unicode_do_not_hide_the_stacks(fresh: Frontend) -> None:
    fresh.run(
        "import threading\nstop = threading.Event()\n"
        "code = compile('def wait(): stop.wait()', 'a\\udcff.py', 'exec')\nexec(code)\n"
        "threading.Thread(target=wait, name='\\udc80', daemon=True).start()"
    )
    content = stacks(fresh)
    assert (content["status"], content["source"]) == ("ok", "python")
    assert "?" in [thread["name"] for thread in content["threads"]]
    assert fresh.kernel.stderr == ""


def test_functions_of_earlier_cells_have_their_number(fresh: Frontend) -> None:
    fresh.run("def earlier():\n    print('go', flush=True)\n    while True: pass")
    begin(fresh, "earlier()")
    frames = cell_thread(stacks(fresh))["frames"][:2]
    assert [(each["cell"], each["function"]) for each in frames] == [
        (1, "earlier"),
        (2, "<module>"),
    ]
    fresh.interrupt()


def test_a_subshell_tells_where_it_is(fresh: Frontend) -> None:
    answer = fresh.request("create_subshell_request", channel="control").reply.content
    content = {"code": PLACES["loop"][0], "silent": False}
    cell = fresh.request("execute_request", content, header={"subshell_id": answer["subshell_id"]})
    cell.reaches(stdout("go\n"))
    thread = cell_thread(stacks(fresh))
    assert thread["name"].startswith("ipyrust-subshell") and own_functions(thread)[0] == "spin"
    fresh.interrupt()


def test_a_kernel_whose_c_code_holds_the_gil_tells_where_it_is(stuck: Frontend) -> None:
    begin(stuck, HOLD_GIL)
    request = stuck.request("stack_request", channel="control")
    request.sees(busy, reply("ok"), idle)
    content = request.reply.content
    assert content["source"] == "signal" and "GIL" in content["note"]
    thread = cell_thread(content)
    assert (thread["name"], own_functions(thread)) == ("MainThread", ["<module>"])
    assert thread["frames"][0]["line"] == 4


@pytest.mark.parametrize(
    "spoil",
    [
        "import signal; _ = signal.signal(signal.SIGQUIT, lambda *_: None)",
        "import signal; _ = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGQUIT])",
        "import faulthandler; _ = faulthandler.unregister(3)",
    ],
    ids=["handled", "blocked", "unregistered"],
)
def test_without_the_signal_the_answer_is_an_error(stuck: Frontend, spoil: str) -> None:
    stuck.run(spoil)
    cell = begin(stuck, HOLD_GIL)
    content = stacks(stuck)
    assert (content["status"], content["ename"]) == ("error", "StackError")
    assert "Python does not answer" in content["evalue"]
    assert not cell.is_idle


def test_user_code_has_the_signal_if_it_wants_it(fresh: Frontend) -> None:
    fresh.run(
        "import signal; got = []; _ = signal.signal(signal.SIGQUIT, lambda *_: got.append(1))"
    )
    fresh.kernel.popen.send_signal(signal.SIGQUIT)
    fresh.wait_for(lambda: fresh.value("got") == "[1]", "the handler of user code")
    cell = begin(fresh, PLACES["sleep"][0])
    assert stacks(fresh)["source"] == "python"
    fresh.interrupt()
    cell.finish()
    assert fresh.value("got") == "[1]"


def test_the_signal_writes_the_stacks_to_the_log(stuck: Frontend) -> None:
    begin(stuck, HOLD_GIL)
    stuck.kernel.popen.send_signal(signal.SIGQUIT)
    expected = "most recent call first"
    stuck.wait_for(lambda: expected in stuck.kernel.stderr, "stacks on the process's own stderr")


def test_a_kernel_that_still_imports_tells_where_it_is(
    start_kernel: Callable[..., KernelProcess],
    connect: Callable[[KernelProcess], Frontend],
    gate: Gate,
    tmp_path: Path,
) -> None:
    """Nobody but the handler of the signal can tell: the control thread waits for the interpreter."""
    block = (
        "import sys\nclass Block:\n    def find_spec(self, name, path=None, target=None):\n"
        "        if name == 'IPython' and self in sys.meta_path:\n"
        f"            sys.meta_path.remove(self)\n            {gate.wait}\n"
        "sys.meta_path.insert(0, Block())\n"
    )
    (tmp_path / "sitecustomize.py").write_text(block)
    path = os.pathsep.join(filter(None, [str(tmp_path), os.environ.get("PYTHONPATH")]))
    client = connect(start_kernel(env={"PYTHONPATH": path}))

    def is_importing() -> bool:
        content = stacks(client)
        frames = [frame for thread in content.get("threads", []) for frame in thread["frames"]]
        return any(frame["function"] == "find_spec" for frame in frames)

    client.wait_for(is_importing, "a stack with the import")
    gate.open()


def test_too_many_requests_are_refused(stuck: Frontend) -> None:
    begin(stuck, HOLD_GIL)
    requests = [stuck.request("stack_request", channel="control") for _ in range(40)]
    statuses = {request.reply.content.get("ename", "ok") for request in requests}
    assert "ok" in statuses and statuses <= {"ok", "QueueFull"}


def test_shell_knows_no_such_request(frontend: Frontend) -> None:
    content = frontend.request("stack_request").reply.content
    assert content["ename"] == "UnknownMessageType"
    frontend.execute("1").sees(busy, execute_input, result("1"), reply("ok"), idle)


def test_the_feature_is_listed(frontend: Frontend) -> None:
    content = frontend.request("kernel_info_request", channel="control").reply.content
    assert "stack dumps" in content["supported_features"]
