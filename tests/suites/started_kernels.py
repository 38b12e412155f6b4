"""A pytest plugin: a kernel that jupyter_client has started is handed out when it has run a first, silent cell.

ipyrust answers kernel_info, which jupyter_client takes for being ready, before IPython is imported. Tests that give a
new kernel one second for its first cell would measure how busy the machine is.
"""

from __future__ import annotations

from jupyter_client.blocking.client import BlockingKernelClient

wait_for_reply = BlockingKernelClient.wait_for_ready


def wait_until_a_cell_has_run(client: BlockingKernelClient, timeout: float | None = None) -> None:
    """`wait_for_ready`, and then one cell up to its idle."""
    wait_for_reply(client, timeout=timeout)
    client.execute_interactive("", silent=True, allow_stdin=False, timeout=timeout)


BlockingKernelClient.wait_for_ready = wait_until_a_cell_has_run
