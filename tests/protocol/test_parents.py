"""Output of threads, executors and tasks goes to the cell that started them."""

import pytest

from frontend import (
    Frontend,
    Gate,
    busy,
    display_data,
    execute_input,
    idle,
    reply,
    stderr,
    stdout,
)

parity = pytest.mark.parity

WORK = """
import sys, threading
go = threading.Event()
def work():
    go.wait()
    {statement}
"""


def start(frontend: Frontend, starter: str, statement: str = "print('worked')"):
    """Run a cell that starts `work`, which waits for `go`."""
    cell = frontend.execute(WORK.format(statement=statement) + starter)
    cell.sees(busy, execute_input, reply("ok"), idle)
    return cell


THREAD = "worker = threading.Thread(target=work); worker.start()"


def test_a_thread_prints_into_the_cell_that_started_it(frontend: Frontend) -> None:
    starter = start(frontend, THREAD)
    frontend.execute("go.set(); worker.join()").sees(busy, execute_input, reply("ok"), idle)
    starter.then_sees(stdout("worked\n"))


def test_a_thread_writes_errors_into_the_cell_that_started_it(frontend: Frontend) -> None:
    starter = start(frontend, THREAD, "print('oops', file=sys.stderr)")
    frontend.execute("go.set(); worker.join()").sees(busy, execute_input, reply("ok"), idle)
    starter.then_sees(stderr("oops\n"))


def test_a_thread_displays_into_the_cell_that_started_it(frontend: Frontend) -> None:
    starter = start(frontend, THREAD, "display('shown')")
    frontend.execute("go.set(); worker.join()").sees(busy, execute_input, reply("ok"), idle)
    starter.then_sees(display_data({"text/plain": "'shown'"}))


def test_a_timer_prints_into_the_cell_that_started_it(frontend: Frontend) -> None:
    starter = start(frontend, "worker = threading.Timer(0, work); worker.start()")
    frontend.execute("go.set(); worker.join()").sees(busy, execute_input, reply("ok"), idle)
    starter.then_sees(stdout("worked\n"))


def test_a_thread_of_a_thread_prints_into_the_first_cell(frontend: Frontend) -> None:
    nested = (
        "inner = threading.Thread(target=work)\n"
        "outer = threading.Thread(target=inner.start); outer.start(); outer.join()"
    )
    starter = start(frontend, nested)
    frontend.execute("go.set(); inner.join()").sees(busy, execute_input, reply("ok"), idle)
    starter.then_sees(stdout("worked\n"))


def test_a_job_of_an_executor_prints_into_the_cell_that_submitted_it(frontend: Frontend) -> None:
    pool = "from concurrent.futures import ThreadPoolExecutor\npool = ThreadPoolExecutor(1)\n"
    starter = start(frontend, pool + "job = pool.submit(work)")
    frontend.execute("go.set(); job.result()").sees(busy, execute_input, reply("ok"), idle)
    starter.then_sees(stdout("worked\n"))


@parity
def test_an_idle_worker_prints_into_the_cell_that_submits(frontend: Frontend) -> None:
    code = "from concurrent.futures import ThreadPoolExecutor\npool = ThreadPoolExecutor(1)\n"
    first = frontend.execute(code + "pool.submit(print, 'one').result()")
    first.sees(busy, execute_input, stdout("one\n"), reply("ok"), idle)
    second = frontend.execute("pool.submit(print, 'two').result()")
    second.sees(busy, execute_input, stdout("two\n"), reply("ok"), idle)


@parity
def test_mapped_jobs_print_into_the_cell_that_maps(frontend: Frontend) -> None:
    frontend.run("from concurrent.futures import ThreadPoolExecutor\npool = ThreadPoolExecutor(1)")
    frontend.run("pool.submit(int).result()")
    cell = frontend.execute("_ = list(pool.map(print, 'ab'))")
    cell.sees(busy, execute_input, stdout("a\nb\n"), reply("ok"), idle)


@parity
def test_a_task_prints_into_the_cell_that_started_it(frontend: Frontend) -> None:
    code = "import asyncio\ngo = asyncio.Event()\nasync def f(): await go.wait(); print('task')\n"
    starter = frontend.execute(code + "task = asyncio.create_task(f())")
    starter.sees(busy, execute_input, reply("ok"), idle)
    frontend.execute("go.set(); await task").sees(busy, execute_input, reply("ok"), idle)
    starter.then_sees(stdout("task\n"))


@parity
def test_to_thread_prints_into_the_cell_that_called_it(frontend: Frontend) -> None:
    code = (
        "import asyncio, threading\ngo = threading.Event()\n"
        "def work(): go.wait(); print('worked')\n"
        "task = asyncio.create_task(asyncio.to_thread(work))"
    )
    starter = frontend.execute(code)
    starter.sees(busy, execute_input, reply("ok"), idle)
    frontend.execute("go.set(); await task").sees(busy, execute_input, reply("ok"), idle)
    starter.then_sees(stdout("worked\n"))


@parity
def test_a_thread_may_print_after_its_cell(frontend: Frontend, gate: Gate) -> None:
    code = f"def work(): {gate.wait}; print('late')\n"
    cell = frontend.execute(f"import threading\n{code}\nthreading.Thread(target=work).start()")
    cell.sees(busy, execute_input, reply("ok"), idle)
    gate.open()
    cell.then_sees(stdout("late\n"))


@parity
def test_a_thread_without_a_parent_prints_into_the_current_cell(frontend: Frontend) -> None:
    code = (
        "import _thread\ndone = _thread.allocate_lock(); done.acquire()\n"
        "def work(): print('raw thread'); done.release()\n"
    )
    frontend.run(code)
    cell = frontend.execute("_ = _thread.start_new_thread(work, ()); _ = done.acquire()")
    cell.sees(busy, execute_input, stdout("raw thread\n"), reply("ok"), idle)


@parity
def test_what_cells_print_never_mixes(frontend: Frontend) -> None:
    cells = [frontend.execute(f"print({n})") for n in range(50)]
    for n, cell in enumerate(cells):
        cell.sees(busy, execute_input, stdout(f"{n}\n"), reply("ok"), idle)


@parity
def test_an_error_in_a_thread_goes_to_stderr(frontend: Frontend) -> None:
    code = "import threading\nt = threading.Thread(target=lambda: 1/0); t.start(); t.join()"
    seen = frontend.execute(code).finish()
    assert "ZeroDivisionError" in seen.text("stderr")
