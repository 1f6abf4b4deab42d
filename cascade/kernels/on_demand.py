"""Makes the kernels of tasks when a run can use them, and records the diagnostics where there is none."""

from __future__ import annotations

from types import FunctionType, MethodType
from typing import cast

from cascade._vm import BlockKernel, Kernel, Routine
from cascade.declare.task import Task
from cascade.errors import LoweringError
from cascade.kernels import lower, lower_state_machine
from cascade.kernels.diagnostics import Diagnostic
from cascade.kernels.model import PARAMETER_LIMIT
from cascade.kernels.needs_objects import needs_objects

Lowered = Kernel | tuple[Diagnostic, ...] | None
"""The kernel for arguments of these types; or the diagnostics; or None where there is none for any types."""


def kernel_of(owner: Task[..., object], types: tuple[str, ...], in_map: bool = False) -> Lowered:
    """Lowers a task for arguments of these types.

    Raises:
        LoweringError: (a TypeError) it has no typed code, and was declared to need it.
    """
    if _is_for_blocks(owner):
        if (types, ()) not in owner.routine.diagnostics:
            owner.routine.diagnostics.append((types, ()))  # `diagnostics_of` finds them
        return None
    made = lower(owner, types, in_map) if len(types) <= PARAMETER_LIMIT else (_too_many(owner),)
    if isinstance(made, Kernel):
        return made
    if (types, made) not in owner.routine.diagnostics:
        owner.routine.diagnostics.append((types, made))
    if owner.lower and (refused := _refused(owner, made)):
        where = f"{refused[0].file}:{refused[0].line}" if refused[0].file else None
        raise LoweringError(owner.name, refused, where=where)
    return None if any(reason.for_all_types for reason in made) else made


def _is_for_blocks(owner: Task[..., object]) -> bool:
    """Returns whether a task certainly has no kernel of numbers, and may have one that is made block by block."""
    function = _plain_function(owner)
    if function is None or not owner.routine.may_have_blocks:
        return False
    from cascade.kernels.blocks.admission import refusal_of

    return (function is not owner.func or needs_objects(function)) and refusal_of(function) is None


def _plain_function(owner: Task[..., object]) -> FunctionType | None:
    """The function of a task, or that of its bound method."""
    function = owner.func.__func__ if isinstance(owner.func, MethodType) else owner.func
    return function if isinstance(function, FunctionType) else None


def _too_many(owner: Task[..., object]) -> Diagnostic:
    return Diagnostic("CS143", 0, 0, owner.name, f"it has more than {PARAMETER_LIMIT} parameters")


def diagnostics_of(
    owner: Task[..., object], routine: Routine
) -> tuple[tuple[tuple[str, ...], tuple[Diagnostic, ...]], ...]:
    """Returns the record of a routine, with the diagnostics of a function that was not translated because it needs objects."""
    found = []
    for types, reasons in routine.diagnostics:
        made = reasons or lower(owner, types)
        found.append((types, () if isinstance(made, Kernel) else made))
    return tuple(found)


def _refused(owner: Task[..., object], reasons: tuple[Diagnostic, ...]) -> tuple[Diagnostic, ...]:
    """Returns why a task can have no kernel of either kind."""
    from cascade.kernels.blocks.admission import refusal_of

    function = _plain_function(owner)
    if function is None or not owner.routine.may_have_blocks:
        return reasons
    refusal = refusal_of(function)
    return () if refusal is None else (refusal,)


def kernel_or_none_of(owner: Task[..., object], types: tuple[str, ...], in_map: bool = False) -> Lowered:
    """As `kernel_of`, for a call that is made without a kernel where there is none, whatever the task was declared to need."""
    try:
        return kernel_of(owner, types, in_map)
    except LoweringError as error:
        return cast("tuple[Diagnostic, ...]", error.reasons)


def state_machine_kernel_of(routine: Routine, types: tuple[str, ...], start: int) -> Lowered:
    """As `kernel_of`, for a state machine that continues with the state of number `start`."""
    made = lower_state_machine(routine.operation, types, start)
    if isinstance(made, Kernel):
        return made
    routine.diagnostics.append((types, made))
    return None if any(reason.for_all_types for reason in made) else made


def block_kernel_of(function: FunctionType) -> BlockKernel | Diagnostic:
    """Returns the kernel of a function that is made block by block; or why it has none."""
    from cascade.kernels.blocks.admission import refusal_of
    from cascade.kernels.blocks.kernel import block_kernel

    return refusal_of(function) or block_kernel(function)


class OnDemand:
    """Makes kernels outside of a run, for `cascade._vm.Routine.lower`."""

    kernel = staticmethod(kernel_of)
    state_machine_kernel = staticmethod(state_machine_kernel_of)
