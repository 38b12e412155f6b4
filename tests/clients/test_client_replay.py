"""A client goes away while a cell runs; another comes back and misses nothing: `ipyrust.replay` with jupyter_client."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jupyter_client.blocking.client import BlockingKernelClient
from jupyter_client.manager import KernelManager
from jupyter_home import DEADLINE, KERNEL_NAME, JupyterHome, wait_until

from ipyrust.replay import Client, ReplayError, follow, kept_executions, replay

pytestmark = pytest.mark.timeout(240)

CELL = """
import pathlib, time
folder = pathlib.Path({folder!r})
number = 0
while not (folder / 'enough').exists():
    print(number)
    number += 1
    (folder / 'count').write_text(str(number))
    time.sleep(0.002)  # the pace of a cell that reports its progress
print('last', number)
display('shown')
"""


@pytest.fixture
def manager(jupyter_home: JupyterHome) -> Iterator[KernelManager]:
    """A manager whose kernel runs, with `shutdown` at the end."""
    manager = KernelManager(kernel_name=KERNEL_NAME)
    manager.start_kernel()
    yield manager
    manager.shutdown_kernel(now=True)


def connected(manager: KernelManager) -> BlockingKernelClient:
    """A new client: new sockets, new identity, new session."""
    client = BlockingKernelClient(connection_file=manager.connection_file)
    client.load_connection_file()
    client.start_channels(hb=False)
    return client


def printed(folder: Path) -> int:
    """How many lines the cell has printed."""
    count = folder / "count"
    text = count.read_text() if count.exists() else ""
    return int(text or 0)


def text_of(messages: list[dict[str, Any]]) -> str:
    """All that the messages say on stdout."""
    streams = [each["content"] for each in messages if each["msg_type"] == "stream"]
    return "".join(each["text"] for each in streams if each["name"] == "stdout")


def test_output_survives_a_closed_client(manager: KernelManager, tmp_path: Path) -> None:
    first = connected(manager)
    first.wait_for_ready(timeout=DEADLINE)
    msg_id = first.execute(CELL.format(folder=str(tmp_path)))
    wait_until(lambda: printed(tmp_path) > 10, "the cell prints")
    first.stop_channels()
    away = printed(tmp_path)
    wait_until(lambda: printed(tmp_path) > away + 100, "the cell goes on without a client")
    second = connected(manager)
    stream = follow(second, msg_id, timeout=DEADLINE, silence=DEADLINE)
    seen = [next(stream)]
    back = printed(tmp_path)
    while f"\n{back + 50}\n" not in text_of(seen):
        seen.append(next(stream))  # live, after what was missed
    (tmp_path / "enough").touch()
    seen += stream
    count = printed(tmp_path)
    lines = "".join(f"{number}\n" for number in range(count))
    assert text_of(seen) == f"{lines}last {count}\n"
    assert len({each["header"]["msg_id"] for each in seen}) == len(seen)
    assert {each["parent_header"]["msg_id"] for each in seen} == {msg_id}
    assert [each["msg_type"] for each in (*seen[:2], *seen[-2:])] == [
        "status",
        "execute_input",
        "display_data",
        "status",
    ]
    assert seen[0]["content"]["execution_state"] == "busy"
    finished = replay(second, msg_id, timeout=DEADLINE)
    assert [each["header"] for each in finished.messages] == [each["header"] for each in seen]
    assert finished.reply
    assert finished.reply["content"]["status"] == "ok", "the reply that found no client"
    second.stop_channels()


def test_what_was_published_is_listed_and_complete(manager: KernelManager) -> None:
    client = connected(manager)
    client.wait_for_ready(timeout=DEADLINE)
    reply = client.execute_interactive("print(1); 2", timeout=DEADLINE, output_hook=lambda _: None)
    msg_id = reply["parent_header"]["msg_id"]
    newcomer = connected(manager)
    (execution,) = kept_executions(newcomer, timeout=DEADLINE)
    assert (execution.msg_id, execution.session) == (msg_id, client.session.session)
    assert (execution.execution_state, execution.has_reply) == ("idle", True)
    found = replay(newcomer, msg_id, timeout=DEADLINE)
    assert [each["msg_type"] for each in found.messages] == [
        "status",
        "execute_input",
        "stream",
        "execute_result",
        "status",
    ]
    assert found.reply == {**reply, "seq": 0}
    assert list(follow(newcomer, msg_id, timeout=DEADLINE)) == found.messages
    assert replay(newcomer, msg_id, after=found.last_seq, timeout=DEADLINE).messages == []
    with pytest.raises(ReplayError, match="UnknownExecution"):
        replay(newcomer, "nobody's", timeout=DEADLINE)
    for each in (client, newcomer):
        each.stop_channels()


def test_the_helper_takes_a_blocking_client_and_imports_nothing_of_it() -> None:
    """The types agree, as far as types go: the helper names what it uses."""
    client: Client = BlockingKernelClient()
    assert client.session
    code = (
        "import ipyrust.replay, sys; print({'jupyter_client', 'zmq', 'IPython'} & {*sys.modules})"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout == "set()\n"
