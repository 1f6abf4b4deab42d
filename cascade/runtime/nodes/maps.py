"""Maps: a task called for each item of its inputs.

Three ways. A task that is a plain function without policies, the calls of which nobody observes, is called by a loop in
the VM (`call_each`), or, where it has typed code, run by that on threads (`cascade.runtime.nodes.kernel_maps`). Everything else is
called item by item as a call with policies (`cascade.runtime.nodes.item_calls`). An item of the first two that returns more than a
value continues in the third.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence

from cascade._vm import MapResults
from cascade.declare.failed import Failed, add_note
from cascade.declare.iterables import check_map_input, endless, not_iterable
from cascade.declare.lazy import LazyResult
from cascade.declare.task import Task
from cascade.errors import MapError
from cascade.graph.operations import Map
from cascade.imports import TYPE_CHECKING
from cascade.runtime.nodes.block_pool import pool_of, sliced
from cascade.runtime.nodes.call import Call, begin
from cascade.runtime.nodes.item_calls import Fairness, Items, Rows, run_items
from cascade.runtime.nodes.item_failures import ItemFailures
from cascade.runtime.nodes.kernel_maps import Column, array_column, is_sized
from cascade.runtime.nodes.map_streams import stream_map
from cascade.runtime.nodes.plain_items import PlainItems, is_plain

if TYPE_CHECKING:
    from cascade.adapters.executors.worker_pool import WorkerPool
    from cascade.runtime.nodes.context import NodeContext

ITEMS_LIMIT = 10_000_000
"""More items are taken of a list only: what has no length may have no end."""
ITEMS_TAKEN = 1000
"""Of an input that is not a list, between two looks whether the run has to end."""


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
    call = Call(context, operation, operands, serial, node, origin)
    if operation.signature.streamed:
        if context.observed and call.is_published:
            context.started(operation.task, serial, node)
        return begin(stream_map(call, operation, operands[operation.items]))
    pool = pool_of(call, operation)
    columns = sliced(operands[operation.items]) if pool is not None else None
    if columns is None:
        columns = _columns(context, operation, operands)
    if context.observed and call.is_published:
        context.started(operation.task, serial, node, len(columns[0]))
    if pool is not None and len(columns[0]):
        return begin(_map_in_blocks(call, operation, columns, pool))
    return begin(_map(call, operation, columns) if context.durable is None else _saved_map(call, operation, columns))


async def _saved_map(call: Call, operation: Map, columns: list[Column]) -> object:
    """As `_map`, in a run that is saved, which notes the items that are finished."""
    try:
        return await _map(call, operation, columns)
    finally:
        durable = call.context.durable
        if durable is not None:
            end = durable.ended_later if call.parked else durable.ended
            end(call.serial, call.node)


def _columns(context: NodeContext, operation: Map, operands: Sequence[object]) -> list[Column]:
    columns: list[Column] = []
    given = operands[operation.items]
    typed = context.lowers and is_plain(operation, context)
    # One more than the shortest of the others: that is enough to say that there are too many.
    most = min((len(items) for items in given if is_sized(items)), default=ITEMS_LIMIT) + 1
    for name, items in zip(operation.parameters, given, strict=False):
        try:
            column = array_column(items) if typed else None
            columns.append(column or _taken(context, name, items, most, operation))
        except TypeError:
            if hasattr(type(items), "__iter__"):
                raise
            raise not_iterable(name, items, operation.name) from None
    if any(len(column) != len(columns[0]) for column in columns):
        sizes = ", ".join(
            f"{name} has {len(column)}" + (" or more" if len(column) == most and not is_sized(items) else "")
            for name, items, column in zip(operation.parameters, given, columns, strict=False)
        )
        raise MapError(
            f"mismatched lengths: {sizes}", where=f"{operation.name}.map", expected="as many items in each input"
        )
    return columns


async def _map_in_blocks(call: Call, operation: Map, columns: list[Column], pool: WorkerPool) -> object:
    from cascade.runtime.nodes.block_maps import BlockItems, BlockRows, Gathered

    failures, gathered = ItemFailures(call, operation), Gathered()
    rows = BlockRows(call, operation, columns, len(columns[0]))
    failed = await run_items(BlockItems(rows, gathered, failures, Fairness(call), pool, failures.may_take))
    if failed is not None:
        return failed
    array = gathered.array() if operation.signature.as_array else None
    if array is not None:
        return array
    results = gathered.values()
    return _value_of(operation, results) if gathered.are_values else _gathered(operation, results)


async def _map(call: Call, operation: Map, columns: list[Column]) -> object:
    rows, fairness = Rows(call, operation, columns), Fairness(call)
    failures = ItemFailures(call, operation)
    plain = PlainItems.of(rows, operation, failures)
    results: list[object] = []
    special: object = None
    if plain is not None:
        await plain.run(fairness)
        if plain.failed is not None:
            return plain.take_failed()
        if not (plain.is_special or plain.has_continued):
            return _value_of(operation, plain.results)
        results = plain.results if isinstance(plain.results, list) else plain.results.values()
        special = results[-1] if plain.is_special else None
    begun = len(results)
    results.extend([None] * (len(columns[0]) - begun))
    items = Items(rows, results, failures, fairness, failures.may_take, operation.concurrency)
    failed = await run_items(items, begun, special)
    if failed is not None:
        return failed
    return _gathered(operation, results)


def _gathered(operation: Map, results: list[object]) -> object:
    """Returns the value of a map, or the result that computes those that items have returned, and then the value."""
    coming = [result for result in results if type(result) is LazyResult]
    if not coming:
        return _value_of(operation, results)
    return GATHER(GivenResults(operation.name, operation.signature.as_array, results), *coming)


def _taken(context: NodeContext, name: str, items: object, most: int, operation: Map) -> list[object]:
    """Returns the items of an input; no more than `most` if it is not a list, as its iterator may take long, or never end."""
    check_map_input(
        name, items, operation.name, [other for other in operation.parameters[operation.items] if other != name]
    )
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
            f"{operation.name}.map",
        )
    return result


def _value_of(operation: Map, results: list[object] | MapResults) -> object:
    return _list_or_array(operation.name, operation.signature.as_array, results)


def _list_or_array(name: str, as_array: bool, results: list[object] | MapResults) -> object:
    """Returns the value of a map whose items have these results: the list, or an array; Failed where NumPy makes no array of them."""
    if not as_array:
        return results
    from cascade.runtime.nodes.map_arrays import array_of

    try:
        return array_of(results)
    except Exception as error:
        add_note(error, f"while the results of {name}.map became an array")
        return Failed(error)


class GivenResults:
    """The results of the items of a map. Not a list, in which LazyResults would be looked for: there may be some in their values.

    Attributes:
        name: of the map.
        as_array: whether its value is an array.
        given: the results; those of items that continue are LazyResults.
    """

    __slots__ = ("as_array", "given", "name")

    def __init__(self, name: str, as_array: bool, given: list[object]) -> None:
        self.name = name
        self.as_array = as_array
        self.given = given


def _gather(results: GivenResults, *coming: object) -> object:
    values = iter(coming)
    found = [next(values) if type(result) is LazyResult else result for result in results.given]
    value = _list_or_array(results.name, results.as_array, found)
    if type(value) is Failed:
        raise value.error
    return value


GATHER: Task[..., object] = Task(_gather, name="gather")
GATHER.hands_on = True
vars(GATHER)["__qualname__"] = "GATHER"  # where a saved run finds it
