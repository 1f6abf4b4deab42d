"""Chains of compute tasks: one message to a worker, and one answer."""

from __future__ import annotations

import pickle
from collections.abc import Sequence

from cascade._vm import TailCall
from cascade.adapters.executors.kept import Kept
from cascade.adapters.executors.messages import chain_message, value_of
from cascade.adapters.executors.worker import PREVIOUS, work_chain
from cascade.adapters.executors.worker_call import WorkerCall
from cascade.declare.control import together
from cascade.declare.failed import Failed
from cascade.declare.lazy import LazyResult, lazy_result
from cascade.declare.policies import PLAIN
from cascade.declare.task import Task
from cascade.graph.operations import Chain, Stage, operation_with
from cascade.imports import TYPE_CHECKING, cast
from cascade.runtime.nodes.call import Call

if TYPE_CHECKING:
    from cascade.adapters.executors.kept import Answer
    from cascade.adapters.executors.worker_pool import KeepingPool
    from cascade.runtime.nodes.context import NodeContext


def call_chain(
    context: NodeContext,
    operation: Chain,
    operands: Sequence[object],
    serial: int,
) -> object:
    """Returns the call in a worker.

    Its value is that of the last task, or a `Kept` in its place; or a result that continues, where a task has returned more than a value.
    """
    pool: KeepingPool = context.executor.worker_pool()  # type: ignore[attr-defined]  # without one, there are no chains
    slots = [*_slots(operation.stages, operands)]
    calls = [(stage.task, *stage.task.binder.split(own)) for stage, own in zip(operation.stages, slots, strict=True)]
    tasks: list[Task[..., object]] = []  # the answer may lead back to these

    def encode() -> tuple[object, ...]:
        message, sent = chain_message(calls, context.lowers)
        tasks.extend(sent.tasks)
        keep = pool.keeper() if operation.keeps else None
        return message, keep, *[kept.future for kept in sent.kept]

    def decode(answer: Answer) -> object:
        if isinstance(answer, Kept):
            return answer
        number, own = pickle.loads(answer)
        stage = operation.stages[number]
        try:
            value = value_of(own, stage.task)
        except Exception as error:
            _note(context, stage, error)
            raise
        tasks.clear()
        if type(value) is Failed:
            _note(context, stage, value.error)
            return value
        found, previous, is_special = cast("tuple[object, object, bool]", value)
        return _continued(context, operation, slots, number, found, previous, serial) if is_special else found

    return WorkerCall(pool, operation.name, work_chain, encode, decode)


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
