"""Instructions with labels and names for registers -> words.

The translator emits instructions over *names*: integers that stand for registers of one *space*, the registers of
the task's body or of one helper function. When all is there,

    fuse        neighbours become one instruction (fuse.py)
    registers   parameters, constants, variables, then temporaries; a temporary's register is free after its last use
    words       labels become positions

A temporary lives inside one statement, and a statement's instructions stand together, so first and last use in the order
of the text are all there is to know about it.
"""

from __future__ import annotations

import struct
from array import array
from typing import Any

from cascade.instructions.kernel import FIELDS, KERNEL_INSTRUCTIONS, KERNEL_OPCODES
from cascade.kernels.model import FLOAT, INT, OBJECT

ROWS = {row.name: row for row in KERNEL_INSTRUCTIONS}


class Label:
    """A position in the code."""

    __slots__ = ("index", "placed", "uses")

    def __init__(self) -> None:
        self.placed = False
        self.uses = 0
        self.index = -1


class Item:
    """An instruction."""

    __slots__ = ("exit", "line", "name", "operands", "space")

    def __init__(self, name: str, operands: dict[str, Any], exit: int, line: Any, space: Space) -> None:
        self.name = name
        self.operands = operands
        self.exit = exit
        self.line = line
        self.space = space


class Space:
    """The registers of one function."""

    def __init__(self) -> None:
        self.parameters: list[int] = []
        self.variables: list[int] = []
        self.constants: dict[tuple[str, bytes | int], int] = {}  # by type, and bits or position among the objects
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
        self.items: list[Item | Label] = []
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
        key: tuple[str, bytes | int]
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

    def constant_value(self, kind: str, bits: bytes | int) -> object:
        """Returns the value of a constant by its key in `Space.constants`."""
        if isinstance(bits, bytes):
            (number,) = struct.unpack("=d", bits)
            return number
        return self.objects[bits] if kind == OBJECT else bits

    def object_number(self, value: object) -> int:
        for number, known in enumerate(self.objects):
            if known is value:
                return number
        self.objects.append(value)
        return len(self.objects) - 1

    def emit(self, item: Item) -> None:
        for value in item.operands.values():
            if type(value) is Label:
                value.uses += 1
        self.items.append(item)

    def place(self, label: Label) -> None:
        label.placed = True
        self.items.append(label)

    # -- The end ----------------------------------------------------------------------------------------------------

    def assign(self) -> None:
        """Assigns a register to each name."""
        first: dict[int, int] = {}
        last: dict[int, int] = {}
        owner: dict[int, Space] = {}
        for number, item in enumerate(self.items):
            if type(item) is Item:
                for field, operand in ROWS[item.name].operands.items():
                    if operand.role in ("reads", "then reads", "writes", "copies"):
                        name = item.operands[field]
                        if name in self.temporaries:
                            first.setdefault(name, number)
                            last[name] = number
                            owner[name] = item.space
        for space in self.spaces:
            numbers = space.numbers
            for name in (*space.parameters, *space.constants.values(), *space.variables):
                numbers[name] = len(numbers)
            space.size = len(numbers)
        free: dict[Space, list[int]] = {space: [] for space in self.spaces}
        ending: dict[int, list[int]] = {}
        for name, number in last.items():
            ending.setdefault(number, []).append(name)
        starting: dict[int, list[int]] = {}
        for name, number in first.items():
            starting.setdefault(number, []).append(name)
        for number in sorted({*ending, *starting}):
            # An instruction reads before it writes, but may exit in between: both have a register of their own.
            for name in starting.get(number, ()):
                space = owner[name]
                if free[space]:
                    space.numbers[name] = free[space].pop()
                else:
                    space.numbers[name] = space.size
                    space.size += 1
            for name in ending.get(number, ()):
                free[owner[name]].append(owner[name].numbers[name])
        for space in self.spaces:
            for position, name in space.calls.items():
                space.numbers[name] = space.size + position

    def words(self) -> tuple[bytes, list[Item]]:
        """Returns the words, and the instruction of each."""
        kept: list[Item] = []
        for item in self.items:
            if type(item) is Label:
                item.index = len(kept)
            else:
                kept.append(item)  # type: ignore[arg-type]
        result = array("i")
        for item in kept:
            row = ROWS[item.name]
            numbers = item.space.numbers
            values = dict.fromkeys(FIELDS, 0)
            for field, operand in row.operands.items():
                value = item.operands[field]
                if operand.role in ("reads", "then reads", "writes", "copies", "range"):
                    value = numbers[value]
                elif operand.role == "target":
                    value = value.index
                elif operand.role == "window":
                    value = item.space.size
                elif operand.role == "size":
                    value = value.total
                values[field] = value
            result.extend((KERNEL_OPCODES[item.name], 0, *values.values()))
        return result.tobytes(), kept


def halves(bits: bytes) -> tuple[int, int]:
    """Returns the two int32 of 8 bytes, the low one first."""
    low, high = struct.unpack("=ii", bits)
    return low, high
