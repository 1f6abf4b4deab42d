"""The items of a map as calls with policies: begun in order, with so many under way as `with_concurrency` and the constraints allow."""

from __future__ import annotations

import time
from collections.abc import Coroutine, MutableSequence, Sequence

from cascade._vm import TailCall, holds_made, is_awaitable, task_depth
from cascade.adapters.executors.scopes import is_loop_running, outer_cancellation
from cascade.declare.control import together
from cascade.declare.failed import Failed, add_note
from cascade.declare.lazy import LazyResult
from cascade.errors import MapError
from cascade.events.preview import preview
from cascade.events.silent import PROGRESS_TIME
from cascade.graph.operations import Map, PolicyOperation
from cascade.imports import TYPE_CHECKING, asyncio
from cascade.runtime.nodes.call import Call, ItemCall, begin
from cascade.runtime.nodes.item_failures import Item, ItemFailures
from cascade.runtime.nodes.kernel_maps import Column
from cascade.runtime.nodes.policies import with_policies
from cascade.runtime.spine.fairness import yield_control
from cascade.runtime.spine.task_group import cancel_all, error_of, is_closed

if TYPE_CHECKING:
    from typing import TypeGuard

    from cascade.runtime.nodes.context import ItemsAhead

SLICE, LONG_SLICE = 0.001, 0.01
"""Seconds of calls after which a map yields to the event loop, or, without one, checks whether the run has to end."""

UNKNOWN = 2**64 - 1
"""In place of the number of results before a call: whatever it returned is searched."""


class Rows:
    """The arguments of the items of a map.

    Args:
        columns: the items of each input.

    Attributes:
        first: the number of the first item in the columns.
    """

    first = 0
    _item: PolicyOperation | None = None

    def __init__(self, call: Call, operation: Map, columns: list[Column]) -> None:
        self.call = call
        self.columns = columns
        self.operation = operation

    def _prepare(self) -> PolicyOperation:
        # For the first item that is a call of its own: most maps have none.
        call, operation = self.call, self.operation
        signature = operation.signature
        shared = dict(zip(signature.shared, call.operands[operation.shared], strict=True))
        self._first = tuple([shared.pop(slot) for slot in range(signature.leading)])
        self._shared = shared
        self._amounts = tuple(call.operands[operation.computed])
        self._item = operation.item
        return self._item

    def has(self, position: int) -> bool:
        """Returns True if there is such an item; they are asked for in order."""
        return position < len(self.columns[0])

    def row(self, position: int) -> list[object]:
        """Returns the item of each input."""
        return [column[position] for column in self.columns]

    def call_of(self, position: int) -> ItemCall:
        """Returns the call of an item."""
        return self.call_with(position, self.row(position))

    def item(self, position: int) -> Item:
        """Returns an item without its call: all that a failure needs of it."""
        row = self.row(position)
        return Item(position, row, self._item or self._prepare(), self._operands(row))

    def call_with(self, position: int, row: list[object]) -> ItemCall:
        """Returns the call of an item that is given."""
        operation = self._item or self._prepare()
        return ItemCall(self.call.context, operation, self._operands(row), self.call, position, row)

    def _operands(self, row: list[object]) -> tuple[object, ...]:
        operation, signature = self._item or self._prepare(), self.operation.signature
        named = dict(zip(signature.names, row[signature.positional :], strict=True))
        slots: dict[int, object] = {}
        for each, value in self._shared.items():
            if isinstance(each, int):
                slots[each] = value
            else:
                named[each] = value
        operands = operation.task.bind(*self._first, *row[: signature.positional], **named)
        if slots:
            operands = tuple(slots.get(slot, value) for slot, value in enumerate(operands))
        return operands + self._amounts


def check_columns(call: Call, columns: Sequence[Sequence[object] | Column], first: int) -> None:
    """Raises MapError (a ValueError) unless all inputs have as many items; `first` is the number of the first one in the columns."""
    length = min(map(len, columns))
    if all(len(column) == length for column in columns):
        return
    sizes = ", ".join(
        f"{name} has {first + length + 1} or more" if len(column) > length else f"{name} has {first + length}"
        for name, column in zip(call.operation.parameters, columns, strict=False)
    )
    raise MapError(
        f"mismatched lengths: {sizes}", where=f"{call.operation.name}.map", expected="as many items in each input"
    )


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
        durable = self._call.context.durable
        if self._looped or self._call.parked or (durable is not None and durable.is_due()):
            await self._call.park()
            await yield_control()
        else:
            self._call.context.limits.check_deadline()
            self._check_outer()
        self._yielded = time.monotonic()


class Items:
    """The items of a map under way.

    Args:
        results: has a place for each item.
        failures: makes the values of items that have failed.
        completes: whether results that items return are computed one by one, and not all together behind the map.
        limit: the greatest number of items under way; None for any.
    """

    _is_bounded = False

    def __init__(
        self,
        rows: Rows,
        results: MutableSequence[object],
        failures: ItemFailures,
        fairness: Fairness,
        completes: bool,
        limit: int | None,
    ) -> None:
        self._call = rows.call
        self._rows = rows
        self._results = results
        self._failures = failures
        self._fairness = fairness
        self._completes = completes
        self._limit = limit
        self._active: dict[asyncio.Future[object], ItemCall] = {}
        self.task: asyncio.Task[object] | None = None  # awaits them
        self._done = 0
        self._finished: dict[int, object] | None = None  # of a run that is saved: the values, by position
        self._ahead: ItemsAhead | None = None
        self._waiter: asyncio.Future[None] | None = None
        self._failed: Failed | None = None

    async def run(self, begun: int, special: object = None) -> Failed | None:
        """Calls all items; returns the first failure that is not tolerated.

        Args:
            begun: how many items have been called plainly.
            special: the result of the last of these, where it is not a value yet.
        """
        self._done = begun
        if special is not None:
            self._done -= 1
            item = self._rows.call_of(begun - 1)
            await self._start(self._continue(item, special), item)
        durable = self._call.context.durable
        if durable is not None:
            self._finished = durable.finished_items(self._call)
            self._finished |= {at: self._results[at] for at in range(self._done)}
            durable.note_items(self._call, self._finished.copy)
            await self._begin_ahead()
        position = begun
        while self._failed is None and self._rows.has(position):
            while self._limit is not None and len(self._active) >= self._limit and self._failed is None:
                await self._wait()
            if self._finished is not None and position in self._finished:
                self._put(position, self._finished[position])
            elif self._failed is None:
                if self._ahead is not None:
                    self._ahead.before(position)
                item = self._rows.call_of(position)
                await self._start(self._run_item(item), item)
            position += 1
            await self._fairness.check(self._done)
            if self._is_bounded:
                await self._make_room()
        while self._active and self._failed is None:
            await self._wait()
        if self._ahead is not None:
            self._ahead.finish()
        return self._failed

    async def _begin_ahead(self) -> None:
        """Has items whose calls have an effect saved in groups."""
        call, rows = self._call, self._rows
        assert call.context.durable is not None
        count = len(rows.columns[0]) if type(rows) is Rows else 0
        self._ahead = call.context.durable.items_ahead(call, rows.operation, count, self._limit)
        if self._ahead is not None:
            await call.park()  # the run stands still now, and can be saved

    async def _make_room(self) -> None:
        """Waits until the next item may be called."""

    async def _start(self, coroutine: Coroutine[object, None, object], item: ItemCall) -> None:
        try:
            result = begin(coroutine)
        except Exception as error:
            self._fail(error, item)
            return
        if not item.parked:
            self._put(item.position, result)
            return
        await self._call.park_with(coroutine)
        self.task = asyncio.current_task()
        task = asyncio.get_running_loop().create_task(coroutine, name=f"{item.operation.name}#{item.node}")
        self._active[task] = item
        task.add_done_callback(self._ended)
        while item.blocked and not task.done() and self._failed is None:
            await self._wait(item)  # those after it would only stand in line behind it

    def _ended(self, task: asyncio.Future[object]) -> None:
        item = self._active.pop(task, None)
        if item is None:
            return
        error = error_of(task)
        if error is None:
            self._put(item.position, task.result())
        else:
            self._fail(error, item)
        self._wake()

    def _put(self, position: int, value: object) -> None:
        self._results[position] = value
        self._done += 1
        if self._finished is not None:
            self._finished[position] = value

    def _fail(self, error: BaseException, item: ItemCall) -> None:
        if self._failed is None:
            failure = self._failures.take(error, item)
            if failure is not None:
                self._put(item.position, failure)
            else:
                self._failed = failed_item(self._call, error, item.position)
        elif not isinstance(error, asyncio.CancelledError) and error is not self._failed.error:
            add_note(self._failed.error, f"a concurrent item failed as well: item {item.position:,}: {preview(error)}")

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

    async def _run_item(self, item: ItemCall) -> object:
        result = self._result_of(item, await with_policies(item))
        return await item.context.continued(result, item.park) if self._has_to_complete(result) else result

    async def _continue(self, item: ItemCall, made: object) -> object:
        if is_awaitable(made):
            await item.park_with(made)
            try:
                made = await made
            except Exception as error:
                return Failed(error)
        return await self._finish(item, together(made) if holds_made(made, UNKNOWN) else made)

    async def _finish(self, item: ItemCall, result: object) -> object:
        result = self._result_of(item, result)
        return await item.context.continued(result, item.park) if self._has_to_complete(result) else result

    def _result_of(self, item: ItemCall, result: object) -> object:
        """Publishes the end of an item, and returns its result: a value, a Failed, or a LazyResult that continues the item."""
        failed = result.error if type(result) is Failed else None
        if item.context.observed and item.is_published:
            item.context.finished(item.operation.task, item.serial, item.node, result, failed)
        if type(result) is TailCall or type(result) is LazyResult:
            return item.continuation(result)
        return result

    def _has_to_complete(self, result: object) -> TypeGuard[LazyResult[object]]:
        return self._completes and type(result) is LazyResult


async def run_items(items: Items, begun: int = 0, special: object = None) -> Failed | None:
    """Calls items one by one, as `Items.run`; when it returns or raises, none is under way any more."""
    try:
        failed = await items.run(begun, special)
    except BaseException as error:
        if not is_closed(error, items.task):
            await items.stop()
        raise
    await items.stop()
    return failed


def failed_item(call: Call, error: BaseException, item: int) -> Failed:
    """Returns the failure of a map that an item's failure ends."""
    if isinstance(error, Exception):
        if call.is_published:
            call.context.publisher.item_failed(call.serial, call.node, item)
        add_note(error, f"in item {item:,} of the map")
    return Failed(error)
