"""CPython's instructions, of every version, as one table by offset."""

from __future__ import annotations

import dis
import sys
from types import CodeType
from typing import NamedTuple

from cascade.kernels.blocks.instructions import BACKWARD, CACHES, JUMPS, OP

END_FOR = dis.opmap.get("END_FOR")
COMPARED_AT = {(3, 11): 0, (3, 12): 4}.get(sys.version_info[:2], 5)
"""By how many bits the operator of COMPARE_OP is shifted."""

METHOD_BIT = sys.version_info >= (3, 12)
"""From CPython 3.12 on, LOAD_ATTR with an odd argument loads a method."""


class Instruction(NamedTuple):
    """An instruction of CPython's.

    Attributes:
        start: the offset of the first byte, that of its EXTENDED_ARG included.
        last: the offset of the instruction itself.
        after: the offset of the next instruction.
        target: the offset that it jumps to; -1 where it does not.
    """

    name: str
    arg: int
    start: int
    last: int
    after: int
    target: int


class Function(NamedTuple):
    """A function's instructions.

    Attributes:
        instructions: by offset.
        joins: the offsets that are jumped to.
    """

    instructions: dict[int, Instruction]
    joins: frozenset[int]

    @property
    def loops(self) -> bool:
        """Whether it jumps backward."""
        return any(-1 < each.target < each.start for each in self.instructions.values())

    @property
    def nesting(self) -> bytes:
        """For each code unit of two bytes, how many loops it stands in."""
        loops: dict[int, int] = {}
        for each in self.instructions.values():
            if -1 < each.target < each.start:
                loops[each.target] = max(loops.get(each.target, 0), each.after)
        found = bytearray(max(each.after for each in self.instructions.values()) // 2)
        for start, end in loops.items():
            for unit in range(start // 2, end // 2):
                if found[unit] < 255:
                    found[unit] += 1
        return bytes(found)

    def between(self, start: int, end: int) -> list[Instruction]:
        """Returns the instructions from one offset to another one."""
        found = []
        while start < end:
            found.append(self.instructions[start])
            start = found[-1].after
        return found


def stored_by(instruction: Instruction) -> tuple[int, ...]:
    """Returns the local variables whose values an instruction replaces."""
    if instruction.name in ("STORE_FAST", "DELETE_FAST", "LOAD_FAST_AND_CLEAR"):
        return (instruction.arg,)
    if instruction.name == "STORE_FAST_STORE_FAST":
        return instruction.arg >> 4, instruction.arg & 15
    if instruction.name == "STORE_FAST_LOAD_FAST":
        return (instruction.arg >> 4,)
    return ()


def decode(code: CodeType) -> Function:
    """Returns the instructions of a code object."""
    text = code.co_code
    instructions: dict[int, Instruction] = {}
    joins: set[int] = set()
    offset = start = extended = 0
    while offset < len(text):
        number, arg = text[offset], text[offset + 1] | extended
        after = offset + 2 + 2 * CACHES[number]
        if number == OP["EXTENDED_ARG"]:
            extended, offset = arg << 8, after
            continue
        target = -1
        if number in JUMPS:
            target = after - 2 * arg if number in BACKWARD else after + 2 * arg
            if dis.opname[number] == "FOR_ITER":
                target = _behind_loop(text, target)
            joins.add(target)
        instructions[start] = tuple.__new__(Instruction, (dis.opname[number], arg, start, offset, after, target))
        offset = start = after
        extended = 0
    return Function(instructions, frozenset(joins))


def _behind_loop(text: bytes, target: int) -> int:
    """Returns where a loop continues at its end: CPython 3.12 skips END_FOR, and 3.13 POP_TOP, too."""
    for name in ("END_FOR", "POP_TOP") if END_FOR else ():
        if dis.opname[text[target]] == name and (name == "END_FOR" or sys.version_info >= (3, 13)):
            target += 2
    return target
