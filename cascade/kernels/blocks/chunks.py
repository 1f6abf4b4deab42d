"""A chunk: the instructions of some blocks that are translated together -> words at the end of the code.

Registers, in this order: one for each variable (numbered as in CPython's frame), those of a consumer, the constants of the function, nine for
each place of the value stack, where values stand at the start of a block, and *scratch* registers for what a block computes.
Each temporary has a name of its own, so that neighbours can be fused; names below `FIRST_NAME` are registers.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable
from types import CodeType
from typing import NamedTuple

from cascade.kernels.assemble import ROWS, Code, Item, Label, Space
from cascade.kernels.blocks.steps import END
from cascade.kernels.blocks.values import Value
from cascade.kernels.fuse import fuse
from cascade.kernels.model import FLOAT, INT
from cascade.kernels.operand_fields import FIELDS_OF

FIRST_NAME = 1_000_000
STRIDE = 9
"""Registers of a place of the value stack: an iterator may need as many."""
SCRATCH = 96


FLOATS = frozenset(
    name for name, row in ROWS.items() if "a" in row.operands and row.operands["a"][:2] == ("writes", "float")
)
"""Instructions whose result is a float."""
StackAt = Callable[[int], tuple[Value, ...]]
"""Returns the values on the stack at a side exit."""


class OutOfRegisters(Exception):
    """A block has more temporaries than there are scratch registers."""


class Registers:
    """The layout of a function's registers.

    Attributes:
        variables: how many there are in CPython's frame.
        hidden: how many more there are behind them, of which CPython knows nothing.
    """

    def __init__(self, code: CodeType, hidden: int = 0) -> None:
        self.hidden = hidden
        self.variables = code.co_nlocals + len(set(code.co_cellvars) - set(code.co_varnames)) + len(code.co_freevars)
        self.first_constant = self.variables + hidden
        self.constants: dict[bytes | int, int] = {}
        self.values: list[tuple[int, str, object]] = []
        for constant in (*code.co_consts, 0, 1, 0.0, False, True):
            kind = FLOAT if type(constant) is float else INT
            if type(constant) in (int, float, bool):
                key = bits_of(kind, constant)
                if key is not None and key not in self.constants:
                    self.constants[key] = self.first_constant + len(self.values)
                    self.values.append((self.constants[key], kind, constant))
        self.none = self.first_constant + len(self.values)
        self.values.append((self.none, "object", None))
        self.end = self.none + 1
        self.values.append((self.end, "object", END))
        self.first_slot = self.end + 1
        self.first_scratch = self.first_slot + STRIDE * (code.co_stacksize + 2)
        self.count = self.first_scratch + SCRATCH
        self.scratch = tuple(range(self.count - 1, self.first_scratch - 1, -1))

    def slot(self, depth: int) -> int:
        """Returns the first register of a place of the value stack."""
        return self.first_slot + STRIDE * depth


def bits_of(kind: str, constant: object) -> bytes | int | None:
    """Returns the key of a constant by its bits; None where a register cannot hold it."""
    if kind == FLOAT:
        return struct.pack("=d", constant)
    assert isinstance(constant, int)
    return int(constant) if -(2**63) <= constant < 2**63 else None


class Words(NamedTuple):
    """Words that stand together, and of each the side exit and the line."""

    words: list[tuple[int, ...]]
    exits: list[int]
    lines: list[int]


class Chunk:
    """Instructions that are being translated.

    Attributes:
        start: the number of the first word.
        cold: the stubs, which stand at the end of the code.
        exit: the number of the side exit of the present instruction of CPython's.
        line: the line of the function's source that it comes from.
        fresh: the temporary that was made last, if nothing has been emitted since.
    """

    def __init__(self, start: int, registers: Registers, space: Space, taken: Iterable[int]) -> None:
        self.start = start
        self.registers = registers
        self.first_for_floats = registers.first_scratch + SCRATCH // 2
        self.space = space
        self.items: Code = []
        self.cold: Code = []
        self.exit = 0
        self.line = 0
        self.names: dict[int, int] = {}
        self.pinned: set[int] = set()
        self.free: list[int] = []
        self.fresh = -1
        self.take_only(taken)
        self.next_name = FIRST_NAME

    def take_only(self, taken: Iterable[int]) -> None:
        """Begins a path on which only these registers are in use."""
        self.free = list(self.registers.scratch)
        for register in {self.physical(name) for name in taken}:
            if self.registers.first_scratch <= register < self.registers.count:
                self.free.remove(register)

    @property
    def is_full(self) -> bool:
        """Whether there may not be enough scratch registers for another instruction of CPython's."""
        return len(self.free) < SCRATCH // 3

    # -- Registers ------------------------------------------------------------------------------------------------------

    def temporary(self) -> int:
        if not self.free:
            raise OutOfRegisters
        name = self.next_name
        self.next_name += 1
        self.names[name] = self.free.pop()
        self.fresh = name
        return name

    def keep_floats_apart(self, name: int) -> None:
        """Gives the newest temporary, which gets a float, a register that no int or object has: the last scratch registers."""
        if name == self.fresh and self.names[name] < self.first_for_floats <= self.free[0]:
            self.free.append(self.names[name])
            self.names[name] = self.free.pop(0)

    def drop(self, value: Value) -> None:
        """Notes that a value is no longer needed: its scratch register may be used again."""
        register = self.physical(value.register)
        if register >= self.registers.first_scratch and register not in self.free:
            self.free.insert(0 if register >= self.first_for_floats else len(self.free), register)

    def physical(self, name: int) -> int:
        return self.names.get(name, name)

    # -- Instructions ---------------------------------------------------------------------------------------------------

    def emit_with(self, name: str, operands: dict[str, int], target: Label | None = None) -> None:
        if target is not None:
            target.uses += 1
        if name in FLOATS and self.free:
            self.keep_floats_apart(operands["a"])
        self.fresh = -1
        self.items.append(Item(name, operands, self.exit, (None, self.line), self.space, target))

    def put(self, label: Label) -> None:
        label.placed = True
        label.uses += 1  # code that is made later may jump there
        self.items.append(label)

    def put_stub(self, label: Label, number: int, items: Code) -> None:
        label.placed = True
        label.uses += 1
        items.append(label)
        items.append(Item("STUB", {"e": number}, self.exit, (None, self.line), self.space))

    def words(self, end: int, stack_at: StackAt) -> tuple[Words, Words]:
        """Returns the words, and the stubs, which stand before the word `end`. Labels get their positions.

        Args:
            stack_at: returns the values on the stack at a side exit.
        """
        kept = self.placed(self.fused(stack_at), self.start)
        stubs = self.placed(self.cold, end - sum(isinstance(item, Item) for item in self.cold))
        return self.encoded(kept), self.encoded(stubs)

    def fused(self, stack_at: StackAt) -> Code:
        """Returns the instructions with neighbours fused; results that a side exit behind them reads are kept."""
        while True:
            found = fuse(self.items, self.names.keys() - self.pinned, self.names)
            read: set[int] = set()
            for number in {item.exit for item in found if type(item) is Item and item.name in STOPS}:
                add_names(stack_at(number), read)
            lost = read - written(found) if read else read
            if lost:
                lost &= written(self.items) - self.pinned
            if not lost:
                return found
            self.pinned |= lost

    def placed(self, items: Code, start: int) -> list[Item]:
        """Returns the instructions without the labels, which get their positions."""
        kept: list[Item] = []
        for item in items:
            if isinstance(item, Label):
                item.index = start + len(kept)
            else:
                kept.append(item)
        return kept

    def encoded(self, items: list[Item]) -> Words:
        return Words(
            [self.word(item) for item in items], [item.exit for item in items], [item.line[1] for item in items]
        )

    def word(self, item: Item) -> tuple[int, ...]:
        fields, operands, names, count = FIELDS_OF[item.name], item.operands, self.names, self.registers.count
        word = list(fields.word)
        for field, place in fields.registers:
            name = operands[field]
            word[place] = register = names.get(name, name)
            assert 0 <= register < count, f"{item.name} has no register {field}"
        for field, place in fields.given:
            word[place] = operands[field]
        if fields.target:
            assert item.target is not None
            word[fields.target] = item.target.index
        return tuple(word)


STOPS = frozenset(name for name, row in ROWS.items() if row.exits_for or name == "GUARD")
"""Instructions at which there may be a side exit."""


def written(items: Code) -> set[int]:
    """Returns the names that instructions write."""
    found = set()
    for item in items:
        if type(item) is Item:
            for field in FIELDS_OF[item.name].writes:
                found.add(item.operands[field])
    return found


def add_names(stack: Iterable[Value], names: set[int]) -> None:
    """Adds the names of the temporaries that values on the stack are in."""
    for value in stack:
        if value.register >= FIRST_NAME:
            names.add(value.register)
        if value.parts:
            add_names(value.parts, names)
