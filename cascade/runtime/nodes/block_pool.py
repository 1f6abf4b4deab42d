"""Which maps are sent in blocks, and to which workers."""

from __future__ import annotations

from collections.abc import Sequence

from cascade.graph.operations import Map
from cascade.imports import TYPE_CHECKING, cast, copy
from cascade.runtime.nodes.call import Call
from cascade.runtime.nodes.kernel_maps import Column, is_array
from cascade.runtime.nodes.plain_items import MAP_LIMIT

if TYPE_CHECKING:
    from cascade.adapters.executors.worker_pool import WorkerPool


def pool_of(call: Call, operation: Map) -> WorkerPool | None:
    """Returns the workers to which a map sends blocks; None where its items are called one by one."""
    context = call.context
    task, signature = operation.task, operation.signature
    if task.mode != "compute" or operation.amounts or operation.timeout is not None or operation.cache is not None:
        return None
    if context.durable is not None:
        return None  # each item is saved
    if context.inputs.takes_placeholders or (context.publisher.observes_items and call.is_published):
        return None
    named = [each for each in signature.shared[signature.leading :] if not isinstance(each, str)]
    if named or signature.inputs + len(signature.shared) > MAP_LIMIT:
        return None
    find = getattr(context.executor, "worker_pool", None)
    pool: WorkerPool | None = None if find is None else find()
    return pool


def is_sliced(items: object) -> bool:
    """Returns True for an input of which blocks are slices: a list, a tuple, a range, or an array of NumPy's."""
    return type(items) in (list, tuple, range) or (is_array(items) and items.ndim > 0)


def sliced(given: Sequence[object]) -> list[Column] | None:
    """Returns inputs of equal length as they are, or copies of those that may change; None where one has to be taken item by item."""
    columns = [items if type(items) in (tuple, range) else copy.copy(items) for items in given if is_sliced(items)]
    found = cast("list[Column]", columns)
    return found if len(found) == len(given) and len({len(column) for column in found}) == 1 else None
