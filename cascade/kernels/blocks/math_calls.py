"""Forms of calls of the functions of `math`."""

from __future__ import annotations

import builtins
import math

from cascade.kernels.blocks import scalars
from cascade.kernels.blocks.c_calls import c_function, c_result, finish
from cascade.kernels.blocks.calls import OTHERS, as_int, numbers
from cascade.kernels.blocks.decode import Instruction
from cascade.kernels.blocks.numbers import as_float
from cascade.kernels.blocks.points import LeavesTyped
from cascade.kernels.blocks.sequences import KINDS
from cascade.kernels.blocks.translator import Translator
from cascade.kernels.blocks.values import DISPLAY, Value
from cascade.kernels.functions import ARGUMENT_LIMIT, FOLDED, MATH, OTHERWISE, PAIRS, WHOLE, Known
from cascade.kernels.model import BOOL, FLOAT, INT, OBJECT

NUMBER = (int, float, bool)
c_function(math.gamma, float, NUMBER)
c_function(math.lgamma, float, NUMBER)
c_function(math.hypot, float, *(NUMBER,) * ARGUMENT_LIMIT, optional=ARGUMENT_LIMIT)
OF_ITEMS: dict[object, tuple[type | None, int]] = {
    math.fsum: (float, 1), math.dist: (float, 2), math.prod: (None, 1), builtins.sum: (None, 2),
}  # fmt: skip
"""Functions of lists or tuples of numbers, and in place of the last one of `sum` a number: what they return, the number of arguments."""


def call_math(translator: Translator, function: object, count: int, instruction: Instruction) -> bool:
    if function in OF_ITEMS:
        return of_items(translator, function, count, instruction)
    if function not in MATH and function not in FOLDED and function not in PAIRS:
        return False
    values = numbers(translator, count, scalars_too=True)
    if values is None or not all(
        scalars.is_taken(value, function is math.trunc, function in WHOLE) for value in values
    ):
        return False
    values = [scalars.python_number(value) for value in values]
    if function in FOLDED:
        return folded(translator, function, values, instruction)
    if function in PAIRS:
        return count == 1 and pair(translator, PAIRS[function], values[0], instruction)
    if function in WHOLE and count == 1 and values[0].kind != FLOAT:
        return finish(translator, instruction, as_int(translator, values[0]))
    if function is math.log and count == 2:
        return log(translator, values, instruction)
    known = MATH[function]
    if count != len(known.types):
        known = OTHERWISE.get(function, known)
    if count != len(known.types) or not known.instruction:
        return False
    return finish(translator, instruction, computed(translator, known, values))


def computed(translator: Translator, known: Known, values: list[Value]) -> Value:
    fitted = []
    for value, kind in zip(values, known.types, strict=True):
        if kind != FLOAT and value.kind == FLOAT:
            raise LeavesTyped  # a TypeError
        fitted.append(as_float(translator, value) if kind == FLOAT else value)
    return translator.computed(known.result, known.instruction, *fitted)


def pair(translator: Translator, known: tuple[Known, Known], value: Value, instruction: Instruction) -> bool:
    parts = tuple(computed(translator, each, [value]) for each in known)
    return finish(translator, instruction, Value(DISPLAY, parts=parts))


def folded(translator: Translator, function: object, values: list[Value], instruction: Instruction) -> bool:
    """Gcd and lcm of any number of ints, from the left."""
    if any(value.kind == FLOAT for value in values):
        return False  # a TypeError
    name, neutral = FOLDED[function]
    if not values:
        return finish(translator, instruction, Value(INT, known=neutral))
    result = values[0]
    for value in values[1:] or [result]:
        result = translator.computed(INT, name, result, value)
    return finish(translator, instruction, result)


def log(translator: Translator, values: list[Value], instruction: Instruction) -> bool:
    """The quotient of two natural logarithms, as `math.log` defines it."""
    parts = [translator.computed(FLOAT, "LOG", as_float(translator, value)) for value in values]
    return finish(translator, instruction, translator.computed(FLOAT, "DIVIDE_FLOAT", *parts))


def of_items(translator: Translator, function: object, count: int, instruction: Instruction) -> bool:
    """Calls a function of lists or tuples if they have plain numbers only."""
    result, expected = OF_ITEMS[function]
    if translator.general or count != expected:
        return False
    values = []
    for place in range(-count, 0):
        translator.whole(place)
        values.append(translator.seen(place))
    lists = values[:1] if function is builtins.sum else values
    if not all(value.kind == OBJECT and value.cls in KINDS for value in lists):
        return False
    if len(lists) < count and values[-1].kind not in (INT, FLOAT, BOOL):
        return False
    for value in lists:
        translator.emit("EXPECT_NUMBERS", a=translator.register(value), target=translator.otherwise())
    return finish(translator, instruction, c_result(translator, function, tuple(values), result))


OTHERS.append(call_math)
