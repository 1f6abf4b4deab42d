"""Calls of functions written in C: of those that run no code of users where their arguments are of built-in classes."""

from __future__ import annotations

from typing import NamedTuple

from cascade.kernels.blocks.decode import Instruction
from cascade.kernels.blocks.translator import Translator
from cascade.kernels.blocks.values import NOTHING, PLAIN, Value
from cascade.kernels.model import BOOL, FLOAT, INT, NONE, OBJECT

CLASSES: dict[str, type] = {INT: int, FLOAT: float, BOOL: bool, NONE: type(None)}
"""The classes of the kinds of values that are no objects."""
Classes = tuple[type, ...]
STR: Classes = (str,)
BYTES: Classes = (bytes,)
WHOLE: Classes = (int, bool)
NO: Classes = (type(None),)


class CFunction(NamedTuple):
    """A function written in C, as typed code calls it.

    Attributes:
        result: the exact class of what it returns, where that is known; an int is one of 64 bits.
        arguments: of each argument the exact classes with which no code of users runs; `self` is the first one of a method.
        required: how many arguments there are at least.
    """

    result: type | None
    arguments: tuple[Classes, ...]
    required: int


C_FUNCTIONS: dict[object, CFunction] = {}
"""The functions that are called directly. Enter one by `c_function` only where these hold, for arguments of the classes that are given:
no code of users runs, also not by an item of a list or dict; and no argument changes."""


def c_function(function: object, result: type | None, *arguments: Classes, optional: int = 0) -> None:
    """Enters a function; the last `optional` arguments may be left out."""
    assert function not in C_FUNCTIONS
    C_FUNCTIONS[function] = CFunction(result, arguments, len(arguments) - optional)


def class_of(value: Value) -> type | None:
    """Returns the exact class of a value, if it is known."""
    return value.cls if value.kind == OBJECT else CLASSES.get(value.kind)


def call_c(translator: Translator, function: object, count: int, instruction: Instruction) -> bool:
    """Calls a function of `C_FUNCTIONS`, if its `count` arguments on the stack fit; returns whether they do."""
    known = C_FUNCTIONS[function]
    if not known.required <= count <= len(known.arguments):
        return False
    for place, classes in zip(range(-count, 0), known.arguments, strict=False):
        translator.whole(place)
        if class_of(translator.seen(place)) not in classes:
            return False
    if known.result not in PLAIN:
        before_collection(translator)
    values = translator.state.stack[len(translator.state.stack) - count :]
    result = c_result(translator, function, tuple(values), known.result)
    return finish(translator, instruction, result)


def before_collection(translator: Translator) -> None:
    """An object that the garbage collector knows is going to be made, so that finalizers may run."""
    translator.before_effect()
    translator.after_effect()
    translator.refresh()


def c_result(translator: Translator, function: object, values: tuple[Value, ...], result: type | None) -> Value:
    """Calls a function with values, which keep their references; returns its result, whose class is `result`."""
    number = translator.gather(function, tuple(value._replace(owned=False) for value in values), ())
    if result is type(None):
        translator.emit("CALL_C_NONE", e=number)
        return NOTHING
    register = translator.temporary()
    if result in (int, bool):
        translator.emit("CALL_C_NUMBER", a=register, e=number)
        return Value(INT if result is int else BOOL, register)
    if result is float:
        translator.emit("CALL_C_FLOAT", a=register, e=number)
        return Value(FLOAT, register)
    translator.emit("CALL_C", a=register, e=number)
    return Value(OBJECT, register, result, True)


def finish(translator: Translator, instruction: Instruction, result: Value) -> bool:
    """Replaces a call's operands on the stack by its result."""
    operands = [translator.pop() for _ in range(instruction.arg + 2)]
    translator.consume(
        *(value for value in reversed(operands) if value.register < 0 or value.register != result.register)
    )
    translator.push(result)
    return True
