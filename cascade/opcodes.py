"""The instruction table: every instruction of the virtual machine, one row each.

A word is 16 bytes, drawn here once:

    0               4               8               12              16
    +---------------+---------------+---------------+---------------+
    |    opcode     |   operand a   |   operand b   |   operand c   |
    |     int32     |     int32     |     int32     |     int32     |
    +---------------+---------------+---------------+---------------+

A *slot* is an index into the frame's array of values: the inputs of the run stand first, the registers after them.
A *source* is a slot read as an operand, stored as `slot * 2 + last`, where `last` says that the instruction drops
the value: it is the last one to use it. An operand of kind ARGUMENTS is an index into the blueprint's operand
table, where the count stands first and that many sources follow.

Everything that differs from instruction to instruction is in the rows below; the C enum (`_opcodes.pxd`), the
disassembler, the verifier and the documentation derive from them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from cascade.blueprint import Blueprint

WORD_FIELDS = 4
WORD_BYTES = 16
MAX_SLOTS = 2**30
"""Sources are stored as `slot * 2 + last` in 31 bits."""


class Kind:
    """What an operand means: how it prints, which values are in range, which slots it reads and writes.

    `fault` says why a value is out of range; the other methods are for values that are in range.
    """

    def show(self, value: int, blueprint: Blueprint) -> str:
        return ""

    def fault(self, value: int, blueprint: Blueprint) -> str | None:
        return f"an unused operand is {value}, not 0" if value else None

    def sources(self, value: int, blueprint: Blueprint) -> Sequence[int]:
        """The sources that are read, encoded."""
        return ()

    def writes(self, value: int) -> int:
        """The slot that is written, or -1."""
        return -1


class Destination(Kind):
    def show(self, value: int, blueprint: Blueprint) -> str:
        return f"r{value}"

    def fault(self, value: int, blueprint: Blueprint) -> str | None:
        return None if 0 <= value < blueprint.slots else f"slot {value} is outside 0..{blueprint.slots - 1}"

    def writes(self, value: int) -> int:
        return value


class Source(Kind):
    def show(self, value: int, blueprint: Blueprint) -> str:
        return ", ".join(f"r{source >> 1}{'!' * (source & 1)}" for source in self.sources(value, blueprint))

    def fault(self, value: int, blueprint: Blueprint) -> str | None:
        limit = 2 * blueprint.slots
        return None if 0 <= value < limit else f"slot {value >> 1} is outside 0..{blueprint.slots - 1}"

    def sources(self, value: int, blueprint: Blueprint) -> Sequence[int]:
        return (value,)


class Arguments(Source):
    def fault(self, value: int, blueprint: Blueprint) -> str | None:
        table = blueprint.operand_table
        if not 0 <= value < len(table) or not 0 <= table[value] < len(table) - value:
            return f"argument list {value} leaves the operand table of {len(table)} entries"
        for source in table[value + 1 : value + 1 + table[value]]:
            if not 0 <= source < 2 * blueprint.slots:
                return super().fault(source, blueprint)
        return None

    def sources(self, value: int, blueprint: Blueprint) -> Sequence[int]:
        table = blueprint.operand_table
        return table[value + 1 : value + 1 + table[value]]


class Parameters(Source):
    """All the inputs, which a task's own frame holds in its first slots: nothing that the operand has to say."""

    def fault(self, value: int, blueprint: Blueprint) -> str | None:
        return f"an unused operand is {value}, not 0" if value else None

    def sources(self, value: int, blueprint: Blueprint) -> Sequence[int]:
        return range(0, 2 * blueprint.inputs, 2)


class Constant(Kind):
    """An index into the blueprint's constants: a routine to call, or a function that rebuilds a container."""

    def show(self, value: int, blueprint: Blueprint) -> str:
        constant = blueprint.constants[value]
        return str(getattr(constant, "name", None) or getattr(constant, "__name__", constant))

    def fault(self, value: int, blueprint: Blueprint) -> str | None:
        count = len(blueprint.constants)
        return None if 0 <= value < count else f"constant {value} is outside the table of {count}"


NOTHING, DESTINATION, SOURCE, ARGUMENTS = Kind(), Destination(), Source(), Arguments()
PARAMETERS, ROUTINE, FUNCTION = Parameters(), Constant(), Constant()


class Instruction(NamedTuple):
    name: str
    a: Kind
    b: Kind
    c: Kind
    synopsis: str
    calls: bool = False
    """Calls a task: one step of the run."""
    ends: bool = False
    """Nothing after it is reached."""
    pairs: bool = False
    """Its arguments come in pairs."""


INSTRUCTIONS: tuple[Instruction, ...] = (
    # Calls of tasks.
    Instruction("CALL_ONE", DESTINATION, ROUTINE, SOURCE, "{a} = {b}({c})", calls=True),
    Instruction("CALL", DESTINATION, ROUTINE, ARGUMENTS, "{a} = {b}({c})", calls=True),
    Instruction("CALL_MANAGED", DESTINATION, ROUTINE, ARGUMENTS, "{a} = managed {b}({c})", calls=True),
    Instruction("LOOP", DESTINATION, ROUTINE, PARAMETERS, "{a} = {b}({c}), again on TailCall", calls=True),
    Instruction("LOOP_MANAGED", DESTINATION, ROUTINE, PARAMETERS, "{a} = managed {b}({c}), again on TailCall", calls=True),
    # Containers that held LazyResults.
    Instruction("LIST", DESTINATION, NOTHING, ARGUMENTS, "{a} = [{c}]"),
    Instruction("TUPLE", DESTINATION, NOTHING, ARGUMENTS, "{a} = ({c},)"),
    Instruction("SET", DESTINATION, NOTHING, ARGUMENTS, "{a} = {{{c}}}"),
    Instruction("DICT", DESTINATION, NOTHING, ARGUMENTS, "{a} = {{key, value: {c}}}", pairs=True),
    Instruction("REBUILD", DESTINATION, FUNCTION, ARGUMENTS, "{a} = {b}({c})"),
    # The end of a frame.
    Instruction("RETURN", NOTHING, NOTHING, SOURCE, "return {c}", ends=True),
)

OPCODES: dict[str, int] = {row.name: number for number, row in enumerate(INSTRUCTIONS)}
