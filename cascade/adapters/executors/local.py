"""The executor that comes with Cascade."""

from __future__ import annotations

import contextvars
import functools
from _thread import _local, allocate_lock
from collections.abc import Callable

from cascade._vm import is_awaitable
from cascade.adapters.executors.late import LateCoroutine
from cascade.adapters.executors.scopes import Scope
from cascade.adapters.executors.worker_pool import WorkerPool
from cascade.declare.failed import failed, take_context
from cascade.declare.task import Task
from cascade.errors import DeclarationError
from cascade.imports import TYPE_CHECKING, asyncio

if TYPE_CHECKING:
    from concurrent.futures import ThreadPoolExecutor

    from cascade.adapters.executors.processes import ProcessPool


_here = _local()


class own_loop:  # noqa: N801  # it is used as a statement: with own_loop()
    """While it lasts, the running event loop is a run's own, which ends with the run, whatever threads are still at work.

    `asyncio.run` waits for them, so a call that has timed out or was cancelled would keep the run from ending.
    """

    def __enter__(self) -> None:
        _here.loop = asyncio.get_running_loop()

    def __exit__(self, *_: object) -> None:
        _here.loop = None


def _own_threads(count: int | None) -> ThreadPoolExecutor:
    """A pool of threads that nobody waits for."""
    from cascade.adapters.executors.threads import OwnThreads

    return OwnThreads(count, thread_name_prefix="cascade")


class LocalExecutor:
    """Runs everything on this machine: inline tasks in place, blocking ones in threads, compute ones in processes.

    Args:
        threads: how many threads blocking tasks share; by default the event loop's own pool is used. A run that is over does
            not wait for a thread whose call was cancelled or has timed out; one that is awaited in your own event loop leaves
            that to the loop's end.
        processes: how many worker processes compute tasks share; by default as many as there are cores, shared by all
            executors. They are started when the first such task is called, and end when they have had nothing to do
            for a minute.

    Raises:
        DeclarationError: (a TypeError) a number of threads or processes that is none from 1 up.
    """

    calls_inline = True

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        if "call" in vars(cls) and "call_by_kernel" not in vars(cls):
            cls.call_by_kernel = cls.call  # type: ignore[method-assign]  # it is the one way to call
        if "call" in vars(cls) and "worker_pool" not in vars(cls):
            cls.worker_pool = None  # type: ignore[assignment,method-assign]  # likewise: no items are sent around it

    def __init__(self, threads: int | None = None, processes: int | None = None) -> None:
        for name, count in (("threads", threads), ("processes", processes)):
            if count is not None and (type(count) is not int or count < 1):
                raise DeclarationError(f"LocalExecutor({name}={count!r})", expected="a number from 1 up, or None")
        self._pool = None if threads is None else _own_threads(threads)
        self._count = processes
        self._lock = allocate_lock()  # an engine may be shared by threads
        self._processes: ProcessPool | None = None

    def call(self, task: Task[..., object], args: tuple[object, ...], kwargs: dict[str, object]) -> object:
        """Calls the function of `task`: where its mode says, in a thread with the caller's context variables."""
        if task.mode == "inline" or task.is_async:
            return task.called(*args, **kwargs)
        return self._call_elsewhere(task, task.called, args, kwargs)

    def call_by_kernel(self, task: Task[..., object], args: tuple[object, ...], kwargs: dict[str, object]) -> object:
        """As `call`, by the kernels of the function where it has some; in a worker process, by those that are made there."""
        if task.mode == "inline" or task.is_async:
            return task.by_kernel(*args, **kwargs)
        return self._call_elsewhere(task, task.by_kernel, args, kwargs)

    def _call_elsewhere(
        self,
        task: Task[..., object],
        called: Callable[..., object],
        args: tuple[object, ...],
        kwargs: dict[str, object],
    ) -> object:
        if task.mode == "compute":
            from cascade.adapters.executors.messages import call_in_worker

            return call_in_worker(self.worker_pool(), task, args, kwargs, called is not task.called)
        function = functools.partial(called, *args, **kwargs)
        return LateCoroutine(lambda: self._in_thread(function), task.name)

    def worker_pool(self) -> WorkerPool:
        """Returns the worker processes, to which maps of compute tasks send blocks of items."""
        if self._processes is None:
            from cascade.adapters.executors.processes import ProcessPool, shared_pool

            with self._lock:
                if self._processes is None:
                    self._processes = shared_pool() if self._count is None else ProcessPool(self._count)
        return self._processes

    async def _in_thread(self, function: Callable[[], object]) -> object:
        scope, context = Scope(), contextvars.copy_context()
        scope.enter_in(context)
        loop = asyncio.get_running_loop()
        if self._pool is None and getattr(_here, "loop", None) is loop:
            loop.set_default_executor(_own_threads(None))
            _here.loop = None
        try:
            value, error = await loop.run_in_executor(self._pool, lambda: context.run(_outcome, function))
        except BaseException:
            scope.cancelled = True  # nobody waits for it: the runs that its function makes have to end
            raise
        if error is not None:
            take_context(error)
            return failed(error)
        return await value if is_awaitable(value) else value

    def close(self) -> None:
        """Ends the threads and processes that are this executor's own; processes are killed, threads end by themselves."""
        if self._pool is not None:
            self._pool.shutdown(wait=False, cancel_futures=True)
        if self._processes is not None and self._count is not None:
            self._processes.close()

    def __enter__(self) -> LocalExecutor:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _outcome(function: Callable[[], object]) -> tuple[object, BaseException | None]:
    # As a pair: a future cannot carry a StopIteration, and would wait for ever.
    try:
        return function(), None
    except BaseException as error:
        return None, error
