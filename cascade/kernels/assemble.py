"""Instructions with labels and names for registers -> words.

The translator emits instructions over *names*: integers that stand for registers of one *space*, the registers of
the task's body or of one helper function. When all is there,

    fuse        neighbours become one instruction (fuse.py)
    registers   parameters, constants, variables, then temporaries; a temporary's register is free after its last use
    words       labels become places

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
    """A place in the code."""

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
        self.constants: dict[tuple[str, Any], int] = {}
        self.calls: dict[int, int] = {}  # names of the registers of a called function's arguments, by position
        self.places: dict[int, int] = {}
        self.size = 0

    @property
    def total(self) -> int:
        """How many registers, those for the arguments of calls included."""
        return self.size + len(self.calls)


class Assembler:
    """Collects the instructions of one piece of typed code."""

    def __init__(self) -> None:
        self.items: list[Item | Label] = []
        self.names = 0
        self.temporaries: set[int] = set()
        self.spaces: list[Space] = []
        self.objects: list[Any] = []

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

    def constant(self, space: Space, kind: str, value: Any) -> int:
        """The name of the register that holds a constant."""
        if kind == FLOAT:
            key = (kind, struct.pack("=d", value))
        elif kind == OBJECT:
            key = (kind, self.object(value))  # type: ignore[assignment]
        else:
            key = (INT, int(value))  # type: ignore[assignment]
        name = space.constants.get(key)
        if name is None:
            name = space.constants[key] = self.name()
        return name

    def constant_value(self, kind: str, bits: Any) -> Any:
        """The value of a constant by its key in `Space.constants`."""
        if kind == FLOAT:
            return struct.unpack("=d", bits)[0]
        return self.objects[bits] if kind == OBJECT else bits

    def object(self, value: Any) -> int:
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
        """Gives each name its register."""
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
            places = space.places
            for name in (*space.parameters, *space.constants.values(), *space.variables):
                places[name] = len(places)
            space.size = len(places)
        free: dict[Space, list[int]] = {space: [] for space in self.spaces}
        ending: dict[int, list[int]] = {}
        for name, number in last.items():
            ending.setdefault(number, []).append(name)
        starting: dict[int, list[int]] = {}
        for name, number in first.items():
            starting.setdefault(number, []).append(name)
        for number in sorted({*ending, *starting}):
            # An instruction reads before it writes, but may leave in between: both have a register of their own.
            for name in starting.get(number, ()):
                space = owner[name]
                if free[space]:
                    space.places[name] = free[space].pop()
                else:
                    space.places[name] = space.size
                    space.size += 1
            for name in ending.get(number, ()):
                free[owner[name]].append(owner[name].places[name])
        for space in self.spaces:
            for position, name in space.calls.items():
                space.places[name] = space.size + position

    def words(self) -> tuple[bytes, list[Item]]:
        """The words, and the instruction of each."""
        kept: list[Item] = []
        for item in self.items:
            if type(item) is Label:
                item.index = len(kept)
            else:
                kept.append(item)  # type: ignore[arg-type]
        result = array("i")
        for item in kept:
            row = ROWS[item.name]
            places = item.space.places
            values = dict.fromkeys(FIELDS, 0)
            for field, operand in row.operands.items():
                value = item.operands[field]
                if operand.role in ("reads", "then reads", "writes", "copies", "range"):
                    value = places[value]
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
    """The two int32 of 8 bytes, the low one first."""
    low, high = struct.unpack("=ii", bits)
    return low, high
