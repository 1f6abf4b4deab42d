"""What the host does for a node that is more than a call of its function, by the kind of its operation."""

from __future__ import annotations

from collections.abc import Sequence

from cascade._vm import Skipped
from cascade.declare.task import Task
from cascade.graph.operations import MAP, ONCE, ROUTE, StateMachine
from cascade.imports import TYPE_CHECKING, Any
from cascade.runtime.nodes.maps import call_map
from cascade.runtime.nodes.policies import call_with_policies, skip_reason
from cascade.runtime.nodes.routers import call_once, call_route

if TYPE_CHECKING:
    from cascade.runtime.nodes.context import NodeContext as RunContext


def admit(context: RunContext, operation: StateMachine, operands: Sequence[Any], serial: int, node: int) -> Skipped | None:
    """Announces the start of a state machine, or gives what stands for it when it is skipped."""
    reason = skip_reason(operation, operands)
    if reason is not None:
        return context.skip(operation.task, serial, node, reason)
    if context.observed:
        context.started(operation.task, serial, node)
    return None


def perform(
    context: RunContext, operation: Any, operands: Sequence[Any], serial: int, node: int, origin: Task[..., Any] | None
) -> Any:
    """What `operation` gives: a value, what to go on with, or an awaitable of one of these.

    Args:
        origin: of an iteration of a loop of tail calls, or a state of a machine, the task whose node it is; that has been
            announced before. None for a call that is a node of its own.
    """
    if isinstance(operation, Task):
        if context.observed and origin is None and operation.mode != "resource":  # which has events of its own
            context.started(operation, serial, node)
        args, kwargs = operation.binder.split(tuple(operands))
        return context.execute(operation, args, kwargs)
    reason = skip_reason(operation, operands)
    if reason is not None:
        return context.skip(operation.task, serial, node, reason)
    if operation.kind == MAP:
        return call_map(context, operation, operands, serial, node, origin)
    if operation.kind == ROUTE:
        return call_route(context, operation, operands, serial, node)
    if operation.kind == ONCE:
        return call_once(operands)
    return call_with_policies(context, operation, operands, serial, node, origin)
