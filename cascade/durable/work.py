"""Workers: processes that take runs from a store, and start those of schedules."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence

from cascade._vm import entry_point
from cascade.durable.clocks import Clock
from cascade.durable.execution import Execution, ends_run
from cascade.durable.owner import Owner
from cascade.durable.run import Run, resumed
from cascade.durable.schedules import start_due
from cascade.durable.store import RunRow, Store, checked_store
from cascade.errors import DeclarationError, StoreError, UnknownCodeError
from cascade.runtime.api import default_engine
from cascade.runtime.engine import Engine

IDLE_SECONDS = 0.2
"""Between two looks for runs that are due."""
PAUSE_SECONDS = 5.0
"""Before a run is taken again whose store has failed."""


class Worker:
    """Takes runs that are queued, due, or whose process has ended, and executes them.

    A run that cannot continue here, with the code of this process, or since a call is in doubt or a value cannot be saved, stays as it is, for other
    workers and for people. Several may share a store: a run has a lease, which is renewed while it is executed, and no two of them have the same run.

    Args:
        store: of the runs.
        queues: takes runs of these queues only; by default of all, and those of no queue.
        concurrency: executes so many runs at once, each in a thread.
        engine: runs them.
        begin: called with each run before it is executed.
        report: called with the run and the error of each execution that has failed; None for one that has not.
    """

    @entry_point
    def __init__(
        self,
        store: Store,
        *,
        queues: Sequence[str] = (),
        concurrency: int = 1,
        engine: Engine | None = None,
        begin: Callable[[RunRow], object] | None = None,
        report: Callable[[RunRow, BaseException | None], object] | None = None,
    ) -> None:
        if not isinstance(concurrency, int) or concurrency < 1:
            raise DeclarationError(f"Worker(concurrency={concurrency!r})", expected="a number of runs, from 1 up")
        if isinstance(queues, str):
            raise DeclarationError(
                f"Worker(queues={queues!r})", expected="a list of names", hint=f"queues=[{queues!r}]"
            )
        self._store = checked_store(store)
        self._queues = tuple(queues)
        self._engine = default_engine() if engine is None else engine
        self._begin = begin
        self._report = report
        self._room = threading.Semaphore(concurrency)
        self._over = threading.Event()
        self._clock = Clock()
        self._left: dict[str, tuple[int, float]] = {}  # runs that are left to others: at which snapshot, and until when
        self._active: dict[str, Run] = {}
        self._threads: list[threading.Thread] = []

    def work(self, until_idle: bool = False) -> None:
        """Executes runs until `stop` is called, or, with `until_idle`, until none is due.

        Runs that are under way at the end are saved, and continue elsewhere.
        """
        try:
            while not self._over.is_set():
                if self._clock.jump() < 0.0:
                    self._store.wake()
                start_due(self._store)
                busy = any(each.is_alive() for each in self._threads)  # before the look: one that ends makes room
                if self._take():
                    continue
                if until_idle and not busy:
                    return
                self._over.wait(IDLE_SECONDS if not until_idle else 0.01)
        finally:
            for run in list(self._active.values()):
                run.stop()
            for thread in self._threads:
                thread.join()

    def stop(self) -> None:
        """Ends the work, from a signal handler or another thread."""
        self._over.set()

    def _take(self) -> bool:
        if not self._room.acquire(blocking=False):
            return False
        owner = Owner.new()
        row = self._store.claim_next(owner, self._queues, self._may_take)
        if row is None:
            Owner.end(owner)
            self._room.release()
            return False
        self._threads = [each for each in self._threads if each.is_alive()]
        thread = threading.Thread(target=self._execute, args=(row, owner), name=f"cascade-run-{row.id}")
        self._threads.append(thread)
        thread.start()
        return True

    def _execute(self, row: RunRow, owner: str) -> None:
        failure: BaseException | None = None
        execution: Execution | None = None
        try:
            run = self._active[row.id] = Run(self._store, row.id, self._engine)
            execution = resumed(self._store, row, owner, self._engine)
            if self._begin is not None:
                self._begin(row)
            run.begin(execution, in_thread=False)
            failure = run.take_error()
        except Exception as error:
            failure = error
        finally:
            self._active.pop(row.id, None)
            if failure is not None and (execution is None or not ends_run(failure)):
                self._leave(row, row.snapshot if execution is None else execution.snapshot, failure)
            if self._report is not None:
                self._report(row, failure)
            self._store.close()
            self._room.release()

    def _leave(self, row: RunRow, snapshot: int, error: BaseException) -> None:
        """Leaves a run that cannot continue here to workers with other code, and to people; where its store has failed, for a while only."""
        if isinstance(error, StoreError):
            self._left[row.id] = snapshot, time.monotonic() + PAUSE_SECONDS
            return
        self._left[row.id] = snapshot, float("inf")
        if not isinstance(error, UnknownCodeError):
            self._store.note(row.id, "refused", row.step, f"{type(error).__name__}: {error}".splitlines()[0])

    def _may_take(self, row: RunRow) -> bool:
        snapshot, until = self._left.get(row.id, (-1, 0.0))
        return snapshot != row.snapshot or time.monotonic() >= until


def wait_until(store: Store, id: str, statuses: Sequence[str], seconds: float) -> RunRow:
    """Returns a run once it has one of these states; raises TimeoutError otherwise."""
    deadline = time.monotonic() + seconds
    while (row := store.run(id)).status not in statuses:
        if time.monotonic() > deadline:
            raise TimeoutError(f"the run {id!r} is {row.status}")
        time.sleep(0.01)
    return row
