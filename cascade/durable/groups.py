"""Group commits: what several calls do is saved together, since a commit to the disk takes as long for one row as for a thousand."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence

from cascade.durable.notes import EffectRow
from cascade.errors import StoreError
from cascade.imports import asyncio

MOST = 1000
"""Rows of one commit, about."""
PATIENCE = 10
"""Rows are gathered for so many times as long as the last commit took, while more of them come."""
SHORT, LONG = 0.01, 0.04
"""Seconds that the calls of a group should take: then the next group is larger, or smaller. A result waits for `LONG` at most."""


Write = Callable[[list[EffectRow]], object]


class Groups:
    """Gathers the results of items that are awaited side by side.

    Args:
        write: writes rows in one transaction.
    """

    def __init__(self, write: Write) -> None:
        self._write = write
        self._rows: list[tuple[EffectRow, asyncio.Future[None]]] = []
        self._begun = 0.0  # when the first of these was added
        self._last = 0.0  # when a row was added last
        self._seconds = 0.0001  # that the last commit took

    async def add(self, row: EffectRow) -> None:
        """Returns when a row is committed; raises what the commit has raised."""
        now = time.perf_counter()
        loop = asyncio.get_running_loop()
        if not self._rows:
            self._begun = now
            loop.call_soon(self._turn, 0)
        committed = loop.create_future()
        self._rows.append((row, committed))
        if len(self._rows) >= MOST or now - self._last > LONG:
            self._commit()
        self._last = time.perf_counter()
        await committed

    def _turn(self, before: int) -> None:
        rows = len(self._rows)
        if before < rows and time.perf_counter() - self._begun < PATIENCE * self._seconds:
            asyncio.get_running_loop().call_soon(self._turn, rows)
        elif rows:
            self._commit()

    def _commit(self) -> None:
        rows, self._rows = self._rows, []
        begun = time.perf_counter()
        failure: Exception | None = None
        try:
            self._write([row for row, _ in rows])
        except Exception as error:
            failure = error
        self._seconds = time.perf_counter() - begun
        for _, committed in rows:
            if committed.done():
                continue  # its item was cancelled
            if failure is None:
                committed.set_result(None)
            else:
                committed.set_exception(failure)


class ItemsAhead:
    """The items of a map, several of which begin by one commit, which also has the results of those before.

    These are more the shorter the calls are, so that few calls are in doubt after a crash.

    Args:
        write: writes rows in one transaction.
        begin: returns the row of the item at a position; None where it does not have to begin.
        count: how many items there are.
        limit: how many may be under way; None for any number.
    """

    def __init__(self, write: Write, begin: Callable[[int], EffectRow | None], count: int, limit: int | None) -> None:
        self._write = write
        self._begin = begin
        self._count = count
        self._limit = MOST if limit is None else min(limit, MOST)
        self._size = 1  # of the next group
        self._until = 0  # the first item that has not begun
        self._returned: list[EffectRow] = []
        self._committed = 0.0

    def before(self, position: int) -> None:
        """Called before the item at a position, in order."""
        if position < self._until:
            return
        if self._until:
            self._adapt()
        self._until = min(position + self._size, self._count)
        self._commit(self._beginning(position))

    def returned(self, row: EffectRow) -> None:
        """Called behind each item that has returned."""
        self._returned.append(row)
        if time.perf_counter() - self._committed > LONG:
            self._commit([])

    def finish(self) -> None:
        """Called behind the last item."""
        if self._returned:
            self._commit([])

    def take(self) -> list[EffectRow]:
        """Returns the results that are not saved, for a snapshot."""
        returned, self._returned = self._returned, []
        return returned

    def _beginning(self, position: int) -> list[EffectRow]:
        return [row for each in range(position, self._until) if (row := self._begin(each)) is not None]

    def _adapt(self) -> None:
        seconds = time.perf_counter() - self._committed
        if seconds < SHORT:
            self._size = min(2 * self._size, self._limit)
        elif seconds > LONG:
            self._size = max(1, self._size // 2)

    def _commit(self, beginning: list[EffectRow]) -> None:
        self._write(self.take() + beginning)
        self._committed = time.perf_counter()


class Statement:
    """A statement of a thread.

    Attributes:
        changed: how many rows it has changed, once it is executed; `error` is that of its commit.
        is_over: whether it is committed, or its commit has failed.
        turn: set when it is over, or its thread is to commit.
    """

    def __init__(self, text: str, arguments: Sequence[object]) -> None:
        self.text = text
        self.arguments = arguments
        self.changed = 0
        self.error: BaseException | None = None
        self.is_over = False
        self.turn = threading.Event()


class Threads:
    """Statements of several threads that share commits: a thread that commits takes those with it that have come meanwhile.

    Args:
        write: executes statements in one transaction, and sets how many rows each has changed.
    """

    def __init__(self, write: Callable[[list[Statement]], object]) -> None:
        self._write = write
        self._lock = threading.Lock()
        self._waiting: list[Statement] = []
        self._is_busy = False  # a thread commits, or was told to

    def count(self, text: str, arguments: Sequence[object]) -> int:
        """Returns how many rows a statement has changed, when it is committed; raises what the commit has raised."""
        statement = Statement(text, arguments)
        with self._lock:
            self._waiting.append(statement)
            commits, self._is_busy = not self._is_busy, True
        if not commits:
            self._wait_for(statement)
        if not statement.is_over:
            self._commit(statement)
        if statement.error is not None:
            raise statement.error
        return statement.changed

    def _wait_for(self, statement: Statement) -> None:
        try:
            statement.turn.wait()
        except BaseException:  # Ctrl-C
            with self._lock:
                is_told = statement.turn.is_set() and not statement.is_over
                if not is_told and statement in self._waiting:
                    self._waiting.remove(statement)
            if is_told:
                self._commit(statement)  # the others wait for it
            raise

    def _commit(self, own: Statement) -> None:
        with self._lock:
            statements, self._waiting = self._waiting, []
        error: BaseException | None = None
        try:
            self._write(statements)
        except BaseException as failure:
            error = failure
        with self._lock:
            self._is_busy = bool(self._waiting)
            if self._waiting:
                self._waiting[0].turn.set()
        for each in statements:
            is_others = each is not own and error is not None and not isinstance(error, Exception)
            each.error = StoreError("the commit was interrupted by another thread") if is_others else error
            each.is_over = True
            each.turn.set()
