"""Instructions with labels and names for registers -> words.

The translator emits instructions over *names*: integers that stand for registers of one *space*, those of
the task's body or of one helper function. At the end,

    fuse        neighbours become one instruction (fuse.py)
    registers   parameters, constants, variables, then temporaries; a temporary's register is free after its last use
    words       labels become positions

A temporary lives inside one statement, whose instructions are adjacent; so its first and last use in the order of the
text are its live range.
"""

from __future__ import annotations

import struct
from array import array
from typing import TypeAlias, final

from cascade.instructions.kernel import FIELDS, KERNEL_INSTRUCTIONS, KERNEL_OPCODES
from cascade.kernels.model import FLOAT, INT, OBJECT
from cascade.kernels.source import FunctionSource

ROWS = {row.name: row for row in KERNEL_INSTRUCTIONS}
REGISTER_ROLES = ("reads", "then reads", "writes", "copies", "range")
Line = tuple["FunctionSource | None", int]
"""The source, and the line in it."""
TEMPORARY_ROLES = ("reads", "then reads", "writes", "copies")


@final
class Label:
    """A position in the code."""

    __slots__ = ("index", "placed", "uses")

    def __init__(self) -> None:
        self.placed = False
        self.uses = 0
        self.index = -1


@final
class Item:
    """An instruction.

    Attributes:
        operands: by the letter of the field; of registers, their names.
        exit: the number of the side exit of the statement.
        line: the source and the line that it comes from.
        space: the registers that it works on.
        target: the label that it jumps to, or calls.
        callee: the registers of the helper that it calls.
    """

    __slots__ = ("callee", "exit", "line", "name", "operands", "space", "target")

    def __init__(
        self,
        name: str,
        operands: dict[str, int],
        exit_number: int,
        line: Line,
        space: Space,
        target: Label | None = None,
        callee: Space | None = None,
    ) -> None:
        self.name = name
        self.operands = operands
        self.exit = exit_number
        self.line = line
        self.space = space
        self.target = target
        self.callee = callee

    def replaced(self, name: str, operands: dict[str, int], target: Label | None = None) -> Item:
        """Returns another instruction in place of this one, of the same statement."""
        return Item(name, operands, self.exit, self.line, self.space, target)

    def with_result(self, register: int) -> Item:
        """Returns the same instruction with another register for its result."""
        operands = {**self.operands, "a": register}
        return Item(self.name, operands, self.exit, self.line, self.space, self.target, self.callee)


Code: TypeAlias = list[Item | Label]
"""Instructions with the labels before them."""


Constant: TypeAlias = tuple[str, bytes | int]
"""A type; and the bits of a float, an int, or the position of an object among the objects of the code."""


class Space:
    """The registers of one function."""

    def __init__(self) -> None:
        self.parameters: list[int] = []
        self.variables: list[int] = []
        self.constants: dict[Constant, int] = {}
        self.calls: dict[int, int] = {}  # names of the registers of a called function's arguments, by position
        self.numbers: dict[int, int] = {}
        self.size = 0

    @property
    def total(self) -> int:
        """The number of registers, those for the arguments of calls included."""
        return self.size + len(self.calls)


class Assembler:
    """Collects the instructions of one piece of typed code."""

    def __init__(self) -> None:
        self.items: Code = []
        self.names = 0
        self.temporaries: set[int] = set()
        self.spaces: list[Space] = []
        self.objects: list[object] = []

    def space(self) -> Space:
        self.spaces.append(Space())
        return self.spaces[-1]

    def name(self) -> int:
        self.names += 1
        return self.names - 1

    def temporary(self) -> int:
        name = self.name()
        self.temporaries.add(name)
        return name

    def constant(self, space: Space, kind: str, value: object) -> int:
        """Returns the name of the register that holds a constant."""
        key: Constant
        if kind == FLOAT:
            key = (kind, struct.pack("=d", value))
        elif kind == OBJECT:
            key = (kind, self.object_number(value))
        else:
            assert isinstance(value, int)
            key = (INT, int(value))
        name = space.constants.get(key)
        if name is None:
            name = space.constants[key] = self.name()
        return name

    def constant_value(self, key: Constant) -> object:
        """Returns the value of a constant."""
        kind, bits = key
        if isinstance(bits, bytes):
            (number,) = struct.unpack("=d", bits)
            return float(number)
        return self.objects[bits] if kind == OBJECT else bits

    def object_number(self, value: object) -> int:
        for number, known in enumerate(self.objects):
            if known is value:
                return number
        self.objects.append(value)
        return len(self.objects) - 1

    def emit(self, item: Item) -> None:
        if item.target is not None:
            item.target.uses += 1
        self.items.append(item)

    def place(self, label: Label) -> None:
        label.placed = True
        self.items.append(label)

    # -- The end ----------------------------------------------------------------------------------------------------

    def assign(self) -> None:
        """Assigns a register to each name."""
        for space in self.spaces:
            numbers = space.numbers
            for name in (*space.parameters, *space.constants.values(), *space.variables):
                numbers[name] = len(numbers)
            space.size = len(numbers)
        self.assign_temporaries()
        for space in self.spaces:
            for position, name in space.calls.items():
                space.numbers[name] = space.size + position

    def assign_temporaries(self) -> None:
        """Assigns a register to each temporary, which is free again after its last use."""
        first, last, owner = self.lifetimes()
        free: dict[Space, list[int]] = {space: [] for space in self.spaces}
        starting, ending = _by_position(first), _by_position(last)
        for position in sorted({*ending, *starting}):
            # An instruction reads before it writes, but may exit in between: both have a register of their own.
            for name in starting.get(position, ()):
                space = owner[name]
                if free[space]:
                    space.numbers[name] = free[space].pop()
                else:
                    space.numbers[name] = space.size
                    space.size += 1
            for name in ending.get(position, ()):
                free[owner[name]].append(owner[name].numbers[name])

    def lifetimes(self) -> tuple[dict[int, int], dict[int, int], dict[int, Space]]:
        """Returns the first and the last position at which each temporary is used, and the space that it belongs to."""
        first: dict[int, int] = {}
        last: dict[int, int] = {}
        owner: dict[int, Space] = {}
        for position, item in enumerate(self.items):
            if type(item) is Item:
                for field, operand in ROWS[item.name].operands.items():
                    if operand.role in TEMPORARY_ROLES and (name := item.operands[field]) in self.temporaries:
                        first.setdefault(name, position)
                        last[name] = position
                        owner[name] = item.space
        return first, last, owner

    def words(self) -> tuple[bytes, list[Item]]:
        """Returns the words, and the instruction of each."""
        kept: list[Item] = []
        for item in self.items:
            if type(item) is Label:
                item.index = len(kept)
            elif type(item) is Item:
                kept.append(item)
        result = array("i")
        for item in kept:
            result.extend(_word(item))
        return result.tobytes(), kept


def _word(item: Item) -> tuple[int, ...]:
    numbers, given = item.space.numbers, item.operands
    values = dict.fromkeys(FIELDS, 0)
    for field, operand in ROWS[item.name].operands.items():
        role = operand.role
        if role in REGISTER_ROLES:
            values[field] = numbers[given[field]]
        elif role == "target":
            assert item.target is not None
            values[field] = item.target.index
        elif role == "window":
            values[field] = item.space.size
        elif role == "size":
            assert item.callee is not None
            values[field] = item.callee.total
        else:
            values[field] = given[field]
    return (KERNEL_OPCODES[item.name], 0, *values.values())


def _by_position(positions: dict[int, int]) -> dict[int, list[int]]:
    """Returns the names by their positions."""
    result: dict[int, list[int]] = {}
    for name, position in positions.items():
        result.setdefault(position, []).append(name)
    return result


def halves(bits: bytes) -> tuple[int, int]:
    """Returns the two int32 of 8 bytes, the low one first."""
    low, high = struct.unpack("=ii", bits)
    return low, high
