"""Which sockets a kernel listens on: the five of its connection file, and no more, debugger or not."""

import sys
from collections.abc import Callable

import pytest

from debugger.dap import INITIALIZE, DebugFrontend
from frontend import Frontend, KernelProcess
from frontend.process import CHANNEL_PORTS
from security.strangers import children, listening

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")

LOOPBACK = "0100007F"
Start = Callable[..., KernelProcess]
Connect = Callable[[KernelProcess], Frontend]


def own_ports(frontend: Frontend) -> set[tuple[str, int]]:
    """What the connection file says."""
    return {(LOOPBACK, frontend.connection[name]) for name in CHANNEL_PORTS}


def test_five_sockets_on_loopback(fresh: Frontend) -> None:
    fresh.settle()
    assert listening(fresh.kernel.pid) == own_ports(fresh)


def test_an_ipc_kernel_listens_for_no_tcp(
    start_kernel: Start, connect: Connect, tmp_path_factory: pytest.TempPathFactory
) -> None:
    where = {"transport": "ipc", "ip": str(tmp_path_factory.mktemp("s") / "k")}
    frontend = connect(start_kernel(connection=where))
    frontend.settle()
    assert listening(frontend.kernel.pid) == set()


@pytest.fixture
def debug(fresh: Frontend) -> DebugFrontend:
    """A frontend with an open debugging session."""
    session = DebugFrontend(fresh)
    session.ask("initialize", **INITIALIZE)
    session.ask("attach")
    return session


def adapter_ports(frontend: Frontend) -> set[tuple[str, int]]:
    """What the kernel's children listen on: debugpy's adapter is one."""
    return {each for child in children(frontend.kernel.pid) for each in listening(child)}


def test_the_debugger_opens_no_socket_in_the_kernel(debug: DebugFrontend) -> None:
    assert listening(debug.frontend.kernel.pid) == own_ports(debug.frontend)


def test_the_adapter_listens_no_more_once_the_session_is_open(debug: DebugFrontend) -> None:
    """Else any user of the machine could connect and have it start a program as the kernel's user."""
    assert children(debug.frontend.kernel.pid) != []
    assert adapter_ports(debug.frontend) == set()


def test_the_adapter_listens_for_no_clients_before(fresh: Frontend) -> None:
    DebugFrontend(fresh).ask("initialize", **INITIALIZE)
    assert children(fresh.kernel.pid) != []
    assert adapter_ports(fresh) == set()
