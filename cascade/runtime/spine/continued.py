"""Runs inside of a run: of the result that an item of a map returned, where its value or its exception is that item's alone."""

from __future__ import annotations

from cascade._vm import DONE, FAILED, WAIT, Machine, task_depth
from cascade.adapters.executors.scopes import Scope, is_loop_running, outer_cancellation
from cascade.declare.failed import Failed
from cascade.declare.lazy import LazyResult
from cascade.imports import TYPE_CHECKING, asyncio
from cascade.runtime.spine.driver import NESTED_SLICE, SLICE, Outcome, Run, drive_now, drive_to_end
from cascade.runtime.spine.fairness import yield_control
from cascade.runtime.spine.interpreter import Interpreter

if TYPE_CHECKING:
    from cascade.runtime.nodes.context import NodeContext, Park

SERIALS = 1_000_000
"""Numbers of graphs that each such run has of its own, for the names in its events."""


async def continued(context: NodeContext, deferred: LazyResult[object], park: Park) -> object:
    """Returns the value of a result, or the Failed of its run; a coroutine that `begin` has begun parks by `park`."""
    run = _started(context, deferred)
    try:
        status = await _run_slices(run, park)
        if status == DONE:
            return run.take()
        if status == FAILED:
            assert run.error is not None
            return Failed(run.error)
        await park()
        with Scope(asyncio.current_task(), context.limits.deadline) as scope:
            outcome = await drive_to_end(run, context, context.limits.deadline, scope)
        return outcome.value if outcome.error is None else Failed(outcome.error)
    finally:
        context.nested_steps += run.steps
        run.close()


def continue_now(context: NodeContext, deferred: LazyResult[object]) -> Outcome:
    """Runs a result to its end, from synchronous code."""
    return drive_now(_started(context, deferred), context)


async def _run_slices(run: Run, park: Park) -> int:
    looped = is_loop_running() and task_depth() <= 1
    check_outer = outer_cancellation()
    while (status := run.run(SLICE if looped else NESTED_SLICE)) not in (DONE, FAILED, WAIT):
        if looped:
            await park()
            await yield_control()
        else:
            check_outer()
    return status


def _started(context: NodeContext, deferred: LazyResult[object]) -> Run:
    context.nested_runs += 1
    serial = context.nested_runs * SERIALS
    steps = context.max_steps if context.max_steps < 0 else max(0, context.max_steps - context.nested_steps)
    deadline = context.limits.deadline
    if not context.lowers:
        return Interpreter(
            deferred, context, observed=context.observed, deadline=deadline, max_steps=steps, serial=serial
        )
    code, inputs = context.expand(deferred)  # pyright: ignore[reportArgumentType]  # as the extension passes it
    return Machine(code, inputs, context, context.observed, not context.calls_inline, deadline, steps, serial)
