"""Forms of numbers that are objects: complex numbers, and ints of any size.

An operator on two of them is CPython's own function for it, called without a frame: of these classes no operator runs code of users.
"""

from __future__ import annotations

import builtins
import dis
import sys

from cascade.kernels.blocks import scalars
from cascade.kernels.blocks.c_calls import finish
from cascade.kernels.blocks.calls import known, numbers
from cascade.kernels.blocks.decode import COMPARED_AT, Instruction
from cascade.kernels.blocks.numbers import COMPARERS, OPERATORS, SIGNS, UNARY, as_float
from cascade.kernels.blocks.translator import Translator
from cascade.kernels.blocks.values import Value
from cascade.kernels.model import BOOL, FLOAT, INT, OBJECT

CLASSES = (int, float, bool, complex)
OBJECT_SIGNS = ("+", "&", "//", "<<", "*", "%", "|", "**", ">>", "-", "/", "^")
"""In the order of cascade_operate in vm/kernel_numbers.h."""
COMPLEX = {} if sys.version_info >= (3, 14) else {"+": "COMPLEX_ADD", "-": "COMPLEX_SUB", "*": "COMPLEX_MUL"}
"""CPython 3.14 has other rules for a complex number and a real one."""


def is_number(value: Value) -> bool:
    return value.number or (value.kind == OBJECT and value.cls in CLASSES)


def class_of(value: Value) -> type:
    return value.cls or {INT: int, FLOAT: float, BOOL: bool}[value.kind]


def as_object(translator: Translator, place: int) -> Value:
    """Makes an object of a number on the stack."""
    value = translator.state.stack[place]
    if value.kind == OBJECT:
        return value
    if value.constant:
        made = Value(OBJECT, cls=class_of(value), known=value.known, general=True)
    else:
        source = translator.register(value)
        made = Value(OBJECT, translator.temporary(), class_of(value), True)
        translator.emit(f"BOX_{value.kind.upper()}", a=made.register, b=source)
    translator.state.stack[place] = made
    translator.refresh()
    return made


def operate(translator: Translator, instruction: Instruction) -> bool:
    """Translates an operator on two numbers of which one at least is an object."""
    left, right = translator.state.stack[-2:]
    sign = SIGNS[instruction.arg % 13]
    if not (is_number(left) and is_number(right)) or sign not in OBJECT_SIGNS:
        return False
    left, right = as_object(translator, -2), as_object(translator, -1)
    if complex in (left.cls, right.cls):
        of_complex(translator, sign, left, right)
        return True
    b, c = translator.register(left), translator.register(right)
    result = translator.temporary()
    translator.emit("OPERATE", a=result, e=OBJECT_SIGNS.index(sign), b=b, c=c)
    translator.pop(), translator.pop()
    translator.consume(left, right)
    translator.push(Value(OBJECT, result, owned=True))
    return True


def of_complex(translator: Translator, sign: str, left: Value, right: Value) -> None:
    if sign in COMPLEX:
        result = translator.computed(OBJECT, COMPLEX[sign], left, right).register
    else:
        b, c = translator.register(left), translator.register(right)
        result = translator.temporary()
        translator.emit("OPERATE", a=result, e=OBJECT_SIGNS.index(sign), b=b, c=c)
    translator.pop(), translator.pop()
    translator.consume(left, right)
    translator.push(Value(OBJECT, result, complex if sign in COMPLEX or sign in ("/", "**") else None, True))


def compare(translator: Translator, instruction: Instruction) -> bool:
    left, right = translator.state.stack[-2:]
    if not (is_number(left) and is_number(right)):
        return False
    sign = dis.cmp_op[instruction.arg >> COMPARED_AT]
    left, right = as_object(translator, -2), as_object(translator, -1)
    b, c = translator.register(left), translator.register(right)
    result = translator.temporary()
    translator.emit("COMPARE_NUMBERS", a=result, e=("<", "<=", "==", "!=", ">", ">=").index(sign), b=b, c=c)
    translator.pop(), translator.pop()
    translator.consume(left, right)
    translator.push(Value(BOOL, result))
    return True


def negate(translator: Translator, instruction: Instruction) -> bool:
    value = translator.state.stack[-1]
    if value.kind != OBJECT or value.cls not in CLASSES or instruction.name != "UNARY_NEGATIVE":
        return False
    result = translator.computed(OBJECT, "NEGATE_OBJECT", value)
    translator.pop()
    translator.consume(value)
    translator.push(result._replace(owned=True, cls=complex if value.cls is complex else None))
    return True


OPERATORS.append(operate)
COMPARERS.append(compare)
UNARY.append(negate)


@known(complex)
def call_complex(translator: Translator, count: int, instruction: Instruction) -> bool:
    values = numbers(translator, count) if 1 <= count <= 2 else None
    if values is None:
        return False
    parts = [as_float(translator, value) for value in values]
    if count == 1:
        parts.append(Value(FLOAT, known=0.0))
    result = translator.computed(OBJECT, "COMPLEX", *parts)
    return finish(translator, instruction, result._replace(cls=complex, owned=True))


@known(builtins.abs)
def call_abs(translator: Translator, count: int, instruction: Instruction) -> bool:
    if count != 1:
        return False
    translator.whole(-1)
    value = translator.seen(-1)
    if value.scalar:
        result = scalars.unary(translator, "ABS", value)
        return result is not None and finish(translator, instruction, result)
    if value.number:
        kind = FLOAT if value.kind == FLOAT else INT
        return finish(translator, instruction, translator.computed(kind, f"ABS_{kind.upper()}", value))
    if value.kind != OBJECT or value.cls is not complex:
        return False
    return finish(translator, instruction, translator.computed(FLOAT, "COMPLEX_ABS", value))


def part_of(translator: Translator, name: str) -> bool:
    """Translates the load of an attribute of a complex number on the stack."""
    value = translator.state.stack[-1]
    if value.kind != OBJECT or value.cls is not complex or name not in ("real", "imag"):
        return False
    result = translator.computed(FLOAT, f"COMPLEX_{name.upper()}", value)
    translator.pop()
    translator.consume(value)
    translator.push(result)
    return True
