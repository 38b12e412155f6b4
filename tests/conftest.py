"""Fixtures of the whole-system tests: a kernel process and frontends connected to it.

`--kernel ipykernel` (or `IPYRUST_TEST_KERNEL`) runs the tests marked `parity` against the reference kernel.
`--transport` runs everything over another transport; tests marked `every_transport` run over each of them anyway.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).parent
TRANSCRIPTS = (
    "protocol",
    "wire",
    "process",
    "user_code",
    "debugger",
    "ipython",
    "faults",
    "handshake",
    "security",
)
if str(HERE) not in sys.path:
    sys.path.insert(0, str(HERE))

pytest.register_assert_rewrite("frontend.client", "frontend.transcript", "wire.hostile")

from frontend import Frontend, Gate, KernelProcess, KernelUnderTest  # noqa: E402
from frontend.process import TRANSPORTS, addresses  # noqa: E402

StartKernel = Callable[..., Frontend]


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the choice of the kernel under test."""
    group = parser.getgroup("ipyrust")
    group.addoption(
        "--kernel",
        default=os.environ.get("IPYRUST_TEST_KERNEL", "ipyrust"),
        help="kernel under test: ipyrust, ipykernel, or a command line with {connection_file}",
    )
    group.addoption(
        "--transport",
        default="tcp",
        choices=TRANSPORTS,
        help="transport of the kernels that the tests start, with CurveZMQ or without",
    )
    group.addoption(
        "--beyond-parity",
        action="store_true",
        help="run the tests that are not marked parity against a kernel other than ipyrust, too",
    )
    group.addoption("--soak", action="store_true", help="long versions of the tests in faults/")
    group.addoption(
        "--figures", metavar="FILE", help="append what tests in faults/ measure, as JSON lines"
    )


def pytest_configure(config: pytest.Config) -> None:
    """Declare the markers."""
    config.addinivalue_line(
        "markers", "every_transport: runs over tcp and ipc, plain and encrypted"
    )
    config.addinivalue_line("markers", "parity: holds for ipyrust and for ipykernel alike")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run what is marked over every transport."""
    is_marked = metafunc.definition.get_closest_marker("every_transport") is not None
    if is_marked and "transport" in metafunc.fixturenames:
        metafunc.parametrize("transport", TRANSPORTS, indirect=True, scope="module")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Bound every transcript test, and leave out what another kernel need not do."""
    only_parity = not (_kernel(config).is_ipyrust or config.getoption("--beyond-parity"))
    skip = pytest.mark.skip(reason="not a parity test, and the kernel under test is not ipyrust")
    for item in items:
        if item.path.is_relative_to(HERE) and item.path.parent.name in TRANSCRIPTS:
            if item.get_closest_marker("timeout") is None:
                soaks = item.path.parent.name == "faults" and config.getoption("--soak")
                item.add_marker(pytest.mark.timeout(1800 if soaks else 90))
            if only_parity and item.get_closest_marker("parity") is None:
                item.add_marker(skip)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    """Remember a failure, so that the shared kernel is not handed to the next test."""
    outcome: Any = yield
    if outcome.get_result().failed:
        item.stash[_FAILED] = True


_FAILED = pytest.StashKey[bool]()


def _kernel(config: pytest.Config) -> KernelUnderTest:
    return KernelUnderTest.named(config.getoption("--kernel"))


@pytest.fixture(scope="session")
def kernel_under_test(pytestconfig: pytest.Config) -> KernelUnderTest:
    """How the kernel under test is started."""
    return _kernel(pytestconfig)


@pytest.fixture(scope="module")
def transport(request: pytest.FixtureRequest) -> str:
    """One of TRANSPORTS."""
    chosen: str = getattr(request, "param", request.config.getoption("--transport"))
    return chosen


class SharedKernel:
    """One kernel process for the tests of a module; replaced after a failure."""

    def __init__(self, start: Callable[[], KernelProcess]) -> None:
        self._start = start
        self._process: KernelProcess | None = None

    def process(self) -> KernelProcess:
        """The running process, started if need be."""
        if self._process is None or self._process.popen.poll() is not None:
            self.close()
            self._process = self._start()
        return self._process

    def close(self) -> None:
        """End the process."""
        if self._process is not None:
            self._process.close()
            self._process = None


@pytest.fixture(scope="module")
def shared_kernel(
    kernel_under_test: KernelUnderTest, transport: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[SharedKernel]:
    """The module's kernel."""

    def start() -> KernelProcess:
        folder = tmp_path_factory.mktemp("k")
        return KernelProcess(kernel_under_test, folder, connection=addresses(transport, folder))

    shared = SharedKernel(start)
    yield shared
    shared.close()


@pytest.fixture
def frontend(shared_kernel: SharedKernel, request: pytest.FixtureRequest) -> Iterator[Frontend]:
    """A new client of the module's kernel, for tests that leave no trace in it."""
    try:
        client = Frontend(shared_kernel.process())
        with client:
            yield client
            if not request.node.stash.get(_FAILED, False):
                client.nothing_left()
    finally:
        if request.node.stash.get(_FAILED, False) or sys.exc_info()[0] is not None:
            shared_kernel.close()


@pytest.fixture
def start_kernel(
    kernel_under_test: KernelUnderTest, transport: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[..., KernelProcess]]:
    """Start a kernel of the test's own; takes what KernelProcess takes."""
    started: list[KernelProcess] = []

    def start(**options: Any) -> KernelProcess:
        folder = options.pop("folder", None) or tmp_path_factory.mktemp("kernel")
        connection = {**addresses(transport, folder), **options.pop("connection", {})}
        started.append(KernelProcess(kernel_under_test, folder, connection=connection, **options))
        return started[-1]

    yield start
    for process in started:
        process.close()


@pytest.fixture
def connect() -> Iterator[Callable[[KernelProcess], Frontend]]:
    """Connect one more client to a kernel."""
    clients: list[Frontend] = []

    def connect_to(process: KernelProcess, **options: Any) -> Frontend:
        clients.append(Frontend(process, **options))
        return clients[-1]

    yield connect_to
    for client in clients:
        client.close()


@pytest.fixture
def fresh(
    start_kernel: Callable[..., KernelProcess],
    connect: Callable[[KernelProcess], Frontend],
    request: pytest.FixtureRequest,
) -> Iterator[Frontend]:
    """A client of a kernel of the test's own."""
    client = connect(start_kernel())
    yield client
    if client.can_be_asked() and not request.node.stash.get(_FAILED, False):
        client.nothing_left()


@pytest.fixture
def gate(tmp_path: Path) -> Iterator[Gate]:
    """A gate that code in the kernel can wait at."""
    with Gate(tmp_path) as closed:
        yield closed
