"""Methods, operators and comparisons of lists and tuples. CPython's C functions do the work, where no code of users can run:
an instruction before them looks at the classes of the items, and CPython makes the whole call where one is of another class.
"""

from __future__ import annotations

import dis
import operator

from cascade._vm import find_in_class
from cascade.kernels.blocks.attributes import test_class
from cascade.kernels.blocks.c_calls import WHOLE, before_collection, c_function, c_result, class_of, finish
from cascade.kernels.blocks.calls import CALLS, Known, known
from cascade.kernels.blocks.decode import COMPARED_AT, Instruction
from cascade.kernels.blocks.generic import call_out
from cascade.kernels.blocks.numbers import COMPARED, COMPARERS, OPERATORS, SIGNS
from cascade.kernels.blocks.sequences import DELETIONS_OF, HOLDS_OF, KINDS, expect_list
from cascade.kernels.blocks.translator import Translator
from cascade.kernels.blocks.values import HELD, PLAIN, Value
from cascade.kernels.model import BOOL, INT, OBJECT

SCALARS = (int, float, bool, str, bytes, type(None))
"""Classes whose instances are compared without code of users."""
SEQUENCES = (list, tuple)
NOTHING = type(None)
ANY, ALIKE, HASHED = 0, 1, 2
"""What EXPECT_SCALARS looks for: items that are compared without code of users; numbers only or texts only, which can be sorted without an
error; items of the classes above, which are hashed without code of users."""

c_function(list.extend, NOTHING, (list,), (list, tuple, range, str, bytes))
c_function(list.reverse, NOTHING, (list,))
c_function(list.copy, list, (list,))
c_function(range, range, WHOLE, WHOLE, WHOLE, optional=2)


def expect_scalars(translator: Translator, value: Value, wanted: int = ANY) -> None:
    """Goes on where the items of a list or tuple are plain; else the instruction is called out."""
    translator.emit("EXPECT_SCALARS", a=translator.register(value), e=wanted, target=translator.otherwise())


def arguments_of(translator: Translator, count: int) -> tuple[Value, ...]:
    """Returns the arguments of a call, which are seen."""
    for place in range(-count, 0):
        translator.whole(place)
        translator.seen(place)
    return tuple(translator.state.stack[len(translator.state.stack) - count :])


def is_plain(translator: Translator, place: int) -> bool:
    """Returns whether a value on the stack is compared without code of users; of an object the class is tested then."""
    value = translator.state.stack[place]
    if class_of(value) in SCALARS:
        return True
    if value.kind != OBJECT or value.met is None or find_in_class(value.met, "__eq__") is not object.__eq__:
        return False
    return test_class(translator, place)


# -- Methods ------------------------------------------------------------------------------------------------------------


def searching(function: object, result: type) -> Known:
    """Returns the form of a method that compares its argument with the items."""

    def call(translator: Translator, count: int, instruction: Instruction) -> bool:
        if count != 2 or translator.general:
            return False
        made, _ = arguments_of(translator, count)
        if not is_plain(translator, -1) or (class_of(made) not in SEQUENCES and not expect_list(translator, -2)):
            return False
        translator.protect(count, PLAIN)
        values = tuple(translator.state.stack[-2:])
        expect_scalars(translator, values[0])
        return finish(translator, instruction, c_result(translator, function, values, result))

    return call


for _method, _result in (
    (list.index, int),
    (list.count, int),
    (tuple.index, int),
    (tuple.count, int),
    (list.remove, NOTHING),
):
    CALLS[_method] = searching(_method, _result)


@known(list.sort)
def call_sort(translator: Translator, count: int, instruction: Instruction) -> bool:
    if count != 1 or translator.general:
        return False
    values = arguments_of(translator, count)
    if class_of(values[0]) is not list:
        return False
    expect_scalars(translator, values[0], ALIKE)
    return finish(translator, instruction, c_result(translator, list.sort, values, NOTHING))


@known(list.insert)
def call_insert(translator: Translator, count: int, instruction: Instruction) -> bool:
    if count != 3:
        return False
    value = translator.whole(-1)
    translator.seen(-3)
    place = translator.seen(-2)
    if place.kind not in (INT, BOOL) or value.kind not in HELD or not expect_list(translator, -3):
        return False
    values = tuple(translator.state.stack[-3:])
    return finish(translator, instruction, c_result(translator, list.insert, values, NOTHING))


def pop_at(translator: Translator, count: int, instruction: Instruction) -> bool:
    """Translates `values.pop(i)`; the last item has an instruction of its own."""
    place = translator.seen(-1)
    translator.seen(-2)
    if place.kind not in (INT, BOOL) or not expect_list(translator, -2):
        return False
    translator.protect(0)
    values = tuple(translator.state.stack[-2:])
    return finish(translator, instruction, c_result(translator, list.pop, values, None))


_pop_last = CALLS[list.pop]


@known(list.pop)
def call_pop(translator: Translator, count: int, instruction: Instruction) -> bool:
    return (pop_at if count == 2 else _pop_last)(translator, count, instruction)


# -- Operators ----------------------------------------------------------------------------------------------------------


def operate(translator: Translator, instruction: Instruction) -> bool:
    """Translates `+` and `*` of lists and tuples; returns whether it has done so."""
    sign, in_place = SIGNS[instruction.arg % 13], instruction.arg >= 13
    if sign not in ("+", "*") or not set(map(class_of, translator.state.stack[-2:])) & set(SEQUENCES):
        return False
    left, right = arguments_of(translator, 2)
    made, given = class_of(left), class_of(right)
    if sign == "*" and made in (int, bool) and given in SEQUENCES:
        made, given = given, int
    if made not in SEQUENCES or given not in ((int, bool) if sign == "*" else (made,)):
        return False
    if in_place and made is list:
        return sign == "+" and extend(translator)
    before_collection(translator)
    function = operator.add if sign == "+" else operator.mul
    result = c_result(translator, function, tuple(translator.state.stack[-2:]), made)
    left, right = translator.pop(), translator.pop()
    translator.consume(left, right)
    translator.push(result)
    return True


def extend(translator: Translator) -> bool:
    """Translates `values += others`, whose result is the list itself."""
    values = tuple(translator.state.stack[-2:])
    c_result(translator, list.extend, values, NOTHING)
    translator.consume(translator.pop())
    return True


OPERATORS.append(operate)


# -- Comparisons --------------------------------------------------------------------------------------------------------


def compare(translator: Translator, instruction: Instruction) -> bool:
    """Translates the comparison of two lists or two tuples; returns whether it has done so."""
    sides = [translator.state.stack[place] for place in (-2, -1)]
    if translator.general or not all(value.kind == "display" or class_of(value) in SEQUENCES for value in sides):
        return False
    left, right = arguments_of(translator, 2)
    if class_of(left) is not class_of(right):
        return False
    expect_scalars(translator, left)
    expect_scalars(translator, right)
    sign = dis.cmp_op[instruction.arg >> COMPARED_AT]
    result = c_result(translator, COMPARED[sign], (left, right), bool)
    translator.pop(), translator.pop()
    translator.consume(left, right)
    translator.push(result)
    return True


COMPARERS.append(compare)


def hold(translator: Translator, instruction: Instruction) -> None:
    """Translates `value in values` for values that are compared without code of users."""
    arguments_of(translator, 2)
    if translator.general or not is_plain(translator, -2):
        call_out(translator, instruction)
        return
    value, container = translator.state.stack[-2:]
    if value.number:
        name = f"{KINDS[container.cls]}_HOLDS_{'FLOAT' if class_of(value) is float else 'INT'}"
        register = translator.temporary()
        operands = {"a": register, "b": translator.register(container), "c": translator.register(value)}
        translator.emit(name, target=translator.otherwise(), **operands)
        found = Value(BOOL, register)
    else:
        expect_scalars(translator, container)
        found = c_result(translator, operator.contains, (container, value), bool)
    if instruction.arg:
        found = translator.computed(BOOL, "EQUAL_INT", found, Value(BOOL, known=False))
    translator.pop(), translator.pop()
    translator.consume(value, container)
    translator.push(found)


HOLDS_OF[list] = HOLDS_OF[tuple] = hold


def delete(translator: Translator, instruction: Instruction) -> None:
    """Translates `del values[i]` of an item whose end runs no code."""
    index = translator.seen(-1)
    if translator.general or index.kind not in (INT, BOOL):
        call_out(translator, instruction)
        return
    translator.protect(2, PLAIN)
    container, index = translator.state.stack[-2:]
    a, b = translator.register(container), translator.register(index)
    translator.emit("LIST_DELETE", a=a, b=b, target=translator.otherwise())
    translator.pop(), translator.pop()
    translator.consume(index, container)


DELETIONS_OF[list] = delete
