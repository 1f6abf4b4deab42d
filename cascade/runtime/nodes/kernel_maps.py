"""Maps of lowered tasks: typed code over many items, on as many threads as there are cores."""

from __future__ import annotations

import functools
import os
import sys
from _thread import allocate_lock
from collections.abc import Callable, Collection, Iterator

from cascade._vm import NEVER, ArrayColumn, ArrayItems, Items, MapResults, hands_on_deferred
from cascade.imports import TYPE_CHECKING

if TYPE_CHECKING:
    from concurrent.futures import Future, ThreadPoolExecutor
    from typing import Protocol, TypeGuard

    from cascade.runtime.nodes.call import Call

    class Array(Protocol):
        """An array of NumPy's."""

        ndim: int

        def __len__(self) -> int: ...
        def __iter__(self) -> Iterator[object]: ...
        def __contains__(self, item: object) -> bool: ...


SIZED = (list, tuple, range)
THREAD_LIMIT = 64

_pool: ThreadPoolExecutor | None = None
_lock = allocate_lock()


def kernels_of(
    call: Call, columns: list[Column], positional: int, by_name: tuple[str, ...] | None, count: int
) -> tuple[Items | ArrayItems | None, list[object] | MapResults]:
    """Returns the runner of a map by the task's kernels, and where it appends results; None where the task has none, or is not worth one yet."""
    operation = call.operation
    task, given = operation.task, by_name or ()
    nothing: list[object] = []
    if not call.context.lowers or task.routine.map_lowering == NEVER or not count or task.binder.gathered:
        return None, nothing
    row = [column[0] for column in columns]
    slots = task.bind(*row[:positional], **dict(zip(given, row[positional:], strict=True)))
    names = task.parameters
    if hands_on_deferred(slots) or not {*given} <= {*names}:
        return None, nothing
    parameters = (*range(positional), *map(names.index, given))
    threads = cores()
    if operation.concurrency is not None:
        threads = min(threads, operation.concurrency)
    as_array = operation.signature is not None and operation.signature.as_array
    results: list[object] | MapResults = MapResults(count) if as_array else []
    items: Items | ArrayItems
    if any(type(column) is ArrayColumn for column in columns):
        items = ArrayItems(task.routine, columns, parameters, slots, results, threads, start)
    else:
        items = Items(call.context, task.routine, lists_of(columns, count), parameters, slots, results, threads, start)
    return (items, results) if items.worth_it else (None, nothing)


Column = list[object] | tuple[object] | ArrayColumn
"""The items of an input, or, in a tuple, the value that all items share."""


def is_array(items: object) -> TypeGuard[Array]:
    """Returns True for an array of NumPy's, not of a subclass."""
    kind = type(items)
    return kind.__module__ == "numpy" and kind is getattr(sys.modules.get("numpy"), "ndarray", None)


def is_sized(items: object) -> TypeGuard[Collection[object]]:
    """Returns True if an input has no more items than its length says: it is a list, tuple or range, or an array of NumPy's."""
    return isinstance(items, SIZED) or (is_array(items) and items.ndim > 0)


def array_column(items: object) -> ArrayColumn | None:
    """Returns the items of an array as kernels read them; None for anything else, and for an array that they do not read."""
    if not is_array(items) or items.ndim != 1:
        return None
    from cascade.kernels.blocks.numpy_types import numpy_now

    known = numpy_now()
    return None if known is None or known.layout(items) is None else ArrayColumn(items)


def lists_of(columns: list[Column], count: int) -> list[list[object]]:
    """Returns columns as lists, with shared values repeated."""
    return [list(column) * count if type(column) is tuple else list(column) for column in columns]


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
