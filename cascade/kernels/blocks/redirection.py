"""Backward jumps that return to typed code: each goes to instructions behind the user's that return the state at the loop's head.

    10 FOR_ITER ...           10 FOR_ITER ...
    ...                       ...
    40 JUMP_BACKWARD 10       40 EXTENDED_ARG
    ...                       42 JUMP_FORWARD 600
    598 RETURN_VALUE          ...
                              600 RETURN_VALUE
                              602 LOAD_CONST marker; LOAD_FAST ...; BUILD_TUPLE; RETURN_VALUE

A jump may need a longer argument than before. All behind it moves then, which may make other jumps longer in turn.
"""

from __future__ import annotations

import opcode
from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence

from cascade.imports import NamedTuple
from cascade.kernels.blocks.code_tables import CodeTables, Handler, Jump, Location, moved_handlers
from cascade.kernels.blocks.instructions import CACHES, OP, Constants, instruction


class Body(NamedTuple):
    """The user's bytecode behind a prologue, with its tables, and the unit to continue with."""

    raw: bytes
    lines: bytes
    handlers: Sequence[Handler]
    at: int


def returning(constants: Constants, marker: object, slots: Sequence[int], depth: int) -> bytes:
    """Returns the instructions that return a tuple of a marker, locals, and the values of the stack."""
    count = 1 + len(slots) + depth
    parts = [constants.load(marker), *(instruction(OP["LOAD_FAST"], slot) for slot in slots)]
    parts += [instruction(OP["COPY"], count)] * depth
    parts.append(instruction(OP["BUILD_TUPLE"], count))
    if depth:
        parts += [instruction(OP["SWAP"], depth + 1), *[instruction(OP["POP_TOP"])] * depth]
    return b"".join((*parts, instruction(OP["RETURN_VALUE"])))


def redirected(tables: CodeTables, raw: bytes, at: int, stubs: Mapping[int, bytes]) -> Body:
    """Returns the bytecode `raw` with its backward jumps to some units going to instructions at its end instead.

    These have the location of the loop's head, where a tracer would see the jump arrive.
    """
    places, end = {}, len(raw) >> 1
    for unit, stub in stubs.items():
        places[unit] = end
        end += len(stub) >> 1
    layout = _Layout(tables, places)
    added = [(len(stub) >> 1, tables.locations.location(unit)) for unit, stub in stubs.items()]
    return Body(
        layout.edited(raw) + b"".join(stubs.values()),
        layout.lines(added),
        moved_handlers(tables.handlers, layout.moved),
        layout.moved(at),
    )


class _Layout:
    """The positions of instructions when some jumps have got longer."""

    def __init__(self, tables: CodeTables, places: Mapping[int, int]) -> None:
        self._tables, self._places = tables, places
        self._longer: dict[int, int] = {}
        self._place()
        changed = self._lengthen(jump for jump in tables.jumps if self._is_redirected(jump))
        while changed:
            changed = self._lengthen(tables.jumps)

    def _place(self) -> None:
        self._starts, self._sums = sorted(self._longer), [0]
        for start in self._starts:
            self._sums.append(self._sums[-1] + self._longer[start])

    def _lengthen(self, jumps: Iterable[Jump]) -> bool:
        changed = False
        for jump in jumps:
            more = _prefixes(self._argument(jump)) - jump.prefixes
            if more > self._longer.get(jump.start, 0):
                self._longer[jump.start] = more
                changed = True
        self._place()
        return changed

    def moved(self, unit: int) -> int:
        """Returns the new unit of an instruction; one that has got longer begins with its prefixes."""
        return unit + self._sums[bisect_left(self._starts, unit)]

    def _is_redirected(self, jump: Jump) -> bool:
        return jump.target in self._places and jump.target < jump.start

    def _argument(self, jump: Jump) -> int:
        if self._is_redirected(jump):
            return self._places[jump.target] + self._sums[-1] - self.moved(jump.end) + _unused(jump.number)
        return abs(self.moved(jump.target) - self.moved(jump.end))

    def edited(self, raw: bytes) -> bytes:
        """Returns the bytecode with its jumps."""
        parts, last = [], 0
        for jump in self._tables.jumps:
            if self._longer or self._is_redirected(jump):
                parts += [raw[2 * last : 2 * jump.start], self._jump(jump)]
                last = jump.end
        return b"".join((*parts, raw[2 * last :]))

    def _jump(self, jump: Jump) -> bytes:
        number = _FORWARD[jump.number] if self._is_redirected(jump) else jump.number
        made = instruction(number, self._argument(jump))
        length = jump.end - jump.start + self._longer.get(jump.start, 0)
        rest = _unused(jump.number) if self._is_redirected(jump) else 0
        fill = length - rest - (len(made) >> 1)
        return instruction(OP["EXTENDED_ARG"]) * fill + made + instruction(OP["NOP"]) * rest

    def lines(self, added: Iterable[tuple[int, Location | None]]) -> bytes:
        """Returns the table of locations, with those of the units at the end."""
        return self._tables.locations.lengthened(self._longer, added)


_FORWARD = {
    number: OP[name.replace("_NO_INTERRUPT", "").replace("BACKWARD", "FORWARD")]
    for number, name in enumerate(opcode.opname[:256])
    if "JUMP_BACKWARD" in name and name in OP and "INSTRUMENTED" not in name
}
"""The forward jump of each backward jump."""


def _unused(number: int) -> int:
    # JUMP_BACKWARD has a cache from 3.13 on, JUMP_FORWARD has none.
    return CACHES[number] - CACHES[_FORWARD[number]]


def _prefixes(argument: int) -> int:
    return max(0, argument.bit_length() - 1) // 8
