"""IPython's history, with a database that no cell ever waits for.

IPython opens history.sqlite at start, on the main thread, and keeps a thread for writing. On a network file system or
with a lock held by somebody else, that stalls the kernel. Here nothing is opened until there is something to save or
to look up; saving is done by a short-lived thread, a moment after the cell, for all cells of that moment; and whoever
reads waits a bounded time and then gets what is known without the database.

What still fails: cells of the last `SAVE_DELAY` seconds are lost if the process is killed.
"""

from __future__ import annotations

import os
import threading
import time
import weakref
from collections import defaultdict
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from IPython.core.history import HistoryManager
from traitlets import default
from traitlets.config.configurable import LoggingConfigurable

from ipyrust.debugger.hidden_threads import hide
from ipyrust.ipython.running_cell import running_cell

if TYPE_CHECKING:
    import sqlite3

SAVE_DELAY = 0.25
"""Seconds between a cell and the moment its input is saved."""
WRITE_TIMEOUT = 30.0
"""Seconds that the saving thread waits for a locked database."""
READ_TIMEOUT = 1.0
"""Seconds that a lookup may wait for the database."""
EXIT_TIMEOUT = 1.0
"""Seconds that the end of the kernel waits for the last save, the note of the end included."""
KEPT_UNSAVED = 10_000
"""Inputs kept for a later try while the database cannot be written."""

SCHEMA = """
CREATE TABLE IF NOT EXISTS sessions
    (session integer primary key autoincrement, start timestamp, end timestamp, num_cmds integer, remark text);
CREATE TABLE IF NOT EXISTS history
    (session integer, line integer, source text, source_raw text, PRIMARY KEY (session, line));
CREATE TABLE IF NOT EXISTS output_history
    (session integer, line integer, output text, PRIMARY KEY (session, line));
"""


MOST_SKIPPED = 256
"""Numbers that cells running at the same time may be behind each other."""


class KernelHistoryManager(HistoryManager):
    """The history manager of a kernel's shell."""

    # Plain attributes, where IPython has validated traits.
    _i00 = ""
    _i = ""
    _ii = ""
    _iii = ""
    db_input_cache: Any = None
    db_output_cache: Any = None

    def __init__(self, shell: Any, config: Any = None, **traits: Any) -> None:
        # HistoryManager.__init__ opens the database and starts a thread: both come later, if at all.
        LoggingConfigurable.__init__(self, shell=shell, config=config, **traits)
        if not self.trait_has_value("hist_file"):
            self.hist_file = self._get_hist_file_name()
        self.db_input_cache = []
        self.db_output_cache = []
        self.db_input_cache_lock = threading.Lock()
        self.db_output_cache_lock = threading.Lock()
        self.using_thread = False
        self.outputs = defaultdict(list)  # IPython's own is shared by all managers
        self._saver: threading.Thread | None = None
        self._saver_lock = threading.Lock()
        self._hurry = threading.Event()
        self._ended = False
        self._broken = False
        self._forget_after_fork()

    @default("enabled")
    def _enabled_default(self) -> bool:
        return True  # found out when the database is opened, without importing sqlite3 before

    def _forget_after_fork(self) -> None:
        """In a forked child nothing is saved: the history belongs to the parent."""
        if not hasattr(os, "register_at_fork"):
            return
        reference = weakref.ref(self)

        def forget() -> None:
            manager = reference()
            if manager is not None:
                manager._saver_lock = threading.Lock()
                manager.db_input_cache_lock = threading.Lock()
                manager.db_output_cache_lock = threading.Lock()
                manager._saver = None
                manager._ended = True

        os.register_at_fork(after_in_child=forget)

    # -- the database ------------------------------------------------------------------------

    @property
    def _in_memory(self) -> bool:
        return str(self.hist_file) == ":memory:"

    @property
    def _saves(self) -> bool:
        return self.enabled and not self._ended and not self._broken and not self._in_memory

    def _connect(self, timeout: float) -> sqlite3.Connection:
        """Open the database and make sure of its tables. Raises ImportError or sqlite3.Error."""
        from IPython.core.history import _sqlite3

        module = _sqlite3()
        options = {"check_same_thread": False, "timeout": timeout, **self.connection_options}
        connection: sqlite3.Connection = module.connect(
            str(self.hist_file),
            detect_types=module.PARSE_DECLTYPES | module.PARSE_COLNAMES,
            **options,
        )
        try:
            connection.executescript(SCHEMA)
        except BaseException:
            connection.close()
            raise
        return connection

    @default("db")
    def _default_db(self) -> Any:
        return self._open_for_reading()

    def _open_for_reading(self) -> Any:
        from IPython.core.history import DummyDB

        if not self.enabled:
            return DummyDB()
        try:
            return self._connect(READ_TIMEOUT)
        except Exception as error:
            self.log.warning("history is not available: %s (%s)", error, self.hist_file)
            return DummyDB()

    @default("session_number")
    def _ask_session_number(self) -> int:
        """The number comes with the first save; 0 while there was none."""
        if self._in_memory and self.enabled:
            return self._start_session(self.db)
        return 0

    def init_db(self) -> None:
        """Nothing: the database is opened when it is needed."""

    def new_session(self, conn: sqlite3.Connection | None = None) -> None:
        """Begin another session with the next save."""
        self.session_number = self._start_session(conn) if conn is not None else 0

    @staticmethod
    def _start_session(connection: sqlite3.Connection) -> int:
        with connection:
            return insert_session(connection)

    # -- saving ------------------------------------------------------------------------------

    def store_inputs(self, line_num: int, source: str, source_raw: str | None = None) -> None:
        """Remember the input of a cell under its number and as `_i`, `_ii`, `_iii`, and save it soon.

        Does what IPython's does, without going through a validated trait for each of these.
        """
        source = source.rstrip("\n")
        source_raw = source if source_raw is None else source_raw.rstrip("\n")
        if self._exit_re.match(source_raw.strip()):
            return
        cell = running_cell.get()
        if cell is not None:
            cell.source = source
        with self.db_input_cache_lock:
            put(self.input_hist_parsed, line_num, source)
            put(self.input_hist_raw, line_num, source_raw)
            self.db_input_cache.append((line_num, source, source_raw))
        self._iii, self._ii, self._i, self._i00 = self._ii, self._i, self._i00, source_raw
        self.shell.push(
            {"_i": self._i, "_ii": self._ii, "_iii": self._iii, f"_i{line_num}": source_raw},
            interactive=False,
        )
        self._save_soon()

    def store_output(self, line_num: int) -> None:
        """Remember the output of a cell if `db_log_output` asks for it."""
        super().store_output(line_num)
        if self.db_log_output:
            self._save_soon()

    def _save_soon(self) -> None:
        if self._saver is not None or not self._saves:
            return
        if len(self.db_input_cache) < self.db_cache_size:
            return
        self._start_saver(hurry=False)

    def _start_saver(self, *, hurry: bool) -> None:
        with self._saver_lock:
            if self._saver is None:
                self._hurry.clear()
                if hurry:
                    self._hurry.set()
                self._saver = threading.Thread(target=self._run_saver, name="history", daemon=True)
                hide(self._saver).start()

    def _run_saver(self) -> None:
        self._hurry.wait(SAVE_DELAY)
        while True:
            saved = self._save()
            with self._saver_lock:
                if not saved or not (self.db_input_cache or self.db_output_cache):
                    self._saver = None
                    return

    def _save(self) -> bool:
        """Write what is cached, on a connection of its own; False if that failed.

        No lock is held meanwhile: the next cell may add to the caches at any time.
        """
        inputs, outputs = self._take_caches()
        try:
            connection = self._connect(WRITE_TIMEOUT)
            try:
                self._write(connection, inputs, outputs)
            finally:
                connection.close()
        except ImportError:
            self._broken = True
            return False
        except Exception as error:
            self._keep_for_later(inputs, outputs)
            self.log.warning("history was not saved: %s (%s)", error, self.hist_file)
            self._set_corrupt_file_aside(error)
            return False
        return True

    def _take_caches(self) -> tuple[list[Any], list[Any]]:
        with self.db_input_cache_lock:
            inputs, self.db_input_cache = self.db_input_cache, []
        with self.db_output_cache_lock:
            outputs, self.db_output_cache = self.db_output_cache, []
        return inputs, outputs

    def _keep_for_later(self, inputs: list[Any], outputs: list[Any]) -> None:
        with self.db_input_cache_lock:
            self.db_input_cache = (inputs + self.db_input_cache)[-KEPT_UNSAVED:]
        with self.db_output_cache_lock:
            self.db_output_cache = (outputs + self.db_output_cache)[-KEPT_UNSAVED:]

    def _write(self, connection: sqlite3.Connection, inputs: list[Any], outputs: list[Any]) -> None:
        """Insert the rows in one transaction, so that a failure leaves no empty session behind."""
        with connection:
            number = self.session_number or insert_session(connection)
            number = insert_rows(connection, number, inputs, outputs)
        self.session_number = number

    def _set_corrupt_file_aside(self, error: Exception) -> None:
        """Rename a file that is no database; a locked or unreachable one is left alone."""
        if type(error).__name__ != "DatabaseError":
            return
        path = Path(self.hist_file)
        aside = path.with_name(f"{path.stem}-corrupt-{datetime.now():%Y%m%dT%H%M%S}{path.suffix}")
        try:
            path.rename(aside)
        except OSError:
            self._broken = True
        else:
            self.log.warning("the unreadable history is now %s", aside)

    def writeout_cache(self, conn: sqlite3.Connection | None = None) -> None:
        """Save what is cached: on `conn`, or by the saving thread, waiting at most `READ_TIMEOUT` seconds."""
        if conn is not None:
            self._write(conn, *self._take_caches())
        elif self._in_memory and self.enabled:
            self._write(self.db, *self._take_caches())
        else:
            self._save_now(READ_TIMEOUT)

    def _save_now(self, timeout: float) -> None:
        if (self.db_input_cache or self.db_output_cache) and self._saves:
            self._start_saver(hurry=True)
        saver = self._saver
        self._hurry.set()
        if saver is not None and saver is not threading.current_thread():
            saver.join(timeout)

    def end_session(self) -> None:
        """Save the rest and note the end of the session, within `EXIT_TIMEOUT` seconds."""
        if self._ended or not self.enabled or self._in_memory:
            return
        deadline = time.monotonic() + EXIT_TIMEOUT
        self._save_now(EXIT_TIMEOUT)
        remaining = deadline - time.monotonic()
        number, count = self.session_number, len(self.input_hist_parsed) - 1
        if number and self._saver is None and remaining > 0:
            closer = threading.Thread(
                target=self._note_end, args=(number, count, remaining), name="history", daemon=True
            )
            hide(closer).start()
            closer.join(remaining)
        self.session_number = 0

    def _note_end(self, number: int, count: int, timeout: float) -> None:
        try:
            connection = self._connect(timeout)
        except Exception:
            return
        try:
            with connection:
                connection.execute(
                    "UPDATE sessions SET end=?, num_cmds=? WHERE session==?",
                    (datetime.now(UTC).isoformat(" "), count, number),
                )
        except Exception as error:
            self.log.debug("the end of the history session was not saved: %s", error)
        finally:
            connection.close()

    # -- looking up --------------------------------------------------------------------------

    def _run_sql(self, *args: Any, **kwargs: Any) -> Iterable[Any]:
        """As IPython's; a locked database has no rows, but is tried again the next time."""
        from IPython.core.history import DummyDB, _operational_error

        if self.enabled and isinstance(self.db, DummyDB):
            self.db = self._open_for_reading()
        try:
            return list(super()._run_sql(*args, **kwargs))
        except _operational_error() as error:
            self.log.warning("history could not be read: %s (%s)", error, self.hist_file)
            return []

    def get_range(
        self,
        session: int = 0,
        start: int = 1,
        stop: int | None = None,
        raw: bool = True,
        output: bool = False,
    ) -> Iterable[Any]:
        """As IPython's; the running session (0) needs no database."""
        if session == 0:
            return self._get_range_session(start, stop, raw, output)
        if session < 0:
            self._save_now(READ_TIMEOUT)
        return super().get_range(session, start, stop, raw, output)

    def close(self) -> None:
        """Save the rest and close the database."""
        self.end_session()
        self._ended = True
        if self.trait_has_value("db"):
            self.db.close()

    def __del__(self) -> None:
        """Nothing: there is no thread to stop."""


KernelHistoryManager.__name__ = KernelHistoryManager.__qualname__ = "HistoryManager"  # for %config


def insert_session(connection: sqlite3.Connection) -> int:
    """Add a session that starts now, in the caller's transaction, and return its number."""
    row = connection.execute(
        "INSERT INTO sessions VALUES (NULL, ?, NULL, NULL, '')", (datetime.now().isoformat(" "),)
    )
    return int(row.lastrowid or 0)


def insert_rows(
    connection: sqlite3.Connection, session: int, inputs: list[Any], outputs: list[Any]
) -> int:
    """Add the rows to `session`, in the caller's transaction, and return the session of the last one.

    From a number on that is taken it is another session: numbers repeat when user code sets `execution_count`.
    """
    from IPython.core.history import _sqlite3

    sessions: dict[int, int] = {}
    insert = "INSERT INTO history VALUES (?, ?, ?, ?)"
    for row in inputs:
        try:
            connection.execute(insert, (session, *row))
        except _sqlite3().IntegrityError:
            session = insert_session(connection)
            connection.execute(insert, (session, *row))
        sessions[row[0]] = session
    connection.executemany(
        "INSERT OR REPLACE INTO output_history VALUES (?, ?, ?)",
        [(sessions.get(row[0], session), *row) for row in outputs],
    )
    return session


def put(history: list[str], number: int, source: str) -> None:
    """Make `source` the entry `number`, also if a cell with a later number was there first."""
    missing = number - len(history)
    if 0 < missing <= MOST_SKIPPED:
        history.extend([""] * missing)
    if 0 < number < len(history) and not history[number]:
        history[number] = source
    else:
        history.append(source)
