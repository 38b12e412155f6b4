"""ipywidgets, and what serves widgets while a cell runs: jupyter_ui_poll and ipython_blocking."""

import textwrap

import pytest

from detections.notebook import Notebook
from frontend import Exchange, busy, comm_msg, idle, stdout

SLIDER = """
    import ipywidgets
    slider = ipywidgets.IntSlider()
    slider.observe(lambda change: print("value", change["new"]), "value")
"""


def comm_of(notebook: Notebook, name: str) -> str:
    """Id of a widget's comm."""
    return notebook.value(f"{name}.model_id").strip("'")


def update(notebook: Notebook, comm_id: str, **state: object) -> Exchange:
    """Change a widget as its view does."""
    data = {"method": "update", "state": state, "buffer_paths": []}
    return notebook.frontend.request("comm_msg", {"comm_id": comm_id, "data": data})


def test_a_slider_opens_comms(notebook: Notebook) -> None:
    seen = notebook.run(SLIDER)
    opened = [message for message in seen.published if message.msg_type == "comm_open"]
    assert {message.content["target_name"] for message in opened} == {"jupyter.widget"}
    assert opened[-1].metadata["version"].startswith("2.")


def test_a_moved_slider_calls_its_observer(notebook: Notebook) -> None:
    notebook.run(SLIDER)
    moved = update(notebook, comm_of(notebook, "slider"), value=7)
    moved.sees(busy, comm_msg({"method": "echo_update"}), stdout("value 7\n"), idle)


def test_output_of_an_observer_goes_where_the_message_came_from(notebook: Notebook) -> None:
    notebook.run(SLIDER)
    update(notebook, comm_of(notebook, "slider"), value=7).reaches(stdout("value 7\n"))


def test_an_output_widget_names_the_cell(notebook: Notebook) -> None:
    code = """
        import ipywidgets
        output = ipywidgets.Output()
        with output:
            print("inside")
    """
    cell = notebook.frontend.execute(textwrap.dedent(code))
    seen = cell.finish(90)
    states = [
        message.content["data"].get("state", {}).get("msg_id")
        for message in seen.published
        if message.msg_type == "comm_msg"
    ]
    assert [state for state in states if state is not None] == [cell.msg_id, ""]
    assert seen.text() == "inside\n"


def test_output_of_an_output_widget_lies_between_its_messages(notebook: Notebook) -> None:
    notebook.run("import ipywidgets; output = ipywidgets.Output()")
    seen = notebook.run("with output: print('inside')")
    types = [message.msg_type for message in seen.published]
    assert types == ["status", "execute_input", "comm_msg", "stream", "comm_msg", "status"]


def test_an_output_widget_shows_an_error(notebook: Notebook) -> None:
    notebook.run("import ipywidgets; output = ipywidgets.Output()")
    seen = notebook.run("with output: 1/0")
    assert seen.one("error").content["ename"] == "ZeroDivisionError"


def test_interact_shows_the_function_s_output(notebook: Notebook) -> None:
    notebook.run(
        """
        import ipywidgets
        widget = ipywidgets.interactive(lambda x: print("x is", x), x=3)
        slider = widget.children[0]
        """
    )
    moved = update(notebook, comm_of(notebook, "slider"), value=5)
    moved.reaches(stdout("x is 5\n"))


@pytest.mark.ours("it has no do_one_iteration any more")
def test_jupyter_ui_poll_serves_widgets_during_a_cell(notebook: Notebook) -> None:
    notebook.run(SLIDER)
    comm_id = comm_of(notebook, "slider")
    code = """
        import time
        from jupyter_ui_poll import ui_events
        print("waiting")
        with ui_events() as poll:
            while slider.value != 7:
                poll(10)
                time.sleep(0.02)
        print("done")
    """
    cell = notebook.frontend.execute(textwrap.dedent(code))
    cell.reaches_text("waiting")
    moved = update(notebook, comm_id, value=7)
    cell.reaches_text("done")
    moved.reaches(stdout("value 7\n"))


@pytest.mark.ours("it has no do_one_iteration any more")
def test_jupyter_ui_poll_in_an_async_cell(notebook: Notebook) -> None:
    notebook.run(SLIDER)
    comm_id = comm_of(notebook, "slider")
    code = """
        import asyncio
        from jupyter_ui_poll import ui_events
        print("waiting")
        async with ui_events() as poll:
            while slider.value != 7:
                await poll(10)
                await asyncio.sleep(0.02)
        print("done")
    """
    cell = notebook.frontend.execute(textwrap.dedent(code))
    cell.reaches_text("waiting")
    update(notebook, comm_id, value=7).reaches(stdout("value 7\n"))
    cell.reaches_text("done")


@pytest.mark.ours("it has no do_one_iteration any more")
def test_jupyter_ui_poll_leaves_waiting_cells_alone(notebook: Notebook) -> None:
    code = """
        import time
        from jupyter_ui_poll import with_ui_events
        for _ in with_ui_events(range(10), 1):
            time.sleep(0.01)
        print("first")
    """
    first = notebook.frontend.execute(textwrap.dedent(code))
    second = notebook.frontend.execute("print('second')")
    assert first.finish(90).text() == "first\n"
    assert second.finish(90).text() == "second\n"


@pytest.mark.ours("it has no do_one_iteration any more")
def test_ipython_blocking_serves_widgets_during_a_cell(notebook: Notebook) -> None:
    notebook.run(SLIDER)
    comm_id = comm_of(notebook, "slider")
    code = """
        import time
        from ipython_blocking import CaptureExecution
        context = CaptureExecution()
        print("waiting")
        with context:
            while slider.value != 7:
                context.step()
                time.sleep(0.02)
        print("done")
    """
    cell = notebook.frontend.execute(textwrap.dedent(code))
    cell.reaches_text("waiting")
    later = notebook.frontend.execute("print('later')")
    update(notebook, comm_id, value=7).reaches(stdout("value 7\n"))
    cell.reaches_text("done")
    assert later.finish(90).text() == "later\n"
