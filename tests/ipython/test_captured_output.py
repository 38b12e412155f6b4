"""What C code and child processes write to file descriptors 1 and 2 appears in the cell, whole and in order."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from frontend import (
    Frontend,
    Gate,
    KernelProcess,
    busy,
    error,
    execute_input,
    idle,
    reply,
    result,
    stderr,
    stdout,
)

LIBC = "import ctypes, os, sys; libc = ctypes.CDLL(None)\n"
ok = reply("ok")


@pytest.mark.parametrize(
    ("code", "text"),
    [
        ("libc.puts(b'line'); libc.fflush(None);", "line\n"),
        ("libc.printf(b'no newline'); libc.fflush(None);", "no newline"),
        ("libc.write(1, b'bytes', 5);", "bytes"),
        ("os.write(1, b'bytes');", "bytes"),
        ("os.system('echo from a shell');", "from a shell\n"),
        ("import subprocess; subprocess.run(['echo', 'from a child']);", "from a child\n"),
        ("import subprocess; subprocess.run('echo err >&2', shell=True);", None),
        ("os.posix_spawn('/bin/echo', ['echo', 'spawned'], os.environ); os.wait();", "spawned\n"),
        ("with os.popen('cat >&1', 'w') as pipe: _ = pipe.write('piped')", "piped"),
    ],
)
def test_it_appears_in_its_cell(frontend: Frontend, code: str, text: str | None) -> None:
    seen = stdout(text) if text is not None else stderr("err\n")
    frontend.execute(LIBC + code).sees(busy, execute_input, seen, ok, idle)


def test_what_c_keeps_in_its_buffer_comes_when_the_cell_ends(frontend: Frontend) -> None:
    cell = frontend.execute(LIBC + "libc.printf(b'not flushed');")
    cell.sees(busy, execute_input, stdout("not flushed"), ok, idle)


def test_it_keeps_its_place_among_prints(frontend: Frontend) -> None:
    code = LIBC + (
        "for n in range(50):\n"
        "    print('print', n)\n"
        "    os.write(1, b'write %d\\n' % n)\n"
        "    libc.puts(b'puts'); libc.fflush(None)\n"
    )
    text = "".join(f"print {n}\nwrite {n}\nputs\n" for n in range(50))
    frontend.execute(code).sees(busy, execute_input, stdout(text), ok, idle)


def test_children_keep_their_place_among_prints(frontend: Frontend) -> None:
    code = (
        "import os\nfor n in range(5):\n"
        "    print('before', n)\n    os.system(f'echo child {n}')\n    print('after', n)"
    )
    text = "".join(f"before {n}\nchild {n}\nafter {n}\n" for n in range(5))
    frontend.execute(code).sees(busy, execute_input, stdout(text), ok, idle)


def test_it_comes_before_the_result_and_a_display(frontend: Frontend) -> None:
    code = "import os\nos.write(1, b'first')\n_ = display('second')\nos.write(1, b'third')\n'last'"
    seen = frontend.execute(code).finish()
    kinds = [message.msg_type for message in seen.published]
    assert kinds[2:] == ["stream", "display_data", "stream", "execute_result", "status"]


def test_it_comes_before_the_error(frontend: Frontend) -> None:
    cell = frontend.execute("import os; os.write(2, b'why'); 1/0")
    cell.sees(busy, execute_input, stderr("why"), error("ZeroDivisionError"), reply("error"), idle)


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_a_process_of_multiprocessing_prints(fresh: Frontend, method: str) -> None:
    code = (
        "import multiprocessing as mp\n"
        f"process = mp.get_context({method!r}).Process(target=print, args=('from the process',))\n"
        "process.start(); process.join(); process.exitcode"
    )
    cell = fresh.execute(code)
    cell.sees(busy, execute_input, stdout("from the process\n"), result("0"), ok, idle)


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_a_pool_of_processes_prints(fresh: Frontend, method: str) -> None:
    code = (
        "import multiprocessing as mp\n"
        f"pool = mp.get_context({method!r}).Pool(2)\n"
        "_ = pool.map(print, range(1000, 1100)); pool.close(); pool.join()"
    )
    seen = fresh.execute(code).finish(timeout=60)
    assert sorted(seen.text().splitlines()) == [str(n) for n in range(1000, 1100)]


def test_a_character_that_is_cut_survives(frontend: Frontend) -> None:
    code = (
        "import array, fcntl, os, termios\nunread = array.array('i', [0])\n"
        "for byte in 'é😀'.encode():\n"
        "    os.write(1, bytes([byte])); unread[0] = 1\n"
        "    while unread[0]: fcntl.ioctl(1, termios.FIONREAD, unread)"
    )
    frontend.execute(code).sees(busy, execute_input, stdout("é😀"), ok, idle)


def test_a_large_text_of_wide_characters_survives(frontend: Frontend) -> None:
    code = "import subprocess, sys; subprocess.run([sys.executable, '-c', \"print('é😀' * 100_000)\"]);"
    assert frontend.run(code).text() == "é😀" * 100_000 + "\n"


def test_bytes_that_are_no_text_are_shown_as_such(frontend: Frontend) -> None:
    cell = frontend.execute(r"import os; os.write(1, b'a\xffb');")
    cell.sees(busy, execute_input, stdout("a\ufffdb"), ok, idle)


def test_output_after_the_cell_goes_to_the_last_cell(frontend: Frontend, gate: Gate) -> None:
    frontend.run("import subprocess")
    cell = frontend.execute(
        f"child = subprocess.Popen('read line < {gate.path}; echo late', shell=True)"
    )
    cell.sees(busy, execute_input, ok, idle)
    gate.open()
    cell.then_sees(stdout("late\n"))
    frontend.run("_ = child.wait()")


def test_nothing_is_echoed(fresh: Frontend) -> None:
    fresh.run("import os, sys; print('printed'); _ = os.system('echo child; echo err >&2')")
    assert fresh.kernel.stdout == fresh.kernel.stderr == ""


def test_the_streams_of_python_itself_are_captured(frontend: Frontend) -> None:
    cell = frontend.execute("import sys; print('to __stderr__', file=sys.__stderr__, flush=True)")
    cell.sees(busy, execute_input, stderr("to __stderr__\n"), ok, idle)


def test_faulthandler_shows_the_stack_in_the_cell(frontend: Frontend) -> None:
    cell = frontend.execute("import faulthandler; faulthandler.dump_traceback(all_threads=False)")
    stack = stderr(re.compile("most recent call first"))
    cell.sees(busy, execute_input, stack, ok, idle)


def test_a_closed_descriptor_is_survived(fresh: Frontend) -> None:
    fresh.run("import os; os.close(1)")
    fresh.execute("print('still here')").sees(busy, execute_input, stdout("still here\n"), ok, idle)
    fresh.execute("1 + 1").sees(busy, execute_input, result("2"), ok, idle)


def test_a_descriptor_that_was_put_elsewhere_comes_back(fresh: Frontend, tmp_path: Path) -> None:
    path = tmp_path / "elsewhere"
    fresh.run(
        "import os\nkept = os.dup(1)\n"
        f"file = os.open({str(path)!r}, os.O_WRONLY | os.O_CREAT); os.dup2(file, 1)\n"
        "_ = os.system('echo into the file')\nos.dup2(kept, 1)"
    )
    cell = fresh.execute("os.system('echo into the cell');")
    cell.sees(busy, execute_input, stdout("into the cell\n"), ok, idle)
    assert Path(path).read_text() == "into the file\n"


def test_redirected_prints_stay_where_they_were_sent(frontend: Frontend) -> None:
    code = (
        "import contextlib, io, os\n"
        "with contextlib.redirect_stdout(io.StringIO()) as kept:\n"
        "    print('kept'); _ = os.system('echo shown')\n"
        "kept.getvalue()"
    )
    cell = frontend.execute(code)
    cell.sees(busy, execute_input, stdout("shown\n"), result(repr("kept\n")), ok, idle)


@pytest.mark.skipif(sys.platform == "win32", reason="a library for POSIX")
def test_wurlitzer_works_as_ever(fresh: Frontend) -> None:
    pytest.importorskip("wurlitzer")
    fresh.run("import wurlitzer, os")
    code = "with wurlitzer.pipes() as (out, err): _ = os.system('echo caught')\nout.read()"
    fresh.execute(code).sees(busy, execute_input, result(repr("caught\n")), ok, idle)
    code = "with wurlitzer.sys_pipes(): _ = os.system('echo passed on')"
    fresh.execute(code).sees(busy, execute_input, stdout("passed on\n"), ok, idle)
    cell = fresh.execute("os.system('echo after');")
    cell.sees(busy, execute_input, stdout("after\n"), ok, idle)


def test_the_extension_of_wurlitzer_works(fresh: Frontend) -> None:
    pytest.importorskip("wurlitzer")
    fresh.run("import os\n%load_ext wurlitzer")
    cell = fresh.execute("os.system('echo shown');")
    cell.sees(busy, execute_input, stdout("shown\n"), ok, idle)


def test_a_child_that_floods_is_read_to_the_end(frontend: Frontend) -> None:
    code = "import subprocess; subprocess.run('yes | head -c 30000000', shell=True);"
    assert len(frontend.execute(code).finish(timeout=60).text()) == 30_000_000


def test_a_child_that_floods_can_be_interrupted(frontend: Frontend) -> None:
    cell = frontend.execute("import subprocess; subprocess.run(['yes']);")
    cell.reaches_text("y\ny\n")
    frontend.interrupt()
    assert cell.finish(timeout=60).reply.content["ename"] == "KeyboardInterrupt"
    assert frontend.value("1 + 1") == "2"


def test_a_flood_in_the_background_stops_no_cell(fresh: Frontend) -> None:
    fresh.run("import subprocess; child = subprocess.Popen(['yes'])")
    fresh.execute("1 + 1").finish(timeout=60)
    fresh.execute("child.kill(); child.wait()").finish(timeout=60)
    assert fresh.value("1 + 1") == "2"


def test_a_child_may_be_given_the_streams(frontend: Frontend) -> None:
    code = (
        "import subprocess, sys\n"
        "subprocess.run('echo out; echo err >&2', shell=True, stdout=sys.stderr, stderr=sys.stdout);"
    )
    seen = frontend.run(code)
    assert (seen.text(), seen.text("stderr")) == ("err\n", "out\n")


def test_two_kernels_keep_their_output_apart(
    start_kernel: Callable[..., KernelProcess], connect: Callable[[KernelProcess], Frontend]
) -> None:
    clients = [connect(start_kernel()) for _ in range(2)]
    cells = [client.execute("import os; os.system(f'echo {os.getpid()}');") for client in clients]
    for client, cell in zip(clients, cells, strict=True):
        cell.sees(busy, execute_input, stdout(f"{client.kernel.pid}\n"), ok, idle)
