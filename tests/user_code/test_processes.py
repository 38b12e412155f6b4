"""fork, multiprocessing, exits and crashes: children leave the kernel alone."""

import signal

import pytest

from frontend import Frontend, busy, error, execute_input, idle, reply, result, stdout

parity = pytest.mark.parity


def survives(frontend: Frontend) -> None:
    """The next cell runs as if nothing had happened."""
    frontend.execute("1 + 1").sees(busy, execute_input, result("2"), reply("ok"), idle)


FORK = """
import os
if (child := os.fork()) == 0:
    {child}
print("child ended with", os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


@parity
def test_os_exit_ends_the_kernel_with_its_code(fresh: Frontend) -> None:
    fresh.execute("import os; os._exit(3)")
    assert fresh.kernel.wait() == 3


@parity
def test_a_crash_ends_the_kernel_with_its_signal(fresh: Frontend) -> None:
    fresh.execute("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)")
    assert fresh.kernel.wait() == -signal.SIGSEGV


@parity
def test_abort_ends_the_kernel_with_its_signal(fresh: Frontend) -> None:
    fresh.execute("import os; os.abort()")
    assert fresh.kernel.wait() == -signal.SIGABRT


@parity
def test_a_forked_child_that_exits_leaves_the_kernel_alone(fresh: Frontend) -> None:
    cell = fresh.execute(FORK.format(child="os._exit(5)"))
    cell.sees(busy, execute_input, stdout("child ended with 5\n"), reply("ok"), idle)
    survives(fresh)


@parity
def test_a_forked_child_may_print(fresh: Frontend) -> None:
    child = "import sys; print('from the child', flush=True); os._exit(0)"
    seen = fresh.execute(FORK.format(child=child)).finish()
    assert "child ended with 0\n" in seen.text()
    survives(fresh)


def test_what_a_forked_child_prints_arrives(fresh: Frontend) -> None:
    child = "print('from the child', flush=True); os._exit(0)"
    cell = fresh.execute(FORK.format(child=child))
    both = stdout("from the child\nchild ended with 0\n")
    cell.sees(busy, execute_input, both, reply("ok"), idle)


def test_a_forked_child_that_runs_to_the_end_leaves_no_second_kernel(fresh: Frontend) -> None:
    code = "import os; child = os.fork(); 'parent' if child else 'child'"
    fresh.execute(code).sees(busy, execute_input, result("'parent'"), reply("ok"), idle)
    fresh.execute("_ = os.waitpid(child, 0)").sees(busy, execute_input, reply("ok"), idle)
    survives(fresh)


def test_a_forked_child_that_fails_leaves_no_second_kernel(fresh: Frontend) -> None:
    code = "import os; child = os.fork()\nif not child: raise RuntimeError('in the child')"
    fresh.execute(code).sees(busy, execute_input, reply("ok"), idle)
    fresh.execute("_ = os.waitpid(child, 0)").sees(busy, execute_input, reply("ok"), idle)
    survives(fresh)


@parity
def test_a_forked_process_of_multiprocessing_returns_its_value(fresh: Frontend) -> None:
    code = (
        "import multiprocessing as mp\n"
        "with mp.get_context('fork').Pool(2) as pool: doubled = pool.map(abs, [-1, -2, -3])\n"
        "doubled"
    )
    fresh.execute(code).sees(busy, execute_input, result("[1, 2, 3]"), reply("ok"), idle)
    survives(fresh)


@parity
def test_functions_of_a_cell_run_in_a_forked_process(fresh: Frontend) -> None:
    code = (
        "import multiprocessing as mp\n"
        "def double(n): return n * 2\n"
        "with mp.get_context('fork').Pool(2) as pool: doubled = pool.map(double, [1, 2])\n"
        "doubled"
    )
    fresh.execute(code).sees(busy, execute_input, result("[2, 4]"), reply("ok"), idle)


def test_a_forked_process_of_multiprocessing_prints(fresh: Frontend) -> None:
    code = (
        "import multiprocessing as mp\n"
        "p = mp.get_context('fork').Process(target=print, args=('from the process',))\n"
        "p.start(); p.join(); p.exitcode"
    )
    printed = stdout("from the process\n")
    fresh.execute(code).sees(busy, execute_input, printed, result("0"), reply("ok"), idle)


@parity
def test_a_spawned_process_returns_its_value(fresh: Frontend) -> None:
    code = (
        "from concurrent.futures import ProcessPoolExecutor\nimport multiprocessing as mp\n"
        "with ProcessPoolExecutor(1, mp.get_context('spawn')) as pool: n = pool.submit(abs, -4)\n"
        "n.result()"
    )
    fresh.execute(code).sees(busy, execute_input, result("4"), reply("ok"), idle)


@parity
def test_a_killed_worker_is_an_error_of_the_cell(fresh: Frontend) -> None:
    code = (
        "from concurrent.futures import ProcessPoolExecutor\nimport multiprocessing as mp, os\n"
        "with ProcessPoolExecutor(1, mp.get_context('fork')) as pool:\n"
        "    pool.submit(os._exit, 1).result()"
    )
    cell = fresh.execute(code)
    cell.sees(busy, execute_input, error("BrokenProcessPool"), reply("error"), idle)
    survives(fresh)


@parity
def test_a_child_that_outlives_its_cell_leaves_the_kernel_alone(fresh: Frontend) -> None:
    fresh.run("import subprocess; p = subprocess.Popen(['sleep', '1000'])")
    survives(fresh)
    fresh.run("p.kill(); _ = p.wait()")


@parity
def test_subprocess_output_can_be_read(frontend: Frontend) -> None:
    cell = frontend.execute("import subprocess; subprocess.check_output(['echo', 'hi'])")
    cell.sees(busy, execute_input, result("b'hi\\n'"), reply("ok"), idle)


def test_the_sockets_are_not_inherited(fresh: Frontend) -> None:
    code = (
        "import subprocess\n"
        "out = subprocess.check_output(['ls', '-l', '/proc/self/fd'], close_fds=False)\n"
        "out.decode().count('socket:')"
    )
    fresh.execute(code).sees(busy, execute_input, result("0"), reply("ok"), idle)
