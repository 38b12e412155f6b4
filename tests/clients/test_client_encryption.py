"""jupyter_client's `transport_encryption`: it makes the keys, our kernel takes them from the connection file."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import zmq
from jupyter_client.manager import KernelManager
from jupyter_home import DEADLINE, KERNEL_NAME, JupyterHome, Notebook

pytestmark = pytest.mark.timeout(240)

WAYS = [("tcp", "required"), ("tcp", "auto"), ("ipc", "required"), ("ipc", "auto")]


@pytest.fixture(params=WAYS, ids="-".join)
def encrypted(
    request: pytest.FixtureRequest, jupyter_home: JupyterHome, tmp_path: Path
) -> Iterator[Notebook]:
    """A notebook whose manager encrypts."""
    transport, policy = request.param
    manager = KernelManager(
        kernel_name=KERNEL_NAME, transport=transport, transport_encryption=policy
    )
    if transport == "ipc":
        manager.ip = str(tmp_path / "k")
    manager.start_kernel()
    client = manager.client()
    client.start_channels()
    client.wait_for_ready(timeout=DEADLINE)
    yield Notebook(manager, client)
    client.stop_channels()
    manager.shutdown_kernel(now=True)


def test_cells_run_with_keys(encrypted: Notebook) -> None:
    """The manager made keys, and a cell's output and result come back through them."""
    file = json.loads(Path(encrypted.manager.connection_file).read_text())
    assert len(file["curve_publickey"]) == len(file["curve_secretkey"]) == 40
    run = encrypted.run("print('through'); 6 * 7")
    assert (run.stdout, run.result["text/plain"]) == ("through\n", "42")


def test_the_heart_beats(encrypted: Notebook) -> None:
    """The heartbeat channel has a key pair of its own, and the kernel takes it."""
    assert encrypted.client.hb_channel.is_beating()
    assert encrypted.client.is_alive()


def test_a_client_without_keys_hears_nothing(encrypted: Notebook) -> None:
    """The same addresses, no keys: not even a heartbeat."""
    manager = encrypted.manager
    separator = "-" if manager.transport == "ipc" else ":"
    with zmq.Context.instance().socket(zmq.REQ) as socket:
        socket.linger = 0
        socket.connect(f"{manager.transport}://{manager.ip}{separator}{manager.hb_port}")
        socket.send(b"ping")
        encrypted.run("1")
        assert not socket.poll(300)


def test_a_restart_keeps_the_keys(encrypted: Notebook) -> None:
    """Clients stay connected, as jupyter_client does not tell them new keys."""
    before = encrypted.manager.curve_publickey
    encrypted.run("name = 1")
    encrypted.manager.restart_kernel()
    encrypted.client.wait_for_ready(timeout=DEADLINE)
    assert encrypted.run("name").reply["content"]["ename"] == "NameError"
    assert encrypted.manager.curve_publickey == before


def test_a_second_client_reads_the_keys_from_the_file(encrypted: Notebook) -> None:
    """As `jupyter console --existing` does."""
    from jupyter_client.blocking import BlockingKernelClient

    client = BlockingKernelClient(connection_file=encrypted.manager.connection_file)
    client.load_connection_file()
    client.start_channels()
    try:
        client.wait_for_ready(timeout=DEADLINE)
        content = client.execute("1", reply=True, timeout=DEADLINE)["content"]
        assert content["status"] == "ok"
    finally:
        client.stop_channels()
