"""Chains of compute tasks become one row, so that they travel to a worker together.

    rows    0  load   input 0              0
            1  clean  0 input 1     ->     1
            2  store  1                    2  load, clean, store    input 0 input 1
    order   0 1 2                   ->     2

A row joins the only one that needs its value, where that needs nothing else but inputs: so nothing is computed later than it could be, and
nothing one after the other that could be computed at once. Rows keep their numbers, which are names for people.

Where results may stay on the workers, rows that only compute tasks need become chains that say so, also those of one task:

            0  load   input 0              0  load, keeps          input 0
            1  fit    0 input 1            1  fit                  0 input 1
            2  draw   0             ->     2  draw                 0
            3  <list> 1 2                  3  <list>               1 2
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from cascade.declare.task import Task
from cascade.graph.containers import DICT, LIST, TUPLE
from cascade.graph.model import Row
from cascade.graph.operations import Stage, chain_of
from cascade.imports import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import Literal

    Joining = Literal["none", "chains", "kept"]
    """Whether chains are joined, and whether results of them may stay on the workers."""


def join_chains(rows: Sequence[Row], order: Sequence[int], joining: Joining) -> tuple[Sequence[Row], Sequence[int]]:
    """Returns the rows and the order of issue with chains in place of their last rows; the others are not issued any more."""
    if joining == "none" or sum(_is_compute(rows[index][0]) for index in order) < 2:
        return rows, order
    before = _joined_with(rows, order)
    keeping = _needed_by_workers_only(rows, order) if joining == "kept" else set()
    joined = set(before.values())
    chains = before.keys() | keeping
    if not chains:
        return rows, order
    new = list(rows)
    for index in chains - joined:
        new[index] = _chain(rows, index, before, index in keeping)
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


def _needed_by_workers_only(rows: Sequence[Row], order: Sequence[int]) -> set[int]:
    """Returns the rows of compute tasks whose values only compute tasks need, as they are or in lists, tuples and dicts."""
    found = {*order} - {len(rows) - 1}
    for index in reversed(order):
        operation, *references = rows[index]
        if not _is_compute(operation):
            handed_on = _handed_on(operation, references) if index in found else ()
            found.difference_update(reference for reference in references if reference not in handed_on)
    return {index for index in found if _is_compute(rows[index][0])}


def _handed_on(operation: object, references: Sequence[int]) -> Collection[int]:
    """Returns the operands that a row puts into a container without a look at them."""
    if operation is DICT:
        return {*references[1::2]} - {*references[::2]}
    return references if operation is LIST or operation is TUPLE else ()


def _chain(rows: Sequence[Row], last: int, before: dict[int, int], keeps: bool) -> Row:
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
    return (chain_of(tuple(stages), keeps), *references)
