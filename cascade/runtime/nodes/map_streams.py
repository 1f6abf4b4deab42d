"""Maps that are streamed: items are taken as they are needed, and results go to the run's sink, so none of both is kept."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator, Sequence

from cascade.declare.failed import Failed
from cascade.declare.iterables import check_map_input, not_iterable
from cascade.errors import InternalError, MapError
from cascade.graph.operations import Map
from cascade.runtime.nodes.block_pool import is_sliced, pool_of
from cascade.runtime.nodes.call import Call
from cascade.runtime.nodes.item_calls import Fairness, Items, Rows, check_columns, run_items
from cascade.runtime.nodes.item_failures import ItemFailures
from cascade.runtime.nodes.kernel_maps import Column, array_column, is_array, is_sized
from cascade.runtime.nodes.plain_items import PlainItems, is_plain
from cascade.runtime.nodes.sink import Sink

CHUNK, LARGEST_CHUNK = 16, 4096
"""Items that are taken at once where a loop calls them: the first time, and at most."""
LONG_CHUNK = 0.02
"""Seconds of a chunk behind which the next one is no longer."""
WINDOW = 256
"""Items under way at once, where no limit was set."""


async def stream_map(call: Call, operation: Map, given: Sequence[object]) -> object:
    """Calls all items, and puts their results into the run's sink; returns None, or the Failed that ends the map."""
    await call.park()
    sink = call.context.sink
    if sink is None:
        raise InternalError("a map is streamed, and its run has no sink")
    count, given = _begun(operation, given)
    fairness = Fairness(call)
    failures = ItemFailures(call, operation)
    pool = pool_of(call, operation)
    if pool is not None:
        from cascade.runtime.nodes.block_maps import BlockItems, BlockRows

        blocks = BlockRows(call, operation, given, count)
        return await run_items(BlockItems(blocks, sink, failures, fairness, pool, True))
    rows = StreamedRows(call, operation, given)
    failed, begun, special = await _stream_plainly(rows, operation, failures, fairness, sink)
    if failed is not None or (special is None and begun == rows.end):
        return failed
    rows.chunk = 1
    limit = WINDOW if operation.concurrency is None else operation.concurrency
    return await run_items(StreamedItems(rows, sink, failures, fairness, limit), begun, special)


async def _stream_plainly(
    rows: StreamedRows, operation: Map, failures: ItemFailures, fairness: Fairness, sink: Sink
) -> tuple[Failed | None, int, object]:
    """Calls items as long as they can be called plainly.

    Returns:
        The failure that ends the map; how many items were called; and the last result, if it is not a value yet.
    """
    rows.chunk = CHUNK if is_plain(operation, rows.call.context) else 1
    while rows.has(rows.end):
        begun = time.monotonic()
        plain = PlainItems.of(rows, operation, failures)
        if plain is None:
            return None, rows.first, None
        assert isinstance(plain.results, list)
        put = 0
        while not plain.is_done:
            plain.advance(fairness.seconds)
            values = plain.results[put : len(plain.results) - plain.is_special]
            sink.put(rows.first + put, values)
            put += len(values)
            if plain.failed is not None:
                return plain.take_failed(), 0, None
            await fairness.check(rows.first + put)
            await sink.make_room()
        if plain.is_special:
            return None, rows.first + len(plain.results), plain.results[-1]
        if time.monotonic() - begun < LONG_CHUNK:
            rows.chunk = min(2 * rows.chunk, LARGEST_CHUNK)
    return None, rows.end, None


class StreamedItems(Items):
    """Items whose results go to a sink."""

    _is_bounded = True

    def __init__(self, rows: Rows, sink: Sink, failures: ItemFailures, fairness: Fairness, limit: int) -> None:
        super().__init__(rows, [], failures, fairness, True, limit)
        self._sink = sink

    def _put(self, position: int, value: object) -> None:
        self._sink.put(position, (value,))
        self._done += 1

    async def _make_room(self) -> None:
        await self._sink.make_room()


class StreamedRows(Rows):
    """The arguments of items that are taken as they are asked for, chunk by chunk; the present chunk is kept.

    Attributes:
        chunk: the number of items that are taken at once.
        first, end: the numbers of the first item of the present chunk, and of the one behind its last.
    """

    def __init__(self, call: Call, operation: Map, given: Sequence[object]) -> None:
        super().__init__(call, operation, [])
        context = call.context
        typed = context.lowers and is_plain(operation, context)
        self._inputs = [_Input(items, typed) for items in given]
        self.chunk = 1
        self.first = self.end = 0

    def has(self, position: int) -> bool:
        if position < self.end:
            return True
        self.call.context.limits.check_deadline()
        columns = [each.take(self.chunk) for each in self._inputs]
        check_columns(self.call, columns, self.end)
        self.columns = columns
        self.first, self.end = self.end, self.end + len(columns[0])
        return self.end > self.first

    def row(self, position: int) -> list[object]:
        return super().row(position - self.first)


class _Input:
    """An input of which items are taken from the front."""

    def __init__(self, items: object, typed: bool) -> None:
        self._array = items if typed and is_array(items) and array_column(items[:0]) is not None else None  # type: ignore[index]
        self._iterator: Iterator[object] = iter(items if self._array is None else ())  # type: ignore[call-overload]
        self._taken = 0

    def take(self, count: int) -> Column:
        if self._array is None:
            return list(itertools.islice(self._iterator, count))
        part = array_column(self._array[self._taken : self._taken + count])  # type: ignore[index]
        assert part is not None
        self._taken += len(part)
        return part


def _begun(operation: Map, given: Sequence[object]) -> tuple[int | None, list[object]]:
    """Returns the number of items, where all inputs have a length, and the inputs: those that are not sliced as iterators.

    Raises:
        DeclarationError: (a TypeError) one cannot be iterated over.
        MapError: (a ValueError) one has no end, or their lengths differ.
    """
    begun: list[object] = []
    where = f"{operation.name}.map"
    names = operation.parameters[: len(given)]
    for name, items in zip(names, given, strict=True):
        check_map_input(name, items, operation.name, [other for other in names if other != name])
        try:
            begun.append(items if is_sliced(items) else iter(items))  # type: ignore[call-overload]
        except TypeError:
            if hasattr(type(items), "__iter__"):
                raise
            raise not_iterable(name, items, operation.name) from None
    sized = {name: len(items) for name, items in zip(names, given, strict=True) if is_sized(items)}
    if len(set(sized.values())) > 1:
        sizes = ", ".join(f"{name} has {size}" for name, size in sized.items())
        raise MapError(f"mismatched lengths: {sizes}", where=where, expected="as many items in each input")
    return next(iter(sized.values())) if len(sized) == len(given) else None, begun
