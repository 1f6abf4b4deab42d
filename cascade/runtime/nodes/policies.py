"""Policies: everything that a node does besides calling its function, written once for both paths.

A call with policies is one coroutine (see `cascade.runtime.nodes.call`), which goes through these in order:

    skipped?        an operand was skipped, or a condition is false     here
    cached?         the cache has the value                             cascade.runtime.nodes.cached
    capacity        claimed all at once, or waited for                  cascade.runtime.nodes.constraints
    attempts        each with its timeout, as the retry policy says     cascade.runtime.nodes.attempts
    saved           in the cache                                        cascade.runtime.nodes.cached
"""

from __future__ import annotations

from collections.abc import Coroutine, Mapping, Sequence

from cascade._vm import Skipped, is_awaitable, results_made
from cascade.graph.operations import PolicyOperation, TaskOperation
from cascade.imports import TYPE_CHECKING
from cascade.runtime.nodes.attempts import LATE, attempts, call_function, call_in_time, settle
from cascade.runtime.nodes.cached import cached, call_cached
from cascade.runtime.nodes.call import Call, begin
from cascade.runtime.nodes.capacity import wanted
from cascade.runtime.nodes.constraints import constrained

if TYPE_CHECKING:
    from cascade.declare.task import Task
    from cascade.runtime.nodes.capacity import Exact
    from cascade.runtime.nodes.context import NodeContext


def skip_reason(operation: TaskOperation, operands: Sequence[object]) -> str | None:
    """Returns the reason why a call is skipped; None if it is not."""
    if Skipped in map(type, operands):
        for position, operand in enumerate(operands):
            if type(operand) is Skipped and position >= operation.may_be_skipped:
                return "UpstreamSkipped_Data" if position < operation.order.start else "UpstreamSkipped_Sequence"
    return None if all(operands[operation.conditions]) else "ConditionFalse"


def with_policies(call: Call) -> Coroutine[object, None, object]:
    """Returns the coroutine of a call that is not skipped: it returns the value, the continuation, or a Failed."""
    # A loop of tail calls is looked up once, with its first arguments, and its last value is kept.
    if call.context.durable is not None and call.operation.effect is not None:
        return call.context.durable.item_with_effect(call)
    return without_effect(call)


def without_effect(call: Call) -> Coroutine[object, None, object]:
    """As `with_policies`, where the effect of the call is taken care of."""
    cache = call.operation.cache
    return constrained(call) if cache is None or call.again else cached(call, cache)


def call_with_policies(
    context: NodeContext,
    operation: PolicyOperation,
    operands: Sequence[object],
    serial: int,
    node: int,
    origin: Task[..., object] | None,
) -> object:
    """Makes a call that is not skipped. Returns its value, its continuation, or an awaitable of one of these.

    There is no coroutine unless the call has to wait for capacity, fails, is late or has to be awaited, or needs a cache.
    """
    cache = operation.cache
    retried = (
        context.durable is not None and operation.retry is not None
    )  # a saved run may have made some attempts already
    if cache is not None or operation.has_computed_amounts or retried:
        call = Call(context, operation, operands, serial, node, origin)
        return begin(constrained(call)) if cache is None or origin is not None else call_cached(call, cache)
    held: Mapping[str, Exact] | None = None
    if operation.amounts:
        held = operation.derived.claim
        if held is None:
            held = operation.derived.claim = wanted(operation.amounts)
        if not context.capacity.try_acquire(held):
            return begin(constrained(Call(context, operation, operands, serial, node, origin)))
    result: object = None
    failure: BaseException | None = None
    continues = False
    made = results_made()
    try:
        if context.observed and origin is None:
            context.started(operation.task, serial, node)
        try:
            if operation.timeout is None:
                result = call_function(context, operation, operands)
            else:
                result = call_in_time(context, operation, operands, operation.timeout)
        except Exception as error:
            if operation.retry is None:
                raise
            failure = error
        continues = failure is not None or result is LATE or is_awaitable(result)
    finally:
        if held is not None and not continues:
            context.capacity.release_amounts(held)
    if not continues:
        return result
    try:
        call = Call(context, operation, operands, serial, node, origin)
        call.made = made  # the call may be under way in another thread already
        return begin(_continue(call, result, failure, held))
    finally:
        del failure  # frames of its traceback lead to this one


async def _continue(
    call: Call, result: object, failure: BaseException | None, held: Mapping[str, Exact] | None
) -> object:
    """Continues a call after its first attempt, with the capacity that it holds."""
    try:
        if failure is None:
            value, failure = await settle(call, result)
            if failure is None:
                return value
        return await attempts(call, failure)
    finally:
        del failure  # frames of its traceback lead to this one
        if held is not None:
            call.context.capacity.release_amounts(held)
