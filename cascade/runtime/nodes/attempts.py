"""Attempts: a node's function is called, in the time that its timeout allows, as often as its retry policy says."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence

from cascade._vm import enter_task, holds_made, is_awaitable, leave_task, results_made
from cascade.adapters.executors.scopes import Scope
from cascade.declare.control import together
from cascade.declare.failed import Failed, add_note
from cascade.errors import TaskTimeoutError
from cascade.imports import TYPE_CHECKING, asyncio
from cascade.runtime.spine.fairness import yield_control

if TYPE_CHECKING:
    from cascade.graph.operations import PolicyOperation
    from cascade.runtime.nodes.call import Call
    from cascade.runtime.nodes.context import NodeContext

PATIENCE = 0.001
"""Seconds of attempts without a delay after which a call yields to the event loop."""

FOREVER = 1e12
"""A timeout of more seconds sets no limit; it may be a number that no float holds."""

LATE = object()
"""The result of a call in place that took longer than its timeout, or was cancelled for that."""


def call_function(context: NodeContext, operation: PolicyOperation, operands: Sequence[object]) -> object:
    """Calls the function of a node: the one call of all policies. Returns its result, its continuation, or an awaitable of one of these."""
    args, kwargs = operation.task.binder.split(tuple(operands[operation.arguments]))
    made = results_made()
    enter_task()
    try:
        if operation.effect == "atomic" and context.durable is not None:
            result = context.durable.in_transaction(
                operation.name, lambda: context.execute(operation.task, args, kwargs)
            )
        else:
            result = context.execute(operation.task, args, kwargs)
    finally:
        leave_task()
    return together(result) if holds_made(result, made) else result


def call_in_time(
    context: NodeContext, operation: PolicyOperation, operands: Sequence[object], seconds: float
) -> object:
    """As `call_function`; returns LATE if the call took longer than `seconds`, or was cancelled for that."""
    if seconds > FOREVER:
        return call_function(context, operation, operands)
    begun = time.monotonic()
    scope = Scope(deadline=begun + seconds)  # runs in the function end in time
    try:
        with scope:
            result = call_function(context, operation, operands)
    except asyncio.CancelledError:
        if not scope.expired:
            raise
        return LATE
    return LATE if time.monotonic() - begun > seconds and not is_awaitable(result) else result


async def settle(call: Call, result: object) -> tuple[object, BaseException | None]:
    """Returns the value of an attempt's result, or its error. An awaitable is awaited, in the time that the timeout allows."""
    if result is LATE:
        return None, _late(call)
    if not is_awaitable(result):
        return result, None
    scope = None
    try:
        await call.park_with(result)
        seconds = call.operation.timeout
        if seconds is None or seconds > FOREVER:
            value = await result
        else:
            async with asyncio.timeout(seconds) as scope:
                value = await result
    except TimeoutError as error:
        if scope is None or not scope.expired():
            return None, error
        # The notes are those of a tear-down that failed, too.
        return None, _late(call, call.operation.task.mode != "blocking", getattr(error.__cause__, "__notes__", ()))
    except Exception as error:
        return None, error
    if type(value) is Failed:
        return None, value.error
    return together(value) if holds_made(value, call.made) else value, None


def _late(call: Call, is_stopped: bool = False, notes: Iterable[str] = ()) -> TaskTimeoutError:
    error = TaskTimeoutError(
        f"task {call.operation.name!r} took longer than {call.operation.timeout:g} s",
        where=call.where(),
        hint="raise the node's with_timeout"
        + ("" if is_stopped else ", or make the call one that can be stopped: a coroutine, or mode='compute'"),
    )
    for note in notes:
        error.add_note(note)
    return error


async def attempts(call: Call, failure: BaseException | None = None, number: int = 1) -> object:
    """Calls the task until it succeeds or may not be called again; `failure` is that of attempt `number`, which was made elsewhere."""
    operation, context = call.operation, call.context
    task, retry = operation.task, operation.retry
    if context.observed and call.is_published and failure is None:
        context.started(task, call.serial, call.node)
    begun = 0.0
    if retry is not None and context.durable is not None and failure is None:
        number, delay = context.durable.attempts_made(call)
        delay = min(delay, retry.delay_after(number - 1)) if number > 1 else 0.0  # the clock may have been set back
        if delay > 0.0:
            await call.park()
            await asyncio.sleep(delay)
    while True:
        value, error = (None, failure) if failure is not None else await _attempt(call)
        failure = None
        if context.durable is not None and retry is not None and (error is None or number >= retry.max_attempts):
            context.durable.ended(call.serial, call.node)
        if error is None:
            return value
        if retry is None or number >= retry.max_attempts or not isinstance(error, retry.retry_on):
            if number > 1:
                add_note(error, f"after {number} attempts")
            try:
                return Failed(error)
            finally:
                del error  # frames of its traceback lead to this one
        delay = retry.delay_after(number)
        context.publisher.retrying(call.task_id(), task.name, number, retry.max_attempts, delay, error)
        error = value = None
        if context.durable is not None:
            await context.durable.note_attempt(call, number, delay)
        if delay:
            await call.park()
            await asyncio.sleep(delay)
        elif not begun:
            begun = time.monotonic()
        elif time.monotonic() - begun > PATIENCE:
            await call.park()
            await yield_control()
            begun = time.monotonic()
        number += 1


async def _attempt(call: Call) -> tuple[object, BaseException | None]:
    context, operation, operands = call.context, call.operation, call.operands
    seconds = operation.timeout
    try:
        if seconds is None:
            result = call_function(context, operation, operands)
        else:
            result = call_in_time(context, operation, operands, seconds)
    except Exception as error:
        return None, error
    return (result, None) if result is not LATE and not is_awaitable(result) else await settle(call, result)
