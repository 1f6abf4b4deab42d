"""The listing of typed code: one instruction a line, with the source line that it comes from."""

from __future__ import annotations

import re
from collections.abc import Sequence

from cascade.graph.description import printable
from cascade.instructions.kernel import FIELDS, KERNEL_INSTRUCTIONS, KERNEL_WORD_FIELDS, KernelInstruction
from cascade.kernels.model import TypedCode
from cascade.kernels.source import FunctionSource

WIDTH = 62
_LETTER = re.compile(r"\b[a-f]\b(\.\.)?")


def listing(code: TypedCode) -> str:
    """Returns the instructions of typed code, with each source line beside its first instruction.

    `r3` is a register; a constant is shown as its value.
    """
    fields = memoryview(code.words).cast("i")
    constants = {register: repr(value) for register, _, value in code.constants}
    parameters = ", ".join(f"r{at}: {kind}" for at, kind in enumerate(code.types))
    lines = [f"kernel {code.name}({parameters}), {code.registers} registers"]
    starts: dict[int, str] = {body.entry: f"task {body.task.name}({', '.join(body.types)})" for body in code.bodies}
    starts |= {helper.entry: f"function {helper.name}({', '.join(helper.types)})" for helper in code.helpers}
    in_helper = False
    before: tuple[FunctionSource, int] | None = None
    for number in range(len(fields) // KERNEL_WORD_FIELDS):
        word = fields[number * KERNEL_WORD_FIELDS : (number + 1) * KERNEL_WORD_FIELDS]
        if number in starts:
            lines.append(f"  {starts[number]}:")
            in_helper = number in {helper.entry for helper in code.helpers}
        row = KERNEL_INSTRUCTIONS[word[0]]
        text = f"{number:6}  {row.name:<28} {shown(row, word[2:], {} if in_helper else constants, code)}"
        where = code.lines[number]
        if where != before:
            source, line = where
            text = f"{text:<{WIDTH}} | {line:4} {source.line(line).strip()}"
            before = where
        lines.append(text.rstrip())
    return "\n".join(map(printable, lines)) + "\n"


def shown(row: KernelInstruction, values: Sequence[int], constants: dict[int, str], code: TypedCode) -> str:
    """Returns the synopsis of an instruction with its operands filled in."""
    operands = dict(zip(FIELDS, values, strict=True))

    def operand(match: re.Match[str]) -> str:
        field = match[0][0]
        if field not in row.operands:
            return match[0]
        role, value = row.operands[field].role, operands[field]
        if role == "target":
            return str(value)
        if role == "object":
            shared = code.objects[value]
            return getattr(getattr(shared, "function", None), "__name__", repr(shared))
        if role in ("value", "size"):
            return str(value)
        return constants.get(value, f"r{value}")

    return _LETTER.sub(operand, row.synopsis)
