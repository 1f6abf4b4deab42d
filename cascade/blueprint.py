"""Blueprint: what the compiler makes and the virtual machine runs. Data only."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any


@dataclass(frozen=True, eq=False)
class Blueprint:
    """Code words, constants and side tables of one graph, or of one task that is run on its own.

    Attributes:
        name: what is run, for people.
        words: the instructions, 16 bytes each (see `cascade.opcodes`).
        operands: the operand table, int32 each.
        constants: the routines and functions that instructions name.
        inputs: how many values a run is given; they fill the first slots.
        slots: how many slots a frame has in all.
        nodes: int32 for each word: the node of the graph that it belongs to. Read only for messages and events.
    """

    name: str
    words: bytes
    operands: bytes
    constants: tuple[Any, ...]
    inputs: int
    slots: int
    nodes: bytes = field(repr=False)

    def copy(self) -> Blueprint:
        """A blueprint of the same data, with no table made yet."""
        return replace(self)

    @cached_property
    def operand_table(self) -> memoryview:
        return _int32(self.operands)

    @cached_property
    def node_table(self) -> memoryview:
        return _int32(self.nodes)

    @cached_property
    def word_table(self) -> memoryview:
        return _int32(self.words)


def _int32(data: bytes) -> memoryview:
    view = memoryview(data)
    return view.cast("i") if data else view  # an empty view cannot be cast
