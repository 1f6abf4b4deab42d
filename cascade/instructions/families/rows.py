"""A row of a family, as data."""

from __future__ import annotations

from cascade.imports import NamedTuple


class Row(NamedTuple):
    """An instruction: its name, operands, effect in one line, the cause of side exits, whether it ends a block or a run, whether its jump
    takes fuel, and whether it is free (see `KernelInstruction.free`).
    """

    name: str
    operands: str
    synopsis: str
    exits_for: str = ""
    ends: bool = False
    returns: bool = False
    takes_fuel: bool = False
    free: bool = False
