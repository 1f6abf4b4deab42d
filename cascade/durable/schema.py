"""Schema: the tables of a store. It is the same for SQLite and Postgres.

runs        one row a run: its target, its state, who runs it, its outcome
snapshots   the last snapshots of each run, numbered: the last one says how far a run is that is not over
blobs       large values of a run, by the digest of their content, with the last snapshot that used them
effects     what calls with an effect have done since a snapshot: begun, or returned a value
functions   the code that a run belongs to: the name, digest and source of each function
signals     values that were sent to a run; `taken` once a wait has them
events      the history of a run: parked, resumed, signals, ...
queues      how many runs of a queue may be under way at once
schedules   targets that are started again and again
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol

from cascade.errors import StoreError

FORMAT = 1
STATUSES = ("queued", "running", "waiting", "interrupted", "done", "failed", "cancelled")
OVER = ("done", "failed", "cancelled")
"""The states of runs that do not continue."""
PARTS = ("snapshots", "effects", "blobs", "functions", "signals", "events")
"""The tables that have rows of a run."""
Row = tuple[Any, ...]


class Database(Protocol):
    """SQLite or Postgres, as a store uses it."""

    binary: str
    number: str
    counter: str
    clustered: str
    shared_lock: str

    def execute(self, statement: str, arguments: Sequence[object] = ()) -> list[Row]: ...
    def count(self, statement: str, arguments: Sequence[object] = ()) -> int: ...
    def count_alone(self, statement: str, arguments: Sequence[object] = ()) -> int: ...
    def many(self, statement: str, rows: Sequence[Row]) -> None: ...
    def transaction(self) -> Any: ...  # noqa: ANN401  # a context manager
    def connection(self) -> Any: ...  # noqa: ANN401  # the driver's own
    def begin(self) -> None: ...
    def commit(self) -> None: ...
    def roll_back(self) -> None: ...
    def close(self) -> None: ...


def schema(binary: str, number: str, counter: str, clustered: str) -> list[str]:
    """Returns the statements that create the tables, given the names of the types of the database.

    Args:
        clustered: the option of tables whose rows stand in their index, so that a snapshot is one write.
    """
    return [
        f"""CREATE TABLE runs (
            id TEXT PRIMARY KEY, status TEXT NOT NULL, target {binary} NOT NULL, name TEXT NOT NULL, options TEXT NOT NULL,
            created {number} NOT NULL, saved {number} NOT NULL, step {counter} NOT NULL,
            queue TEXT, owner TEXT, lease {number}, lease_here {number}, due {number}, waits TEXT NOT NULL, outcome {binary}, error TEXT,
            cancelled {counter} NOT NULL)""",
        "CREATE INDEX runs_by_status ON runs (status, due)",
        "CREATE INDEX runs_by_time ON runs (created)",
        f"""CREATE TABLE snapshots (
            run TEXT NOT NULL, number {counter} NOT NULL, saved {number} NOT NULL, step {counter} NOT NULL, state {binary} NOT NULL,
            PRIMARY KEY (run, number)){clustered}""",
        f"""CREATE TABLE effects (
            run TEXT NOT NULL, snapshot {counter} NOT NULL, serial {counter} NOT NULL, node TEXT NOT NULL, value {binary},
            PRIMARY KEY (run, snapshot, serial, node)){clustered}""",
        f"""CREATE TABLE blobs (
            run TEXT NOT NULL, digest {binary} NOT NULL, last {counter} NOT NULL, data {binary} NOT NULL, PRIMARY KEY (run, digest))""",
        f"""CREATE TABLE functions (
            run TEXT NOT NULL, path TEXT NOT NULL, task {counter} NOT NULL, digest TEXT NOT NULL, parameters TEXT NOT NULL,
            file TEXT NOT NULL, line {counter} NOT NULL, source TEXT NOT NULL, PRIMARY KEY (run, path))""",
        f"""CREATE TABLE signals (
            run TEXT NOT NULL, number {counter} NOT NULL, name TEXT NOT NULL, value {binary} NOT NULL, sent {number} NOT NULL,
            taken {counter} NOT NULL, PRIMARY KEY (run, number))""",
        f"""CREATE TABLE events (
            run TEXT NOT NULL, number {counter} NOT NULL, at {number} NOT NULL, kind TEXT NOT NULL, step {counter} NOT NULL,
            detail TEXT NOT NULL, PRIMARY KEY (run, number))""",
        f"CREATE TABLE queues (name TEXT PRIMARY KEY, concurrency {counter} NOT NULL)",
        f"""CREATE TABLE schedules (
            id TEXT PRIMARY KEY, rule TEXT NOT NULL, target {binary} NOT NULL, name TEXT NOT NULL, options TEXT NOT NULL,
            next {number} NOT NULL)""",
    ]


class RunRow(NamedTuple):
    """A run as it stands in the store.

    Attributes:
        status: "queued", "running", "waiting", "interrupted", "done", "failed" or "cancelled".
        step: how many task calls it had made when it was saved last.
        waits: the names of the signals that it waits for.
        lease: when the lease of its owner is over, in seconds since the epoch; `lease_here` is the same by the clock of the owner's machine
            that is never set.
        due: when it is to continue, in seconds since the epoch; None if not by the clock.
    """

    id: str
    status: str
    name: str
    options: dict[str, Any]
    created: float
    saved: float
    step: int
    snapshot: int
    queue: str | None
    owner: str | None
    lease: float | None
    lease_here: float | None
    due: float | None
    waits: tuple[str, ...]
    error: str | None

    @property
    def is_over(self) -> bool:
        return self.status in OVER


COLUMNS = (
    "id, status, name, options, created, runs.saved, runs.step, queue, owner, lease, lease_here, due, waits, error, "
    "last.number, last.saved, last.step"
)
RUNS = "runs LEFT JOIN snapshots last ON last.run = id AND last.number = (SELECT max(number) FROM snapshots WHERE run = id)"
"""The runs, each with its last snapshot. A row of `runs` is not written with each of them."""


def row_of(row: Row) -> RunRow:
    """Returns a run, given its `COLUMNS`."""
    id, status, name, options, created, saved, step, queue, owner, lease, lease_here, due, waits, error, *last = row
    number, last_saved, last_step = last if last[0] is not None else (0, saved, step)
    try:
        return RunRow(
            id, status, name, json.loads(options), created, max(saved, last_saved), max(step, last_step), number, queue, owner, lease,
            lease_here, due, tuple(json.loads(waits)), error,
        )  # fmt: skip
    except (TypeError, ValueError) as damage:
        raise StoreError(f"the run {id!r} is damaged: its row cannot be read ({damage})") from damage
