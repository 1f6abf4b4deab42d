"""Constraints: a call claims the capacity that it wants, all at once, waits for it, and releases it on every exit."""

from __future__ import annotations

from cascade.declare.amounts import check_amount
from cascade.imports import TYPE_CHECKING
from cascade.runtime.nodes.attempts import attempts
from cascade.runtime.nodes.capacity import Claim, wanted

if TYPE_CHECKING:
    from cascade.runtime.nodes.call import Call


async def constrained(call: Call) -> object:
    """Makes the call as soon as it has its capacity; returns the value, the continuation, or a Failed."""
    operation, capacity = call.operation, call.context.capacity
    if not operation.amounts:
        return await attempts(call)
    claim = claim_for(call)
    try:
        if not claim.granted:
            call.context.publisher.blocked(call.task_id(), operation.name, _shortage(claim))
            call.blocked = True
            await call.park()
            await capacity.wait(claim)
            call.blocked = False
            if call.on_granted is not None:
                call.on_granted()
        return await attempts(call)
    finally:
        capacity.release(claim)


def claim_for(call: Call) -> Claim:
    """Claims the capacity that the call wants.

    Raises:
        CapacityError: (a ValueError) an amount exceeds the total.
        PolicyError: (a ValueError) an amount that was computed is negative.
    """
    operation = call.operation
    amounts = operation.derived.claim
    if operation.has_computed_amounts:
        computed = iter(call.operands[operation.computed])
        amounts = wanted(
            [(name, _amount(name, next(computed) if amount is None else amount)) for name, amount in operation.amounts]
        )
    elif amounts is None:
        amounts = operation.derived.claim = wanted(operation.amounts)
    return call.context.capacity.claim(amounts, call.where)


def _amount(name: str, value: object) -> float:
    check_amount(name, value)
    return value  # type: ignore[return-value]  # it is a number, by the check


def _shortage(claim: Claim) -> str:
    return "waits for " + ", ".join(f"{name}={float(amount):g}" for name, amount in claim.amounts.items())
