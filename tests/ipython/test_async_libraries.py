"""Trio and curio instead of asyncio: `%autoawait NAME`, and `--trio-loop`."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from frontend import (
    Frontend,
    KernelProcess,
    busy,
    error,
    execute_input,
    idle,
    reply,
    result,
    stdout,
)

Start = Callable[..., KernelProcess]
Connect = Callable[[KernelProcess], Frontend]
parity = pytest.mark.parity
ok = reply("ok")


@pytest.fixture(params=["trio", "curio"])
def library(request: pytest.FixtureRequest, fresh: Frontend) -> str:
    """The name of the library, which the kernel uses from now on."""
    name: str = request.param
    pytest.importorskip(name)
    fresh.run(f"%autoawait {name}\nimport {name}")
    return name


@parity
def test_a_cell_awaits_it(fresh: Frontend, library: str) -> None:
    cell = fresh.execute(f"await {library}.sleep(0.01); print('slept'); 5")
    cell.sees(busy, execute_input, stdout("slept\n"), result("5"), ok, idle)


def test_a_waiting_cell_is_interrupted(fresh: Frontend, library: str) -> None:
    cell = fresh.execute(f"print('runs')\nawait {library}.sleep(1000)")
    cell.reaches_text("runs\n")
    fresh.interrupt()
    assert cell.finish().reply.content["ename"] == "KeyboardInterrupt"
    fresh.execute(f"await {library}.sleep(0.01); 5").sees(
        busy, execute_input, result("5"), ok, idle
    )


def test_a_busy_cell_is_interrupted(fresh: Frontend, library: str) -> None:
    cell = fresh.execute(f"await {library}.sleep(0); print('runs')\nwhile True: pass")
    cell.reaches_text("runs\n")
    fresh.interrupt()
    assert cell.finish().reply.content["ename"] == "KeyboardInterrupt"
    fresh.execute("1 + 1").sees(busy, execute_input, result("2"), ok, idle)


@parity
def test_an_error_is_shown(fresh: Frontend, library: str) -> None:
    cell = fresh.execute(f"await {library}.sleep(0); 1/0")
    cell.sees(busy, execute_input, error("ZeroDivisionError"), reply("error"), idle)


@parity
def test_the_way_back_to_asyncio(fresh: Frontend, library: str) -> None:
    fresh.run("%autoawait asyncio\nimport asyncio")
    cell = fresh.execute("await asyncio.sleep(0.01); 5")
    cell.sees(busy, execute_input, result("5"), ok, idle)


@parity
def test_autoawait_can_be_turned_off(fresh: Frontend) -> None:
    fresh.run("%autoawait off")
    assert fresh.execute("await x").reply.content["ename"] == "SyntaxError"


@pytest.fixture
def trio_loop(start_kernel: Start, connect: Connect) -> Frontend:
    """A kernel that was started with --trio-loop."""
    pytest.importorskip("trio")
    client = connect(start_kernel(arguments=("--trio-loop",)))
    client.run("import trio")
    return client


def test_trio_loop_awaits(trio_loop: Frontend) -> None:
    cell = trio_loop.execute("await trio.sleep(0.01); print('slept'); 5")
    cell.sees(busy, execute_input, stdout("slept\n"), result("5"), ok, idle)


def test_trio_loop_runs_plain_cells_in_trio(trio_loop: Frontend) -> None:
    cell = trio_loop.execute("trio.lowlevel.in_trio_run()")
    cell.sees(busy, execute_input, result("True"), ok, idle)


def test_background_tasks_of_trio_go_on_between_cells(trio_loop: Frontend) -> None:
    trio_loop.run("async def work():\n    await trio.sleep(.05)\n    print('worked')")
    cell = trio_loop.execute("GLOBAL_NURSERY.start_soon(work)")
    cell.finish()
    cell.reaches_text("worked\n")


def test_output_of_a_background_task_goes_to_its_cell(trio_loop: Frontend) -> None:
    trio_loop.run("go = trio.Event()\nasync def work():\n    await go.wait()\n    print('worked')")
    cell = trio_loop.execute("GLOBAL_NURSERY.start_soon(work)")
    cell.sees(busy, execute_input, ok, idle)
    trio_loop.execute("go.set()").sees(busy, execute_input, ok, idle)
    cell.then_sees(stdout("worked\n"))


def test_a_background_task_that_fails_ends_no_other(trio_loop: Frontend) -> None:
    trio_loop.run("async def fail(): 1/0")
    cell = trio_loop.execute("GLOBAL_NURSERY.start_soon(fail)")
    cell.finish()
    trio_loop.wait_for(lambda: "ZeroDivisionError" in cell.finish().text("stderr"), "the error")
    cell = trio_loop.execute("await trio.sleep(0.01); 5")
    cell.sees(busy, execute_input, result("5"), ok, idle)


@pytest.mark.parametrize("code", ["await trio.sleep(1000)", "while True: pass"])
def test_trio_loop_is_interrupted(trio_loop: Frontend, code: str) -> None:
    cell = trio_loop.execute(f"print('runs')\n{code}")
    cell.reaches_text("runs\n")
    trio_loop.interrupt()
    cell.sees(busy, execute_input, stdout, error("KeyboardInterrupt"), reply("error"), idle)
    cell = trio_loop.execute("await trio.sleep(0.01); 5")
    cell.sees(busy, execute_input, result("5"), ok, idle)


def test_trio_loop_shuts_down_in_silence(trio_loop: Frontend) -> None:
    trio_loop.run("GLOBAL_NURSERY.start_soon(trio.sleep_forever)")
    trio_loop.request("shutdown_request", {"restart": False}, channel="control").finish()
    assert trio_loop.kernel.wait() == 0
    assert trio_loop.kernel.stderr == ""
