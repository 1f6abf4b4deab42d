"""Store: where runs are saved, in SQLite or Postgres."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from cascade._vm import entry_point
from cascade.durable.arguments import checked_name, checked_seconds
from cascade.durable.leases import Leases
from cascade.durable.schema import COLUMNS, FORMAT, PARTS, RUNS, STATUSES, Database, Row, row_of, schema
from cascade.durable.schema import OVER as OVER
from cascade.durable.schema import RunRow as RunRow
from cascade.durable.sqlite import SQLite
from cascade.errors import DeclarationError, StoreError, nearest

KEPT_SNAPSHOTS = 32
SWEEP = 128
"""Old snapshots are dropped behind each so many: many at once cost less than one each time."""
LEASE_SECONDS = 15.0
TINY = 1e-3
PLACE = "the path of a file, or a postgresql:// address"
POSTGRES = ("postgresql", "postgres")
NEVER_OLD = 1 << 62
"""The snapshot that values belong to which are not part of a snapshot."""


class Store(Leases):
    """A store of runs.

    Several processes and threads may use it at once.

    Args:
        path: a file, which SQLite keeps; its directory has to exist. Or `postgresql://...`, with the extra `postgres`.
        pickle: whether values that the codec has no form for are pickled. Unpickling can run any code: only for stores that nobody
            else can write.
        synchronous: "normal": a snapshot outlives the process. "full": also a crash of the machine, at the price of a write to
            the disk for each snapshot.
        lease: seconds after which another process may take over a run whose process is not heard of any more.

    Raises:
        DeclarationError: (a TypeError) `path` is neither a path nor such an address.
        StoreError: (a RuntimeError) it cannot be opened, is something else, is damaged, or was written by a later version.
        MissingExtraError: (an ImportError) msgspec, or for Postgres psycopg, is not installed.
    """

    @entry_point
    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        pickle: bool = False,
        synchronous: str = "normal",
        lease: float = LEASE_SECONDS,
    ) -> None:
        if not isinstance(path, (str, os.PathLike)):
            raise DeclarationError(f"Store({path!r})", expected=PLACE)
        if synchronous not in ("normal", "full"):
            raise DeclarationError(
                f"Store(synchronous={synchronous!r})",
                expected="'normal' or 'full'",
                hint=nearest(str(synchronous), ("normal", "full")),
            )
        lease = checked_seconds(lease, "Store(lease={})", least=TINY, expected="a positive number of seconds")
        from cascade.adapters.caches.codec import Codec

        Codec(owner="Store")  # says so where msgspec is missing
        self.path: str = os.fspath(path)
        scheme = self.path.partition("://")[0]
        if (scheme != self.path and scheme not in POSTGRES) or not self.path or "\0" in self.path:
            raise DeclarationError(f"Store({self.path!r})", expected=PLACE, hint=nearest(scheme, POSTGRES))
        if self.path == ":memory:":
            raise DeclarationError("Store(':memory:')", expected=PLACE, hint="a run survives in a file only")
        self.pickle: bool = pickle
        super().__init__(lease)
        self.database: Database = _database(self.path, synchronous)
        self._add_snapshot = (
            "INSERT INTO snapshots SELECT ?, ?, ?, ?, ? FROM runs WHERE id = ? AND owner = ? AND cancelled = 0"
            + self.database.shared_lock
        )
        self._owned = "SELECT 1 FROM runs WHERE id = ? AND owner = ? AND cancelled = 0" + self.database.shared_lock

    def __repr__(self) -> str:
        return f"Store({self.path!r})"

    def close(self) -> None:
        """Closes this thread's connection; it is opened again when needed."""
        self.database.close()

    def connection(self) -> Any:  # noqa: ANN401  # of sqlite3 or psycopg
        """Returns this thread's connection: tasks with effect="atomic" write through it."""
        return self.database.connection()

    # -- Runs ---------------------------------------------------------------------------------------------------------

    def runs(self, status: str | None = None, limit: int = 1000) -> list[RunRow]:
        """Returns the runs, the latest first.

        Args:
            status: of those only.
            limit: not more than so many.

        Raises:
            DeclarationError: (a TypeError) there is no such status, or the limit is not a positive number.
        """
        if status is not None and status not in STATUSES:
            raise DeclarationError(
                f"runs(status={status!r})",
                expected="one of " + ", ".join(STATUSES),
                hint=nearest(str(status), STATUSES),
            )
        if not isinstance(limit, int) or limit < 1:
            raise DeclarationError(f"runs(limit={limit!r})", expected="a number of runs, from 1 up")
        where, arguments = ("", ()) if status is None else (" WHERE status = ?", (status,))
        rows = self.database.execute(
            f"SELECT {COLUMNS} FROM {RUNS}{where} ORDER BY created DESC LIMIT ?", (*arguments, limit)
        )
        return [row_of(each) for each in rows]

    def has(self, id: str) -> bool:
        """Returns whether there is a run of a name."""
        checked_name(id, "id={}", "the name of a run")
        return bool(self.database.execute("SELECT 1 FROM runs WHERE id = ?", (id,)))

    def run(self, id: str) -> RunRow:
        """Returns a run; raises StoreError (a RuntimeError) if there is none of that name."""
        checked_name(id, "id={}", "the name of a run")
        rows = self.database.execute(f"SELECT {COLUMNS} FROM {RUNS} WHERE id = ?", (id,))
        if not rows:
            known = [each[0] for each in self.database.execute("SELECT id FROM runs ORDER BY created DESC LIMIT 100")]
            raise StoreError(f"there is no run {id!r} in {self.path}", hint=nearest(id, known))
        return row_of(rows[0])

    def create(
        self, id: str, target: bytes, name: str, options: Mapping[str, object], queue: str | None, owner: str | None,
        blobs: Mapping[bytes, bytes], functions: Iterable[Row],
    ) -> None:  # fmt: skip
        """Adds a run, before its first snapshot.

        Raises:
            StoreError: (a RuntimeError) there is one of that name.
        """
        now = time.time()
        with self.database.transaction():
            added = self.database.count(
                "INSERT INTO runs VALUES (?, ?, ?, ?, ?, ?, ?, 0, ?, ?, ?, ?, ?, '[]', NULL, NULL, 0) ON CONFLICT DO NOTHING",
                (id, "queued" if owner is None else "running", target, name, json.dumps(options), now, now, queue, owner,
                 *((None, None, now) if owner is None else (*self._new_lease(), None))),
            )  # fmt: skip
            if not added:
                raise StoreError(
                    f"there is a run {id!r} in {self.path} already",
                    hint=f"continue it by cascade.resume(store, {id!r}), or give this one another id",
                )
            self.put_blobs(id, blobs, NEVER_OLD)
            self.put_functions(id, functions)

    def target(self, id: str) -> bytes:
        """Returns the target of a run, as it was written."""
        return bytes(self.database.execute("SELECT target FROM runs WHERE id = ?", (id,))[0][0])

    def replace_target(self, id: str, target: bytes, blobs: Mapping[bytes, bytes]) -> None:
        """Writes the target of a run anew."""
        with self.database.transaction():
            self.database.count("UPDATE runs SET target = ? WHERE id = ?", (target, id))
            self.put_blobs(id, blobs, NEVER_OLD)

    def outcome(self, id: str) -> bytes | None:
        """Returns the result of a run that is done, as it was written."""
        found = self.database.execute("SELECT outcome FROM runs WHERE id = ?", (id,))[0][0]
        return None if found is None else bytes(found)

    # -- Snapshots --------------------------------------------------------------------------------------------------------

    def save(
        self, id: str, owner: str, number: int, step: int, state: bytes, blobs: Mapping[bytes, bytes], functions: Sequence[Row],
        taken: Sequence[int], parked: tuple[Sequence[str], float | None] | None,
    ) -> None:  # fmt: skip
        """Adds a snapshot, in one transaction with the signals that it has taken.

        Args:
            parked: the names that the run waits for, and when it is due, if it is to be parked.

        Raises:
            LostLease: another process has taken the run over, or it was cancelled.
        """
        database, row = self.database, (id, number, time.time(), step, state, id, owner)
        if not (blobs or functions or taken or parked is not None or number % SWEEP == 0):
            if not database.count_alone(self._add_snapshot, row):  # it is a transaction by itself
                raise self.lost(id)
            return
        with database.transaction():
            if not database.count(self._add_snapshot, row):
                raise self.lost(id)
            if number % SWEEP == 0:
                database.count("DELETE FROM snapshots WHERE run = ? AND number <= ?", (id, number - KEPT_SNAPSHOTS))
                database.count("DELETE FROM effects WHERE run = ? AND snapshot <= ?", (id, number - KEPT_SNAPSHOTS))
                database.count("DELETE FROM blobs WHERE run = ? AND last < ?", (id, number - 3 * KEPT_SNAPSHOTS))
            if blobs:
                self.put_blobs(id, blobs, number)
            self.put_functions(id, functions)
            for each in taken:
                database.count("UPDATE signals SET taken = 1 WHERE run = ? AND number = ?", (id, each))
            if parked is not None:
                self._park(id, owner, step, parked)

    def save_effects(
        self, id: str, owner: str, number: int, effects: Sequence[tuple[int, int | str, bytes | None]]
    ) -> None:
        """Adds what calls have done since a snapshot: (serial, node, value), or None for one that begins.

        Raises:
            LostLease: as of `save`.
        """
        with self.database.transaction():
            if not self.database.execute(self._owned, (id, owner)):
                raise self.lost(id)
            self.database.many(
                "INSERT INTO effects VALUES (?, ?, ?, ?, ?) ON CONFLICT (run, snapshot, serial, node) DO UPDATE SET value = excluded.value",
                [(id, number, serial, str(node), value) for serial, node, value in effects],
            )

    def effects(self, id: str, number: int) -> list[tuple[int, str, bytes | None]]:
        """Returns what calls have done since a snapshot."""
        rows = self.database.execute(
            "SELECT serial, node, value FROM effects WHERE run = ? AND snapshot = ?", (id, number)
        )
        return [(serial, node, None if value is None else bytes(value)) for serial, node, value in rows]

    def _park(self, id: str, owner: str, step: int, parked: tuple[Sequence[str], float | None]) -> None:
        self.database.count(
            "UPDATE runs SET lease = NULL, owner = NULL, status = 'waiting', waits = ?, due = ? WHERE id = ? AND owner = ?",
            (json.dumps(list(parked[0])), self._due(id, parked), id, owner),
        )
        self.note(id, "parked", step, ", ".join(parked[0]))

    def _due(self, id: str, parked: tuple[Sequence[str], float | None]) -> float | None:
        # A signal that came since the wait looked for one makes the run due at once.
        names, due = parked
        for name in names:
            if self.database.execute(
                "SELECT 1 FROM signals WHERE run = ? AND name = ? AND taken = 0 LIMIT 1", (id, name)
            ):
                return 0.0
        return due

    def lost(self, id: str) -> LostLease:
        """Returns the reason why a process may not write a run any more."""
        rows = self.database.execute("SELECT cancelled, status FROM runs WHERE id = ?", (id,))
        return LostLease(id, cancelled=bool(rows and rows[0][0]))

    def put_blobs(self, id: str, blobs: Mapping[bytes, bytes], number: int) -> None:
        """Adds large values, and notes that a snapshot uses them."""
        for key, data in blobs.items():
            self.database.count(
                "INSERT INTO blobs VALUES (?, ?, ?, ?) ON CONFLICT (run, digest) DO UPDATE SET last = "
                "CASE WHEN blobs.last > excluded.last THEN blobs.last ELSE excluded.last END",
                (id, key, number, data),
            )

    def blob(self, id: str, key: bytes) -> bytes:
        """Returns a large value of a run."""
        rows = self.database.execute("SELECT data FROM blobs WHERE run = ? AND digest = ?", (id, key))
        if not rows:
            raise StoreError(f"the run {id!r} in {self.path} is damaged: a value of it is missing")
        return bytes(rows[0][0])

    def put_functions(self, id: str, functions: Iterable[Row]) -> None:
        """Adds the code of functions that a run has come to."""
        for each in functions:
            self.database.count(
                "INSERT INTO functions VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING", (id, *each)
            )

    def functions(self, id: str) -> list[Row]:
        """Returns the code that a run belongs to: (path, whether it is a task, digest, parameters, file, line, source)."""
        return self.database.execute(
            "SELECT path, task, digest, parameters, file, line, source FROM functions WHERE run = ? ORDER BY path",
            (id,),
        )

    def replace_functions(self, id: str, functions: Iterable[Row]) -> None:
        """Notes that a run belongs to other code from now on."""
        with self.database.transaction():
            self.database.count("DELETE FROM functions WHERE run = ?", (id,))
            self.put_functions(id, functions)

    def snapshot(self, id: str, number: int) -> bytes:
        """Returns the state of a snapshot; raises StoreError (a RuntimeError) if it is not kept."""
        rows = []
        if number.bit_length() < 64:
            rows = self.database.execute("SELECT state FROM snapshots WHERE run = ? AND number = ?", (id, number))
        if not rows:
            kept = [
                each[0]
                for each in self.database.execute("SELECT number FROM snapshots WHERE run = ? ORDER BY number", (id,))
            ]
            raise StoreError(
                f"the run {id!r} has no snapshot {number}",
                expected=f"one of {kept[0]} to {kept[-1]}" if kept else "a run that was saved",
            )
        return bytes(rows[0][0])

    def drop_snapshots(self, id: str, number: int) -> None:
        """Drops the snapshots before one."""
        self.database.count("DELETE FROM snapshots WHERE run = ? AND number < ?", (id, number))

    def snapshots(self, id: str) -> list[tuple[int, float, int]]:
        """Returns the snapshots of a run that are kept: (number, when, step)."""
        rows = self.database.execute("SELECT number, saved, step FROM snapshots WHERE run = ? ORDER BY number", (id,))
        return [(int(number), float(saved), int(step)) for number, saved, step in rows]

    # -- The end ----------------------------------------------------------------------------------------------------------

    def finish(
        self,
        id: str,
        owner: str,
        status: str,
        step: int,
        outcome: bytes | None,
        blobs: Mapping[bytes, bytes],
        error: str | None,
        detail: str = "",
    ) -> None:
        """Notes that a run is over; `detail` is for its history."""
        with self.database.transaction():
            changed = self.database.count(
                "UPDATE runs SET status = ?, step = ?, saved = ?, outcome = ?, error = ?, owner = NULL, lease = NULL, due = NULL, waits = '[]' "
                "WHERE id = ? AND owner = ?",
                (status, step, time.time(), outcome, error, id, owner),
            )
            if not changed:
                raise self.lost(id)
            self.put_blobs(id, blobs, NEVER_OLD)
            self.note(id, status, step, detail)

    def cancel(self, id: str) -> None:
        """Cancels a run: one that is under way ends at its next snapshot, any other at once."""
        with self.database.transaction():
            row = self.run(id)
            if not row.is_over:
                status = "running" if row.owner is not None and not self.is_free(row) else "cancelled"
                self.database.count(
                    "UPDATE runs SET cancelled = 1, status = ?, saved = ? WHERE id = ?", (status, time.time(), id)
                )
                self.note(id, "cancelled", row.step, "")

    # -- Schedules --------------------------------------------------------------------------------------------------------

    def put_schedule(
        self,
        id: str,
        rule: str,
        target: bytes,
        name: str,
        options: str,
        next: float,
        blobs: Mapping[bytes, bytes],
        functions: Iterable[Row],
    ) -> None:
        """Adds a schedule, or replaces the one of that name. The parts of its target are kept as those of a run `schedule:id`."""
        parts = f"schedule:{id}"
        with self.database.transaction():
            self.remove(parts)
            self.database.count(
                "INSERT INTO schedules VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET rule = excluded.rule, "
                "target = excluded.target, name = excluded.name, options = excluded.options, next = excluded.next",
                (id, rule, target, name, options, next),
            )
            self.put_blobs(parts, blobs, NEVER_OLD)
            self.put_functions(parts, functions)

    def schedules(self) -> list[tuple[str, str, float]]:
        """Returns the schedules, those first whose time comes first: (name, rule, time)."""
        rows = self.database.execute("SELECT id, rule, next FROM schedules ORDER BY next")
        return [(id, rule, float(next)) for id, rule, next in rows]

    def set_schedule(self, id: str, due: float, following: float) -> None:
        """Sets the next time of a schedule, where that was `due`."""
        self.database.count("UPDATE schedules SET next = ? WHERE id = ? AND next = ?", (following, id, due))

    def wake(self) -> None:
        """Has all runs that wait for a time look at the clock anew."""
        self.database.count("UPDATE runs SET due = 0 WHERE status = 'waiting' AND due > ?", (time.time(),))

    def start_scheduled(self, id: str, due: float, following: float) -> bool:
        """Adds the run of a schedule for a time, and sets the next one; returns False where another worker has done so."""
        with self.database.transaction():
            if not self.database.count("UPDATE schedules SET next = ? WHERE id = ? AND next = ?", (following, id, due)):
                return False
            rows = self.database.execute("SELECT target, name, options FROM schedules WHERE id = ?", (id,))
            target, name, text = rows[0]
            options = json.loads(text)
            run = f"{id}@{due:.0f}"
            if self.has(run):
                return False  # the clock was set back: it was started at this time already
            self.create(run, bytes(target), name, options, options.pop("queue"), None, {}, ())
            self._copy_parts(f"schedule:{id}", run)
        return True

    def unschedule(self, id: str) -> None:
        """Drops a schedule; its runs stay."""
        with self.database.transaction():
            self.database.count("DELETE FROM schedules WHERE id = ?", (id,))
            self.remove(f"schedule:{id}")

    def _copy_parts(self, id: str, new: str) -> None:
        self.database.count(
            "INSERT INTO blobs SELECT ?, digest, ?, data FROM blobs WHERE run = ?", (new, NEVER_OLD, id)
        )
        self.database.count(
            "INSERT INTO functions SELECT ?, path, task, digest, parameters, file, line, source FROM functions WHERE run = ?",
            (new, id),
        )

    # -- Signals ----------------------------------------------------------------------------------------------------------

    def remove(self, id: str) -> None:
        """Drops a run and all that is kept of it."""
        with self.database.transaction():
            self.database.count("DELETE FROM runs WHERE id = ?", (id,))
            for table in PARTS:
                self.database.count(f"DELETE FROM {table} WHERE run = ?", (id,))

    def copy(self, id: str, number: int | None, new: str | None) -> str:
        """Adds a run that continues from a snapshot of another one; returns its name."""
        with self.database.transaction():
            row = self.run(id)
            at = row.snapshot if number is None else number
            state = self.snapshot(id, at)
            if new is None:
                new = self._free_name(f"{id}-fork-")
            self.create(new, self.target(id), row.name, row.options, None, None, {}, ())
            step = next((step for each, _, step in self.snapshots(id) if each == at), row.step)
            self.database.count("INSERT INTO snapshots VALUES (?, 1, ?, ?, ?)", (new, time.time(), step, state))
            self.database.count(
                "INSERT INTO effects SELECT ?, 1, serial, node, value FROM effects WHERE run = ? AND snapshot = ?",
                (new, id, at),
            )
            self.database.count("UPDATE runs SET step = ?, status = 'interrupted' WHERE id = ?", (step, new))
            self._copy_parts(id, new)
            self.note(new, "forked", step, f"{id}, snapshot {at}")
        return new

    def _free_name(self, prefix: str) -> str:
        """Returns a name with a number that no run has: most often the first one; of n runs some log(n) are looked at."""
        taken, free = 0, 1
        while self.has(f"{prefix}{free}"):
            taken, free = free, 2 * free
        while free - taken > 1:
            middle = (taken + free) // 2
            taken, free = (middle, free) if self.has(f"{prefix}{middle}") else (taken, middle)
        return f"{prefix}{free}"

    def send(self, id: str, name: str, value: bytes, blobs: Mapping[bytes, bytes]) -> None:
        """Keeps a signal for a run, which continues with it when it waits for that name."""
        with self.database.transaction():
            row = self.run(id)
            if row.is_over:
                raise StoreError(f"the run {id!r} is {row.status}: it takes no signal any more")
            number = self.database.execute("SELECT coalesce(max(number), 0) + 1 FROM signals WHERE run = ?", (id,))[0][
                0
            ]
            self.database.count("INSERT INTO signals VALUES (?, ?, ?, ?, ?, 0)", (id, number, name, value, time.time()))
            self.put_blobs(id, blobs, NEVER_OLD)
            if name in row.waits:
                self.database.count("UPDATE runs SET due = 0 WHERE id = ? AND status = 'waiting'", (id,))
            self.note(id, "signal", row.step, name)

    def was_sent(self, id: str, name: str) -> bool:
        """Returns True if a signal of a name was ever sent to a run."""
        return bool(self.database.execute("SELECT 1 FROM signals WHERE run = ? AND name = ? LIMIT 1", (id, name)))

    def signal(self, id: str, name: str, taken: Iterable[int]) -> tuple[int, bytes] | None:
        """Returns the number and the value of the first signal of a name that no wait has taken; None if there is none."""
        used = set(taken)
        rows = self.database.execute(
            "SELECT number, value FROM signals WHERE run = ? AND name = ? AND taken = 0 ORDER BY number", (id, name)
        )
        return next(((number, bytes(value)) for number, value in rows if number not in used), None)

    # -- History ------------------------------------------------------------------------------------------------------

    def note(self, id: str, kind: str, step: int, detail: str) -> None:
        """Adds to the history of a run."""
        self.database.count(
            "INSERT INTO events SELECT ?, coalesce(max(number), 0) + 1, ?, ?, ?, ? FROM events WHERE run = ?",
            (id, time.time(), kind, step, detail, id),
        )

    def events(self, id: str) -> list[tuple[float, str, int, str]]:
        """Returns the history of a run: (when, kind, step, detail)."""
        rows = self.database.execute("SELECT at, kind, step, detail FROM events WHERE run = ? ORDER BY number", (id,))
        return [(float(at), kind, int(step), detail) for at, kind, step, detail in rows]

    def collect(self, older_than: float = 0.0) -> int:
        """Drops the runs that have been over for so many seconds; returns how many.

        Raises:
            DeclarationError: (a TypeError) these are not numbers, or negative.
        """
        if isinstance(older_than, bool) or not isinstance(older_than, (int, float)) or not older_than >= 0:
            raise DeclarationError(f"collect({older_than!r})", expected="seconds, from 0 up")
        with self.database.transaction():
            rows = self.database.execute(
                "SELECT id FROM runs WHERE status IN ('done', 'failed', 'cancelled') AND saved <= ?",
                (time.time() - older_than,),
            )
            for (id,) in rows:
                self.remove(id)
        return len(rows)


class LostLease(Exception):
    """A process may not write a run any more: another one has taken it over, or it was cancelled."""

    def __init__(self, id: str, cancelled: bool) -> None:
        super().__init__(f"the run {id!r} was {'cancelled' if cancelled else 'taken over by another process'}")
        self.cancelled = cancelled


def checked_store(store: object) -> Store:
    """Returns a store.

    Raises:
        DeclarationError: (a TypeError) it is something else, such as a path.
    """
    if not isinstance(store, Store):
        path = os.fspath(store) if isinstance(store, (str, os.PathLike)) else "runs.db"
        raise DeclarationError(f"store={store!r}", expected="a cascade.Store", hint=f"store=cascade.Store({path!r})")
    return store


def _database(path: str, synchronous: str) -> Database:
    if path.partition("://")[0] in POSTGRES:
        from cascade.durable.postgres import Postgres

        types = Postgres.binary, Postgres.number, Postgres.counter, Postgres.clustered
        return Postgres(path, FORMAT, schema(*types), synchronous)
    return SQLite(path, FORMAT, schema(SQLite.binary, SQLite.number, SQLite.counter, SQLite.clustered), synchronous)
