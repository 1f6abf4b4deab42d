"""Chains of compute tasks become one row, so that they travel to a worker together.

    rows    0  load   input 0              0
            1  clean  0 input 1     ->     1
            2  store  1                    2  load, clean, store    input 0 input 1
    order   0 1 2                   ->     2

A row joins the only one that needs its value, where that needs nothing else but inputs: so nothing is computed later than it could be, and
nothing one after the other that could be computed at once. Rows keep their numbers, which are names for people.
"""

from __future__ import annotations

from collections.abc import Sequence

from cascade.declare.task import Task
from cascade.graph.model import Row
from cascade.graph.operations import Chain, Stage, chain_of


def join_chains(rows: Sequence[Row], order: Sequence[int]) -> tuple[Sequence[Row], Sequence[int]]:
    """Returns the rows and the order of issue with chains in place of their last rows; the others are not issued any more."""
    if sum(_is_compute(rows[index][0]) for index in order) < 2:
        return rows, order
    before = _joined_with(rows, order)
    if not before:
        return rows, order
    joined = set(before.values())
    new = list(rows)
    for index in before.keys() - joined:
        new[index] = _chain(rows, index, before)
    return new, [index for index in order if index not in joined]


def _is_compute(operation: object) -> bool:
    return type(operation) is Task and operation.mode == "compute"


def _joined_with(rows: Sequence[Row], order: Sequence[int]) -> dict[int, int]:
    """Returns, by the rows that something joins, what joins them."""
    uses: dict[int, int] = {}
    for index in order:
        for reference in rows[index][1:]:
            uses[reference] = uses.get(reference, 0) + 1
    before = {}
    for index in order:
        needed = [reference for reference in rows[index][1:] if reference >= 0]
        if (
            len(needed) == 1
            and uses[needed[0]] == 1
            and _is_compute(rows[index][0])
            and _is_compute(rows[needed[0]][0])
        ):
            before[index] = needed[0]
    return before


def _chain(rows: Sequence[Row], last: int, before: dict[int, int]) -> Row:
    numbers = [last]
    while numbers[-1] in before:
        numbers.append(before[numbers[-1]])
    numbers.reverse()
    stages: list[Stage] = []
    references: list[int] = []
    for number in numbers:
        operation, *own = rows[number]
        position = own.index(before[number]) if stages else -1
        if position >= 0:
            del own[position]
        stages.append(Stage(operation, number, len(own), position))
        references += own
    operation = chain_of(tuple(stages))
    assert isinstance(operation, Chain)
    return (operation, *references)
