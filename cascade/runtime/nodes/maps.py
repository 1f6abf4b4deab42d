"""Maps: a task called for each item of its inputs.

Three ways. A task that is a plain function without policies, the calls of which nobody observes, is called by a loop in
the VM (`call_each`), or, where it has typed code, run by that on threads (`cascade.runtime.nodes.kernel_maps`). Everything else is
called item by item as a call with policies (`cascade.runtime.nodes.policies`): in order, with at most so many under way as `with_concurrency`
and the constraints allow. An item of the first two that returns more than a value continues in the third.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Collection, Coroutine, Iterator, Sequence

from cascade._vm import MapResults, TailCall, call_each, is_awaitable, task_depth
from cascade.adapters.executors.scopes import is_loop_running, outer_cancellation
from cascade.compiler.code_cache import has_plain_items
from cascade.declare.failed import Failed, add_note
from cascade.declare.iterables import check_map_input, endless, not_iterable
from cascade.declare.lazy import LazyResult
from cascade.declare.task import Task
from cascade.errors import MapError
from cascade.events.silent import PROGRESS_TIME
from cascade.graph.operations import Map
from cascade.imports import TYPE_CHECKING, asyncio
from cascade.runtime.nodes.call import Call, begin
from cascade.runtime.nodes.kernel_maps import Column, array_column, is_array, kernels_of, lists_of
from cascade.runtime.nodes.policies import with_policies
from cascade.runtime.spine.fairness import yield_control
from cascade.runtime.spine.task_group import cancel_all, error_of, is_closed

if TYPE_CHECKING:
    from typing import TypeGuard

    from cascade.runtime.nodes.context import NodeContext

SLICE, LONG_SLICE = 0.001, 0.01
"""Seconds of calls after which a map yields to the event loop, or, without one, checks whether the run has to end."""
MAP_LIMIT = 16
SIZED = (list, tuple, range)
ITEMS_LIMIT = 10_000_000
"""More items are taken of a list only: what has no length may have no end."""
ITEMS_TAKEN = 1000
"""Of an input that is no list, between two looks whether the run has to end."""


def call_map(
    context: NodeContext,
    operation: Map,
    operands: Sequence[object],
    serial: int,
    node: int,
    origin: Task[..., object] | None,
) -> object:
    """Returns the list or array of the results of all items, or an awaitable of it, or a LazyResult of it.

    A map that is a state of a machine, which may come to it again and again, has no events, nor have its items.
    """
    columns = _columns(context, operation, operands)
    call = Call(context, operation, operands, serial, node, origin)
    if context.observed and call.is_published:
        context.started(operation.task, serial, node, len(columns[0]))
    return begin(_map(call, operation, columns))


def _columns(context: NodeContext, operation: Map, operands: Sequence[object]) -> list[Column]:
    columns: list[Column] = []
    given = operands[operation.items]
    typed = context.lowers and is_plain(operation, context)
    # One more than the shortest of the others: that is enough to say that there are too many.
    most = min((len(items) for items in given if is_sized(items)), default=ITEMS_LIMIT) + 1
    for name, items in zip(operation.parameters, given, strict=False):
        try:
            column = array_column(items) if typed else None
            columns.append(column or _taken(context, name, items, most, f"{operation.name}.map"))
        except TypeError:
            if hasattr(type(items), "__iter__"):
                raise
            raise not_iterable(name, items, f"{operation.name}.map") from None
    if any(len(column) != len(columns[0]) for column in columns):
        sizes = ", ".join(
            f"{name} has {len(column)}" + (" or more" if len(column) == most and not is_sized(items) else "")
            for name, items, column in zip(operation.parameters, given, columns, strict=False)
        )
        raise MapError(
            f"mismatched lengths: {sizes}", where=f"{operation.name}.map", expected="as many items in each input"
        )
    return columns


async def _map(call: Call, operation: Map, columns: list[Column]) -> object:
    context = call.context
    count = len(columns[0])
    results: list[object] = []
    special = False
    fairness = Fairness(call)
    whole = _with_shared(call, operation, columns)
    subscribed = context.publisher.observes_items and call.is_published
    if not subscribed and is_plain(operation, context) and whole is not None and len(whole[0]) <= MAP_LIMIT:
        inputs, positional, names = whole
        task = operation.task
        kernels, found = kernels_of(call, inputs, positional, names, count)
        lists = [] if kernels is not None else lists_of(inputs, count)
        called = task.by_kernel if context.lowers else task.called
        try:
            while len(found) < count and not special:
                if isinstance(found, list) and kernels is None:
                    special = call_each(called, lists, positional, names, found, SLICE)
                elif kernels is not None and kernels.run(fairness.seconds):
                    special = kernels.call_each(task.called, positional, names, SLICE)
                if len(found) < count:
                    await fairness.check(len(found))
        except Exception as error:
            return _failed(call, error, len(found))
        if not special:
            return _value_of(operation, found)
        results = found if isinstance(found, list) else found.values()
    items = Items(call, operation, columns, results, fairness)
    try:
        failed = await items.run(special)
    except BaseException as error:
        if not is_closed(error, items.task):
            await items.stop()
        raise
    await items.stop()
    if failed is not None:
        return failed
    coming = [result for result in results if type(result) is LazyResult]
    return GATHER(_Results(operation, results), *coming) if coming else _value_of(operation, results)


def _taken(context: NodeContext, name: str, items: object, most: int, where: str) -> list[object]:
    """Returns the items of an input; no more than `most` if it is no list, as its iterator may take long, or never end."""
    check_map_input(name, items, where)
    if is_sized(items):
        return list(items)
    result: list[object] = []
    iterator: Iterator[object] = iter(items)  # type: ignore[call-overload]  # the caller handles that it is not iterable
    while some := list(itertools.islice(iterator, min(ITEMS_TAKEN, most - len(result)))):
        result += some
        context.limits.check_deadline()
    if len(result) > ITEMS_LIMIT:
        raise endless(
            f"map input {name!r}, of type {type(items).__name__}, has more than {ITEMS_LIMIT:,} items, and no length",
            where,
        )
    return result


def is_sized(items: object) -> TypeGuard[Collection[object]]:
    """Returns True if an input has no more items than its length says: it is a list, tuple or range, or an array of NumPy's."""
    return isinstance(items, SIZED) or (is_array(items) and items.ndim > 0)


def _with_shared(
    call: Call, operation: Map, columns: list[Column]
) -> tuple[list[Column], int, tuple[str, ...] | None] | None:
    """Returns the columns with shared values, each in a tuple, the number of positional ones, and the names of the others; None if one has no name."""
    signature = operation.signature
    first = int(signature.shares_first)
    named = tuple(each for each in signature.shared[first:] if isinstance(each, str))
    if len(named) < len(signature.shared) - first:
        return None
    more: list[Column] = [(value,) for value in call.operands[operation.shared]]
    return more[:first] + columns + more[first:], first + signature.positional, (*signature.names, *named) or None


def is_plain(operation: Map, context: NodeContext) -> bool:
    """Returns True if items that are not observed are called directly, by a loop of the VM or by kernels."""
    return (
        not context.inputs.takes_placeholders  # an item may hold a resource that is set up for its call
        and has_plain_items(operation)
        and context.calls_inline
    )


def _failed(call: Call, error: Exception, item: int) -> Failed:
    if call.is_published:
        call.context.publisher.item_failed(call.serial, call.node, item)
    add_note(error, f"in item {item:,} of the map")
    return Failed(error)


def _value_of(operation: Map, results: list[object] | MapResults) -> object:
    """Returns the value of a map whose items have these results: the list, or an array; Failed where NumPy makes no array of them."""
    if not operation.signature.as_array:
        return results
    from cascade.runtime.nodes.map_arrays import array_of

    try:
        return array_of(results)
    except Exception as error:
        add_note(error, f"while the results of {operation.name}.map became an array")
        return Failed(error)


class _Results:
    """The results of the items. Not a list, in which LazyResults would be looked for: there may be some in their values."""

    __slots__ = ("given", "operation")

    def __init__(self, operation: Map, given: list[object]) -> None:
        self.operation = operation
        self.given = given


def _gather(results: _Results, *coming: object) -> object:
    values = iter(coming)
    found = [next(values) if type(result) is LazyResult else result for result in results.given]
    value = _value_of(results.operation, found)
    if type(value) is Failed:
        raise value.error
    return value


GATHER: Task[..., object] = Task(_gather, name="gather")
GATHER.hands_on = True


class Fairness:
    """Lets a map yield to the event loop, or, without one, end when the run has to; and publishes its progress."""

    def __init__(self, call: Call) -> None:
        self._call = call
        self._check_outer = outer_cancellation()
        self._yielded = time.monotonic()
        self.seconds = SLICE
        self._published = self._yielded
        # Inside of another run's task the event loop runs nothing before that task returns.
        self._looped = is_loop_running() and task_depth() <= 1
        if not self._looped:
            self.seconds = LONG_SLICE

    def publish_progress(self, done: int) -> float:
        """Publishes the number of finished items, if it is time to; returns the time."""
        now = time.monotonic()
        call = self._call
        if now - self._published >= PROGRESS_TIME and call.is_published:
            self._published = now
            call.context.publisher.progress(call.operation.task, call.serial, call.node, done)
        return now

    async def check(self, done: int) -> None:
        now = self.publish_progress(done)
        if now - self._yielded < SLICE / 2:
            return
        if self._looped or self._call.parked:
            await self._call.park()
            await yield_control()
        else:
            self._call.context.limits.check_deadline()
            self._check_outer()
        self._yielded = time.monotonic()


class Items:
    """The items of a map under way."""

    def __init__(
        self, call: Call, operation: Map, columns: list[Column], results: list[object], fairness: Fairness
    ) -> None:
        self._call = call
        self._signature = operation.signature
        self._fairness = fairness
        self._columns = columns
        self._results = results
        self._item = operation.item
        shared = dict(zip(operation.signature.shared, call.operands[operation.shared], strict=True))
        self._first = (shared.pop(0),) if operation.signature.shares_first else ()
        self._shared = shared
        self._amounts = tuple(call.operands[operation.computed])
        self._active: dict[asyncio.Future[object], int] = {}  # their positions
        self.task: asyncio.Task[object] | None = None  # awaits them
        self._done = 0
        self._waiter: asyncio.Future[None] | None = None
        self._failed: Failed | None = None

    async def run(self, special: bool) -> Failed | None:
        """Calls all items; returns the first failure."""
        results, call = self._results, self._call
        limit = call.operation.concurrency
        count = len(self._columns[0])
        position = self._done = len(results)
        results.extend([None] * (count - position))
        if special:
            # The last item that was called plainly returned something that is not its value yet.
            self._done -= 1
            item = self._call_of(position - 1)
            await self._start(_continue(item, results[position - 1]), item, position - 1)
        while position < count and self._failed is None:
            while limit is not None and len(self._active) >= limit and self._failed is None:
                await self._wait()
            if self._failed is None:
                item = self._call_of(position)
                await self._start(_run_item(item), item, position)
            position += 1
            await self._fairness.check(self._done)
        while self._active and self._failed is None:
            await self._wait()
        return self._failed

    def _call_of(self, position: int) -> Call:
        call, signature = self._call, self._signature
        row = [column[position] for column in self._columns]
        named = dict(zip(signature.names, row[signature.positional :], strict=True))
        slots: dict[int, object] = {}
        for each, value in self._shared.items():
            if isinstance(each, int):
                slots[each] = value
            else:
                named[each] = value
        operands = self._item.task.bind(*self._first, *row[: signature.positional], **named)
        if slots:
            operands = tuple(slots.get(slot, value) for slot, value in enumerate(operands))
        operands += self._amounts
        item = Call(call.context, self._item, operands, call.serial, f"{call.node}[{position}]")
        if not call.is_published:
            item.belongs_to(call)
        return item

    async def _start(self, coroutine: Coroutine[object, None, object], item: Call, position: int) -> None:
        try:
            result = begin(coroutine)
        except Exception as error:
            self._fail(error, position)
            return
        if not item.parked:
            self._results[position] = result
            self._done += 1
            return
        await self._call.park_with(coroutine)
        self.task = asyncio.current_task()
        task = asyncio.get_running_loop().create_task(coroutine, name=f"{item.operation.name}#{item.node}")
        self._active[task] = position
        task.add_done_callback(self._ended)
        while item.blocked and not task.done() and self._failed is None:
            await self._wait(item)  # those after it would only stand in line behind it

    def _ended(self, task: asyncio.Future[object]) -> None:
        position = self._active.pop(task, None)
        if position is None:
            return
        error = error_of(task)
        if error is None:
            self._results[position] = task.result()
            self._done += 1
        else:
            self._fail(error, position)
        self._wake()

    def _fail(self, error: BaseException, position: int) -> None:
        if self._failed is None:
            if isinstance(error, Exception):
                self._failed = _failed(self._call, error, position)
            else:
                self._failed = Failed(error)
        elif not isinstance(error, asyncio.CancelledError) and error is not self._failed.error:
            add_note(self._failed.error, f"a concurrent item failed as well: item {position:,}: {error!r:.120}")

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    async def _wait(self, item: Call | None = None) -> None:
        self._waiter = asyncio.get_running_loop().create_future()
        if item is not None:
            item.on_granted = self._wake
        try:
            await self._waiter
        finally:
            self._waiter = None
        self._fairness.publish_progress(self._done)

    async def stop(self) -> None:
        """Cancels and awaits the items that are under way.

        Raises:
            CancelledError: the caller was cancelled meanwhile; still nothing is left running.
        """
        interrupted = await cancel_all(self._active)
        for task in list(self._active):
            self._ended(task)  # its callback has not been called yet
        if interrupted is not None:
            raise interrupted


async def _run_item(item: Call) -> object:
    return _finish(item, await with_policies(item))


async def _continue(item: Call, made: object) -> object:
    if is_awaitable(made):
        await item.park_with(made)
        try:
            made = await made
        except Exception as error:
            return Failed(error)
    return _finish(item, made)


def _finish(item: Call, result: object) -> object:
    failed = result.error if type(result) is Failed else None
    if item.context.observed and item.is_published:
        item.context.finished(item.operation.task, item.serial, item.node, result, failed)
    if type(result) is TailCall or type(result) is LazyResult:
        return item.continuation(result)
    return result
