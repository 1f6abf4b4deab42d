"""Kernels of tasks, made when a run has use for one, with a record of the diagnostics where there is none."""

from __future__ import annotations

from cascade._vm import Kernel, Routine
from cascade.declare.task import Task
from cascade.errors import LoweringError
from cascade.imports import Any
from cascade.kernels import lower, lower_machine
from cascade.kernels.diagnostics import Diagnostic

Lowered = Kernel | tuple[Diagnostic, ...] | None
"""The kernel for arguments of these types; or why there is none; or None where there is none for any types."""


def kernel_of(owner: Task[..., Any], types: tuple[str, ...], in_map: bool = False) -> Lowered:
    """Lowers a task for arguments of these types.

    Raises:
        LoweringError: (a TypeError) it has no typed code, and was declared to need it.
    """
    made = lower(owner, types, in_map)
    if isinstance(made, Kernel):
        return made
    if (types, made) not in owner.routine.reasons:
        owner.routine.reasons.append((types, made))
    if owner.lower:
        where = f"{made[0].file}:{made[0].line}" if made[0].file else None
        raise LoweringError(owner.name, made, where=where)
    return None if any(reason.for_all_types for reason in made) else made


def machine_kernel_of(routine: Routine, types: tuple[str, ...], start: int) -> Lowered:
    """As `kernel_of`, for a state machine that continues with the state of number `start`."""
    made = lower_machine(routine.operation, types, start)
    if isinstance(made, Kernel):
        return made
    routine.reasons.append((types, made))
    return None if any(reason.for_all_types for reason in made) else made


class OnDemand:
    """Makes kernels outside of a run; see `cascade._vm.Routine.lower`."""

    kernel = staticmethod(kernel_of)
    machine_kernel = staticmethod(machine_kernel_of)
