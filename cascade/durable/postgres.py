"""The Postgres database of a store, by psycopg: the extra `postgres`."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from importlib import import_module
from typing import Any

from cascade.durable.handles import Handle, Transactions
from cascade.errors import MissingExtraError, StoreError

SCHEMA = "cascade_runs"
Row = tuple[Any, ...]


class Postgres(Transactions):
    """A database of Postgres, with a connection for each thread. A connection that is lost is opened again.

    Args:
        address: `postgresql://...`.
        format: the version of the schema that is expected.
        schema: the statements that create it; its tables stand in a schema of their own, `cascade_runs`.
        synchronous: "normal": a commit does not wait for the disk of the server; "full": it does.

    Raises:
        MissingExtraError: (an ImportError) psycopg is not installed.
    """

    binary, number, counter, clustered, shared_lock = "BYTEA", "DOUBLE PRECISION", "BIGINT", "", " FOR SHARE"

    def __init__(self, address: str, format: int, schema: Sequence[str], synchronous: str) -> None:
        try:
            self._driver: Any = import_module("psycopg")
        except ImportError:
            raise MissingExtraError("Store('postgresql://...')", "psycopg", "postgres") from None
        self._address = address
        self._format = format
        self._schema = schema
        self._synchronous = "on" if synchronous == "full" else "off"
        super().__init__()
        self._create()

    def connection(self) -> Any:  # noqa: ANN401  # of psycopg, which may not be installed
        """Returns this thread's connection."""
        known = getattr(self._local, "known", None)
        if known is not None and known.is_own and not known.connection.closed:
            return known.connection
        with self._errors():
            made = self._driver.connect(self._address, autocommit=True, connect_timeout=10)
            made.execute(f"SET search_path TO {SCHEMA}, public")
            made.execute(f"SET synchronous_commit TO {self._synchronous}")
        self._local.known = Handle(made)
        self._local.in_transaction = False
        return made

    def _create(self) -> None:
        connection = self.connection()
        with self._errors(), connection.transaction():
            connection.execute("SELECT pg_advisory_xact_lock(1129530194)")  # from here on nobody else creates it
            connection.execute(f"CREATE SCHEMA IF NOT EXISTS {SCHEMA}")
            connection.execute("CREATE TABLE IF NOT EXISTS format (version BIGINT NOT NULL)")
            found = connection.execute("SELECT version FROM format").fetchone()
            if found is None:
                connection.execute("INSERT INTO format VALUES (%s)", (self._format,))
                for statement in self._schema:
                    connection.execute(statement)
            elif found[0] > self._format:
                raise StoreError(
                    f"the store was written by a later version of Cascade (format {found[0]})",
                    expected=f"a store of format {self._format} or earlier",
                    hint="update Cascade",
                )

    def _run(self, statement: str, arguments: Sequence[object]) -> Any:  # noqa: ANN401
        text = statement.replace("%", "%%").replace("?", "%s")
        with self._errors():
            connection = self.connection()
            try:
                return connection.execute(text, tuple(arguments))
            except self._driver.OperationalError:
                # It may have been lost long ago. A statement that changes nothing is made again by a new one.
                if not connection.closed or self._local.in_transaction or not text.startswith(("SELECT", "BEGIN")):
                    raise
            return self.connection().execute(text, tuple(arguments))

    def execute(self, statement: str, arguments: Sequence[object] = ()) -> list[Row]:
        """Executes a statement and returns its rows."""
        cursor = self._run(statement, arguments)
        with self._errors():
            return list(cursor.fetchall())

    def count(self, statement: str, arguments: Sequence[object] = ()) -> int:
        """Executes a statement and returns how many rows it has changed."""
        return int(self._run(statement, arguments).rowcount)

    def count_alone(self, statement: str, arguments: Sequence[object] = ()) -> int:
        """As `count`: outside of a transaction each statement is one by itself."""
        return self.count(statement, arguments)

    def many(self, statement: str, rows: Sequence[Row]) -> None:
        """Executes a statement for each of some rows."""
        with self._errors():
            self.connection().cursor().executemany(statement.replace("%", "%%").replace("?", "%s"), rows)

    @property
    def in_transaction(self) -> bool:
        self.connection()
        return bool(self._local.in_transaction)

    def begin(self) -> None:
        self._run("BEGIN", ())
        self._local.in_transaction = True

    def commit(self) -> None:
        self._run("COMMIT", ())
        self._local.in_transaction = False

    def roll_back(self) -> None:
        if getattr(self._local, "in_transaction", False):
            self._local.in_transaction = False
            with contextlib.suppress(Exception):  # the connection may be lost, and the transaction with it
                self.connection().execute("ROLLBACK")

    @contextlib.contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except self._driver.OperationalError as error:
            raise StoreError(
                f"the Postgres server of the store cannot be reached ({str(error).strip()})",
                hint="the run continues from its last snapshot when it is there again: cascade.resume(store, id)",
            ) from error
        except self._driver.Error as error:
            raise StoreError(f"the Postgres store: {str(error).strip()}") from error
