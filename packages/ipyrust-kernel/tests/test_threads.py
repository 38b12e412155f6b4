"""output/threads, output/parent_lookup: output goes to the cell that caused it."""

from __future__ import annotations

import _thread
import threading

from fake_core import Frontend, Outcome, start_frontend, stop_frontend

from ipyrust.options import KernelOptions

LATE_THREAD = (
    "import threading\ngo = threading.Event()\n"
    "def late():\n    go.wait(10)\n    print('late')\n    display('shown')\n"
    "thread = threading.Thread(target=late)\nthread.start()"
)


def owners(frontend: Frontend, outcome: Outcome) -> list[str]:
    return [
        item.msg_type
        for item in frontend.kernel.core.publications
        if item.parent is outcome.request
    ]


def test_a_thread_belongs_to_the_cell_that_started_it(frontend: Frontend) -> None:
    first = frontend.execute(LATE_THREAD)
    second = frontend.execute("go.set()\nthread.join(10)")
    assert owners(frontend, first) == ["stream", "display_data"]
    assert owners(frontend, second) == []


def test_a_thread_of_a_thread_does_too(frontend: Frontend) -> None:
    code = LATE_THREAD.replace(
        "thread.start()",
        "outer = threading.Thread(target=thread.start)\nouter.start(); outer.join()",
    )
    first = frontend.execute(code)
    frontend.execute("go.set()\nthread.join(10)")
    assert owners(frontend, first) == ["stream", "display_data"]


def test_an_executors_call_belongs_to_the_cell_that_submitted_it(frontend: Frontend) -> None:
    frontend.execute(
        "from concurrent.futures import ThreadPoolExecutor\npool = ThreadPoolExecutor(1)\n"
        "pool.submit(print, 'one').result()"
    )
    second = frontend.execute("pool.submit(print, 'two').result()")
    assert second.text() == "two\n"
    assert owners(frontend, second) == ["stream"]


def test_run_in_executor_belongs_to_its_cell(frontend: Frontend) -> None:
    outcome = frontend.execute(
        "import asyncio\nloop = asyncio.get_running_loop()\n"
        "await loop.run_in_executor(None, print, 'there')\nawait asyncio.to_thread(print, 'here')"
    )
    assert "there\nhere\n" in outcome.text()
    assert owners(frontend, outcome) == ["stream"]


def test_a_task_belongs_to_the_cell_that_created_it(frontend: Frontend) -> None:
    first = frontend.execute(
        "import asyncio\nasync def late():\n    await asyncio.sleep(0.05)\n    print('late')\n"
        "task = asyncio.create_task(late())\nawait asyncio.sleep(0)"
    )
    frontend.execute("await task")
    assert owners(frontend, first) == ["stream"]


def test_a_foreign_thread_falls_back_to_the_last_cell(frontend: Frontend) -> None:
    frontend.execute("import _thread, threading\ndone = threading.Event()")
    outcome = frontend.execute(
        "_thread.start_new_thread(lambda: (print('foreign'), done.set()), ())\ndone.wait(10);"
    )
    assert outcome.text() == "foreign\n"


def test_the_end_restores_threading(options: KernelOptions) -> None:
    before = threading.Thread.start
    stop_frontend(start_frontend(options))
    assert threading.Thread.start is before
    assert callable(_thread.start_new_thread)


def test_get_parent_is_the_whole_request(frontend: Frontend) -> None:
    outcome = frontend.execute("parent = get_ipython().get_parent()\n' '.join(sorted(parent))")
    assert outcome.result == ("'buffers content header metadata msg_id msg_type parent_header'")
    assert frontend.execute("parent['content']['code'][:6]").result == "'parent'"


def test_set_parent_redirects_output(frontend: Frontend) -> None:
    first = frontend.execute("ip = get_ipython()\nfirst = ip.get_parent()")
    second = frontend.execute("ip.set_parent(first)\nprint('for the first')\ndisplay(1)")
    assert owners(frontend, first) == ["stream", "display_data"]
    third = frontend.execute("print('for the third')")
    assert owners(frontend, second) == []
    assert owners(frontend, third) == ["stream"]


def test_set_thread_parent_can_be_undone(frontend: Frontend) -> None:
    first = frontend.execute("ip = get_ipython()\nfirst = ip.get_parent()")
    second = frontend.execute(
        "token = ip.set_thread_parent(first)\nprint('first')\n"
        "ip.reset_thread_parent(token)\nprint('second')"
    )
    assert owners(frontend, first) == ["stream"]
    assert second.of_type("stream")[-1].content["text"] == "second\n"


def test_set_parent_takes_what_it_does_not_know(frontend: Frontend) -> None:
    code = (
        "for odd in ({}, {'header': {}}, {'header': {'msg_id': 'x'}}, {'msg_id': 3}):\n"
        "    get_ipython().set_parent(odd)"
    )
    assert frontend.execute(code).reply["status"] == "ok"
