"""CPython's instructions, of every version, as one table by offset."""

from __future__ import annotations

import dis
import opcode
import sys
from types import CodeType
from typing import NamedTuple

EXTENDED = dis.opmap["EXTENDED_ARG"]
CACHES: tuple[int, ...] = tuple(
    (
        opcode._inline_cache_entries.get(name, 0)  # type: ignore[attr-defined]
        if isinstance(opcode._inline_cache_entries, dict)  # type: ignore[attr-defined]
        else opcode._inline_cache_entries[number]  # type: ignore[attr-defined]
    )
    for number, name in enumerate(dis.opname[:256])
)
JUMPS = frozenset(dis.hasjrel)
BACKWARD = frozenset(number for number in JUMPS if "BACKWARD" in dis.opname[number])
END_FOR = dis.opmap.get("END_FOR")
COMPARED_AT = {(3, 11): 0, (3, 12): 4}.get(sys.version_info[:2], 5)
"""By how many bits the operator of COMPARE_OP is shifted."""


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


class Handler(NamedTuple):
    """A row of the exception table: offsets in bytes, the end excluded."""

    start: int
    end: int
    target: int


class Function(NamedTuple):
    """A function's instructions.

    Attributes:
        instructions: by offset.
        joins: the offsets that are jumped to, or where an exception handler's range begins or ends.
        heads: the offsets of loops: of backward jumps.
        handlers: the exception table.
    """

    instructions: dict[int, Instruction]
    joins: frozenset[int]
    heads: frozenset[int]
    handlers: tuple[Handler, ...]

    def between(self, start: int, end: int) -> list[Instruction]:
        """Returns the instructions from one offset to another one."""
        found = []
        while start < end:
            found.append(self.instructions[start])
            start = found[-1].after
        return found

    def handler_of(self, offset: int) -> Handler | None:
        """Returns the row that covers an instruction."""
        return next((row for row in self.handlers if row.start <= offset < row.end), None)


def decode(code: CodeType) -> Function:
    """Returns the instructions of a code object."""
    text = code.co_code
    instructions: dict[int, Instruction] = {}
    joins: set[int] = set()
    heads: set[int] = set()
    offset = start = extended = 0
    while offset < len(text):
        number, arg = text[offset], text[offset + 1] | extended
        after = offset + 2 + 2 * CACHES[number]
        if number == EXTENDED:
            extended, offset = arg << 8, after
            continue
        target = -1
        if number in JUMPS:
            target = after - 2 * arg if number in BACKWARD else after + 2 * arg
            if dis.opname[number] == "FOR_ITER":
                target = _behind_loop(text, target)
            joins.add(target)
            if target <= start:
                heads.add(target)
        instructions[start] = Instruction(dis.opname[number], arg, start, offset, after, target)
        offset = start = after
        extended = 0
    handlers = tuple(_handlers(code.co_exceptiontable))
    return Function(instructions, frozenset(joins), frozenset(heads), handlers)


def _behind_loop(text: bytes, target: int) -> int:
    """Returns where a loop continues at its end: CPython 3.12 skips END_FOR, and 3.13 POP_TOP, too."""
    for name in ("END_FOR", "POP_TOP") if END_FOR else ():
        if dis.opname[text[target]] == name and (name == "END_FOR" or sys.version_info >= (3, 13)):
            target += 2
    return target


def _handlers(table: bytes) -> list[Handler]:
    rows = []
    position = 0

    def number() -> int:
        nonlocal position
        byte = table[position]
        value = byte & 63
        while byte & 64:
            position += 1
            byte = table[position]
            value = value << 6 | byte & 63
        position += 1
        return value

    while position < len(table):
        start, length, target, _ = number() * 2, number() * 2, number() * 2, number()
        rows.append(Handler(start, start + length, target))
    return rows
