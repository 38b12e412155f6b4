"""The kernel answers while Python cannot: C code holds the GIL, or IPython is still being imported."""

import os
import signal
from collections.abc import Callable
from pathlib import Path

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

HOLD_GIL = """
import ctypes
print("holding", flush=True)
ctypes.PyDLL(None).usleep(3_000_000)
"""

CAME = "came"
BLOCK_IMPORT = """
import sys

class Block:
    def find_spec(self, name, path=None, target=None):
        if name == {module!r} and self in sys.meta_path:
            sys.meta_path.remove(self)
            open({came!r}, "x").close()
            {wait}

sys.meta_path.insert(0, Block())
"""


@pytest.fixture
def holding(frontend: Frontend) -> Exchange:
    """A cell that holds the GIL in C."""
    cell = frontend.execute(HOLD_GIL)
    cell.reaches(stdout("holding\n"))
    return cell


def test_hearts_beat_while_the_gil_is_held(frontend: Frontend, holding: Exchange) -> None:
    assert frontend.heartbeat() == b"ping"
    frontend.receive(0)
    assert not holding.is_idle
    holding.finish()


@pytest.mark.parametrize("msg_type", ["kernel_info_request", "connect_request", "usage_request"])
def test_control_answers_while_the_gil_is_held(
    frontend: Frontend, holding: Exchange, msg_type: str
) -> None:
    frontend.request(msg_type, channel="control").sees(busy, reply, idle)
    assert not holding.is_idle
    holding.finish()


def test_an_interrupt_is_confirmed_while_the_gil_is_held(
    frontend: Frontend, holding: Exchange
) -> None:
    request = frontend.request("interrupt_request", channel="control")
    assert request.reply.content["status"] == "ok"
    assert not frontend.replies_to(holding.msg_id)
    assert holding.finish().reply.content["status"] == "error"


def test_a_subscriber_is_welcomed_while_the_gil_is_held(
    frontend: Frontend, holding: Exchange, connect: Callable[[KernelProcess], Frontend]
) -> None:
    connect(frontend.kernel)
    frontend.receive(0)
    assert not holding.is_idle
    holding.finish()


@pytest.fixture
def unimported(
    start_kernel: Callable[..., KernelProcess],
    connect: Callable[[KernelProcess], Frontend],
    gate: Gate,
    tmp_path: Path,
    request: pytest.FixtureRequest,
) -> Frontend:
    """A client of a kernel that waits at the gate when it imports IPython, or the module that is asked for."""
    module = getattr(request, "param", "IPython")
    (tmp_path / "sitecustomize.py").write_text(
        BLOCK_IMPORT.format(module=module, wait=gate.wait, came=str(tmp_path / CAME))
    )
    path = os.pathsep.join(filter(None, [str(tmp_path), os.environ.get("PYTHONPATH")]))
    return connect(start_kernel(env={"PYTHONPATH": path, "PYTHONSTARTUP": os.devnull}))


@pytest.mark.parametrize("channel", ["shell", "control"])
def test_kernel_info_is_answered_before_ipython_is_imported(
    unimported: Frontend, gate: Gate, channel: str
) -> None:
    request = unimported.request("kernel_info_request", channel=channel)
    seen = request.sees(busy, reply("ok"), idle)
    assert seen.reply and seen.reply.content["language_info"]["name"] == "python"
    gate.open()


def test_hearts_beat_before_ipython_is_imported(unimported: Frontend, gate: Gate) -> None:
    assert unimported.heartbeat() == b"ping"
    gate.open()


def test_a_cell_sent_before_ipython_is_imported_runs(unimported: Frontend, gate: Gate) -> None:
    cell = unimported.execute("print('at last')")
    unimported.request("kernel_info_request", channel="control").finish()
    assert not cell.is_idle
    gate.open()
    assert cell.finish().text() == "at last\n"


def test_a_kernel_shuts_down_before_ipython_is_imported(unimported: Frontend) -> None:
    request = unimported.request("shutdown_request", {"restart": False}, channel="control")
    assert request.reply.content == {"status": "ok", "restart": False}
    assert unimported.kernel.wait() == 0


@pytest.mark.parametrize("how", ["by_message", "by_signal"])
@pytest.mark.parametrize("count", [1, 20])
@pytest.mark.parametrize("unimported", ["IPython", "IPython.core.application"], indirect=True)
def test_interrupts_before_ipython_is_imported_hit_nothing(
    unimported: Frontend, gate: Gate, tmp_path: Path, how: str, count: int
) -> None:
    unimported.wait_for((tmp_path / CAME).exists, "the import")
    for _ in range(count):
        if how == "by_message":
            unimported.interrupt()
        else:
            unimported.kernel.signal_group(signal.SIGINT)
            unimported.heartbeat()
    gate.open()
    cell = unimported.execute("1 + 1")
    cell.sees(busy, execute_input, result("2"), reply("ok"), idle)
