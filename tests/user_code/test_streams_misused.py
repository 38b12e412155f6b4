"""sys.stdout closed, replaced, or written to in ways that it was not made for."""

import pytest

from frontend import Frontend, busy, execute_input, idle, reply, result, stdout

parity = pytest.mark.parity


def survives(frontend: Frontend) -> None:
    """The next cell runs as if nothing had happened."""
    frontend.execute("1 + 1").sees(busy, execute_input, result("2"), reply("ok"), idle)


@parity
def test_a_printed_lone_surrogate_is_survived(frontend: Frontend) -> None:
    frontend.execute(r"print('a\ud800b')").finish()
    survives(frontend)


def test_a_printed_lone_surrogate_is_shown_escaped(frontend: Frontend) -> None:
    cell = frontend.execute(r"print('a\ud800b')")
    cell.sees(busy, execute_input, stdout("a\\ud800b\n"), reply("ok"), idle)


@parity
def test_replaced_stdout_takes_what_is_printed(fresh: Frontend) -> None:
    fresh.run("import io, sys; kept = sys.stdout; sys.stdout = io.StringIO()")
    fresh.execute("print('elsewhere')").sees(busy, execute_input, reply("ok"), idle)
    fresh.execute("found = sys.stdout.getvalue(); sys.stdout = kept").finish()
    assert fresh.value("found") == repr("elsewhere\n")
    fresh.execute("print('back')").sees(busy, execute_input, stdout("back\n"), reply("ok"), idle)


def test_without_stdout_print_does_nothing(fresh: Frontend) -> None:
    cell = fresh.execute("import sys; kept = sys.stdout; sys.stdout = None; print('nowhere')")
    cell.sees(busy, execute_input, reply("ok"), idle)
    fresh.run("sys.stdout = kept")
    survives(fresh)


@parity
def test_closed_stdout_is_survived(fresh: Frontend) -> None:
    fresh.execute("import sys; sys.stdout.close()").finish()
    fresh.execute("print('after close')").finish()
    survives(fresh)


def test_closed_stdout_still_prints_in_the_next_cell(fresh: Frontend) -> None:
    fresh.execute("import sys; sys.stdout.close()").finish()
    cell = fresh.execute("print('after close')")
    cell.sees(busy, execute_input, stdout("after close\n"), reply("ok"), idle)


def test_deleted_stdout_is_survived(fresh: Frontend) -> None:
    fresh.execute("import sys; del sys.stdout").finish()
    assert fresh.execute("1 + 1").reply.content["status"] == "ok"


@parity
def test_bytes_to_the_buffer_of_stdout_are_survived(frontend: Frontend) -> None:
    frontend.execute("import sys; sys.stdout.buffer.write(b'raw\\n');").finish()
    survives(frontend)


def test_bytes_to_the_buffer_of_stdout_arrive(frontend: Frontend) -> None:
    cell = frontend.execute("import sys; sys.stdout.buffer.write('é\\n'.encode());")
    cell.sees(busy, execute_input, stdout("é\n"), reply("ok"), idle)


@parity
def test_dup2_over_file_descriptor_1_is_survived(fresh: Frontend) -> None:
    fresh.run("import os; null = os.open(os.devnull, os.O_WRONLY); _ = os.dup2(null, 1)")
    cell = fresh.execute("print('still here')")
    cell.sees(busy, execute_input, stdout("still here\n"), reply("ok"), idle)


@parity
def test_closed_file_descriptors_are_survived(fresh: Frontend) -> None:
    fresh.run("import os; os.close(1); os.close(2)")
    cell = fresh.execute("print('still here')")
    cell.sees(busy, execute_input, stdout("still here\n"), reply("ok"), idle)


@parity
def test_twenty_megabytes_arrive(frontend: Frontend) -> None:
    seen = frontend.execute("print('x' * 20_000_000)").finish()
    assert len(seen.text()) == 20_000_001


@parity
def test_printing_from_many_threads_loses_nothing(frontend: Frontend) -> None:
    code = (
        "import threading\n"
        "def work(n):\n    for i in range(200): print(f'{n}:{i}\\n', end='')\n"
        "ts = [threading.Thread(target=work, args=(n,)) for n in range(10)]\n"
        "for t in ts: t.start()\n"
        "for t in ts: t.join()"
    )
    lines = frontend.execute(code).finish().text().splitlines()
    assert sorted(lines) == sorted(f"{n}:{i}" for n in range(10) for i in range(200))


@parity
def test_stdout_may_be_used_by_a_child(frontend: Frontend) -> None:
    code = "import subprocess, sys; subprocess.run(['true'], stdout=sys.stdout, check=True);"
    frontend.execute(code).sees(busy, execute_input, reply("ok"), idle)


@parity
def test_the_original_stdout_still_exists(frontend: Frontend) -> None:
    frontend.execute("import sys; _ = sys.__stdout__.write('to the terminal\\n')").finish()
    survives(frontend)


@parity
def test_faulthandler_can_be_used(frontend: Frontend) -> None:
    cell = frontend.execute("import faulthandler; faulthandler.enable()")
    assert cell.reply.content["status"] == "ok"
