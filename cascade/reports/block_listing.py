"""The listing of a kernel that is made as it is executed: the instructions made so far, one a line, beside the source."""

from __future__ import annotations

from collections.abc import Iterator
from types import BuiltinFunctionType, FunctionType, MethodDescriptorType

from cascade._vm import BlockKernel
from cascade.graph.description import printable
from cascade.instructions.kernel import KERNEL_INSTRUCTIONS, KERNEL_WORD_BYTES, Operand
from cascade.kernels.blocks.translator import STUB
from cascade.reports.block_kernels import translator_of
from cascade.reports.instructions_in_words import FunctionText, shortened
from cascade.reports.kernel_listing import WIDTH, shown
from cascade.reports.machine_code_listing import MachineCodeListing

CALLS = frozenset(("CALL_PYTHON", "CALL_FUNCTION", "ITER_NEXT"))
"""Instructions whose operand e is a call-out."""
NAMED = (type, FunctionType, BuiltinFunctionType, MethodDescriptorType)


def listing(kernel: BlockKernel) -> str:
    """Returns the instructions of a kernel, with each source line beside its first one, and machine code below them.

    The stubs, where more will be made, stand last. Variables are shown by their names, constants by their values; `r7` is another register.
    """
    return "\n".join(map(printable, _Listing(kernel).lines())) + "\n"


class _Listing:
    def __init__(self, kernel: BlockKernel) -> None:
        translator = translator_of(kernel)
        self._kernel, self._translator = kernel, translator
        self._text = FunctionText(translator.function, translator.text.instructions.values())
        self._registers = dict(enumerate((*translator.tables.own_names, *translator.code.co_freevars)))
        self._registers |= {number: shortened(repr(value)) for number, _, value in translator.registers.values}
        self._objects = {id(value): value for value in translator.objects}

    def lines(self) -> Iterator[str]:
        translator, before = self._translator, 0
        machine_code = MachineCodeListing(self._kernel, translator.word_count)
        yield (
            f"kernel {translator.function.__qualname__}({', '.join(translator.code.co_varnames[: translator.code.co_argcount])}), "
            f"{translator.word_count} instructions, made as they are executed, {machine_code.title}"
        )
        for number, opcode, operands, line, _ in self._kernel.listing():
            if number >= translator.word_count and opcode != STUB:
                continue  # a jump in place of a stub whose code is there
            text = f"{number:6}  {KERNEL_INSTRUCTIONS[opcode].name:<28} {self._shown(number, opcode, operands)}"
            if line != before:
                text = f"{text:<{WIDTH}} | {line:4} {self._text.line(line)}"
                before = line
            yield text.rstrip()
            yield from machine_code.of(number)
        yield from machine_code.rest()

    def _shown(self, number: int, opcode: int, operands: tuple[int, ...]) -> str:
        row = KERNEL_INSTRUCTIONS[opcode]

        def words(operand: Operand, value: int) -> str:
            if operand.role == "target":
                return str(number + value // KERNEL_WORD_BYTES)
            if operand.role == "object":
                return _named(self._objects.get(_address(operands)))
            if operand.role in ("value", "size", "gathering"):
                return str(value)
            return self._registers.get(value, f"r{value}")

        text = shown(row, operands, words)
        if row.name in CALLS:
            made = self._translator.call_outs[operands["abcdef".index("e")]]
            expression = self._text.expression(self._translator.text.between(made.start, made.end))
            text += f": {expression.source}"
        return text


def _named(value: object) -> str:
    """Returns a text for an object that runs none of its code."""
    if type(value) in (int, float, complex, bool, str, bytes, type(None)):
        return shortened(repr(value))
    name = getattr(value, "__qualname__", None) if isinstance(value, NAMED) else None
    return name if type(name) is str else f"<{type(value).__name__}>"


def _address(operands: tuple[int, ...]) -> int:
    """Returns the address of the object that an instruction loads: the operands e and f are its halves."""
    return (operands[4] & 0xFFFFFFFF) | (operands[5] & 0xFFFFFFFF) << 32
