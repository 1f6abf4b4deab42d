"""The listing of a blueprint."""

from __future__ import annotations

from cascade.blueprint import Blueprint
from cascade.opcodes import INSTRUCTIONS, WORD_FIELDS


def disassemble(blueprint: Blueprint) -> str:
    """Returns a listing, one word a line: its number, the instruction, what it does, the node it belongs to.

    A slot is written `r3`, and `r3!` where the instruction drops the value.
    """
    lines = [f"blueprint {blueprint.name}: {blueprint.inputs} inputs, {blueprint.slots} slots"]
    words = blueprint.word_table
    for number in range(len(words) // WORD_FIELDS):
        opcode, a, b, c = words[number * WORD_FIELDS : (number + 1) * WORD_FIELDS]
        row = INSTRUCTIONS[opcode]
        does = row.synopsis.format(a=row.a.show(a, blueprint), b=row.b.show(b, blueprint), c=row.c.show(c, blueprint))
        lines.append(f"{number:5}  {row.name:<13} {does:<40}  ; node {blueprint.node_table[number]}".rstrip())
    return "\n".join(lines)
