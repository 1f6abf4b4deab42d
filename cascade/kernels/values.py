"""Values of expressions while a function is translated."""

from __future__ import annotations

from typing import NamedTuple

from cascade.kernels.model import BOOL, FLOAT, INT, NONE, OBJECT

WIDE = range(-(2**63), 2**63)
"""The ints that a register can hold."""
UNKNOWN: object = type("Unknown", (), {})()
NUMBERS = (INT, FLOAT, BOOL)


class Value(NamedTuple):
    """The value of an expression: the name of its register, or the value itself where it is known while translating."""

    type: str
    register: int = -1
    known: object = UNKNOWN

    @property
    def number(self) -> bool:
        return self.type in NUMBERS

    @property
    def constant(self) -> float | None:
        """The number itself, where it is known; None for other values."""
        return self.known if self.type in NUMBERS and isinstance(self.known, (int, float)) else None

    @property
    def truth(self) -> bool | None:
        """Its truth, where that is known; an object decides its own when the program runs."""
        return None if self.known is UNKNOWN or self.type == OBJECT else bool(self.known)


NO_VALUE = Value(NONE, known=None)
"""The value None, which has no register."""


class SideExit(Exception):
    """From here CPython continues, in any case."""


def number_known(found: object) -> Value | None:
    """Returns the value of a number that a register can hold; None for anything else."""
    if type(found) is float:
        return Value(FLOAT, known=found)
    if type(found) is bool:
        return Value(BOOL, known=found)
    if type(found) is int and found in WIDE:
        return Value(INT, known=found)
    return None


def of_type(kind: str, register: int) -> Value:
    """Returns the value of a type in a register; None has none."""
    return NO_VALUE if kind == NONE else Value(kind, register)
