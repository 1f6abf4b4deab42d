"""The SQLite database of a store: one file, which several processes and threads may use at once."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from cascade.durable.groups import Statement, Threads
from cascade.durable.handles import Handle, Transactions
from cascade.errors import StoreError

APPLICATION = 0x43534352  # "CSCR"
BUSY_SECONDS = 10.0
Row = tuple[Any, ...]


class SQLite(Transactions):
    """A database of SQLite, with a connection for each thread.

    Args:
        path: the file.
        format: the version of the schema that is expected.
        schema: the statements that create it.
        synchronous: "normal" or "full": whether a commit outlives a crash of the process only, or one of the machine as well.
    """

    binary, number, counter, clustered, shared_lock = "BLOB", "REAL", "INTEGER", " WITHOUT ROWID", ""
    on_commit: Callable[[bool], object] | None = None
    """Called before (False) and after (True) each commit: for tests that crash there."""

    def __init__(self, path: str | os.PathLike[str], format: int, schema: Sequence[str], synchronous: str) -> None:
        self.path = Path(path).absolute()
        self._format = format
        self._schema = schema
        self._synchronous = synchronous
        super().__init__()
        self._threads = Threads(self._commit_together)
        self.connection()

    def connection(self) -> sqlite3.Connection:
        """Returns this thread's connection."""
        known: Handle[sqlite3.Connection] | None = getattr(self._local, "known", None)
        if known is not None and known.is_own:
            return known.connection
        with self._errors():
            made = sqlite3.connect(self.path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)
            try:
                self._open(made)
            except BaseException:
                made.close()
                raise
        self._local.known = Handle(made)
        return made

    def _open(self, connection: sqlite3.Connection) -> None:
        found = _format_of(connection)
        tables = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
        if found[0] != APPLICATION and tables:
            raise StoreError(
                f"{self.path} is an SQLite file of something else", expected="a new file, or a store of runs"
            )
        if tables and found[1] > self._format:
            raise StoreError(
                f"store {self.path}: it was written by a later version of Cascade (format {found[1]})",
                expected=f"a store of format {self._format} or earlier",
                hint="update Cascade",
            )
        _begin_wal(connection)
        connection.execute(f"PRAGMA synchronous = {self._synchronous}")
        if tables:
            return
        connection.execute("BEGIN IMMEDIATE")  # from here on nobody else creates it
        if not connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
            connection.execute(f"PRAGMA application_id = {APPLICATION}")
            connection.execute(f"PRAGMA user_version = {self._format}")
            for statement in self._schema:
                connection.execute(statement)
        connection.execute("COMMIT")

    def execute(self, statement: str, arguments: Sequence[object] = ()) -> list[Row]:
        """Executes a statement and returns its rows."""
        try:
            return self.connection().execute(statement, arguments).fetchall()
        except sqlite3.DatabaseError as error:
            raise self._error(error) from error
        except UnicodeDecodeError as error:  # of a text, or of SQLite's own message
            raise StoreError(f"store {self.path} is damaged ({error})") from error

    def count(self, statement: str, arguments: Sequence[object] = ()) -> int:
        """Executes a statement and returns how many rows it has changed."""
        try:
            return self.connection().execute(statement, arguments).rowcount
        except sqlite3.DatabaseError as error:
            raise self._error(error) from error

    def count_alone(self, statement: str, arguments: Sequence[object] = ()) -> int:
        """As `count`; outside of a transaction the statement is one by itself, at half the price of one with a beginning and an end.

        Where commits wait for the disk, threads share them.
        """
        waits = self._synchronous == "full"
        if (self.on_commit is None and not waits) or self.in_transaction:
            return self.count(statement, arguments)
        if waits:
            return self._threads.count(statement, arguments)
        assert self.on_commit is not None
        self.on_commit(False)
        changed = self.count(statement, arguments)
        self.on_commit(True)
        return changed

    def _commit_together(self, statements: list[Statement]) -> None:
        with self.transaction():
            for each in statements:
                each.changed = self.count(each.text, each.arguments)

    def many(self, statement: str, rows: Sequence[Row]) -> None:
        """Executes a statement for each of some rows."""
        try:
            self.connection().executemany(statement, rows)
        except sqlite3.DatabaseError as error:
            raise self._error(error) from error

    @property
    def in_transaction(self) -> bool:
        return self.connection().in_transaction

    def begin(self) -> None:
        try:
            self.connection().execute("BEGIN IMMEDIATE")
        except sqlite3.DatabaseError as error:
            raise self._error(error) from error

    def commit(self) -> None:
        if self.on_commit is not None:
            self.on_commit(False)
        try:
            self.connection().execute("COMMIT")
        except sqlite3.DatabaseError as error:
            raise self._error(error) from error
        if self.on_commit is not None:
            self.on_commit(True)

    def roll_back(self) -> None:
        connection = self.connection()
        if connection.in_transaction:
            with contextlib.suppress(sqlite3.Error):
                connection.execute("ROLLBACK")

    @contextlib.contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.DatabaseError as error:
            raise self._error(error) from error

    def _error(self, error: sqlite3.DatabaseError) -> StoreError:
        name = getattr(error, "sqlite_errorname", "")
        for prefix, what, hint in (
            ("SQLITE_NOTADB", "is not a store: it is not an SQLite file", "use another path"),
            ("SQLITE_CORRUPT", "is damaged", "restore it from a copy, or save what `sqlite3 FILE .recover` can read"),
            (
                "SQLITE_FULL",
                "cannot be written: the disk is full",
                "make room; the run continues from its last snapshot",
            ),
            ("SQLITE_IOERR", "cannot be read or written", "look at the disk; the run continues from its last snapshot"),
            (
                "SQLITE_BUSY",
                f"was locked by another process for {BUSY_SECONDS:g} s",
                "end the process that holds a transaction open",
            ),
            ("SQLITE_LOCKED", "is locked", "end the transaction that holds it"),
            ("SQLITE_READONLY", "cannot be written: it is read-only", None),
            ("SQLITE_CANTOPEN", "cannot be opened", "create its directory, and let this user write there"),
        ):
            if name.startswith(prefix):
                return StoreError(f"store {self.path} {what} ({error})", hint=hint)
        return StoreError(f"store {self.path}: {error}")


def _begin_wal(connection: sqlite3.Connection) -> None:
    # While another process switches as well, SQLite does not wait, but says at once that it is busy.
    deadline = time.monotonic() + BUSY_SECONDS
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as error:
            if not error.sqlite_errorname.startswith("SQLITE_BUSY") or time.monotonic() > deadline:
                raise
        time.sleep(0.002)


def _format_of(connection: sqlite3.Connection) -> tuple[int, int]:
    application = connection.execute("PRAGMA application_id").fetchone()[0]
    return application, connection.execute("PRAGMA user_version").fetchone()[0]
