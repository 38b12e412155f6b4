"""ipython/history: IPython's database, without waiting for it."""

from __future__ import annotations

import os
import sqlite3
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from fake_core import Frontend, start_frontend, stop_frontend

from ipyrust.ipython import history
from ipyrust.options import KernelOptions


def database(options: KernelOptions) -> Path:
    return Path(str(options.ipython_dir)) / "profile_default" / "history.sqlite"


def stored(options: KernelOptions) -> list[str]:
    connection = sqlite3.connect(database(options))
    rows = connection.execute("SELECT source_raw FROM history ORDER BY session, line").fetchall()
    connection.close()
    return [row[0] for row in rows]


def number_of_sessions(options: KernelOptions) -> int:
    connection = sqlite3.connect(database(options))
    ((count,),) = connection.execute("SELECT count(*) FROM sessions").fetchall()
    connection.close()
    return int(count)


def inputs_of_tail(frontend: Frontend) -> list[str]:
    reply = frontend.interpreter.history({"hist_access_type": "tail", "n": 10})
    return [entry[2] for entry in reply["history"]]


def test_nothing_is_opened_before_the_first_cell(
    frontend: Frontend, options: KernelOptions
) -> None:
    assert not database(options).exists()
    assert not frontend.interpreter.ipython.shell.history_manager.trait_has_value("db")


def test_cells_are_saved_after_a_moment(frontend: Frontend, options: KernelOptions) -> None:
    frontend.execute("x = 1")
    frontend.execute("%timeit?")
    deadline = time.monotonic() + 10
    while not database(options).exists() or len(stored(options)) < 2:
        assert time.monotonic() < deadline
        time.sleep(0.02)  # until the saving thread has run
    assert stored(options) == ["x = 1", "%timeit?"]


def test_the_saving_thread_goes_away(frontend: Frontend) -> None:
    frontend.execute("x = 1")
    saver = next(thread for thread in threading.enumerate() if thread.name == "history")
    saver.join(10)
    assert not saver.is_alive()


def test_the_end_saves_the_rest_and_closes_the_session(options: KernelOptions) -> None:
    frontend = start_frontend(options)
    frontend.execute("last_words = 1")
    stop_frontend(frontend)
    assert stored(options) == ["last_words = 1"]
    connection = sqlite3.connect(database(options))
    ((end, count),) = connection.execute("SELECT end, num_cmds FROM sessions").fetchall()
    assert end is not None
    assert count == 1


def test_the_next_kernel_finds_the_history(options: KernelOptions) -> None:
    first = start_frontend(options)
    first.execute("from_before = 1")
    stop_frontend(first)
    second = start_frontend(options)
    reply = second.interpreter.history({"hist_access_type": "tail", "n": 5})
    stop_frontend(second)
    assert reply["history"] == [[1, 1, "from_before = 1"]]


def test_a_locked_database_delays_no_cell(
    frontend: Frontend, options: KernelOptions, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(history, "SAVE_DELAY", 0.0)
    monkeypatch.setattr(history, "READ_TIMEOUT", 0.1)
    monkeypatch.setattr(history, "EXIT_TIMEOUT", 0.1)
    lock = sqlite3.connect(database(options))
    lock.execute("CREATE TABLE blocker (x)")
    lock.execute("BEGIN EXCLUSIVE")
    started = time.monotonic()
    for _ in range(5):
        assert frontend.execute("1").reply["status"] == "ok"
        time.sleep(0.05)  # gives the saving thread time to get stuck
    reply = frontend.interpreter.history({"hist_access_type": "tail", "n": 5})
    assert reply["status"] == "ok"
    assert time.monotonic() - started < 5
    assert database(options).exists()
    lock.rollback()
    lock.close()
    deadline = time.monotonic() + 30
    while len(inputs_of_tail(frontend)) < 5:
        assert time.monotonic() < deadline
        time.sleep(0.05)  # until the saving thread has got its turn


def test_a_locked_database_bounds_the_whole_exit(
    options: KernelOptions, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(history, "EXIT_TIMEOUT", 0.6)
    frontend = start_frontend(options)
    manager = frontend.interpreter.ipython.shell.history_manager
    frontend.execute("saved = 1")
    manager.writeout_cache()
    lock = sqlite3.connect(database(options), check_same_thread=False)

    def save_slowly() -> None:
        time.sleep(0.4)  # the last save takes most of the time …
        lock.execute("BEGIN EXCLUSIVE")  # … and the note of the end finds a lock
        manager._saver = None

    manager._saver = threading.Thread(target=save_slowly, daemon=True)
    manager._saver.start()
    started = time.monotonic()
    manager.end_session()
    took = time.monotonic() - started
    lock.rollback()
    lock.close()
    stop_frontend(frontend)
    assert 0.55 < took < 0.9


def test_the_exit_leaves_the_shutdown_its_grace() -> None:
    assert history.EXIT_TIMEOUT <= 1.0


def test_numbers_that_repeat_within_one_save(
    options: KernelOptions, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(history, "SAVE_DELAY", 60.0)  # all cells until writeout_cache in one save
    frontend = start_frontend(options)
    manager = frontend.interpreter.ipython.shell.history_manager
    codes = ["a = 1", "b = 2", "get_ipython().execution_count = 1", "d = 4", "e = 5"]
    for code in codes:
        frontend.execute(code)
    manager.writeout_cache()
    assert stored(options) == codes
    for code in ("f = 6", "g = 7"):
        frontend.execute(code)
        manager.writeout_cache()
    stop_frontend(frontend)
    assert stored(options) == [*codes, "f = 6", "g = 7"]
    assert number_of_sessions(options) == 2


def test_a_failed_save_adds_no_session(
    frontend: Frontend, options: KernelOptions, monkeypatch: pytest.MonkeyPatch
) -> None:
    manager = frontend.interpreter.ipython.shell.history_manager
    frontend.execute("a = 1")
    manager.writeout_cache()

    def fail(connection: sqlite3.Connection, *rows: Any) -> int:
        history.insert_session(connection)
        raise sqlite3.OperationalError("no space")

    with monkeypatch.context() as patch:
        patch.setattr(history, "insert_rows", fail)
        frontend.execute("b = 2")
        manager.writeout_cache()
    assert number_of_sessions(options) == 1
    manager.writeout_cache()
    assert stored(options) == ["a = 1", "b = 2"]
    assert number_of_sessions(options) == 1


def test_a_file_that_is_no_database_is_set_aside(options: KernelOptions) -> None:
    database(options).parent.mkdir(parents=True)
    database(options).write_bytes(b"this is no database" * 100)
    frontend = start_frontend(options)
    frontend.execute("a = 1")
    stop_frontend(frontend)
    assert list(database(options).parent.glob("history-corrupt-*"))


def test_a_directory_that_cannot_be_written_is_no_obstacle(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("in the way")
    frontend = start_frontend(KernelOptions(ipython_dir=str(blocked)))
    assert frontend.execute("1 + 1").result == "2"
    stop_frontend(frontend)


def test_memory_history(tmp_path: Path) -> None:
    options = KernelOptions(
        ipython_dir=str(tmp_path), config=(("HistoryManager.hist_file", ":memory:"),)
    )
    frontend = start_frontend(options)
    frontend.execute("in_memory = 1")
    reply = frontend.interpreter.history({"hist_access_type": "tail", "n": 5})
    stop_frontend(frontend)
    assert [entry[2] for entry in reply["history"]] == ["in_memory = 1"]


@pytest.mark.skipif(sys.platform == "win32", reason="needs fork")
def test_a_forked_child_saves_nothing(frontend: Frontend, options: KernelOptions) -> None:
    frontend.execute("in_parent = 1")
    pid = os.fork()
    if pid == 0:
        frontend.interpreter.ipython.shell.history_manager.end_session()
        os._exit(0)
    assert os.waitpid(pid, 0)[1] == 0
    frontend.interpreter.ipython.shell.history_manager.writeout_cache()
    assert stored(options) == ["in_parent = 1"]


def test_the_inputs_are_variables(frontend: Frontend) -> None:
    frontend.execute("'first'")
    frontend.execute("'second'")
    assert frontend.execute("_i, _ii, _i1").result == "(\"'second'\", \"'first'\", \"'first'\")"
