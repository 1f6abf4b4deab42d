"""The actions of operations, by their class: policies, maps and Routers."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from cascade._vm import Skipped
from cascade.declare.task import Task
from cascade.graph.operations import (
    AnyTask,
    Call,
    Chain,
    Map,
    Operation,
    Route,
    SharedResult,
    StateMachine,
    TaskOperation,
)
from cascade.imports import TYPE_CHECKING
from cascade.runtime.nodes.maps import call_map
from cascade.runtime.nodes.policies import call_with_policies, skip_reason
from cascade.runtime.nodes.routers import call_route, call_shared_result

if TYPE_CHECKING:
    from cascade.runtime.nodes.context import NodeContext as RunContext


def admit(
    context: RunContext, operation: StateMachine, operands: Sequence[object], serial: int, node: int
) -> Skipped | None:
    """Publishes the start of a state machine, or returns its `Skipped` if it is skipped."""
    reason = skip_reason(operation, operands)
    if reason is not None:
        return context.skip(operation.task, serial, node, reason)
    if context.observed:
        context.started(operation.task, serial, node)
    return None


def perform(
    context: RunContext,
    operation: AnyTask | TaskOperation,
    operands: Sequence[object],
    serial: int,
    node: int,
    origin: AnyTask | None,
) -> object:
    """Returns the result of an operation: a value, a continuation, or an awaitable of one of these.

    Args:
        origin: of an iteration of a loop of tail calls, or a state of a machine, the task whose node it is, the start of
            which has been published. None for a call that is a node of its own.
    """
    if isinstance(operation, Task):  # or an injected resource
        if context.observed and origin is None and operation.mode != "resource":  # which has events of its own
            context.started(operation, serial, node)
        args, kwargs = operation.binder.split(tuple(operands))
        return context.execute(operation, args, kwargs)
    reason = skip_reason(operation, operands)
    if reason is not None:
        return context.skip(operation.task, serial, node, reason)
    if context.durable is not None and type(operation) is Call and operation.effect is not None:
        return context.durable.call_with_effect(operation, operands, serial, node, origin)
    return ACTIONS[type(operation)](context, operation, operands, serial, node, origin)


def _call_chain(
    context: RunContext,
    operation: Chain,
    operands: Sequence[object],
    serial: int,
    _node: int,
    _origin: AnyTask | None,
) -> object:
    from cascade.runtime.nodes.chains import call_chain  # few programs have worker processes

    return call_chain(context, operation, operands, serial)


ACTIONS: dict[type[Operation], Callable[..., object]] = {
    Call: call_with_policies,
    Map: call_map,
    Chain: _call_chain,
    Route: lambda context, operation, operands, serial, node, _origin: call_route(
        context, operation, operands, serial, node
    ),
    SharedResult: lambda _context, _operation, operands, _serial, _node, _origin: call_shared_result(operands),
}
"""The action of each kind of operation that is performed here. State machines and containers are those of the two paths."""
