"""Cells that change what the kernel itself stands on."""

import pytest

from frontend import Frontend, busy, execute_input, idle, reply, result, stdout

pytestmark = pytest.mark.parity


def survives(frontend: Frontend) -> None:
    """Cells still run and their results are still shown."""
    frontend.execute("1 + 1").sees(busy, execute_input, result("2"), reply("ok"), idle)


def test_a_deleted_builtin(fresh: Frontend) -> None:
    fresh.run("import builtins; del builtins.abs")
    survives(fresh)


def test_deleted_print(fresh: Frontend) -> None:
    fresh.run("import builtins; del builtins.print")
    survives(fresh)


def test_builtins_hidden_by_names_of_the_user(fresh: Frontend) -> None:
    fresh.run("len = str = list = dict = type = int = isinstance = None")
    survives(fresh)


def test_a_replaced_input_of_the_user(fresh: Frontend) -> None:
    fresh.run("import builtins; builtins.input = lambda prompt='': 'own input'")
    cell = fresh.execute("1")
    cell.sees(busy, execute_input, result("1"), reply("ok"), idle)


def test_another_working_folder(fresh: Frontend) -> None:
    fresh.run("import os; os.chdir('/')")
    assert fresh.value("os.getcwd()") == "'/'"


def test_a_working_folder_that_is_gone(fresh: Frontend) -> None:
    fresh.run("import os, tempfile; d = tempfile.mkdtemp(); os.chdir(d); os.rmdir(d)")
    survives(fresh)


def test_an_emptied_environment(fresh: Frontend) -> None:
    fresh.run("import os; os.environ.clear()")
    survives(fresh)


def test_a_changed_recursion_limit(fresh: Frontend) -> None:
    fresh.run("import sys; sys.setrecursionlimit(200_000)")
    survives(fresh)


def test_the_garbage_collector_turned_off(fresh: Frontend) -> None:
    fresh.run("import gc; gc.disable()")
    survives(fresh)


def test_another_display_hook(fresh: Frontend) -> None:
    fresh.run("import sys; sys.displayhook = lambda value: print('hooked', value)")
    assert fresh.execute("5").finish().reply.content["status"] == "ok"


def test_a_trace_function(fresh: Frontend) -> None:
    fresh.run("import sys; sys.settrace(lambda *_: None)")
    survives(fresh)


def test_another_logging_configuration(fresh: Frontend) -> None:
    code = "import logging, sys; logging.basicConfig(level=0, stream=sys.stdout, force=True)"
    fresh.run(code)
    cell = fresh.execute("logging.getLogger('own').debug('seen')")
    cell.sees(busy, execute_input, stdout("DEBUG:own:seen\n"), reply("ok"), idle)


def test_another_locale(fresh: Frontend) -> None:
    fresh.run("import locale; _ = locale.setlocale(locale.LC_ALL, 'C')")
    cell = fresh.execute("print('é')")
    cell.sees(busy, execute_input, stdout("é\n"), reply("ok"), idle)


def test_another_process_group(fresh: Frontend) -> None:
    fresh.execute("import os; os.setpgid(0, 0)").finish()
    survives(fresh)


def test_another_thread_switch_interval(fresh: Frontend) -> None:
    fresh.run("import sys; sys.setswitchinterval(10)")
    survives(fresh)


def test_a_loop_that_is_no_loop(fresh: Frontend) -> None:
    fresh.run("import asyncio; asyncio.set_event_loop(None)")
    survives(fresh)


def test_warnings_as_errors(fresh: Frontend) -> None:
    fresh.run("import warnings; warnings.simplefilter('error')")
    survives(fresh)


def test_a_namespace_cleared(fresh: Frontend) -> None:
    fresh.execute("globals().clear()").finish()
    assert fresh.execute("1 + 1").reply.content["status"] in ("ok", "error")
    assert fresh.kernel.popen.poll() is None


def test_a_thousand_variables_are_no_burden(fresh: Frontend) -> None:
    fresh.run("globals().update({f'v{n}': n for n in range(1000)})")
    assert fresh.value("v999") == "999"
