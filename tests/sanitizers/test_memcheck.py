"""A kernel's life under memcheck: no wrong access and no leak with our code in the stack.

Not part of `./run test`: it needs valgrind and takes a minute. `./run sanitize` runs it.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from frontend import Frontend, KernelProcess
from sanitizers.memcheck import Finding, findings, memcheck

ROOT = Path(__file__).resolve().parents[2]
ECHO = ROOT / "packages" / "ipyrust-core" / "examples" / "echo_kernel.py"
PATIENCE = 400.0
"""Seconds for a message, from a process that is fifty times as slow."""

pytestmark = pytest.mark.timeout(1800)

CELLS = (
    "1 + 1",
    "for number in range(2_000): print(number)",
    "import os; os.write(1, b'from C\\n' * 1_000)",
    "from IPython.display import display; display({'text/plain': 'x' * 100_000}, raw=True)",
    "import comm; c = comm.create_comm('t', data={}, buffers=[memoryview(b'x' * 50_000)])",
    "import threading; t = threading.Thread(target=print, args=('late',)); t.start(); t.join()",
    "import asyncio; await asyncio.sleep(0.01)",
    "1 / 0",
    "'é' * 10",
)


class Watched:
    """A kernel under memcheck and a client of it."""

    def __init__(self, folder: Path, start: Callable[[Path], KernelProcess]) -> None:
        self.report = folder / "memcheck.xml"
        self.process = start(self.report)
        self.frontend = Frontend(self.process)

    def end(self) -> list[Finding]:
        """Shut it down in order. Returns what is ours among the findings."""
        self.frontend.request("shutdown_request", {"restart": False}, channel="control")
        assert self.process.wait(PATIENCE) == 0, self.process.stderr
        found = list(findings(self.report))
        print(f"{len(found)} findings in all")
        return [finding for finding in found if finding.is_ours]


@pytest.fixture
def watch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Watched]]:
    """Start a command of Python's under memcheck."""
    if not shutil.which("valgrind"):
        if os.environ.get("CI"):
            pytest.fail("valgrind is not installed")
        pytest.skip("valgrind is not installed")
    for module in ("frontend.client", "frontend.process"):
        monkeypatch.setattr(f"{module}.DEADLINE", PATIENCE)
    started: list[Watched] = []

    def start(*command: str) -> Watched:
        def process(report: Path) -> KernelProcess:
            # Python's own allocator would hide single objects from memcheck.
            env = {"PYTHONMALLOC": "malloc"}
            return KernelProcess(memcheck(report, *command), tmp_path, env=env)

        started.append(Watched(tmp_path, process))
        return started[-1]

    yield start
    for watched in started:
        watched.frontend.close()
        watched.process.close()


def shown(found: list[Finding]) -> str:
    """All of them, for a failure."""
    return "\n".join(map(str, found))


def test_the_engine_with_a_small_kernel(watch: Callable[..., Watched]) -> None:
    watched = watch(str(ECHO), "{connection_file}")
    frontend = watched.frontend
    exchanges = [frontend.execute(f"cell {number}") for number in range(100)]
    for msg_type in ("kernel_info_request", "complete_request", "nonsense_request"):
        exchanges.append(frontend.request(msg_type, {"code": "", "cursor_pos": 0}))
    for _ in range(50):
        frontend.send_frames([b"no message"])
    for exchange in exchanges:
        exchange.finish(PATIENCE)
    frontend.interrupt()
    found = watched.end()
    assert not found, shown(found)


def test_a_session_of_ipython(watch: Callable[..., Watched]) -> None:
    watched = watch("-m", "ipyrust", "-f", "{connection_file}")
    frontend = watched.frontend
    for code in CELLS:
        frontend.execute(code).finish(PATIENCE)
    asking = frontend.execute("input('?')", allow_stdin=True)
    frontend.answer(frontend.input_request(), "an answer")
    asking.finish(PATIENCE)
    sleeping = frontend.execute("import time; print('now'); time.sleep(10_000)")
    sleeping.reaches_text("now")
    frontend.interrupt()
    assert sleeping.finish(PATIENCE).reply.content["ename"] == "KeyboardInterrupt"
    found = watched.end()
    assert not found, shown(found)


REPORT = """<valgrindoutput><error><tid>{thread}</tid><kind>{kind}</kind><what>{what}</what>
<stack><frame><obj>/lib/_native.abi3.so</obj></frame></stack>{more}</error></valgrindoutput>"""
OWN_STACK = "Address 0x1 is on thread 1's stack"


@pytest.mark.parametrize(
    ("kind", "thread", "where", "is_ours"),
    [
        ("InvalidWrite", "1", [OWN_STACK, "in frame #0, created by f"], False),
        ("InvalidWrite", "1", [OWN_STACK], False),
        ("InvalidWrite", "2", [OWN_STACK], True),
        ("InvalidWrite", "1", [OWN_STACK, "8 bytes below stack pointer"], True),
        ("InvalidWrite", "1", ["Address 0x1 is 0 bytes inside a block of size 9 free'd"], True),
        ("SyscallParam", "1", [], True),
    ],
)
def test_only_a_live_frame_of_the_own_stack_is_no_finding(
    tmp_path: Path, kind: str, thread: str, where: list[str], is_ours: bool
) -> None:
    report = tmp_path / "memcheck.xml"
    more = "".join(f"<auxwhat>{each}</auxwhat>" for each in where)
    report.write_text(REPORT.format(thread=thread, kind=kind, what="what", more=more))
    assert [finding.is_ours for finding in findings(report)] == [is_ours]


@pytest.mark.parametrize("parameter", ["sigsetsize", "events"])
def test_the_size_of_no_mask_is_no_finding(tmp_path: Path, parameter: str) -> None:
    report = tmp_path / "memcheck.xml"
    what = f"Syscall param epoll_pwait({parameter}) contains uninitialised byte(s)"
    report.write_text(REPORT.format(thread="2", kind="SyscallParam", what=what, more=""))
    assert [finding.is_ours for finding in findings(report)] == [parameter == "events"]
