"""Special methods of classes of users: where they are plain functions, their kernels are called, without a frame of CPython's.

    a + b, -a, a < b, a[k], a[k] = x, x in a, len(a), a(x)

Only where nothing but that method decides: the right operand's class is no subclass of the left one's, and has no reflected method, so
that NotImplemented is a TypeError. After a comparison that returns it, the extension asks the other side as CPython does. Where classes
have no `__eq__`, their instances are compared by identity.
"""

from __future__ import annotations

import builtins
import dis
from types import FunctionType

from cascade._vm import class_tag, find_in_class
from cascade.kernels.blocks import generic
from cascade.kernels.blocks.attributes import CLASSES, test_class
from cascade.kernels.blocks.calls import CALLEES, OTHERS
from cascade.kernels.blocks.decode import COMPARED_AT, Instruction
from cascade.kernels.blocks.names import NULL_LAST
from cascade.kernels.blocks.numbers import COMPARERS, OPERATORS, SIGNS, UNARY, finish_comparison, identity
from cascade.kernels.blocks.points import OF_COMPARISON, OF_HOLDS, OF_LENGTH, OF_OPERATOR, OF_UNEQUAL, Callee
from cascade.kernels.blocks.python_calls import emit_call, function_called
from cascade.kernels.blocks.sequences import HELD_IN, INDEXED, STORED
from cascade.kernels.blocks.translator import Translator
from cascade.kernels.blocks.values import BUILT_IN, DISPLAY, Value
from cascade.kernels.model import BOOL, MISSING, NONE, OBJECT

NAMES = {
    "+": "add", "-": "sub", "*": "mul", "/": "truediv", "//": "floordiv", "%": "mod", "**": "pow", "@": "matmul",
    "&": "and", "|": "or", "^": "xor", "<<": "lshift", ">>": "rshift",
}  # fmt: skip
COMPARISONS = {"<": "__lt__", "<=": "__le__", "==": "__eq__", "!=": "__ne__", ">": "__gt__", ">=": "__ge__"}
"""In the order of CPython's numbers."""
UNARY_NAMES = {"UNARY_NEGATIVE": "__neg__", "UNARY_POSITIVE": "__pos__", "UNARY_INVERT": "__invert__"}
IN_PLACE = 13
"""From this argument of BINARY_OP on, the operators are those of augmented assignments."""
HEAP_TYPE = 1 << 9
flags_of = type.__dict__["__flags__"].__get__
classes_of = type.__dict__["__mro__"].__get__
PLAIN_EQUAL, PLAIN_UNEQUAL = find_in_class(object, "__eq__"), find_in_class(object, "__ne__")


# -- Operators ----------------------------------------------------------------------------------------------------------


def operate(translator: Translator, instruction: Instruction) -> bool:
    """Translates an operator; returns whether that is possible."""
    left, right = (translator.whole(place) for place in (-2, -1))
    sign = SIGNS[instruction.arg % IN_PLACE]
    name, reflected = f"__{NAMES[sign]}__", f"__r{NAMES[sign]}__"
    method = Callee(None, -1, finish=OF_OPERATOR, sign=shown(instruction, sign))
    if is_plain(left):
        assert left.met is not None
        if instruction.arg >= IN_PLACE and find_in_class(left.met, f"__i{NAMES[sign]}__", None) is not None:
            return False
        if not yields(left.met, right, reflected):
            return False
        return call(translator, instruction, -2, name, method._replace(parameters=(0, 1)), beside=-1)
    if left.number and is_plain(right):
        return call(translator, instruction, -1, reflected, method._replace(parameters=(1, 0)))
    return False


def shown(instruction: Instruction, sign: str) -> str:
    """Returns an operator as CPython names it in errors."""
    if instruction.arg >= IN_PLACE:
        return f"{sign}="
    return "** or pow()" if sign == "**" else sign


def yields(cls: type, right: Value, reflected: str) -> bool:
    """Returns whether the left operand's class alone decides on an operator."""
    if right.number or right.kind == NONE:
        return True  # the methods of numbers return NotImplemented
    other = class_of(right)
    return other is cls or (
        other is not None
        and not any(each is cls for each in classes_of(other))
        and find_in_class(other, reflected, None) is None
    )


def negate(translator: Translator, instruction: Instruction) -> bool:
    """Translates `-a`, `+a` and `~a`."""
    name = UNARY_NAMES[instruction.name]
    return is_plain(translator.whole(-1)) and call(translator, instruction, -1, name, Callee(None, -1, parameters=(0,)))


OPERATORS.append(operate)
UNARY.append(negate)


# -- Comparisons --------------------------------------------------------------------------------------------------------


def compare(translator: Translator, instruction: Instruction) -> bool:
    left, right = (translator.whole(place) for place in (-2, -1))
    sign = dis.cmp_op[instruction.arg >> COMPARED_AT]
    if sign in ("==", "!=") and compare_by_identity(translator, instruction, sign):
        return True
    if not is_plain(left) or left.met is None:
        return False
    other = class_of(right)
    if other is None or (other is not left.met and any(each is left.met for each in classes_of(other))):
        return False
    name, finish = COMPARISONS[sign], OF_COMPARISON + [*COMPARISONS].index(sign)
    if sign == "!=" and find_in_class(left.met, name) is PLAIN_UNEQUAL:
        name, finish = "__eq__", OF_UNEQUAL
    method = Callee(None, -1, parameters=(0, 1), finish=finish)
    return call(translator, instruction, -2, name, method, beside=-1)


def compare_by_identity(translator: Translator, instruction: Instruction, sign: str) -> bool:
    """Translates == and != of objects without an `__eq__`."""
    sides = translator.state.stack[-2:]
    own = [compares_by_identity(side) for side in sides]
    if not any(own) or not all(one or is_built_in(side) for one, side in zip(own, sides, strict=True)):
        return False
    if not all(not one or test_class(translator, place) for place, one in zip((-2, -1), own, strict=True)):
        return False
    left, right = translator.state.stack[-2:]
    if all(own) or NONE in (left.kind, right.kind):
        result = identity(translator, left, right, sign == "==")
    else:
        result = Value(BOOL, known=sign == "!=")
    if result is None:
        return False
    finish_comparison(translator, instruction, result)
    return True


COMPARERS.append(compare)


def compares_by_identity(value: Value) -> bool:
    return (
        value.kind == OBJECT
        and value.cls is None
        and value.met is not None
        and value.met not in BUILT_IN
        and find_in_class(value.met, "__eq__") is PLAIN_EQUAL
        and find_in_class(value.met, "__ne__") is PLAIN_UNEQUAL
    )


def is_built_in(value: Value) -> bool:
    """Returns whether a value is of a built-in class, which compares nothing with instances of others."""
    return value.kind in CLASSES or value.cls in BUILT_IN


# -- Containers ---------------------------------------------------------------------------------------------------------


def load_item(translator: Translator, instruction: Instruction) -> bool:
    method = Callee(None, -1, parameters=(0, 1))
    return is_plain(translator.state.stack[-2]) and call(
        translator, instruction, -2, "__getitem__", method, keeps=False
    )


def store_item(translator: Translator, instruction: Instruction) -> bool:
    """Translates `container[index] = value`: these stand on the stack as value, container, index."""
    method = Callee(None, -1, parameters=(2, 0, 1), operand=1)
    return is_plain(translator.state.stack[-2]) and call(translator, instruction, -2, "__setitem__", method)


def hold(translator: Translator, instruction: Instruction) -> bool:
    """Translates `value in container`, and `not in`."""
    method = Callee(None, -1, parameters=(1, 0), operand=1, finish=OF_HOLDS + instruction.arg)
    return is_plain(translator.state.stack[-1]) and call(translator, instruction, -1, "__contains__", method)


INDEXED.append(load_item)
STORED.append(store_item)
HELD_IN.append(hold)


# -- Calls --------------------------------------------------------------------------------------------------------------


def call_len(translator: Translator, function: object, count: int, instruction: Instruction) -> bool:
    """Translates `len(container)`."""
    if function is not builtins.len or count != 1 or translator.general:
        return False
    translator.whole(-1)
    translator.seen(-1)
    method = Callee(None, 0, parameters=(0,), finish=OF_LENGTH, raises_at=instruction.start)
    return is_plain(translator.state.stack[-1]) and call(translator, instruction, -1, "__len__", method, taken=3)


def call_instance(translator: Translator, callee: Value, instruction: Instruction) -> bool:
    """Translates a call of an instance."""
    count = instruction.arg
    place = -count - 2 if NULL_LAST else -count - 1
    if translator.general or callee.constant:
        return False
    if not is_plain(translator.seen(place)):
        return False
    for each in range(-count, 0):
        translator.whole(each)
        translator.seen(each)
    method = Callee(None, -1, parameters=tuple(range(count + 1)), raises_at=instruction.start)
    return call(translator, instruction, place, "__call__", method, taken=count + 2)


OTHERS.append(call_len)
CALLEES.append(call_instance)


# -- All of them --------------------------------------------------------------------------------------------------------


def class_of(value: Value) -> type | None:
    return CLASSES.get(value.kind, value.cls or value.met)


def is_plain(value: Value) -> bool:
    """Returns whether a value is an instance of a class of users without a built-in base."""
    return (
        value.kind == OBJECT
        and value.cls is None
        and value.met is not None
        and value.met is not object
        and all(flags_of(cls) & HEAP_TYPE or cls is object for cls in classes_of(value.met))
    )


def call(
    translator: Translator,
    instruction: Instruction,
    place: int,
    name: str,
    method: Callee,
    *,
    beside: int = 0,
    taken: int = 0,
    keeps: bool = True,
) -> bool:
    """Calls a method with operands; returns whether that is possible.

    Args:
        place: where on the stack the value stands whose class has the method.
        method: how it is called, without its kernel.
        beside: where another operand stands on whose class the choice of the method depends; 0 for none.
        taken: how many values the instruction takes from the stack, if these are not the parameters.
        keeps: whether the operands live until the instruction is over.
    """
    cls, count = translator.state.stack[place].met, len(method.parameters)
    assert cls is not None
    function = find_in_class(cls, name, MISSING)
    if translator.general or type(function) is not FunctionType:
        return False
    found = function_called(translator, function, count, ())
    taken = taken or count
    if found is None or any(not is_operand(translator, each) for each in range(-taken, 0)):
        return False
    if class_tag(cls) == 0 or not test_class(translator, place) or (beside and not is_tested(translator, beside)):
        return False
    method = method._replace(kernel=found.kernel, function=function, defaults=found.defaults)
    left = 0 if name == "__setitem__" else 1
    emit_call(translator, method, translator.offset, instruction.after, taken, left, keeps)
    return True


def is_operand(translator: Translator, place: int) -> bool:
    """Returns whether a value on the stack can be an argument: a tuple need not be made for code that is put in place of the call."""
    value = translator.state.stack[place]
    if not (translator.hot and value.passed_apart):
        value = translator.whole(place)
    return value.kind in (*generic.ARGUMENTS, DISPLAY)


def is_tested(translator: Translator, place: int) -> bool:
    """Has the class of an operand tested, if it is one that may change."""
    value = translator.state.stack[place]
    return value.kind != OBJECT or value.cls is not None or test_class(translator, place)
