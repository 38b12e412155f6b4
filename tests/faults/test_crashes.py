"""Why did it die: what the user learns of a kernel that crashed, was killed or ended itself."""

from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from frontend import (
    DEADLINE,
    Exchange,
    Frontend,
    KernelProcess,
    busy,
    execute_input,
    idle,
    reply,
    result,
    stdout,
)
from frontend.process import kernel_environment

Start = Callable[..., KernelProcess]
Connect = Callable[[KernelProcess], Frontend]

SEGFAULT = "import ctypes\ndef read(): ctypes.string_at(0)\nread()"
IN_THREAD = "import threading\nt = threading.Thread(target=read); t.start(); t.join()"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where the kernel's files are, its connection file among them."""
    folder = tmp_path / "kernel"
    folder.mkdir()
    return folder


@pytest.fixture
def doomed(folder: Path, start_kernel: Start, connect: Connect) -> Frontend:
    """A client of a kernel that will not end well."""
    return connect(start_kernel(folder=folder))


@pytest.fixture
def successor(folder: Path, start_kernel: Start, connect: Connect) -> Callable[[], Frontend]:
    """Start a kernel with the same connection file, as a server does when the first has died."""
    return lambda: connect(start_kernel(folder=folder))


def journals(folder: Path) -> list[Path]:
    """What kernels leave in the folder until they end in order."""
    return list(folder.glob("*.ipyrust-journal"))


def reports(folder: Path) -> list[dict[str, Any]]:
    """The crash reports in the folder."""
    return [json.loads(path.read_text()) for path in sorted(folder.glob("ipyrust-crash-*.json"))]


def die(exchange: Exchange) -> int:
    """Wait for the kernel's end, and take what it sent until then; its exit code."""
    code = exchange.frontend.kernel.wait()
    while exchange.frontend.receive(200):
        pass
    return code


def text_of(exchange: Exchange, name: str = "stderr") -> str:
    """Everything that one stream of the cell says."""
    streams = [message for message in exchange.published if message.msg_type == "stream"]
    return "".join(each.content["text"] for each in streams if each.content["name"] == name)


def first_words(frontend: Frontend) -> str:
    """What the first cell of a kernel says on stderr."""
    return frontend.execute("1").finish().text("stderr")


CRASHES = {
    "segfault": (SEGFAULT, signal.SIGSEGV, "line 2, in read"),
    "abort": ("import os\nos.abort()", signal.SIGABRT, "line 2, in <module>"),
    "bus error": (
        "import os, signal\nos.kill(os.getpid(), signal.SIGBUS)",
        signal.SIGBUS,
        "line 2, in <module>",
    ),
    "thread": (SEGFAULT.replace("\nread()", "\n") + IN_THREAD, signal.SIGSEGV, "line 2, in read"),
}


@pytest.mark.parametrize("name", CRASHES)
def test_a_crash_is_told_while_it_happens(doomed: Frontend, name: str) -> None:
    code, number, place = CRASHES[name]
    cell = doomed.execute(f"print('before')\n{code}")
    assert die(cell) == -number
    assert text_of(cell, "stdout") == "before\n"
    said = text_of(cell)
    assert f"died of {number.name}" in said and "while In [1] ran" in said
    line = int(place.split()[1].strip(",")) + 1
    assert f"In [1], {place.replace(place.split(',')[0], f'line {line}')}" in said
    assert "Memory: " in said


@pytest.mark.parametrize("name", CRASHES)
def test_the_next_kernel_tells_of_a_crash_once(
    doomed: Frontend, successor: Callable[[], Frontend], folder: Path, name: str
) -> None:
    code, number, place = CRASHES[name]
    die(doomed.execute(code))
    client = successor()
    said = first_words(client)
    assert said.startswith(f"The kernel before this one (pid {doomed.kernel.pid}) died of ")
    assert number.name in said and f"In [1], {place}" in said and "%crash" in said
    assert first_words(client) == ""
    (report,) = reports(folder)
    assert report["cause"] == {"kind": "signal", "number": number, "name": number.name}
    assert [cell["code"] for cell in report["cells"]] == [code]
    assert report["memory"]["resident"] > 1_000_000
    client.kernel.close()
    assert "before this one" in client.kernel.stderr


def test_os_exit_is_told_by_both(
    doomed: Frontend, successor: Callable[[], Frontend], folder: Path
) -> None:
    cell = doomed.execute("print('before')\nimport os; os._exit(3)")
    assert die(cell) == 3
    assert text_of(cell, "stdout") == "before\n"
    assert "ended itself with os._exit(3) while In [1] ran" in text_of(cell)
    said = first_words(successor())
    assert "ended itself with os._exit(3)" in said and "In [1], line 2, in <module>" in said
    assert reports(folder)[0]["cause"] == {"kind": "exit_now", "code": 3}


def test_exit_called_by_c_code_is_told(
    doomed: Frontend, successor: Callable[[], Frontend], folder: Path
) -> None:
    assert die(doomed.execute("import ctypes; ctypes.CDLL(None).exit(4)")) == 4
    assert "C code that called exit()" in first_words(successor())
    assert reports(folder)[0]["cause"] == {"kind": "exit"}


def test_a_kill_from_outside_is_told_with_the_cell(
    doomed: Frontend, successor: Callable[[], Frontend], folder: Path
) -> None:
    cell = doomed.execute("print('go', flush=True)\nwhile True: pass")
    cell.reaches(stdout("go\n"))
    doomed.kernel.popen.kill()
    assert doomed.kernel.wait() == -signal.SIGKILL
    said = first_words(successor())
    assert "SIGKILL" in said and "memory ran out" in said and "while In [1] ran" in said
    assert "while True: pass" in said
    (report,) = reports(folder)
    assert report["cause"]["kind"] == "killed" and report["threads"] == []


def test_memory_is_sampled_while_a_cell_runs(
    doomed: Frontend, successor: Callable[[], Frontend], folder: Path
) -> None:
    """The kill comes when the journal says that the big block was seen."""
    megabytes = 200
    code = f"block = bytearray({megabytes << 20})\nprint('go', flush=True)\nwhile True: pass"
    doomed.execute(code).reaches(stdout("go\n"))
    (journal,) = journals(folder)

    def resident() -> int:
        return int.from_bytes(journal.read_bytes()[48:56], "little")

    doomed.wait_for(lambda: resident() > megabytes << 20, "a sample with the block")
    doomed.kernel.popen.kill()
    doomed.kernel.wait()
    first_words(successor())
    assert reports(folder)[0]["memory"]["resident"] > megabytes << 20


def test_a_crash_in_a_subshell_names_its_cell(
    doomed: Frontend, successor: Callable[[], Frontend]
) -> None:
    answer = doomed.request("create_subshell_request", channel="control").reply.content
    header = {"subshell_id": answer["subshell_id"]}
    content = {"code": SEGFAULT, "silent": False, "store_history": True, "allow_stdin": False}
    cell = doomed.request("execute_request", content, header=header)
    assert die(cell) == -signal.SIGSEGV
    for said in (text_of(cell), first_words(successor())):
        assert "while In [1] ran" in said and "In [1], line 2, in read" in said


def test_a_crash_of_an_idle_kernel_is_told(
    doomed: Frontend, successor: Callable[[], Frontend]
) -> None:
    doomed.run("import ctypes")
    doomed.run("import asyncio; _ = asyncio.get_event_loop().call_soon(ctypes.string_at, 0)")
    assert doomed.kernel.wait() == -signal.SIGSEGV
    assert "died of SIGSEGV (segmentation fault) while no cell ran" in first_words(successor())


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_of_an_idle_kernel_that_was_ended_from_outside_only_the_report_tells(
    doomed: Frontend, successor: Callable[[], Frontend], folder: Path, number: signal.Signals
) -> None:
    doomed.run("1")
    doomed.kernel.popen.send_signal(number)
    assert doomed.kernel.wait() == -number
    assert first_words(successor()) == ""
    assert len(reports(folder)) == 1


@pytest.mark.parametrize("restart", [False, True])
def test_an_orderly_end_leaves_nothing(doomed: Frontend, folder: Path, restart: bool) -> None:
    doomed.run("1")
    assert len(journals(folder)) == 1
    doomed.request("shutdown_request", {"restart": restart}, channel="control")
    assert doomed.kernel.wait() == 0
    assert (journals(folder), reports(folder)) == ([], [])


def test_a_kernel_started_by_hand_and_killed_leaves_nothing(tmp_path: Path) -> None:
    env = {**kernel_environment(tmp_path, {}), "JUPYTER_RUNTIME_DIR": str(tmp_path)}
    argv = [sys.executable, "-m", "ipyrust"]
    with subprocess.Popen(argv, env=env, stdout=subprocess.PIPE, text=True) as kernel:
        assert kernel.stdout
        announced = [kernel.stdout.readline() for _ in range(4)]
        assert "kill" in announced[-1]
        assert len(journals(tmp_path)) == 1
        kernel.terminate()
        assert kernel.wait(DEADLINE) == -signal.SIGTERM
    assert list(tmp_path.glob("*ipyrust*")) + list(tmp_path.glob("kernel*")) == []


@pytest.mark.parametrize("code", ["quit", "import sys; sys.exit(3)"])
def test_leaving_by_a_cell_leaves_nothing(doomed: Frontend, folder: Path, code: str) -> None:
    doomed.execute(code).finish()
    if code == "quit":
        doomed.kernel.wait()
    else:
        doomed.request("shutdown_request", {"restart": False}, channel="control")
        doomed.kernel.wait()
    assert (journals(folder), reports(folder)) == ([], [])


def test_a_cell_that_ignores_the_shutdown_is_no_crash(doomed: Frontend, folder: Path) -> None:
    cell = doomed.execute("import ctypes\nprint('go', flush=True)\nctypes.PyDLL(None).sleep(1000)")
    cell.reaches(stdout("go\n"))
    doomed.request("shutdown_request", {"restart": False}, channel="control")
    doomed.kernel.wait()
    assert (journals(folder), reports(folder)) == ([], [])


CHILD = "import os\nif not (child := os.fork()):\n    {}\nos.waitstatus_to_exitcode(os.waitpid(child, 0)[1])"


@pytest.mark.parametrize(
    ("ending", "code"),
    [
        ("import ctypes; ctypes.string_at(0)", -signal.SIGSEGV),
        ("os.abort()", -signal.SIGABRT),
        ("os._exit(5)", 5),
        ("os.kill(os.getpid(), 15)", -signal.SIGTERM),
        ("os.kill(os.getpid(), 3)", -signal.SIGQUIT),
    ],
)
def test_a_forked_child_that_dies_is_not_the_kernel(
    doomed: Frontend, folder: Path, ending: str, code: int
) -> None:
    cell = doomed.execute(CHILD.format(ending))
    assert cell.finish().reply and f"{code}" == cell.published[-2].content["data"]["text/plain"]
    assert "The kernel" not in text_of(cell)
    doomed.execute("1 + 1").sees(busy, execute_input, result("2"), reply("ok"), idle)
    doomed.request("shutdown_request", {"restart": False}, channel="control")
    assert doomed.kernel.wait() == 0
    assert (journals(folder), reports(folder)) == ([], [])


def test_the_stacks_of_a_child_that_crashes_are_in_the_cell(doomed: Frontend) -> None:
    cell = doomed.execute(CHILD.format("os.abort()"))
    cell.finish()
    assert "Fatal Python error: Aborted" in text_of(cell)


def test_the_report_is_for_its_owner_alone(
    doomed: Frontend, successor: Callable[[], Frontend], folder: Path
) -> None:
    doomed.run("pass")  # Clients are answered before the journal is there, cells are not.
    (journal,) = journals(folder)
    assert journal.stat().st_mode & 0o777 == 0o600
    die(doomed.execute(SEGFAULT))
    successor()
    (report,) = folder.glob("ipyrust-crash-*.json")
    assert report.stat().st_mode & 0o777 == 0o600


def test_the_magic_shows_the_whole_report(
    doomed: Frontend, successor: Callable[[], Frontend], folder: Path
) -> None:
    die(doomed.execute(SEGFAULT))
    client = successor()
    first_words(client)
    shown = client.run("%crash").text()
    assert "Kernel kernel (pid" in shown and "died of SIGSEGV" in shown
    assert "In [1], line 2, in read" in shown and "interactiveshell.py" in shown
    assert json.loads(client.run("%crash --json").text())["cause"]["name"] == "SIGSEGV"
    assert client.run("%crash --clear").text() == "Removed 1 crash report.\n"
    assert client.run("%crash").text() == f"No crash reports in {folder}.\n"
    assert len(journals(folder)) == 1, "its own"


def test_the_magic_leaves_its_own_journal_alone_by_any_name(
    doomed: Frontend, folder: Path, tmp_path: Path
) -> None:
    link = tmp_path / "link"
    link.symlink_to(folder)
    for spelled in (link, folder / ".." / folder.name, f"{folder}/"):
        assert "No crash reports" in doomed.run(f"%crash --runtime-dir {spelled}").text()
    assert (len(journals(folder)), reports(folder)) == (1, [])
    assert crash_command(folder).stdout == f"No crash reports in {folder}.\n", "it is still locked"


def crash_command(
    folder: Path, *arguments: str, **variables: str
) -> subprocess.CompletedProcess[str]:
    """Run `python -m ipyrust crash`."""
    return subprocess.run(
        [sys.executable, "-m", "ipyrust", "crash", *arguments],
        env={**kernel_environment(folder, variables), "JUPYTER_RUNTIME_DIR": str(folder)},
        capture_output=True,
        text=True,
        timeout=DEADLINE,
        check=False,
    )


def test_the_command_shows_a_crash_that_no_kernel_followed(doomed: Frontend, folder: Path) -> None:
    assert crash_command(folder).stdout == f"No crash reports in {folder}.\n"
    die(doomed.execute(SEGFAULT))
    shown = crash_command(folder)
    assert shown.returncode == 0 and "died of SIGSEGV" in shown.stdout
    assert journals(folder) == []
    (path,) = folder.glob("ipyrust-crash-*.json")
    assert crash_command(folder, str(path)).stdout == shown.stdout
    assert json.loads(crash_command(folder, "--json", "--all").stdout)["pid"] == doomed.kernel.pid
    assert crash_command(folder, str(folder / "none")).returncode == 8
    assert crash_command(folder, "--bogus").returncode == 2


def test_what_cannot_be_removed_does_not_keep_the_others(
    doomed: Frontend, successor: Callable[[], Frontend], folder: Path
) -> None:
    die(doomed.execute(SEGFAULT))
    in_the_way = folder / "ipyrust-crash-20990101T000000000Z-1.json"
    (in_the_way / "somebody's").mkdir(parents=True)
    cleared = crash_command(folder, "--clear")
    assert cleared.returncode == 8
    assert cleared.stderr == (
        f"ipyrust: Removed 1 crash report, but cannot remove {in_the_way} "
        f"({os.strerror(errno.EISDIR)}); remove it by hand\n"
    )
    assert [path.name for path in folder.glob("ipyrust-crash-*")] == [in_the_way.name]
    cleared_by_magic = successor().execute("%crash --clear")
    assert f"cannot remove {in_the_way}" in cleared_by_magic.reply.content["evalue"]
    assert in_the_way.is_dir()


def test_names_beyond_ascii_are_told_as_they_are(
    tmp_path: Path, start_kernel: Start, connect: Connect
) -> None:
    folder, temporary = tmp_path / "Übung", tmp_path / "josé 工"
    folder.mkdir()
    temporary.mkdir()
    names = {"TMPDIR": str(temporary), "LOGNAME": "josé", "USER": "josé"}
    doomed = connect(start_kernel(folder=folder, env=names))
    code = SEGFAULT.replace("read", "lésen") + "  # 🐍"
    cell = doomed.execute(code)
    die(cell)
    stack = "In [1], line 2, in lésen\n    In [1], line 3, in <module>\n"
    assert stack in text_of(cell) and "# 🐍" in text_of(cell)
    assert stack in first_words(connect(start_kernel(folder=folder, env=names)))
    (path,) = folder.glob("ipyrust-crash-*.json")
    report = json.loads(path.read_text(encoding="utf-8"))
    witness = next(thread for thread in report["threads"] if thread.get("current"))
    of_cell = [frame for frame in witness["frames"] if frame["cell"] == 1]
    assert [frame["function"] for frame in of_cell] == ["lésen", "<module>"]
    assert all(frame["file"].startswith(str(temporary)) for frame in of_cell)
    shown = crash_command(folder, PYTHONIOENCODING="utf-8")
    assert stack in shown.stdout and shown.returncode == 0
    assert crash_command(folder, "--clear").stdout == "Removed 1 crash report.\n"


def test_the_command_shows_what_the_terminal_can(doomed: Frontend, folder: Path) -> None:
    die(doomed.execute(f"name = 'é'\n{SEGFAULT}"))
    shown = crash_command(folder, PYTHONIOENCODING="ascii")
    assert (shown.returncode, "name = '\\xe9'" in shown.stdout) == (0, True)


def test_the_command_leaves_living_kernels_alone(doomed: Frontend, folder: Path) -> None:
    doomed.run("1")
    assert crash_command(folder).stdout == f"No crash reports in {folder}.\n"
    assert len(journals(folder)) == 1


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells who has a file open")
def test_a_kernel_that_read_its_own_journal_is_alive(doomed: Frontend, folder: Path) -> None:
    """Closing the file ended the lock of the process."""
    (journal,) = journals(folder)
    doomed.run(f"open({str(journal)!r}, 'rb').close()")
    assert crash_command(folder).stdout == f"No crash reports in {folder}.\n"
    assert journals(folder) == [journal]


def test_an_orderly_end_tidies_up_after_others(
    doomed: Frontend, successor: Callable[[], Frontend], folder: Path
) -> None:
    die(doomed.execute(SEGFAULT))
    (journal,) = journals(folder)
    journal.rename(folder / "other.ipyrust-journal")
    client = successor()
    assert first_words(client) == "", "it was no kernel of this connection file"
    client.request("shutdown_request", {"restart": False}, channel="control")
    assert client.kernel.wait() == 0
    assert (journals(folder), reports(folder)[0]["kernel"]) == ([], "other")


@pytest.mark.parametrize("how", ["variable", "option"])
def test_reports_can_be_switched_off(
    folder: Path, start_kernel: Start, connect: Connect, how: str
) -> None:
    off: dict[str, Any] = {
        "variable": {"env": {"IPYRUST_CRASH_REPORTS": "0"}},
        "option": {"arguments": ("--IPKernelApp.crash_reports=False",)},
    }[how]
    client = connect(start_kernel(folder=folder, **off))
    cell = client.execute(SEGFAULT)
    assert die(cell) == -signal.SIGSEGV
    assert (journals(folder), text_of(cell)) == ([], "")


def spoil_with_garbage(journal: Path) -> None:
    journal.write_bytes(os.urandom(100_000))


def spoil_by_cutting(journal: Path) -> None:
    journal.write_bytes(b"ipyrust\x01" + bytes(100))


def spoil_with_a_bad_record(journal: Path) -> None:
    journal.write_bytes(b"ipyrust\x01" + b"\xff" * 50_000)


def spoil_with_a_link(journal: Path) -> None:
    (journal.parent / "precious").write_text("precious")
    journal.symlink_to(journal.parent / "precious")


def spoil_with_a_pipe(journal: Path) -> None:
    os.mkfifo(journal)


SPOILERS = [
    spoil_with_garbage,
    spoil_by_cutting,
    spoil_with_a_bad_record,
    spoil_with_a_link,
    spoil_with_a_pipe,
]


@pytest.mark.parametrize("spoil", SPOILERS)
def test_a_journal_that_is_none_is_survived(
    folder: Path, successor: Callable[[], Frontend], spoil: Callable[[Path], None]
) -> None:
    spoil(folder / "kernel.ipyrust-journal")
    client = successor()
    first_words(client)
    client.run("1 + 1")
    (journal,) = journals(folder)
    assert journal.is_file() and not journal.is_symlink()
    assert journal.read_bytes()[:8] == b"ipyrust\x01"
    precious = folder / "precious"
    assert not precious.exists() or precious.read_text() == "precious"


def test_a_report_that_is_none_is_an_error_of_its_own(folder: Path, doomed: Frontend) -> None:
    doomed.run("1")
    die(doomed.execute(SEGFAULT))
    assert crash_command(folder).returncode == 0
    (folder / "ipyrust-crash-9.json").write_text('{"pid": "x"')
    shown = crash_command(folder).stdout
    assert "ipyrust-crash-9.json" in shown and "died of SIGSEGV" in shown, "the newest good one"
    error, report = map(json.loads, crash_command(folder, "--json").stdout.splitlines())
    assert "ipyrust-crash-9.json" in error["error"] and report["pid"] == doomed.kernel.pid


def test_a_kernel_that_cannot_keep_a_journal_starts_and_says_so(
    folder: Path, start_kernel: Start, connect: Connect
) -> None:
    (folder / "kernel.ipyrust-journal").mkdir()
    client = connect(start_kernel(folder=folder))
    client.execute("1 + 1").sees(busy, execute_input, result("2"), reply("ok"), idle)
    assert client.kernel.stderr.count("no report if this kernel dies") == 1
    assert die(client.execute("import os; os._exit(3)")) == 3


FULL_DISK = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (16_384, 16_384))"


def test_a_full_disk_costs_the_journal_and_not_the_kernel(
    folder: Path, start_kernel: Start, connect: Connect, tmp_path: Path
) -> None:
    (tmp_path / "sitecustomize.py").write_text(FULL_DISK)
    path = os.pathsep.join(filter(None, [str(tmp_path), os.environ.get("PYTHONPATH")]))
    client = connect(start_kernel(folder=folder, env={"PYTHONPATH": path}))
    client.execute("1 + 1").sees(busy, execute_input, result("2"), reply("ok"), idle)
    assert client.kernel.stderr.count("no report if this kernel dies") == 1
    assert journals(folder) == []


def test_user_code_may_use_faulthandler_itself(doomed: Frontend, tmp_path: Path) -> None:
    own = tmp_path / "own.txt"
    cell = doomed.execute(f"import faulthandler; faulthandler.enable(open({str(own)!r}, 'w'))")
    cell.finish()
    cell = doomed.execute(SEGFAULT)
    assert die(cell) == -signal.SIGSEGV
    assert "Segmentation fault" in own.read_text()
    assert "died of SIGSEGV" in text_of(cell)


def test_os_exit_is_itself_for_those_who_look(doomed: Frontend) -> None:
    assert doomed.value("__import__('os')._exit.__name__") == "'_exit'"
    doomed.run("import os, pickle")
    assert doomed.value("pickle.loads(pickle.dumps(os._exit)) is os._exit") == "True"
    cell = doomed.execute("import os; os._exit('three')")
    assert cell.finish().reply.content["ename"] == "TypeError"  # type: ignore[union-attr]


def test_an_idle_kernel_does_not_wake(doomed: Frontend) -> None:
    """Memory is sampled every second while a cell runs, and not after it."""
    doomed.run("1")
    tasks = Path(f"/proc/{doomed.kernel.pid}/task")

    def wakes() -> int:
        found = [line for task in tasks.iterdir() for line in (task / "status").open()]
        return sum(int(line.split()[1]) for line in found if "ctxt_switches" in line)

    def stays_asleep() -> bool:
        before = wakes()
        doomed.receive(2500)  # The clock: more than two periods of the sampler.
        return wakes() == before

    doomed.wait_for(stays_asleep, "2.5 s without a wake-up", timeout=DEADLINE)
