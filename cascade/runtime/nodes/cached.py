"""Cached calls: a node whose value a cache has is not called; the value of one that is called is saved."""

from __future__ import annotations

from cascade._vm import TailCall, is_awaitable
from cascade.declare.failed import Failed
from cascade.declare.lazy import LazyResult
from cascade.declare.task import Task
from cascade.imports import TYPE_CHECKING
from cascade.runtime.nodes.cache_entry import CacheEntry
from cascade.runtime.nodes.cache_records import record_in, value_in
from cascade.runtime.nodes.call import Call, Parking, begin
from cascade.runtime.nodes.constraints import constrained

if TYPE_CHECKING:
    from cascade.declare.cache_policy import CachePolicy


def call_cached(call: Call, cache: CachePolicy) -> object:
    """As `begin(cached(call, cache))`, without a coroutine where the value is there."""
    entry = CacheEntry(call, cache)
    if not entry.is_usable:
        return begin(constrained(call))
    hit = entry.find()
    if hit is not None and not is_awaitable(hit) and not is_awaitable(value_in(hit)) and record_in(hit) is None:
        return _take(call, hit)
    return begin(_with_hit(call, entry, hit))


async def cached(call: Call, cache: CachePolicy) -> object:
    """Makes the call unless the cache has its value; returns the value, the continuation, or a Failed."""
    entry = CacheEntry(call, cache)
    if not entry.is_usable:
        return await constrained(call)
    try:
        hit = entry.find()
    except Exception as error:
        return Failed(error)
    return await _with_hit(call, entry, hit)


async def _with_hit(call: Call, entry: CacheEntry, hit: object) -> object:
    try:
        hit = await entry.resolve(call, await call.result_of(hit))
    except Exception as error:
        return Failed(error)
    if hit is not None:
        value = _take(call, hit)
        if is_awaitable(value):
            await call.park()  # it is the value, and not awaited again
        return value
    result = await constrained(call)
    if type(result) is Failed:
        return result
    if type(result) is TailCall or type(result) is LazyResult:
        return SAVE(entry, call.continuation(result))
    try:
        await call.result_of(entry.save(result))
    except Exception as error:
        return Failed(error)
    return result


def _take(call: Call, hit: object) -> object:
    """Returns the value of a hit, and publishes that the call is not made."""
    if call.is_published and call.context.subscribed:
        call.context.skip(call.operation.task, call.serial, call.node, "CacheHit")
    return value_in(hit)


def _save_of_graph(entry: CacheEntry, value: object) -> object:
    return begin(entry.save_of_graph(Parking(), value))


SAVE: Task[..., object] = Task(_save_of_graph, name="keep in cache")
SAVE.hands_on = True
