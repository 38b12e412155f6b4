"""Starts the kernel `ipyrust` as Jupyter finds it, runs one cell and prints its result; fails if it is wrong."""

from jupyter_client.manager import start_new_kernel

CELL = "from ipyrust_core import libzmq_version\nlibzmq_version(), 6 * 7"
SECONDS = 60

manager, client = start_new_kernel(kernel_name="ipyrust", startup_timeout=SECONDS)
try:
    messages = []
    reply = client.execute_interactive(
        CELL, output_hook=messages.append, allow_stdin=False, timeout=SECONDS
    )
    assert reply["content"]["status"] == "ok", reply["content"]
    (result,) = [item["content"] for item in messages if item["msg_type"] == "execute_result"]
    text = result["data"]["text/plain"]
    assert text.endswith(", 42)"), text
    print(text)
finally:
    client.stop_channels()
    manager.shutdown_kernel(now=True)
