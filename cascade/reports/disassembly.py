"""The listing of a blueprint."""

from __future__ import annotations

from cascade._vm import Routine
from cascade.graph.description import called_name, operand_words, policy_words, printable
from cascade.graph.operations import Route, TaskOperation
from cascade.instructions.blueprint import Blueprint
from cascade.instructions.graph import INSTRUCTIONS, WORD_FIELDS, Instruction


def disassemble(blueprint: Blueprint) -> str:
    """Returns a listing, one word a line: its number, the instruction, its effect, its node and its policies.

    A slot is written `r3`, and `r3!` where the instruction drops the value. In a call with policies, operands that are not
    arguments are named by their role: `if r3`, `after r4`, `gpu=r5`.
    """
    lines = [f"blueprint {blueprint.name}: {blueprint.inputs} inputs, {blueprint.slots} slots"]
    words = blueprint.word_table
    for number in range(len(words) // WORD_FIELDS):
        opcode, a, b, c = words[number * WORD_FIELDS : (number + 1) * WORD_FIELDS]
        row = INSTRUCTIONS[opcode]
        constant = blueprint.constants[b] if row.calls else None
        operation = constant.operation if type(constant) is Routine else None
        called, operands = row.b.show(b, blueprint), row.c.show(c, blueprint)
        if isinstance(operation, TaskOperation):
            called, operands = called_name(operation), _operands(row, c, blueprint, operation)
        does = row.synopsis.format(a=row.a.show(a, blueprint), b=called, c=operands)
        note = ", ".join([f"node {blueprint.node_table[number]}", *policy_words(operation)])
        lines.append(f"{number:5}  {row.name:<13} {does:<40}  ; {note}".rstrip())
    return "\n".join(map(printable, lines))


def _operands(row: Instruction, value: int, blueprint: Blueprint, operation: TaskOperation) -> str:
    shown = [f"r{source >> 1}{'!' * (source & 1)}" for source in row.c.sources(value, blueprint)]
    if isinstance(operation, Route):
        # After the selector the table of its routes, and the results that it shares with them.
        end = operation.arguments.stop
        shown[1:end] = [f"{name} {text}" for name, text in zip(operation.parameters[1:end], shown[1:end], strict=False)]
    return ", ".join(operand_words(operand, text) for operand, text in zip(operation.operands, shown, strict=False))
