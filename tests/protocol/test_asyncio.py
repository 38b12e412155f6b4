"""asyncio in cells: top-level await, tasks that live between cells, comms while a cell awaits."""

import pytest

from frontend import (
    Frontend,
    Gate,
    busy,
    comm_msg,
    error,
    execute_input,
    idle,
    reply,
    result,
    stdout,
)

parity = pytest.mark.parity


@parity
def test_await_at_top_level(frontend: Frontend) -> None:
    cell = frontend.execute("import asyncio\nawait asyncio.sleep(0, 'awaited')")
    cell.sees(busy, execute_input, result("'awaited'"), reply("ok"), idle)


@parity
def test_async_for_at_top_level(frontend: Frontend) -> None:
    code = "async def count():\n    for n in range(3): yield n\nasync for n in count(): print(n)"
    frontend.execute(code).sees(busy, execute_input, stdout("0\n1\n2\n"), reply("ok"), idle)


@parity
def test_async_with_at_top_level(frontend: Frontend) -> None:
    code = "import asyncio\nasync with asyncio.Lock(): print('locked')"
    frontend.execute(code).sees(busy, execute_input, stdout("locked\n"), reply("ok"), idle)


@parity
def test_an_error_in_an_awaiting_cell(frontend: Frontend) -> None:
    cell = frontend.execute("import asyncio\nawait asyncio.sleep(0)\n1/0")
    cell.sees(busy, execute_input, error("ZeroDivisionError"), reply("error"), idle)


@parity
def test_the_loop_is_the_same_in_every_cell(frontend: Frontend) -> None:
    frontend.run("import asyncio\nawait asyncio.sleep(0)\nloop = asyncio.get_running_loop()")
    cell = frontend.execute("await asyncio.sleep(0)\nasyncio.get_running_loop() is loop")
    cell.sees(busy, execute_input, result("True"), reply("ok"), idle)


@parity
def test_a_task_can_be_started_in_a_plain_cell(frontend: Frontend) -> None:
    frontend.run("import asyncio\nasync def f(): return 5\ntask = asyncio.create_task(f())")
    frontend.execute("await task").sees(busy, execute_input, result("5"), reply("ok"), idle)


@parity
def test_a_task_goes_on_between_cells(frontend: Frontend, gate: Gate) -> None:
    code = f"""
import asyncio
async def later():
    await asyncio.to_thread(lambda: {gate.wait})
    print("between cells")
task = asyncio.create_task(later())
"""
    cell = frontend.execute(code)
    cell.sees(busy, execute_input, reply("ok"), idle)
    gate.open()
    cell.then_sees(stdout("between cells\n"))


@parity
def test_a_callback_runs_between_cells(frontend: Frontend, gate: Gate) -> None:
    code = f"""
import asyncio, os
fd = os.open({str(gate.path)!r}, os.O_RDONLY | os.O_NONBLOCK)
def readable():
    asyncio.get_running_loop().remove_reader(fd)
    print("readable", os.read(fd, 1))
await asyncio.sleep(0)
asyncio.get_running_loop().add_reader(fd, readable)
"""
    cell = frontend.execute(code)
    cell.sees(busy, execute_input, reply("ok"), idle)
    gate.open()
    cell.then_sees(stdout("readable b'\\n'\n"))


@parity
def test_tasks_go_on_while_a_cell_awaits(frontend: Frontend) -> None:
    frontend.run("import asyncio\ngo = asyncio.Event()\nasync def f(): await go.wait(); return 6")
    frontend.run("task = asyncio.create_task(f())")
    cell = frontend.execute("go.set()\nawait task")
    cell.sees(busy, execute_input, result("6"), reply("ok"), idle)


@parity
def test_the_next_cell_waits_for_one_that_awaits(frontend: Frontend, gate: Gate) -> None:
    frontend.run("import asyncio; order = []")
    first = frontend.execute(f"await asyncio.to_thread(lambda: {gate.wait})\norder.append('first')")
    second = frontend.execute("order.append('second')")
    first.reaches(execute_input)
    gate.open()
    second.finish()
    assert frontend.value("order") == "['first', 'second']"


@parity
def test_comms_are_served_while_a_cell_awaits(frontend: Frontend) -> None:
    frontend.run("import asyncio, comm; c = comm.create_comm(target_name='t')")
    code = """
answer = asyncio.get_running_loop().create_future()
c.on_msg(lambda m: answer.set_result(m["content"]["data"]))
print("waiting")
await answer
"""
    cell = frontend.execute(code)
    cell.reaches(stdout("waiting\n"))
    comm_id = frontend.published_for(cell.msg_id) and _comm_id(frontend)
    frontend.request("comm_msg", {"comm_id": comm_id, "data": "from the frontend"})
    value = result("'from the frontend'")
    cell.sees(busy, execute_input, stdout("waiting\n"), value, reply("ok"), idle)


def _comm_id(frontend: Frontend) -> str:
    """The comm that the kernel opened last."""
    opened = [
        message.content["comm_id"]
        for exchange in frontend.exchanges.values()
        for message in exchange.published
        if message.msg_type == "comm_open"
    ]
    return opened[-1]


@parity
def test_a_comm_answers_while_a_cell_awaits(frontend: Frontend, gate: Gate) -> None:
    frontend.run("import asyncio, comm; c = comm.create_comm(target_name='t')")
    frontend.run("c.on_msg(lambda m: c.send('answer'))")
    cell = frontend.execute(f"await asyncio.to_thread(lambda: {gate.wait})")
    cell.reaches(execute_input)
    message = frontend.request("comm_msg", {"comm_id": _comm_id(frontend), "data": {}})
    message.reaches(comm_msg("answer"))
    assert not cell.is_idle
    gate.open()
    cell.finish()


@parity
def test_a_subprocess_of_asyncio_can_be_awaited(frontend: Frontend) -> None:
    code = (
        "import asyncio\n"
        "p = await asyncio.create_subprocess_exec('echo', 'hi', stdout=-1)\n"
        "(await p.communicate())[0]"
    )
    frontend.execute(code).sees(busy, execute_input, result("b'hi\\n'"), reply("ok"), idle)


@parity
def test_autoawait_can_be_turned_off(fresh: Frontend) -> None:
    fresh.run("%autoawait False")
    cell = fresh.execute("import asyncio\nawait asyncio.sleep(0)")
    cell.sees(busy, execute_input, error("SyntaxError"), reply("error"), idle)


def test_asyncio_run_works_in_a_plain_cell(frontend: Frontend) -> None:
    cell = frontend.execute("import asyncio\nasyncio.run(asyncio.sleep(0, 'ran'))")
    cell.sees(busy, execute_input, result("'ran'"), reply("ok"), idle)


def test_await_works_after_asyncio_run(frontend: Frontend) -> None:
    frontend.run("import asyncio\nasyncio.run(asyncio.sleep(0))")
    cell = frontend.execute("await asyncio.sleep(0, 'still')")
    cell.sees(busy, execute_input, result("'still'"), reply("ok"), idle)


def test_tasks_survive_asyncio_run(frontend: Frontend) -> None:
    frontend.run("import asyncio\nasync def f(): await asyncio.sleep(0); return 8")
    frontend.run("task = asyncio.create_task(f())\nasyncio.run(asyncio.sleep(0))")
    frontend.execute("await task").sees(busy, execute_input, result("8"), reply("ok"), idle)
