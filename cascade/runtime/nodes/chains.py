"""Chains of compute tasks: one message to a worker, and one answer."""

from __future__ import annotations

import pickle
from collections.abc import Sequence

from cascade._vm import TailCall
from cascade.adapters.executors.late import LateCoroutine
from cascade.adapters.executors.messages import chain_message, value_of
from cascade.adapters.executors.worker import PREVIOUS, work_chain
from cascade.adapters.executors.worker_pool import WorkerPool
from cascade.declare.control import together
from cascade.declare.failed import Failed
from cascade.declare.lazy import LazyResult, lazy_result
from cascade.declare.policies import PLAIN
from cascade.graph.operations import Chain, Stage, operation_with
from cascade.imports import TYPE_CHECKING, cast
from cascade.runtime.nodes.call import Call

if TYPE_CHECKING:
    from cascade.runtime.nodes.context import NodeContext


def call_chain(
    context: NodeContext,
    operation: Chain,
    operands: Sequence[object],
    serial: int,
) -> object:
    """Returns an awaitable of the value of the last task, or of a result that continues where one has returned more than a value."""
    pool: WorkerPool = context.executor.worker_pool()  # type: ignore[attr-defined]  # without one, there are no chains
    return LateCoroutine(lambda: _travel(context, operation, operands, serial, pool), operation.name)


async def _travel(
    context: NodeContext, operation: Chain, operands: Sequence[object], serial: int, pool: WorkerPool
) -> object:
    slots = [*_slots(operation.stages, operands)]
    calls = [(stage.task, *stage.task.binder.split(own)) for stage, own in zip(operation.stages, slots, strict=True)]
    number = len(calls) - 1
    try:
        message, sent = chain_message(calls, context.lowers)
        number, answer = pickle.loads(await pool.send(operation.name, work_chain, message))
        value = value_of(answer, calls[number][0])
    except Exception as error:
        _note(context, operation.stages[number], error)
        raise
    del sent  # the answer may lead back to these tasks
    if type(value) is Failed:
        _note(context, operation.stages[number], value.error)
        return value
    found, previous, is_special = cast("tuple[object, object, bool]", value)
    return _continued(context, operation, slots, number, found, previous, serial) if is_special else found


def _note(context: NodeContext, stage: Stage, error: BaseException) -> None:
    """Notes which task of the chain has failed, for the notes of the exception."""
    context.failed_stage = error, stage.task, stage.node


def _slots(stages: Sequence[Stage], operands: Sequence[object]) -> list[tuple[object, ...]]:
    """Returns the arguments of each task, with PREVIOUS in place of the value of the one before."""
    found = []
    at = 0
    for stage in stages:
        own = list(operands[at : at + stage.width])
        at += stage.width
        if stage.position >= 0:
            own.insert(stage.position, PREVIOUS)
        found.append(tuple(own))
    return found


def _continued(
    context: NodeContext,
    operation: Chain,
    slots: Sequence[tuple[object, ...]],
    number: int,
    result: object,
    previous: object,
    serial: int,
) -> LazyResult[object]:
    """Returns the rest of a chain as a result, behind a task that has returned a tail call or a result."""
    stage = operation.stages[number]
    operands = [previous if value is PREVIOUS else value for value in slots[number]]
    call = Call(context, operation_with(stage.task, PLAIN), operands, serial, stage.node)
    coming = call.continuation(result if isinstance(result, (TailCall, LazyResult)) else together(result))
    for later, own in zip(operation.stages[number + 1 :], slots[number + 1 :], strict=True):
        coming = lazy_result(
            later.task, tuple(coming if value is PREVIOUS else value for value in own), later.task.policies
        )
    return coming
