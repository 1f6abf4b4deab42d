"""Managed calls: what a node does besides calling its function, written once for both paths.

A managed call is one coroutine, in this order:

    skipped?        what it needs was skipped, or a condition is false
    cached?         the value is there already
    resources       claimed all at once, or waited for, and released on every exit
    attempts        each with its timeout, as long as the retry policy says
    saved           in the cache

Most such calls never have to wait. So the coroutine is begun in place (`begin`), and only if it wants to await something
it stops at a point of its own (`Call.park`) and is handed on, to be awaited in an event loop, like any awaitable
that a task returns.

An error of the task travels as a value, `Failed`: a coroutine cannot raise StopIteration.
"""

from __future__ import annotations

import asyncio
import time
import types
from collections.abc import Coroutine, Generator, Sequence
from typing import TYPE_CHECKING, Any

from cascade._vm import Skipped, TailCall, enter_task, is_awaitable, leave_task
from cascade.errors import TaskTimeoutError
from cascade.runtime.failed import Failed
from cascade.runtime.ledger import Claim
from cascade.spec.lazy import LazyResult
from cascade.spec.operation import Managed
from cascade.spec.policies import check_amount
from cascade.spec.task import Task

if TYPE_CHECKING:
    from cascade.runtime.host import Host

PATIENCE = 0.001
"""Seconds of attempts without a delay after which the event loop gets its turn."""


def call(host: Host, operation: Any, operands: Sequence[Any], serial: int, node: int, again: bool) -> Any:
    """What `operation` gives: a value, or an awaitable of it.

    Args:
        again: whether this is an iteration of a loop of tail calls, which has been announced before.
    """
    if isinstance(operation, Task):
        if host.bus is not None and not again:
            host.started(operation, serial, node)
        args, kwargs = operation.binder.split(tuple(operands))
        return host.executor.call(operation, args, kwargs)
    reason = skip_reason(operation, operands)
    if reason is not None:
        return host.skip(operation.task, serial, node, reason)
    return begin(_managed(Call(host, operation, operands, serial, node, again)))


def skip_reason(operation: Managed, operands: Sequence[Any]) -> str | None:
    """Why the call is not made; None if it is."""
    ordered = len(operands) - operation.after
    for position, operand in enumerate(operands):
        if type(operand) is Skipped:
            return "UpstreamSkipped_Data" if position < ordered else "UpstreamSkipped_Sequence"
    if not all(operands[ordered - operation.conditions : ordered]):
        return "ConditionFalse"
    return None


class Call:
    """One call under way."""

    __slots__ = ("again", "host", "node", "operands", "operation", "parked", "serial")

    def __init__(
        self, host: Host, operation: Managed, operands: Sequence[Any], serial: int, node: int, again: bool
    ) -> None:
        self.host = host
        self.operation = operation
        self.operands = operands
        self.serial = serial
        self.node = node
        self.again = again
        self.parked = False

    async def park(self) -> None:
        """Has to be awaited before anything else is: what follows runs in an event loop."""
        if not self.parked:
            self.parked = True
            await _point()

    @property
    def where(self) -> str:
        return self.host.where(self.operation.task, self.serial, self.node, 0)


@types.coroutine
def _point() -> Generator[None, None, None]:
    yield


def begin(coroutine: Coroutine[Any, Any, Any]) -> Any:
    """Runs a coroutine until it parks: its value, or itself, to be awaited. Raises what it gives as Failed."""
    try:
        coroutine.send(None)
    except StopIteration as done:
        result = done.value
    else:
        return coroutine
    if type(result) is Failed:
        raise result.error
    return result


async def _managed(call: Call) -> Any:
    operation = call.operation
    if operation.amounts:
        claim = claim_for(call)
        try:
            if not claim.granted:
                call.host.blocked(operation.task, call.serial, call.node, _shortage(claim))
                await call.park()
                await call.host.ledger.wait(claim)
            return await _attempts(call)
        finally:
            call.host.ledger.release(claim)
    return await _attempts(call)


def claim_for(call: Call) -> Claim:
    """Claims the resources that the call wants.

    Raises:
        CapacityError: (a ValueError) there is not so much of one of them.
        PolicyError: (a ValueError) an amount that was computed is negative.
    """
    operation = call.operation
    computed = iter(call.operands[operation.count :])
    amounts = tuple((name, next(computed) if amount is None else amount) for name, amount in operation.amounts)
    if operation.computed:
        for name, amount in amounts:
            check_amount(name, amount)
    call.host.ledger.check(amounts, call.where)
    return call.host.ledger.claim(amounts)


def _shortage(claim: Claim) -> str:
    return "waits for " + ", ".join(f"{name}={float(amount):g}" for name, amount in claim.amounts.items())


async def _attempts(call: Call) -> Any:
    operation, host = call.operation, call.host
    task, retry = operation.task, operation.retry
    if host.bus is not None and not call.again:
        host.started(task, call.serial, call.node)
    args, kwargs = task.binder.split(tuple(call.operands[: operation.count]))
    if operation.timeout is None:
        # The common case: nothing to be awaited, nothing to be clocked.
        attempt = _plain_attempt
    else:
        attempt = _timed_attempt
    number = 1
    begun = 0.0
    while True:
        value, error = await attempt(call, args, kwargs)
        if error is None:
            return value
        if retry is None or number >= retry.max_attempts or not isinstance(error, retry.retry_on):
            if number > 1:
                error.add_note(f"after {number} attempts")
            return Failed(error)
        delay = retry.delay_after(number)
        host.retrying(task, call.serial, call.node, number, retry.max_attempts, delay, error)
        error = value = None
        if delay:
            await call.park()
            await asyncio.sleep(delay)
        elif not begun:
            begun = time.monotonic()
        elif time.monotonic() - begun > PATIENCE:
            await call.park()
            await asyncio.sleep(0)
            begun = time.monotonic()
        number += 1


async def _plain_attempt(call: Call, args: Any, kwargs: Any) -> tuple[Any, Exception | None]:
    try:
        enter_task()
        try:
            made = call.host.executor.call(call.operation.task, args, kwargs)
        finally:
            leave_task()
        if is_awaitable(made):
            await _parked_with(call, made)
            made = await made
    except Exception as error:
        return None, error
    return made, None


async def _timed_attempt(call: Call, args: Any, kwargs: Any) -> tuple[Any, Exception | None]:
    seconds = call.operation.timeout
    assert seconds is not None
    begun = time.monotonic()
    scope = None
    late = False
    try:
        enter_task()
        try:
            made = call.host.executor.call(call.operation.task, args, kwargs)
        finally:
            leave_task()
        if is_awaitable(made):
            await _parked_with(call, made)
            async with asyncio.timeout(seconds) as scope:
                made = await made
        else:
            late = time.monotonic() - begun > seconds
    except TimeoutError as error:
        if scope is None or not scope.expired():
            return None, error
        late = True
    except Exception as error:
        return None, error
    if not late:
        return made, None
    return None, TaskTimeoutError(
        f"task {call.operation.name!r} took longer than {seconds:g} s", where=call.where,
        hint="raise the node's with_timeout, or make the call interruptible: a coroutine, or mode='blocking'",
    )


async def _parked_with(call: Call, awaitable: Any) -> None:
    try:
        await call.park()
    except BaseException:
        # Nobody will await it.
        if hasattr(awaitable, "close"):
            awaitable.close()
        raise


def is_final(value: Any) -> bool:
    """Whether a call's result is its value, and not what to go on with."""
    return type(value) is not TailCall and type(value) is not LazyResult
