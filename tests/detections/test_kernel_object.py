"""`get_ipython().kernel`: each attribute that libraries touch does here what it does in ipykernel."""

import pytest

from detections.notebook import Notebook
from frontend import reply, stdout

ALIKE = {
    "kernel is get_ipython().kernel": "True",
    "kernel.shell is get_ipython()": "True",
    "get_ipython().has_trait('kernel')": "True",
    "kernel.parent.kernel is kernel": "True",
    "kernel.comm_manager is __import__('comm').get_comm_manager()": "True",
    "isinstance(kernel.execution_count, int)": "True",
    "isinstance(kernel.ident, str)": "True",
    "'execute_request' in kernel.msg_types": "True",
    "callable(kernel.shell_handlers['execute_request'])": "True",
    "kernel.implementation": "'ipython'",
    "kernel.implementation_version == __import__('IPython').__version__": "True",
    "kernel.language_info['name']": "'python'",
    "'Python' in kernel.banner": "True",
    "kernel.log.warning is not None": "True",
    "isinstance(kernel.session.session, str)": "True",
    "isinstance(kernel.session.bsession, bytes)": "True",
    "isinstance(kernel.session.key, bytes)": "True",
    "kernel.session.signature_scheme": "'hmac-sha256'",
    "isinstance(kernel.session.username, str)": "True",
    "kernel.get_parent()['header']['msg_type']": "'execute_request'",
    "kernel.get_parent()['content']['silent']": "True",
    "kernel._parent_header['header'] == get_ipython().get_parent()['header']": "True",
    "get_ipython().parent_header['header']['msg_type']": "'execute_request'",
    "get_ipython().display_pub.parent_header['msg_type']": "'execute_request'",
    "get_ipython().displayhook.parent_header['msg_type']": "'execute_request'",
    "__import__('sys').stdout.parent_header['msg_type']": "'execute_request'",
    "kernel.iopub_socket is not None": "True",
    "kernel.iopub_thread is not None": "True",
    "hasattr(kernel, 'stdin_socket') and hasattr(kernel, 'control_thread')": "True",
    "hasattr(kernel, 'shell_stream') and hasattr(kernel, 'eventloop')": "True",
    "kernel.io_loop.asyncio_loop.is_closed()": "False",
    "callable(kernel.do_shutdown)": "True",
    "kernel.kernel_info['implementation']": "'ipython'",
    "{'text', 'url'} <= set(kernel.help_links[0])": "True",
    "'itertools' in kernel.do_complete('import itert', 12)['matches']": "True",
    "kernel.do_inspect('len', 3)['found']": "True",
    "kernel.do_is_complete('for')['status']": "'invalid'",
    "kernel.do_is_complete('if 1:')['status']": "'incomplete'",
    "kernel.do_history('tail', False, True, n=1)['status']": "'ok'",
}


def test_attributes(notebook: Notebook) -> None:
    notebook.run("kernel = get_ipython().kernel")
    found = {expression: notebook.frontend.value(expression) for expression in ALIKE}
    assert {e: v for e, v in found.items() if v != ALIKE[e]} == {}


PUBLISH = """
    kernel = get_ipython().kernel
    bundle = {"data": {"text/plain": "sent"}, "metadata": {}, "transient": {}}
    message = kernel.session.send(
        kernel.iopub_socket, "display_data", content=bundle, parent=kernel.get_parent(), ident=b"display_data"
    )
"""


def test_what_the_session_sends_is_published(notebook: Notebook) -> None:
    seen = notebook.run(PUBLISH)
    assert seen.one("display_data").content["data"] == {"text/plain": "sent"}
    assert seen.one("display_data").topic == b"display_data"


def test_a_message_that_was_made_before(notebook: Notebook) -> None:
    code = """
        kernel = get_ipython().kernel
        content = {"name": "stdout", "text": "made before"}
        message = kernel.session.msg("stream", content=content, parent=kernel.get_parent())
        kernel.session.send(kernel.iopub_socket, message);
    """
    assert notebook.run(code).text() == "made before"


def test_buffers_of_what_the_session_sends(notebook: Notebook) -> None:
    code = """
        kernel = get_ipython().kernel
        content = {"comm_id": "c", "data": {}}
        kernel.session.send(kernel.iopub_socket, "comm_msg", content, kernel.get_parent(), buffers=[b"raw"]);
    """
    assert notebook.run(code).one("comm_msg").buffers == (b"raw",)


def test_the_parent_is_the_one_that_is_named(notebook: Notebook) -> None:
    first = notebook.frontend.execute("kernel = get_ipython().kernel; parent = kernel.get_parent()")
    first.finish()
    code = "kernel.session.send(kernel.iopub_socket, 'stream', {'name': 'stdout', 'text': 'late'}, parent=parent);"
    assert notebook.run(code).text() == ""
    first.reaches(stdout("late"))


def test_send_response(notebook: Notebook) -> None:
    code = """
        kernel = get_ipython().kernel
        kernel.send_response(kernel.iopub_socket, "stream", {"name": "stdout", "text": "response"})
        None
    """
    assert notebook.run(code).text() == "response"


def test_the_identity_of_the_client(notebook: Notebook) -> None:
    code = "ident = get_ipython().kernel._parent_ident; ident = ident if isinstance(ident, list) else ident['shell']"
    notebook.run(f"{code}\nident = [bytes(each) for each in ident]")
    expected = f"[{notebook.frontend.session_id.encode()!r}]"
    assert notebook.frontend.value("ident") == expected


def test_set_parent_leads_output_to_another_cell(notebook: Notebook) -> None:
    first = notebook.frontend.execute("parent = get_ipython().get_parent()")
    first.finish()
    notebook.run("get_ipython().set_parent(parent); print('there')")
    first.reaches(stdout("there\n"))


def test_raw_input_asks_the_client(notebook: Notebook) -> None:
    cell = notebook.frontend.execute("get_ipython().kernel.raw_input('name?')", allow_stdin=True)
    question = notebook.frontend.input_request()
    assert question.content["prompt"] == "name?"
    notebook.frontend.answer(question, "me")
    assert cell.finish().one("execute_result").content["data"]["text/plain"] == "'me'"


def test_the_loop_calls_back(notebook: Notebook) -> None:
    code = """
        loop = get_ipython().kernel.io_loop
        called = []
        loop.add_callback(called.append, 1)
        loop.call_later(0.01, called.append, 2)
        import asyncio
        while len(called) < 2: await asyncio.sleep(0.01)
        called
    """
    assert notebook.value(code) == "[1, 2]"


def test_the_loop_runs_coroutines_after_the_cell(notebook: Notebook) -> None:
    code = """
        async def later(): print("later")
        get_ipython().kernel.io_loop.add_callback(later)
    """
    notebook.frontend.execute(code.replace("\n        ", "\n")).reaches_text("later")


def test_tornados_current_loop_is_the_kernels(notebook: Notebook) -> None:
    code = """
        from tornado.ioloop import IOLoop
        IOLoop.current().asyncio_loop is get_ipython().kernel.io_loop.asyncio_loop
    """
    assert notebook.value(code) == "True"


@pytest.mark.ours("it has no do_one_iteration any more")
@pytest.mark.parametrize("call", ["kernel.do_one_iteration()", "await kernel.do_one_iteration()"])
def test_do_one_iteration_serves_comms(notebook: Notebook, call: str) -> None:
    notebook.run(
        """
        import comm
        heard = []
        channel = comm.create_comm(target_name="t", comm_id="c")
        channel.on_msg(lambda message: heard.append(1))
        kernel = get_ipython().kernel
        """
    )
    code = f"import time\nprint('waiting')\nwhile not heard: {call}; time.sleep(0.01)"
    cell = notebook.frontend.execute(code)
    cell.reaches_text("waiting")
    notebook.frontend.request("comm_msg", {"comm_id": "c", "data": {}})
    assert cell.finish().reply.content["status"] == "ok"  # type: ignore[union-attr]


@pytest.mark.ours("it returns without ending anything")
def test_do_shutdown_ends_the_kernel(notebook: Notebook) -> None:
    cell = notebook.frontend.execute("get_ipython().kernel.do_shutdown(False);")
    assert reply("ok").matches(cell.reply)
    assert notebook.frontend.kernel.wait() == 0


def test_the_ports_of_the_app(notebook: Notebook) -> None:
    code = "app = get_ipython().kernel.parent; app.shell_port, app.ip, app.transport"
    connection = notebook.frontend.connection
    assert notebook.value(code) == f"({connection['shell_port']}, '127.0.0.1', 'tcp')"
