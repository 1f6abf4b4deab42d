"""One step of a `for` over an iterator that runs code of users: a function at the position of FOR_ITER."""

from __future__ import annotations

import sys
from types import CodeType, FunctionType

from cascade.kernels.blocks.code_tables import CodeTables, location_table
from cascade.kernels.blocks.instructions import (
    GENERATOR,
    OP,
    VARIABLE_ARGUMENTS,
    Constants,
    function_of,
    instruction,
    take_local,
)


class _End:
    __slots__ = ()

    def __repr__(self) -> str:
        return "END"


END = _End()
"""What a step returns at the end."""


def step(function: FunctionType, at: int, tables: CodeTables) -> FunctionType:
    """Returns a function that takes an iterator, and returns its next item, or `END`.

    Args:
        function: a plain function.
        at: the byte offset of its FOR_ITER.
        tables: those of its code.
    """
    code, constants = tables.code, Constants(tables.code)
    location = tables.locations.location(at >> 1)
    found = instruction(OP["SWAP"], 2) + instruction(OP["POP_TOP"]) + instruction(OP["RETURN_VALUE"])
    ended = constants.load(END) + instruction(OP["RETURN_VALUE"])
    parts = (
        (take_local(0), None),
        (instruction(OP["RESUME"]), location),
        (instruction(OP["NOP"]), None),
        (instruction(OP["FOR_ITER"], len(found) >> 1), location),
        (found, None),
        (_loop_end() + ended, location),
    )
    locations = [(len(part) >> 1, place) for part, place in parts]
    made = CodeType(
        1, 0, 0, 1, 4, code.co_flags & ~(VARIABLE_ARGUMENTS | GENERATOR), b"".join(part for part, _ in parts), constants.values, code.co_names,
        (".0",), code.co_filename, code.co_name, code.co_qualname, code.co_firstlineno,
        location_table(locations, code.co_firstlineno), b"", (), (),
    )  # fmt: skip
    return function_of(function, made)


def _loop_end() -> bytes:
    """Returns the instructions at the end of a loop: none, END_FOR on 3.12, and POP_TOP behind it on 3.13."""
    if sys.version_info < (3, 12):
        return b""
    return instruction(OP["END_FOR"]) + (instruction(OP["POP_TOP"]) if sys.version_info >= (3, 13) else b"")
