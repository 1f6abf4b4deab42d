"""Maps of lowered tasks: typed code over many items, on as many threads as there are cores."""

from __future__ import annotations

import functools
import os
from _thread import allocate_lock
from collections.abc import Callable

from cascade._vm import NEVER, Items, hands_on_deferred
from cascade.imports import TYPE_CHECKING

if TYPE_CHECKING:
    from concurrent.futures import Future, ThreadPoolExecutor

    from cascade.runtime.nodes.call import Call

THREAD_LIMIT = 64

_pool: ThreadPoolExecutor | None = None
_lock = allocate_lock()


def kernels_of(
    call: Call, columns: list[list[object]], positional: int, by_name: tuple[str, ...] | None, results: list[object]
) -> Items | None:
    """Returns the runner of a map by the task's kernels; None where it has none, or is not worth one yet."""
    operation = call.operation
    task, given = operation.task, by_name or ()
    if not call.context.lowers or task.routine.map_lowering == NEVER or not columns[0]:
        return None
    row = [column[0] for column in columns]
    slots = task.bind(*row[:positional], **dict(zip(given, row[positional:], strict=True)))
    names = task.parameters
    if hands_on_deferred(slots, task.binder.gathered) or not {*given} <= {*names}:
        return None
    parameters = (*range(positional), *map(names.index, given))
    threads = cores()
    if operation.concurrency is not None:
        threads = min(threads, operation.concurrency)
    items = Items(call.context, task.routine, columns, parameters, slots, results, threads, start)
    return items if items.worth_it else None


def cores() -> int:
    """Returns the number of threads that may run at once."""
    count = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(count, THREAD_LIMIT)


def start(function: Callable[[int], None], number: int) -> Callable[[], object]:
    """Calls `function(number)` on another thread; returns a function that waits for its end."""
    global _pool
    with _lock:
        if _pool is None:
            from concurrent.futures import ThreadPoolExecutor

            _pool = ThreadPoolExecutor(cores(), thread_name_prefix="cascade-map")
    try:
        return functools.partial(_wait, _pool.submit(function, number))
    except RuntimeError:  # the interpreter is ending, and starts no more threads
        function(number)
        return _nothing


def _wait(future: Future[None]) -> None:
    # In any case: the other thread works in memory of the map. It does so for a millisecond at most.
    interrupt: BaseException | None = None
    while True:
        try:
            future.result()
            break
        except KeyboardInterrupt as error:
            interrupt = error
    if interrupt is not None:
        raise interrupt


def _nothing() -> None:
    pass


def _forget() -> None:
    # The threads do not live on in a child process.
    global _pool, _lock
    _pool, _lock = None, allocate_lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)
