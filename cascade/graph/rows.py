"""Passes over the rows of a graph that has been walked."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from cascade._vm import Skipped
from cascade.declare.policies import PLAIN as NO_POLICIES
from cascade.declare.resources import Injection
from cascade.graph.containers import EITHER
from cascade.graph.inputs import Inputs
from cascade.graph.merge import merged
from cascade.graph.model import Row
from cascade.graph.operations import AnyTask, Operation, TaskOperation, operation_with
from cascade.imports import copy


def guard(rows: list[Row], inputs: Sequence[object]) -> list[Row]:
    """The rows, with an operation wherever an operand may be missing: the call is skipped then, and not made."""
    missing = [False] * len(rows)
    result = []
    for index, row in enumerate(rows):
        operation = row[0]
        absent = [missing[ref] if ref >= 0 else type(inputs[-1 - ref]) is Skipped for ref in row[1:]]
        if all(absent) if operation is EITHER else any(absent):
            missing[index] = True
            if not isinstance(operation, Operation):
                row = (operation_with(operation, NO_POLICIES), *row[1:])
        if isinstance(operation, Operation) and operation.skippable:
            missing[index] = True
        result.append(row)
    return result


def without_repeated_calls(
    rows: tuple[Row, ...], inputs: list[object], unknown: set[int]
) -> tuple[tuple[Row, ...], list[object]]:
    if type(inputs) is Inputs:
        unknown |= {*inputs.declared, *inputs.tables}
    found, used = merged(rows, inputs, unknown)
    result = [inputs[number] for number in used]
    if type(inputs) is not Inputs:
        return found, result
    numbers = {number: at for at, number in enumerate(used)}
    changed = copy.copy(inputs)
    changed[:] = result
    changed.declared = [numbers[number] for number in inputs.declared]
    changed.tables = [numbers[number] for number in inputs.tables]
    return found, changed


def injections_read(rows: list[Row]) -> list[Injection]:
    """The resources whose value the engine itself reads, such as conditions and inputs of maps, or that the graph's value holds."""
    found: dict[Injection, None] = {}
    _find_injections(rows, len(rows) - 1, lambda operation: operation.hands_on, found)
    for operation, *references in rows:
        if isinstance(operation, TaskOperation):
            for operand, reference in zip(operation.operands, references, strict=True):
                if operand.role.is_read:
                    # Not into lists: the items of a map are arguments again.
                    _find_injections(rows, reference, lambda operation: operation is EITHER, found)
    return list(found)


def _find_injections(
    rows: list[Row], number: int, hands_on: Callable[[AnyTask | Operation], bool], found: dict[Injection, None]
) -> None:
    stack = [number]
    seen: set[int] = set()
    while stack:
        number = stack.pop()
        if number >= 0 and number not in seen:
            seen.add(number)
            operation = rows[number][0]
            if isinstance(operation, Injection):
                found[operation] = None
            elif hands_on(operation):
                stack += rows[number][1:]
