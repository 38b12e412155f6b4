"""`!command`: a child that writes to a terminal, and can be interrupted."""

from __future__ import annotations

from pathlib import Path

import pytest

from frontend import Frontend, busy, execute_input, idle, reply, result

parity = pytest.mark.parity
ok = reply("ok")


def test_characters_that_are_cut_survive(frontend: Frontend) -> None:
    seen = frontend.run(
        r"!for b in '\303' '\251' '\360' '\237' '\230' '\200'; do printf $b; sleep .02; done"
    )
    assert seen.text() == "é😀"


def test_many_wide_characters_survive(frontend: Frontend) -> None:
    seen = frontend.run("!yes é😀 | head -n 20000 | tr -d '\\n'")
    assert seen.text() == "é😀" * 20000


def test_bytes_that_are_no_text_are_shown_as_such(frontend: Frontend) -> None:
    assert frontend.run(r"!printf 'a\377b'").text() == "a\ufffdb"


@parity
@pytest.mark.parametrize(
    ("command", "code"), [("true", 0), ("exit 3", 3), ("kill -9 $$", -9), ("no-such-program", 127)]
)
def test_the_exit_code_is_kept(frontend: Frontend, command: str, code: int) -> None:
    frontend.run(f"!{command}")
    assert frontend.value("_exit_code") == str(code)


@parity
def test_colours_pass(frontend: Frontend) -> None:
    assert frontend.run(r"!printf '\033[31mred\033[0m'").text() == "\x1b[31mred\x1b[0m"


@parity
def test_programs_see_a_terminal(frontend: Frontend) -> None:
    assert "yes" in frontend.run("![ -t 1 ] && echo yes").text()


@parity
def test_standard_input_does_not_hang_the_cell(frontend: Frontend) -> None:
    cell = frontend.execute("!sleep 0.1; echo done")
    assert "done" in cell.finish().text()


@parity
def test_errors_are_part_of_the_output(frontend: Frontend) -> None:
    assert "err" in frontend.run("!echo err >&2").text()


@parity
def test_a_failure_can_be_an_error(fresh: Frontend) -> None:
    fresh.run("get_ipython().system_raise_on_error = True")
    assert fresh.execute("!false").reply.content["ename"] == "CalledProcessError"


@parity
def test_background_commands_are_refused(frontend: Frontend) -> None:
    cell = frontend.execute("!sleep 1 &")
    assert cell.reply.content["ename"] == "OSError"


def test_an_interrupt_ends_the_command_and_its_children(fresh: Frontend) -> None:
    cell = fresh.execute("!echo runs; sh -c 'sleep 1000; echo never'; echo never")
    cell.reaches_text("runs\n")
    fresh.interrupt()
    text = cell.finish().text()
    assert "never" not in text
    fresh.execute("1 + 1").sees(busy, execute_input, result("2"), ok, idle)


def test_a_command_may_end_itself_in_order(fresh: Frontend) -> None:
    cell = fresh.execute("!trap 'echo cleaned; exit 4' INT; echo runs; while :; do sleep .1; done")
    cell.reaches_text("runs\n")
    fresh.interrupt()
    assert cell.finish().text() == "runs\ncleaned\n"
    assert fresh.value("_exit_code") == "4"


def test_a_command_that_ignores_interrupts_is_killed(fresh: Frontend) -> None:
    cell = fresh.execute("!trap '' INT; echo runs; while :; do sleep .1; done")
    cell.reaches_text("runs\n")
    fresh.interrupt()
    cell.finish()
    fresh.execute("1 + 1").sees(busy, execute_input, result("2"), ok, idle)


def test_output_comes_while_the_command_runs(frontend: Frontend) -> None:
    cell = frontend.execute("!for n in 1 2 3; do echo $n; sleep .05; done; sleep 1000")
    cell.reaches_text("1\n2\n3\n")
    frontend.interrupt()
    cell.finish()


def test_a_command_may_print_much_before_it_ends(fresh: Frontend, tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(
        "import sys, time\ntry:\n    print('runs', flush=True)\n    time.sleep(1000)\n"
        "except KeyboardInterrupt:\n    for n in range(60000):\n        print('line', n)\n    sys.exit(5)\n"
    )
    fresh.run("import sys, ipyrust.ipython.system as system; system.PATIENCE = 10")
    # exec: some shells say of themselves that they died of the signal, whatever their child made of it
    cell = fresh.execute(f"!exec {{sys.executable}} {script}")
    cell.reaches_text("runs\n")
    fresh.interrupt()
    assert cell.finish().text().splitlines()[1:] == [f"line {n}" for n in range(60000)]
    assert fresh.value("_exit_code") == "5"


def test_a_command_that_prints_for_ever_is_killed(fresh: Frontend) -> None:
    cell = fresh.execute("!trap '' INT; echo runs; while :; do echo more; done")
    cell.reaches_text("runs\n")
    fresh.interrupt()
    cell.finish()
    assert fresh.value("_exit_code") == "-9"


def test_a_character_that_an_interrupt_cuts_survives(fresh: Frontend) -> None:
    cell = fresh.execute(
        r"""!trap 'printf "\251"; exit 4' INT; printf 'runs\303'; while :; do sleep .1; done"""
    )
    cell.reaches_text("runs")
    fresh.interrupt()
    assert cell.finish().text() == "runsé"
