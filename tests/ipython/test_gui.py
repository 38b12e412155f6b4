"""GUI toolkits: their loop runs between cells and while a cell awaits, and gives way to the next cell at once."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import pytest

from frontend import (
    Frontend,
    KernelProcess,
    busy,
    error,
    execute_input,
    idle,
    printed_when_waiting,
    reply,
    result,
    stderr,
    stdout,
)
from ipython.toolkits import QT, TK, TOOLKITS, Toolkit, display

Start = Callable[..., KernelProcess]
Connect = Callable[[KernelProcess], Frontend]
USAGE = "UsageError"


@pytest.fixture(scope="module")
def screen() -> Iterator[str]:
    """The display of this module's kernels."""
    with display() as name:
        yield name


@pytest.fixture(params=TOOLKITS, ids=str)
def toolkit(request: pytest.FixtureRequest) -> Toolkit:
    """Each toolkit that is installed."""
    chosen: Toolkit = request.param
    chosen.require()
    return chosen


@pytest.fixture
def client(
    toolkit: Toolkit, start_kernel: Start, connect: Connect, request: pytest.FixtureRequest
) -> Frontend:
    """A kernel whose `%gui` is the toolkit."""
    env = {"QT_QPA_PLATFORM": "offscreen"}
    if toolkit.needs_display:
        env = {"DISPLAY": request.getfixturevalue("screen"), "GDK_BACKEND": "x11"}
    frontend = connect(start_kernel(env=env))
    frontend.run(f"%gui {toolkit.gui}")
    frontend.run(f"import asyncio, threading, time\n{toolkit.imports}")
    frontend.run("def fire(): print('fired')\ndef drawn(): print('drawn')")
    return frontend


def test_a_timer_fires_between_cells(client: Frontend, toolkit: Toolkit) -> None:
    cell = client.execute(f"{toolkit.timer};")
    cell.sees(busy, execute_input, reply("ok"), idle)
    cell.then_sees(stdout("fired\n"))


def test_a_window_is_drawn_between_cells(client: Frontend, toolkit: Toolkit) -> None:
    cell = client.execute(toolkit.window)
    cell.finish()
    cell.reaches_text("drawn")


def test_a_timer_fires_while_a_cell_awaits(client: Frontend, toolkit: Toolkit) -> None:
    client.run("def fire(): fired.set_result('in time')")
    code = f"fired = asyncio.get_running_loop().create_future()\n{toolkit.timer}\nawait fired"
    client.execute(code).sees(busy, execute_input, result("'in time'"), reply("ok"), idle)


def test_a_task_goes_on_between_cells(client: Frontend) -> None:
    code = "async def work():\n    await asyncio.sleep(.05)\n    print('worked')\n"
    cell = client.execute(f"{code}task = asyncio.create_task(work())")
    cell.sees(busy, execute_input, reply("ok"), idle)
    cell.then_sees(stdout("worked\n"))


def test_a_callback_may_start_a_task(client: Frontend, toolkit: Toolkit) -> None:
    client.run("async def work(): print('worked')")
    client.run("def fire(): asyncio.create_task(work())")
    cell = client.execute(f"{toolkit.timer};")
    cell.finish()
    cell.reaches_text("worked\n")


def test_threads_go_on_between_cells(client: Frontend) -> None:
    code = "def work():\n    time.sleep(.05)\n    print('worked')\nthreading.Thread(target=work).start()"
    cell = client.execute(code)
    cell.reaches_text("worked\n")


def test_a_busy_cell_is_interrupted(client: Frontend) -> None:
    cell = client.execute("print('runs')\nwhile True: pass")
    cell.reaches(stdout("runs\n"))
    client.interrupt()
    cell.sees(busy, execute_input, stdout, error("KeyboardInterrupt"), reply("error"), idle)
    assert client.value("1 + 1") == "2"


def test_a_waiting_cell_is_interrupted(client: Frontend) -> None:
    cell = client.execute(printed_when_waiting("runs") + "await asyncio.sleep(1000)")
    cell.reaches(stdout("runs\n"))
    client.interrupt()
    cell.sees(busy, execute_input, stdout, error("KeyboardInterrupt"), reply("error"), idle)
    assert client.value("1 + 1") == "2"


def test_an_interrupt_between_cells_hits_nothing(client: Frontend, toolkit: Toolkit) -> None:
    client.interrupt()
    cell = client.execute(f"{toolkit.timer};")
    cell.sees(busy, execute_input, reply("ok"), idle)
    cell.then_sees(stdout("fired\n"))


def test_an_error_in_a_callback_is_shown(client: Frontend, toolkit: Toolkit) -> None:
    client.run("def fire(): 1/0")
    cell = client.execute(f"{toolkit.timer};")
    cell.finish()
    client.wait_for(lambda: "ZeroDivisionError" in cell.finish().text("stderr"), "the error")
    assert client.value("1 + 1") == "2"


def test_gui_without_a_name_ends_the_loop(client: Frontend, toolkit: Toolkit) -> None:
    client.run("%gui")
    assert client.value("get_ipython().kernel.eventloop") == "None"
    client.run(f"{toolkit.timer};")
    client.settle()


def test_a_shutdown_ends_the_loop(client: Frontend) -> None:
    asked = client.request("shutdown_request", {"restart": False}, channel="control")
    asked.finish()
    assert client.kernel.wait() == 0


def test_a_loop_costs_nothing_while_nothing_happens(client: Frontend, toolkit: Toolkit) -> None:
    if toolkit.gui == "wx":
        pytest.skip("it has to look for requests")
    before = float(client.value("time.process_time()"))
    client.receive(700)  # nothing comes: this is the time in which the kernel must sleep
    assert float(client.value("time.process_time()")) - before < 0.2


@pytest.mark.parametrize(
    ("gui", "needs"),
    [
        ("nonsense", "known are qt"),
        ("gtk", "use gtk3 or gtk4"),
        ("qt4", "use qt"),
        ("pyside2", "%pip install PySide2"),
        ("osx", "macOS only"),
    ],
)
def test_a_toolkit_that_is_not_there_says_what_to_do(
    frontend: Frontend, gui: str, needs: str
) -> None:
    cell = frontend.execute(f"%gui {gui}")
    why = stderr(re.compile(re.escape(needs)))
    cell.sees(busy, execute_input, why, reply("error", ename=USAGE), idle)


def test_qt_without_a_display_says_so(start_kernel: Start, connect: Connect) -> None:
    QT.require()
    env = {"DISPLAY": None, "WAYLAND_DISPLAY": None, "QT_QPA_PLATFORM": None}
    cell = connect(start_kernel(env=env)).execute("%gui qt")
    why = stderr(re.compile("needs a display"))
    cell.sees(busy, execute_input, why, reply("error", ename=USAGE), idle)


def test_qt_survives_quit(start_kernel: Start, connect: Connect) -> None:
    QT.require()
    client = connect(start_kernel(env={"QT_QPA_PLATFORM": "offscreen"}))
    client.run(f"%gui qt\n{QT.imports}\nQtWidgets.QApplication.instance().quit()")
    cell = client.execute("QtCore.QTimer.singleShot(50, lambda: print('fired'))")
    cell.sees(busy, execute_input, reply("ok"), idle)
    cell.then_sees(stdout("fired\n"))


@pytest.mark.parametrize(
    "gui", ["inline", "notebook", "widget", "ipympl", "nbagg", "webagg", "asyncio"]
)
def test_names_without_a_loop_of_their_own(frontend: Frontend, gui: str) -> None:
    frontend.run(f"%gui {gui}")
    assert frontend.value("get_ipython().kernel.eventloop") == "None"


def test_matplotlib_draws_in_a_window_of_qt(start_kernel: Start, connect: Connect) -> None:
    pytest.importorskip("matplotlib")
    QT.require()
    client = connect(start_kernel(env={"QT_QPA_PLATFORM": "offscreen"}))
    client.run("%gui qt")  # without a display, matplotlib wants to see Qt running
    client.execute("%matplotlib qt\nimport matplotlib.pyplot as plt").finish(timeout=60)
    cell = client.execute(
        "figure = plt.figure()\n"
        "seen = figure.canvas.mpl_connect('draw_event', lambda event: print('drawn'))\n"
        "plt.plot([1, 2]);"
    )
    cell.finish(timeout=60)
    cell.reaches_text("drawn")


def test_gui_can_be_chosen_on_the_command_line(start_kernel: Start, connect: Connect) -> None:
    TK.require()
    client = connect(start_kernel(arguments=("--gui=tk",)))
    assert "TkToolkit" in client.value("get_ipython().kernel.eventloop")


def test_a_loop_of_others_runs_between_cells(frontend: Frontend) -> None:
    frontend.run(
        "import select\nfrom ipykernel.eventloops import register_integration\n"
        "@register_integration('own')\ndef own_loop(kernel):\n"
        "    print('enters')\n"
        "    while not kernel.shell_stream.flush(limit=1):\n"
        "        select.select([kernel.shell_stream.getsockopt(14)], [], [], kernel._poll_interval)\n"
        "@own_loop.exit\ndef leave(kernel): print('leaves')"
    )
    cell = frontend.execute("%gui own")
    cell.reaches_text("enters\n")
    cell = frontend.execute("%gui")
    assert "leaves\n" in cell.finish().text()
