"""Calls of plain Python functions: by their kernels, without a frame of CPython's.

A kernel that is called by a kernel has no frame. Where code of its own has to be executed by CPython, by a call-out or a continuation,
the frames of the functions that have led there are made first (`cascade_call_under`): code that looks at frames sees them.
"""

from __future__ import annotations

from types import CellType, CodeType, FunctionType

from cascade.kernels.blocks import generic
from cascade.kernels.blocks.calls import OF_MADE_FUNCTIONS, OTHERS
from cascade.kernels.blocks.decode import Instruction
from cascade.kernels.blocks.translator import Translator, form
from cascade.kernels.blocks.values import Value

COMPREHENSIONS = ("<listcomp>", "<setcomp>", "<dictcomp>")
"""Up to CPython 3.11, functions that are made and called at once."""


def call_function(translator: Translator, function: object, count: int, instruction: Instruction) -> bool:
    """Translates a call of a known plain function with `count` arguments on the stack; returns whether that is possible."""
    if type(function) is not FunctionType or not _takes(function.__code__, count):
        return False
    callee = translator.kernel_of(function)
    if callee is None:
        return False
    return _emit(translator, callee, count, instruction)


OTHERS.append(call_function)


def _takes(code: CodeType, count: int) -> bool:
    return count == code.co_argcount and not code.co_kwonlyargcount and not code.co_flags & 0x2AC


def call_made_function(translator: Translator, value: Value, count: int, instruction: Instruction) -> bool:
    """The same for a function that was made in this code, and whose code is known."""
    code = value.code
    if code is None or not _takes(code, count):
        return False
    made = FunctionType(code, translator.function.__globals__, code.co_name, None, _cells(code))
    callee = translator.kernel_of(made)
    return callee is not None and _emit(translator, callee, count, instruction)


OF_MADE_FUNCTIONS.append(call_made_function)


def _cells(code: CodeType) -> tuple[CellType, ...]:
    return tuple(CellType() for _ in code.co_freevars)


def _emit(translator: Translator, callee: object, count: int, instruction: Instruction) -> bool:
    if "__class__" in translator.code.co_freevars:
        return False  # its call-outs begin with the instance, for super()
    taken = instruction.arg + 2
    for place in range(-taken, 0):
        if translator.whole(place).kind not in generic.ARGUMENTS:
            return False
    for place in range(-count, 0):
        translator.seen(place)
    number = generic.make(translator, translator.offset, instruction.after, taken, 1, name="CALL_FUNCTION")
    translator.callees[number] = callee
    return True


@form("MAKE_FUNCTION")
def make_function(translator: Translator, instruction: Instruction) -> None:
    code = translator.state.stack[-1].known
    generic.call_out(translator, instruction)
    if type(code) is CodeType and code.co_name in COMPREHENSIONS:
        translator.push(translator.pop()._replace(code=code, general=True))
