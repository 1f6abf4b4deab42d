"""Blocks: compute tasks, and maps of them in blocks, on the workers of any executor of `concurrent.futures`."""

from __future__ import annotations

import importlib.util
import itertools
import os
import sys
import time
from _thread import allocate_lock
from collections.abc import Callable
from concurrent.futures import BrokenExecutor, CancelledError, Executor, Future
from typing import cast

from cascade._vm import entry_point
from cascade.adapters.executors.handshake import enter, greeting
from cascade.adapters.executors.local import LocalExecutor
from cascade.adapters.executors.messages import died, shut_down
from cascade.adapters.executors.worker_call import answer_of
from cascade.adapters.executors.worker_pool import WorkerPool
from cascade.errors import DeclarationError, MissingExtraError
from cascade.imports import TYPE_CHECKING

if TYPE_CHECKING:
    from cascade.adapters.executors.kept import Answer

ATTEMPTS = 3

_tickets = itertools.count()


def next_ticket() -> tuple[int, int, int]:
    """Returns something that no other call, also of other processes, is given."""
    return os.getpid(), time.time_ns(), next(_tickets)


class Blocks(LocalExecutor):
    """Runs compute tasks on the workers of an executor, and everything else on this machine, as `LocalExecutor` does.

    A map of compute tasks travels in blocks: so many items together as take about half a second, numbers as buffers, the function once to each
    worker. `Engine(executor=cascade.Blocks(ProcessPoolExecutor(8)))`.

    Args:
        executor: of the standard protocol `concurrent.futures.Executor`, such as a `ProcessPoolExecutor`, loky's, mpi4py's or that of a
            Dask client; or a function or class that makes one. Only with a function is work done after a worker has died: what the executor
            can do no more, a new one does. It is yours to shut down, unless it was made by the function; then `close()` does.
        workers: how many calls it makes at once; by default as many as it has workers, if it says so, else as many as there are cores.
        threads: as in `LocalExecutor`.

    A block that runs cannot be stopped: on the same machine its worker notices within a tenth of a second between two items that nobody waits for it any more.

    Raises:
        DeclarationError: (a TypeError) `executor` is something else, or a number that is none from 1 up.
        MissingExtraError: (an ImportError) cloudpickle is not installed.
    """

    @entry_point
    def __init__(
        self, executor: Executor | Callable[[], Executor], workers: int | None = None, *, threads: int | None = None
    ) -> None:
        if not _is_executor(executor) and not callable(executor):
            raise DeclarationError(
                f"Blocks was given {executor!r}",
                expected="an executor of concurrent.futures, or a function that makes one",
            )
        if workers is not None and (type(workers) is not int or workers < 1):
            raise DeclarationError(f"Blocks(workers={workers!r})", expected="a number from 1 up, or None")
        if importlib.util.find_spec("cloudpickle") is None:
            raise MissingExtraError("Blocks", "cloudpickle", "processes")
        super().__init__(threads=threads)
        self._workers = ExecutorPool(executor, workers)

    def worker_pool(self) -> WorkerPool:
        """Returns the workers."""
        return self._workers

    def close(self) -> None:
        """Ends the threads that are this executor's own, and the executor, if it was made by the function that was given."""
        super().close()
        self._workers.close()


class ExecutorPool:
    """The workers of an executor: a `WorkerPool`."""

    die_together = True
    """A `ProcessPoolExecutor`, or loky's, ends all calls under way when a process dies."""

    def __init__(self, executor: Executor | Callable[[], Executor], workers: int | None) -> None:
        self._make: Callable[[], Executor] | None = None
        self._executor: Executor | None = None
        if _is_executor(executor):
            self._executor = executor  # type: ignore[assignment]  # or something of the same protocol
        else:
            self._make = executor  # type: ignore[assignment]
        self._count = workers
        self._lock = allocate_lock()
        self._path = list(sys.path)

    @property
    def count(self) -> int:
        if self._count is None:
            self._count = _workers_of(self._found())
        return self._count

    def submit(self, name: str, function: Callable[..., object], *arguments: object) -> _Submitted:
        """Begins to call a function in a worker, as a `WorkerPool` does; the result of a call that is cancelled while it runs is dropped."""
        path = None if self._path == sys.path else list(sys.path)
        for attempt in range(ATTEMPTS):
            executor = self._found()
            try:
                future = executor.submit(enter, greeting(), next_ticket(), function, path, *arguments)
                return _Submitted(self, name, executor, future)
            except RuntimeError as error:  # it is broken, or was shut down
                self.drop(executor)
                if not self.makes_executors or attempt == ATTEMPTS - 1:
                    trouble = died if isinstance(error, BrokenExecutor) else shut_down
                    raise trouble(name, f"{type(error).__name__}: {error}", self.makes_executors) from None
        raise AssertionError

    async def send(self, name: str, function: Callable[..., object], *arguments: object) -> Answer:
        """Calls a function in a worker, as a `WorkerPool` does."""
        return await answer_of(self.submit(name, function, *arguments))

    @property
    def makes_executors(self) -> bool:
        return self._make is not None

    def _found(self) -> Executor:
        with self._lock:
            if self._executor is None:
                assert self._make is not None
                made = self._make()
                if not _is_executor(made):
                    raise DeclarationError(
                        f"the function that Blocks was given returned {made!r}",
                        where=f"Blocks({self._make!r})",
                        expected="an executor of concurrent.futures",
                    )
                self._executor = made
            return self._executor

    def drop(self, executor: Executor) -> None:
        """Drops an executor that can do nothing any more, if another one can be made."""
        with self._lock:
            if self._make is None or self._executor is not executor:
                return
            self._executor = None
        executor.shutdown(wait=False)

    def close(self) -> None:
        """Shuts the executor down, if it was made here."""
        with self._lock:
            executor = self._executor
            if self._make is None or executor is None:
                return
            self._executor = None
        _shut_down(executor)


class _Submitted:
    """A call that was submitted to an executor."""

    def __init__(self, pool: ExecutorPool, name: str, executor: Executor, future: Future[object]) -> None:
        self.future = future
        self._pool = pool
        self._name = name
        self._executor = executor

    def answer(self) -> bytes:
        try:
            return cast("bytes", self.future.result())
        except BrokenExecutor as error:
            self._pool.drop(self._executor)
            raise died(self._name, f"{type(error).__name__}: {error}", self._pool.makes_executors) from None
        except CancelledError:
            raise shut_down(self._name, "its executor was shut down", self._pool.makes_executors) from None

    def cancel(self) -> None:
        self.future.cancel()


def _is_executor(value: object) -> bool:
    return not isinstance(value, type) and callable(getattr(value, "submit", None))


def _shut_down(executor: Executor) -> None:
    try:
        executor.shutdown(wait=False, cancel_futures=True)
    except TypeError:  # loky's has another signature
        executor.shutdown(wait=False)


def _workers_of(executor: Executor) -> int:
    for name in ("_max_workers", "max_workers", "num_workers"):
        count = getattr(executor, name, None)
        if type(count) is int and count > 0:
            return count
    client = getattr(executor, "_client", None)  # of Dask's
    if client is not None:
        return max(1, int(sum(client.ncores().values())))
    return os.cpu_count() or 1
