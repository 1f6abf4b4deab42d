"""The fields of each instruction by their roles, as the translators need them for every instruction that they make."""

from __future__ import annotations

from typing import NamedTuple

from cascade.instructions.kernel import FIELDS, KERNEL_OPCODES, KERNEL_WORD_FIELDS
from cascade.kernels.assemble import ROWS

READING = ("reads", "then reads")
WRITING = ("writes", "copies")
GIVEN = ("value", "object", "gathering")


class OperandFields(NamedTuple):
    """The fields of an instruction.

    Attributes:
        reads, writes: those of the registers that it reads and writes.
        registers: each field with a register, and its place in the word.
        given: each field whose operand stands in the word as it is, and its place.
        target: the place of the word that it jumps to; 0 where it does not jump.
        word: the word without operands.
    """

    reads: tuple[str, ...]
    writes: tuple[str, ...]
    registers: tuple[tuple[str, int], ...]
    given: tuple[tuple[str, int], ...]
    target: int
    word: tuple[int, ...]


class _FieldsOf(dict[str, OperandFields]):
    """By the name of the instruction; worked out when one is first asked for, as a program uses few of them."""

    def __missing__(self, name: str) -> OperandFields:
        operands, first = ROWS[name].operands, KERNEL_WORD_FIELDS - len(FIELDS)
        roles = [(field, operand.role, first + FIELDS.index(field)) for field, operand in operands.items()]
        found = self[name] = OperandFields(
            tuple(field for field, role, _ in roles if role in READING),
            tuple(field for field, role, _ in roles if role in WRITING),
            tuple((field, place) for field, role, place in roles if role not in (*GIVEN, "target")),
            tuple((field, place) for field, role, place in roles if role in GIVEN),
            next((place for _, role, place in roles if role == "target"), 0),
            (KERNEL_OPCODES[name], *[0] * (KERNEL_WORD_FIELDS - 1)),
        )
        return found


FIELDS_OF = _FieldsOf()
