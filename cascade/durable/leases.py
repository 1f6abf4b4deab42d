"""Leases: which process has a run, and how workers take the runs that are due."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator, Sequence
from typing import cast

from cascade.durable.arguments import checked_name
from cascade.durable.clocks import Watch
from cascade.durable.owner import Owner
from cascade.durable.schema import COLUMNS, RUNS, Database, RunRow, row_of
from cascade.errors import DeclarationError, StoreError

PAGE = 200
"""Runs that are read at once, of those that are due."""
MOST = 2**31 - 1


class Leases:
    """The runs of a store, as the processes that execute them see it.

    Attributes:
        path: of the store.
        database: its database.
        lease: seconds after which another process may take over a run whose process is not heard of any more.
    """

    path: str
    database: Database

    def __init__(self, lease: float) -> None:
        self.lease: float = float(lease)
        self._watch = Watch()

    def run(self, id: str) -> RunRow:
        """Returns a run."""
        raise NotImplementedError

    def claim(self, id: str, owner: str) -> RunRow:
        """Takes a run for a process, which then has its lease; returns the run as it was before.

        Raises:
            StoreError: (a RuntimeError) another process has it, or it is over.
        """
        with self.database.transaction():
            row = self.run(id)
            if row.is_over:
                raise StoreError(
                    f"the run {id!r} is {row.status}",
                    hint="its result is run.result(); cascade.fork continues from a snapshot",
                )
            if row.owner is not None and row.owner != owner and not self._may_be_taken(row):
                left = max(0.0, (row.lease or 0.0) - time.time())
                raise StoreError(
                    f"the run {id!r} is held by another process, {Owner.describe(row.owner)}",
                    hint=f"if that has ended, its lease is over in {left:.0f} s",
                )
            taken = self._take(row, owner)
            if taken is None:
                raise StoreError(f"the run {id!r} is held by another process", hint="it has just taken it")
        return taken

    def _may_be_taken(self, row: RunRow) -> bool:
        # One look does not tell whether a process of another machine is silent: then the clock has to.
        return self.is_free(row) or (not Owner.is_here(row.owner or "") and (row.lease or 0.0) <= time.time())

    def _take(self, row: RunRow, owner: str) -> RunRow | None:
        """Takes a run that was found; returns it as it is now, or None where another process has had it since."""
        changed = self.database.count(
            "UPDATE runs SET owner = ?, lease = ?, lease_here = ?, status = 'running', due = NULL "
            "WHERE id = ? AND coalesce(owner, '') = ? AND status = ?",
            (owner, *self._new_lease(), row.id, row.owner or "", row.status),
        )
        if not changed:
            return None
        now = self.run(row.id)  # it may have been taken and released since it was read
        return row._replace(snapshot=now.snapshot, step=now.step, saved=now.saved)

    def _new_lease(self) -> tuple[float, float]:
        return time.time() + self.lease, time.monotonic() + self.lease

    def is_free(self, row: RunRow) -> bool:
        """Returns whether no process has a run, or the one that had it has ended, or was silent for as long as its lease lasts.

        The silence of a process of another machine is watched, from the first look at the run on.
        """
        if row.owner is None or row.lease is None or Owner.is_dead(row.owner):
            return True
        if Owner.is_here(row.owner) and row.lease_here is not None:
            return row.lease_here < time.monotonic()
        return self._watch.is_over(row.id, row.owner, row.lease, self.lease)

    def claim_next(
        self, owner: str, queues: Sequence[str] = (), may_take: Callable[[RunRow], bool] = lambda row: True
    ) -> RunRow | None:
        """Takes a run, within the limits of its queue; returns None if there is none.

        Those whose process has ended come first, then those that are due, the earliest first.

        Args:
            queues: of these only; by default of all.
            may_take: returns False for a run that is left to others.
        """
        full: set[str] = set()
        with self.database.transaction():
            self._end_cancelled()
            while True:
                for row in self._candidates(queues, full):
                    if not may_take(row):
                        continue
                    if not self._has_room(row):
                        full.add(cast("str", row.queue))
                        break  # its other runs are not even read
                    if (taken := self._take(row, owner)) is not None:
                        return taken
                else:
                    return None

    def _candidates(self, queues: Sequence[str], full: Collection[str]) -> Iterator[RunRow]:
        """Yields the runs that may be taken, of some queues, and not of those that are full."""
        names = [*queues, *full]
        where = f" AND queue IN ({', '.join('?' * len(queues))})" if queues else ""
        if full:
            where += f" AND (queue IS NULL OR queue NOT IN ({', '.join('?' * len(full))}))"
        begun = self._rows(f"status = 'running' AND cancelled = 0{where} ORDER BY lease", names)
        yield from filter(self.is_free, begun)
        due = "(status IN ('queued', 'interrupted') OR (status = 'waiting' AND due <= ?)) AND cancelled = 0"
        now, position, is_last = time.time(), 0, False
        while not is_last:
            rows = self._rows(f"{due}{where} ORDER BY due, created LIMIT {PAGE} OFFSET {position}", [now, *names])
            position, is_last = position + PAGE, len(rows) < PAGE
            yield from rows

    def _rows(self, where: str, arguments: Sequence[object]) -> list[RunRow]:
        found = self.database.execute(f"SELECT {COLUMNS} FROM {RUNS} WHERE {where}", arguments)
        return [row_of(each) for each in found]

    def _end_cancelled(self) -> None:
        """Ends the runs that were cancelled and whose process has ended before it saw that."""
        for row in filter(self.is_free, self._rows("status = 'running' AND cancelled = 1", ())):
            self.database.count(
                "UPDATE runs SET status = 'cancelled', owner = NULL, lease = NULL, saved = ? WHERE id = ? AND owner = ?",
                (time.time(), row.id, row.owner),
            )

    def _has_room(self, row: RunRow) -> bool:
        if row.queue is None:
            return True
        # Nobody else counts from here on.
        self.database.count("UPDATE queues SET concurrency = concurrency WHERE name = ?", (row.queue,))
        limits = self.database.execute("SELECT concurrency FROM queues WHERE name = ?", (row.queue,))
        if not limits:
            return True
        begun = self._rows("queue = ? AND status = 'running' AND id <> ?", (row.queue, row.id))
        return sum(not self.is_free(each) for each in begun) < int(limits[0][0])

    def queue(self, name: str, concurrency: int) -> None:
        """Sets how many runs of a queue may be under way at once, in all processes together."""
        checked_name(name, "queue({}, ...)", "the name of a queue")
        if type(concurrency) is not int or not 1 <= concurrency <= MOST:
            raise DeclarationError(f"queue({name!r}, {concurrency!r})", expected="a number of runs, from 1 up")
        self.database.count(
            "INSERT INTO queues VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET concurrency = excluded.concurrency",
            (name, concurrency),
        )

    def renew(self, owner: str) -> None:
        """Extends the leases of all runs that a process has."""
        self.database.count(
            "UPDATE runs SET lease = ?, lease_here = ? WHERE owner = ? AND status = 'running'",
            (*self._new_lease(), owner),
        )

    def release(self, id: str, owner: str, status: str) -> None:
        """Ends the lease of a run that is not over."""
        self.database.count(
            "UPDATE runs SET owner = NULL, lease = NULL, status = ?, due = ? WHERE id = ? AND owner = ? AND status = 'running'",
            (status, time.time(), id, owner),
        )
