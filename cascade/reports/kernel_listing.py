"""The listing of typed code: one instruction a line, with the source line that it comes from."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from cascade._vm import Kernel
from cascade.graph.description import printable
from cascade.instructions.kernel import FIELDS, KERNEL_INSTRUCTIONS, KERNEL_WORD_FIELDS, KernelInstruction, Operand
from cascade.kernels.model import TypedCode
from cascade.kernels.source import FunctionSource
from cascade.reports.machine_code_listing import MachineCodeListing

WIDTH = 62
_LETTER = re.compile(r"\b(?:a(?! (?!(?:and|are|counts|does|has|is|or)\b)[A-Za-z])|[b-f])\b(\.\.)?")
"""An operand in a synopsis; before other words than these, "a" is an article."""


def listing(kernel: Kernel) -> str:
    """Returns the instructions of a kernel, with each source line beside its first instruction, and machine code below them.

    `r3` is a register; a constant is shown as its value.
    """
    code: TypedCode = kernel.code
    fields = memoryview(code.words).cast("i")
    machine_code = MachineCodeListing(kernel, len(code.lines))
    constants = {register: repr(value) for register, _, value in code.constants}
    parameters = ", ".join(f"r{at}: {kind}" for at, kind in enumerate(code.types))
    lines = [f"kernel {code.name}({parameters}), {code.registers} registers, {machine_code.title}"]
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
        text = f"{number:6}  {row.name:<28} {shown(row, word[2:], words_of({} if in_helper else constants, code))}"
        where = code.lines[number]
        if where != before:
            source, line = where
            text = f"{text:<{WIDTH}} | {line:4} {source.line(line).strip()}"
            before = where
        lines += [text.rstrip(), *machine_code.of(number)]
    lines += machine_code.rest()
    return "\n".join(map(printable, lines)) + "\n"


def words_of(constants: dict[int, str], code: TypedCode) -> Callable[[Operand, int], str]:
    """Returns a function that shows operands."""

    def words(operand: Operand, value: int) -> str:
        if operand.role == "object":
            shared = code.objects[value]
            return getattr(getattr(shared, "function", None), "__name__", repr(shared))
        if operand.role in ("target", "value", "size"):
            return str(value)
        return constants.get(value, f"r{value}")

    return words


def shown(row: KernelInstruction, values: Sequence[int], words: Callable[[Operand, int], str]) -> str:
    """Returns the synopsis of an instruction with its operands filled in, each as `words` shows it."""
    operands = dict(zip(FIELDS, values, strict=True))

    def operand(match: re.Match[str]) -> str:
        field = match[0][0]
        return words(row.operands[field], operands[field]) if field in row.operands else match[0]

    return _LETTER.sub(operand, row.synopsis)
