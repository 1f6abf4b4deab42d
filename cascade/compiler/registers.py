"""Register allocation: a slot for every value, with liveness.

A value keeps its slot until its last use; the instruction that uses it last drops it (`!`), and the slot is free
for that instruction's own result:

    rows    0  load   input 0          slots    input 0 is r0
            1  clean  0                         r0 = load(r0!)
            2  store  1                         r0 = clean(r0!)
                                                r0 = store(r0!)

Slots are given out last in, first out, so that the ones in use stay few and warm.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence

from cascade.graph.model import Row
from cascade.imports import NamedTuple

DROPPED = -2


class Registers(NamedTuple):
    destinations: list[int]
    """For each row, the slot of its value."""
    sources: array[int]
    """The encoded sources of all rows, in the order of issue, one row after the other."""
    slots: int
    """How many slots a frame needs."""


def allocate(rows: Sequence[Row], order: Sequence[int], inputs: int) -> Registers:
    """Gives every row a slot. The inputs have the first slots."""
    last_use = [-1] * (len(rows) + inputs)  # the inputs, by negative reference, stand at the end
    for index in order:
        row = rows[index]
        for position in range(1, len(row)):
            last_use[row[position]] = index
    destinations = [-1] * len(rows) + list(range(inputs - 1, -1, -1))
    sources = array("i")
    free: list[int] = []
    slots = inputs
    for index in order:
        row = rows[index]
        encoded = []
        for position in range(len(row) - 1, 0, -1):  # backwards: only the last of two equal operands drops the value
            reference = row[position]
            slot = destinations[reference]
            if last_use[reference] == index:
                last_use[reference] = DROPPED
                free.append(slot)
                encoded.append(2 * slot + 1)
            else:
                encoded.append(2 * slot)
        encoded.reverse()
        sources.extend(encoded)
        if free:
            destinations[index] = free.pop()
        else:
            destinations[index] = slots
            slots += 1
    del destinations[len(rows) :]
    return Registers(destinations, sources, slots)
