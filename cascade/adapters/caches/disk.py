"""DiskCache: values kept in an SQLite file, shared by processes."""

from __future__ import annotations

import atexit
import contextlib
import os
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

from cascade._vm import entry_point
from cascade.adapters.caches.codec import Codec, NotLoadedError
from cascade.adapters.caches.identity import Identity
from cascade.adapters.caches.keyed import KeyedCache
from cascade.adapters.caches.keys import digest
from cascade.declare.policies import Hit
from cascade.declare.warn import warn_user
from cascade.errors import CacheError, CacheWarning, DeclarationError

T = TypeVar("T")
Entry = tuple[bytes, bytes]
"""A stored value and its checksum."""
FORMAT = 1
APPLICATION = 0x43534344  # "CSCD"
BUSY_SECONDS = 5.0
PROMPT_SECONDS = 0.002
"""How long `at_once` waits for others."""
SCHEMA = (
    f"PRAGMA application_id = {APPLICATION}",
    f"PRAGMA user_version = {FORMAT}",
    "CREATE TABLE entries (key BLOB PRIMARY KEY, value BLOB NOT NULL, checksum BLOB NOT NULL, created REAL NOT NULL) WITHOUT ROWID",
)


class DiskCache(KeyedCache):
    """Keeps values in an SQLite file, for `with_cache`. Several processes and threads may use it at once.

    Plain data (None, numbers, strings, bytes, lists, tuples, dicts, sets), dates and times, Decimal, Fraction, UUID, paths, members of
    enumerations and NumPy arrays are kept. A damaged file is reported by a `CacheWarning`, put aside and created anew;
    a damaged entry counts as missing.

    Args:
        path: the file; its directory has to exist. SQLite puts its `-wal` and `-shm` files beside it.
        pickle: whether values of other types are kept by pickle. Unpickling can run any code: only for files that nobody else can write.

    Raises:
        CacheError: (a RuntimeError) the file cannot be opened, is an SQLite file of something else, or a cache of another format.
        MissingExtraError: (an ImportError) msgspec is not installed.
    """

    @entry_point
    def __init__(self, path: str | os.PathLike[str], *, pickle: bool = False) -> None:
        if not isinstance(path, (str, os.PathLike)):
            raise DeclarationError(f"DiskCache({path!r})", expected="the path of a file")
        self.path: Path = Path(path).absolute()
        self._codec = Codec(pickle)
        self._pickle = b"p" if pickle else b""
        self._local = _Local()
        self._lock = threading.Lock()
        self._generation = 0
        self._execute(lambda connection: None)

    def key_of(self, task_id: str, arguments: dict[str, object], identity: Identity | None = None) -> bytes:
        """Returns the key of a call, as `KeyedCache.key_of` does."""
        return super().key_of(task_id, arguments, identity) + self._pickle

    def load(self, key: bytes) -> Hit | None:
        """Returns the value kept for a key, as a Hit, or None."""
        row = self._execute(lambda connection: _entry(connection, key))
        if row is None:
            return None
        try:
            value, checksum = row
            if digest(key + value) != checksum:
                raise ValueError("its checksum does not fit")
            return Hit(self._codec.decode(value))
        except NotLoadedError:
            return None
        except Exception as error:
            warn_user(f"cache {self.path}: an entry is damaged and dropped ({error})", CacheWarning)
            self._execute(lambda connection: connection.execute("DELETE FROM entries WHERE key = ?", (key,)))
            return None

    def store(self, key: bytes, value: object) -> None:
        """Keeps a value for a key; raises KeyingError (a TypeError) for one that has no bytes."""
        data = self._codec.encode(value)
        entry = (key, data, digest(key + data), time.time())
        self._execute(
            lambda connection: connection.execute("INSERT OR REPLACE INTO entries VALUES (?, ?, ?, ?)", entry)
        )

    @contextlib.contextmanager
    def at_once(self) -> Iterator[None]:
        """In this block, an access that would wait longer than some milliseconds for other processes or threads raises BlockingIOError."""
        self._local.patience = PROMPT_SECONDS
        try:
            yield
        finally:
            self._local.patience = BUSY_SECONDS

    def clear(self) -> None:
        """Drops all entries."""
        self._execute(lambda connection: connection.execute("DELETE FROM entries"))

    def __len__(self) -> int:
        return self._execute(_count) or 0

    def close(self) -> None:
        """Closes this thread's connection; it is opened again when needed."""
        self._local.handle = None

    # -- The file ---------------------------------------------------------------------------------------------------

    def _execute(self, action: Callable[[sqlite3.Connection], T]) -> T | None:
        """Returns the result of `action` on a connection; None when the file is damaged, busy all the time, or cannot be read or written."""
        for attempt in range(3):
            try:
                return action(self._connection())
            except sqlite3.DatabaseError as error:
                if not _is(error, "SQLITE_CORRUPT", "SQLITE_NOTADB"):
                    self._report(error)
                    return None
                self._recover(error, attempt)
        return None

    def _report(self, error: sqlite3.DatabaseError) -> None:
        # None of these errors says that the file is damaged. It may even be something else, so it is left alone.
        if _is(error, "SQLITE_CANTOPEN", "SQLITE_PERM", "SQLITE_READONLY"):
            found = "it is a directory" if self.path.is_dir() else error
            raise CacheError(f"cache {self.path}: {found}", expected="a file that can be written") from None
        if _is_busy(error) and self._patience < BUSY_SECONDS:
            raise BlockingIOError(f"cache {self.path} is busy") from None
        text = f"it was busy for {BUSY_SECONDS:g} s" if _is_busy(error) else f"{error}; the file is left as it is"
        if _is(error, "SQLITE_FULL", "SQLITE_IOERR"):
            text = f"{error}; nothing more is kept"
        self.close()  # a transaction that failed may be open
        warn_user(f"cache {self.path}: {text}", CacheWarning)

    @property
    def _patience(self) -> float:
        return self._local.patience

    def _recover(self, error: Exception, attempt: int) -> None:
        self.close()
        if attempt:  # not the first time: another process may have created the file anew
            self._rebuild(error)

    def _connection(self) -> sqlite3.Connection:
        local = self._local
        known = local.handle
        if known is not None and known.owner == os.getpid() and known.generation == self._generation:
            if known.patience != self._patience:
                known.patience = self._patience
                known.connection.execute(f"PRAGMA busy_timeout = {known.patience * 1000:.0f}")
            return known.connection
        generation = self._generation
        connection = sqlite3.connect(self.path, timeout=self._patience, isolation_level=None, check_same_thread=False)
        try:
            _begin_wal(connection, self._patience)
            connection.execute("PRAGMA synchronous = NORMAL")
            if _format_of(connection) != (APPLICATION, FORMAT):
                self._create(connection)
            connection.execute("SELECT key, value, checksum, created FROM entries LIMIT 0")
        except BaseException:
            connection.close()
            raise
        local.handle = _Handle(connection, generation, self._patience)
        return connection

    def _create(self, connection: sqlite3.Connection) -> None:
        connection.execute("BEGIN IMMEDIATE")  # from here on nobody else creates it
        application, version = _format_of(connection)
        if connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
            if application != APPLICATION:
                raise CacheError(f"{self.path} is an SQLite file of something else", expected="a new file, or a cache")
            if version != FORMAT:
                raise CacheError(
                    f"cache {self.path}: it is a cache of format {version}",
                    expected=f"one of format {FORMAT}",
                    hint="use another path, or the version of Cascade that wrote the file",
                )
        else:
            for statement in SCHEMA:
                connection.execute(statement)
        connection.execute("COMMIT")

    def _rebuild(self, error: Exception) -> None:
        warn_user(f"cache {self.path}: the file is damaged ({error}); it is begun anew", CacheWarning)
        with self._lock:
            self._generation += 1
            aside = self.path.with_name(f"{self.path.name}.damaged-{time.time_ns()}")
            try:
                os.replace(self.path, aside)
            except OSError:
                pass
            for suffix in ("-wal", "-shm"):
                try:
                    os.unlink(f"{self.path}{suffix}")
                except OSError:
                    pass


class _Handle:
    """A thread's connection, closed when the thread ends or the cache is freed."""

    def __init__(self, connection: sqlite3.Connection, generation: int, patience: float) -> None:
        self.connection = connection
        self.patience = patience  # how long it waits for others
        # Held from outside as well, so that the collector does not finalize it before this.
        _OPEN[id(self)] = connection
        self.generation = generation
        self.owner = os.getpid()

    def __del__(self) -> None:
        # One that a fork has carried into another process must be left alone there.
        if self.owner == os.getpid():
            self.connection.close()
            del _OPEN[id(self)]
        else:
            _FOREIGN.append(self.connection)


class _Local(threading.local):
    """The state of one thread: its connection, and how many seconds it waits for others."""

    handle: _Handle | None = None
    patience: float = BUSY_SECONDS


_OPEN: dict[int, sqlite3.Connection] = {}
_FOREIGN: list[sqlite3.Connection] = []


@atexit.register
def _close_all() -> None:
    # A cache that a module holds outlives its thread's local data, in which its handle is.
    for connection in list(_OPEN.values()):
        connection.close()


def _entry(connection: sqlite3.Connection, key: bytes) -> Entry | None:
    row: Entry | None = connection.execute("SELECT value, checksum FROM entries WHERE key = ?", (key,)).fetchone()
    return row


def _count(connection: sqlite3.Connection) -> int:
    return int(connection.execute("SELECT count(*) FROM entries").fetchone()[0])


def _begin_wal(connection: sqlite3.Connection, patience: float) -> None:
    # While another process switches as well, SQLite does not wait, but says at once that it is busy.
    deadline = time.monotonic() + patience
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as error:
            if not _is_busy(error) or time.monotonic() > deadline:
                raise
        time.sleep(0.002)


def _format_of(connection: sqlite3.Connection) -> tuple[int, int]:
    application = connection.execute("PRAGMA application_id").fetchone()[0]
    return application, connection.execute("PRAGMA user_version").fetchone()[0]


def _is_busy(error: sqlite3.DatabaseError) -> bool:
    return _is(error, "SQLITE_BUSY", "SQLITE_LOCKED")


def _is(error: sqlite3.DatabaseError, *names: str) -> bool:
    # The names of extended codes begin with that of the plain code.
    # An error that the module itself raises, not SQLite, has none.
    return getattr(error, "sqlite_errorname", "").startswith(names)
