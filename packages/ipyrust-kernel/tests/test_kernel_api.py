"""kernel_api: get_ipython().kernel."""

from __future__ import annotations

import pytest
from fake_core import Frontend


@pytest.mark.parametrize(
    ("expression", "result"),
    [
        ("kernel.execution_count", "2"),
        ("kernel.shell is get_ipython()", "True"),
        ("kernel.app.kernel is kernel", "True"),
        ("kernel.app.connection_file", "'kernel-test.json'"),
        ("kernel.comm_manager is __import__('comm').get_comm_manager()", "True"),
        ("kernel.session.session == kernel.ident", "True"),
        ("kernel._parent_ident['shell']", "[b'client']"),
        ("kernel.get_parent()['msg_type']", "'execute_request'"),
        ("kernel._parent_header['header']['msg_type']", "'execute_request'"),
        ("kernel.eventloop", None),
        ("'execute_request' in kernel.msg_types", "True"),
        ("kernel.io_loop.asyncio_loop.is_closed()", "False"),
    ],
)
def test_attributes(frontend: Frontend, expression: str, result: str | None) -> None:
    outcome = frontend.execute(f"kernel = get_ipython().kernel\n{expression}")
    assert outcome.reply["status"] == "ok"
    if result is not None:
        expected = result if "execution_count" not in expression else "2"
        assert outcome.result == expected


def test_send_response_publishes(frontend: Frontend) -> None:
    code = (
        "kernel = get_ipython().kernel\n"
        "kernel.send_response(kernel.iopub_socket, 'stream', {'name': 'stdout', 'text': 'sent'});"
    )
    outcome = frontend.execute(code)
    assert outcome.text() == "sent"
    assert outcome.publications[0].parent is outcome.request


def test_do_one_iteration_serves_comms(frontend: Frontend) -> None:
    frontend.execute("get_ipython().kernel.do_one_iteration();")
    frontend.execute("await get_ipython().kernel.do_one_iteration()")
    assert frontend.kernel.comms_served == 2


def test_add_callback_runs_on_the_loop(frontend: Frontend) -> None:
    frontend.execute("called = []\nget_ipython().kernel.io_loop.add_callback(called.append, 1)")
    frontend.execute("import asyncio; await asyncio.sleep(0.01)")
    assert frontend.execute("called").result == "[1]"
