"""CurveZMQ on all five sockets: who has not the kernel's public key gets nothing, on tcp and ipc alike."""

import json
from collections.abc import Callable

import pytest
import zmq

from frontend import Frontend, KernelProcess, KernelUnderTest
from frontend.process import addresses, curve_pair
from security.strangers import KINDS, Keys, answers, heartbeats_key, plain, wrong_server_key

pytestmark = [
    pytest.mark.parity,
    pytest.mark.parametrize("transport", ["tcp+curve", "ipc+curve"], indirect=True, scope="module"),
]

Start = Callable[..., KernelProcess]
Connect = Callable[[KernelProcess], Frontend]


@pytest.mark.parametrize("keys", [plain, wrong_server_key])
def test_a_client_without_the_key_gets_nothing(frontend: Frontend, keys: Keys) -> None:
    assert answers(frontend, keys) == dict.fromkeys(KINDS, False)
    assert frontend.value("'alive'") == "'alive'"
    assert frontend.heartbeat() == b"ping"


def test_a_client_needs_no_more_than_the_public_key(frontend: Frontend) -> None:
    """As the heartbeat of jupyter_client, which has a pair of its own."""
    heard = answers(frontend, heartbeats_key)
    assert heard == {**dict.fromkeys(KINDS, True), "stdin": False}


def test_many_strangers_do_no_harm(frontend: Frontend) -> None:
    for _ in range(20):
        with zmq.Context.instance().socket(zmq.DEALER) as socket:
            socket.linger = 0
            socket.connect(frontend.url("shell"))
            socket.send(b"x" * 1000)
    assert frontend.value("1") == "1"


def test_the_keys_are_in_the_kernels_own_account(frontend: Frontend) -> None:
    told, _ = json.JSONDecoder().raw_decode(frontend.run("%connect_info").text())
    assert told["curve_publickey"] == frontend.connection["curve_publickey"]


def test_a_client_lives_through_a_restart_with_the_same_keys(
    kernel_under_test: KernelUnderTest, transport: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """The second kernel has the first one's file, and the client its old sockets."""
    folder = tmp_path_factory.mktemp("k")
    first = KernelProcess(kernel_under_test, folder, connection=addresses(transport, folder))
    try:
        with Frontend(first) as client:
            client.run("name = 1")
            request = client.request("shutdown_request", {"restart": True}, channel="control")
            assert request.reply.content["restart"] is True
            first.wait()
            second = KernelProcess(kernel_under_test, folder, connection=client.connection)
            try:
                client.kernel = second
                client.wait_until_answered()
                assert client.value("'name' in globals()") == "False"
            finally:
                second.close()
    finally:
        first.close()


def test_keys_that_do_not_belong_together(start_kernel: Start, transport: str) -> None:
    other = {"curve_secretkey": curve_pair()["curve_secretkey"]}
    process = start_kernel(connection=other)
    assert process.wait() != 0
    assert other["curve_secretkey"] not in process.stderr
