"""What a program on jupyter_client learns of a kernel that is stuck, and of one that died."""

from __future__ import annotations

from typing import Any

import pytest
from jupyter_home import DEADLINE, Notebook, wait_until

pytestmark = pytest.mark.timeout(240)


def stacks(notebook: Notebook) -> dict[str, Any]:
    """Content of the reply to a stack_request."""
    client = notebook.client
    client.control_channel.send(client.session.msg("stack_request"))
    return client.get_control_msg(timeout=DEADLINE)["content"]


def test_a_stuck_kernel_tells_where_it_is(notebook: Notebook) -> None:
    """The stack of the running cell comes back while it runs."""
    msg_id = notebook.begin("def spin():\n    print('begun')\n    while True: pass\nspin()")
    notebook.wait_for_stream(msg_id, "begun")
    (thread,) = [thread for thread in stacks(notebook)["threads"] if thread["cell"]]
    assert [frame["function"] for frame in thread["frames"][:2]] == ["spin", "<module>"]
    notebook.manager.interrupt_kernel()
    assert notebook.finish(msg_id).status == "error"


def test_after_a_crash_a_restarted_kernel_tells_why(notebook: Notebook) -> None:
    """`KernelManager.restart_kernel` keeps the connection file, so the next kernel finds the journal."""
    msg_id = notebook.begin("import os\nos.abort()")
    notebook.wait_for_stream(msg_id, "died of SIGABRT (abort)")
    wait_until(lambda: not notebook.manager.is_alive(), "the end of the kernel")
    notebook.manager.restart_kernel(now=True)
    notebook.client.wait_for_ready(timeout=DEADLINE)
    hidden = notebook.run("1", store_history=False)
    assert hidden.stream("stderr") == ""
    assert "The kernel before this one" in notebook.run("1").stream("stderr")
    assert notebook.run("1").stream("stderr") == ""


def test_a_kernel_that_was_killed_to_be_restarted_says_nothing(notebook: Notebook) -> None:
    """A manager that kills an idle kernel knows that it did."""
    notebook.run("1")
    notebook.manager.restart_kernel(now=True)
    notebook.client.wait_for_ready(timeout=DEADLINE)
    assert notebook.run("1").stream("stderr") == ""
