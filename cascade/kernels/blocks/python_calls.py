"""Calls of plain Python functions: by their kernels, without a frame of CPython's.

A kernel that is called by a kernel has no frame. Where code of its own has to be executed by CPython, by a call-out or a continuation,
the frames of the functions that have led there are made first (`cascade_call_under`): code that looks at frames sees them.
"""

from __future__ import annotations

import dis
from types import CellType, CodeType, FunctionType

from cascade.kernels.blocks import generic
from cascade.kernels.blocks.c_calls import before_collection
from cascade.kernels.blocks.calls import OF_MADE_FUNCTIONS, OTHERS
from cascade.kernels.blocks.comprehensions import made_at
from cascade.kernels.blocks.decode import Instruction
from cascade.kernels.blocks.points import Callee, IteratorArgument
from cascade.kernels.blocks.sequences import drop_stored
from cascade.kernels.blocks.translator import Translator, form
from cascade.kernels.blocks.values import ITERATORS, NULL, Value, iterated
from cascade.kernels.model import OBJECT


def call_function(translator: Translator, function: object, count: int, instruction: Instruction) -> bool:
    """Translates a call of a known plain function with `count` arguments on the stack; returns whether that is possible."""
    if type(function) is not FunctionType or not _takes(function.__code__, count):
        return False
    kernel = translator.kernel_of(function, None)
    if kernel is None:
        return False
    return _emit(translator, Callee(kernel, parameters=tuple(range(count))), count, instruction)


OTHERS.append(call_function)


def _takes(code: CodeType, count: int) -> bool:
    return count == code.co_argcount and not code.co_kwonlyargcount and not code.co_flags & 0x2AC


def _emit(translator: Translator, callee: Callee, count: int, instruction: Instruction) -> bool:
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


# -- Comprehensions ---------------------------------------------------------------------------------------------------


def call_made_function(translator: Translator, value: Value, count: int, instruction: Instruction) -> bool:
    """The same for a comprehension, which is called with its iterator; of a generator expression, the call of the consumer, too."""
    stack = translator.state.stack
    made = made_at(translator, translator.offset, len(stack) - 2)
    if made is None or "__class__" in translator.code.co_freevars:
        return False
    if stack[-1].kind not in ITERATORS:
        translator.seen(-1)
    before = 0 if made.consumer is None else 2
    for place in range(-before - 2, -2):
        translator.whole(place)
    iterator = None
    if stack[-1].kind in ITERATORS:
        iterator = IteratorArgument(iterated(stack[-1]), stack[-1], made.kernel.translator.iterator_slot)  # type: ignore[attr-defined]
    place = sum(value.kind != NULL for value in stack[len(stack) - before - 2 : -2])
    number = generic.make(translator, translator.offset, made.call.after, before + 2, 1, name="CALL_FUNCTION")
    translator.callees[number] = Callee(
        made.kernel, place, parameters=(0,), iterator=iterator, raises_at=made.call.start, joins=made.joins
    )
    translator.offset = made.call.after
    return True


OF_MADE_FUNCTIONS.append(call_made_function)


# -- Functions that are made ------------------------------------------------------------------------------------------

CLOSURE = 8
"""The argument of MAKE_FUNCTION, or SET_FUNCTION_ATTRIBUTE, for a function with a closure."""
CLOSURE_FIRST = "SET_FUNCTION_ATTRIBUTE" not in dis.opmap
"""Whether MAKE_FUNCTION takes it from the stack."""


@form("MAKE_FUNCTION")
def make_function(translator: Translator, instruction: Instruction) -> None:
    code = translator.state.stack[-1].known
    closed = CLOSURE_FIRST and instruction.arg == CLOSURE
    if type(code) is not CodeType or (CLOSURE_FIRST and instruction.arg not in (0, CLOSURE)):
        generic.call_out(translator, instruction)
        return
    if closed:
        translator.whole(-2)
    before_collection(translator)
    translator.pop()
    cells = tuple(CellType() for _ in code.co_freevars)
    pattern = FunctionType(code, translator.function.__globals__, code.co_name, None, cells)
    closure = (translator.pop(),) if closed else ()
    number, result = translator.gather(pattern, closure, ()), translator.temporary()
    translator.emit("MAKE_FUNCTION", a=result, e=number)
    for value in closure:
        drop_stored(translator, value)
    translator.push(Value(OBJECT, result, owned=True, general=True, met=FunctionType, code=code))


@form("SET_FUNCTION_ATTRIBUTE")
def set_function_attribute(translator: Translator, instruction: Instruction) -> None:
    made = translator.state.stack[-1]
    if instruction.arg != CLOSURE or made.code is None:
        generic.call_out(translator, instruction)
        return
    translator.whole(-2)
    closure, made = translator.state.stack[-2:]
    translator.emit("SET_CLOSURE", a=translator.register(made), b=translator.register(closure))
    del translator.state.stack[-2:]
    translator.push(made)
    translator.consume(closure)
