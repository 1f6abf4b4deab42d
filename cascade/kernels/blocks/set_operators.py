"""Operators, comparisons and methods of two sets. CPython's C functions do the work, where no code of users can run: an instruction before
them looks up the keys that they will look up, and CPython does the whole where one has to be compared by code of users.
"""

from __future__ import annotations

import dis
import operator
from collections.abc import Callable

from cascade.kernels.blocks.c_calls import before_collection, c_function, c_result, class_of, finish
from cascade.kernels.blocks.calls import CALLS, Known
from cascade.kernels.blocks.decode import COMPARED_AT, Instruction
from cascade.kernels.blocks.lists import HASHED, NOTHING, arguments_of, expect_scalars
from cascade.kernels.blocks.numbers import COMPARERS, OPERATORS, SIGNS
from cascade.kernels.blocks.sequences import KINDS
from cascade.kernels.blocks.translator import Translator
from cascade.kernels.blocks.values import Value
from cascade.kernels.model import BOOL

SETS = (set, frozenset)
FUNCTIONS: dict[str, Callable[[object, object], object]] = {
    "-": operator.sub, "&": operator.and_, "|": operator.or_, "^": operator.xor,
}  # fmt: skip
COMPARISONS = {"<": 0, "<=": 1, "==": 2, "!=": 3, ">": 4, ">=": 5}
"""Python's numbers of comparisons (Py_LT ...)."""
MIRRORED = {">": "<", ">=": "<="}

c_function(set.copy, set, (set,))
c_function(frozenset.copy, frozenset, (frozenset,))


def expect_plain(translator: Translator, sign: str) -> None:
    """Goes on where an operator of the two sets on the stack runs no code of users; else the instruction is called out."""
    left, right = map(translator.register, translator.state.stack[-2:])
    translator.emit("EXPECT_PLAIN_SETS", a=left, b=right, e=ord(sign), target=translator.otherwise())


def are_sets(translator: Translator) -> bool:
    return all(class_of(value) in SETS for value in translator.state.stack[-2:])


def operate(translator: Translator, instruction: Instruction) -> bool:
    """Translates an operator of two sets; returns whether it has done so."""
    sign, in_place = SIGNS[instruction.arg % 13], instruction.arg >= 13
    if sign not in FUNCTIONS or translator.general or not set(map(class_of, translator.state.stack[-2:])) & set(SETS):
        return False
    changed, _ = arguments_of(translator, 2)
    in_place = in_place and class_of(changed) is set
    if not are_sets(translator) or (in_place and sign != "|"):
        return False
    expect_plain(translator, sign)
    if in_place:
        c_result(translator, set.update, tuple(translator.state.stack[-2:]), NOTHING)
        translator.consume(translator.pop())
        return True
    before_collection(translator)
    left, right = translator.state.stack[-2:]
    result = c_result(translator, FUNCTIONS[sign], (left, right), class_of(left))
    del translator.state.stack[-2:]
    translator.consume(left, right)
    translator.push(result)
    return True


OPERATORS.append(operate)


def method(sign: str, function: object) -> Known:
    """Returns the form of the method that does as an operator, of two sets."""

    def call(translator: Translator, count: int, instruction: Instruction) -> bool:
        if count != 2 or translator.general:
            return False
        arguments_of(translator, 2)
        if not are_sets(translator):
            return False
        expect_plain(translator, sign)
        changes = function is set.update
        if not changes:
            before_collection(translator)
        left, right = translator.state.stack[-2:]
        result = c_result(translator, function, (left, right), NOTHING if changes else class_of(left))
        return finish(translator, instruction, result)

    return call


for _name, _sign in (("union", "|"), ("intersection", "&"), ("difference", "-"), ("symmetric_difference", "^")):
    for _class in SETS:
        CALLS[getattr(_class, _name)] = method(_sign, getattr(_class, _name))
CALLS[set.update] = method("|", set.update)


# -- Comparisons ------------------------------------------------------------------------------------------------------


def compare(translator: Translator, instruction: Instruction) -> bool:
    """Translates the comparison of two sets; returns whether it has done so."""
    if translator.general or not set(map(class_of, translator.state.stack[-2:])) & set(SETS):
        return False
    arguments_of(translator, 2)
    if not are_sets(translator):
        return False
    translator.push(compared(translator, dis.cmp_op[instruction.arg >> COMPARED_AT]))
    result = translator.pop()
    right, left = translator.pop(), translator.pop()
    translator.consume(left, right)
    translator.push(result)
    return True


def compared(translator: Translator, sign: str) -> Value:
    """Returns a comparison of the two sets on the stack."""
    left, right = translator.state.stack[-2:]
    if sign in MIRRORED:
        left, right, sign = right, left, MIRRORED[sign]
    number = COMPARISONS["==" if sign == "!=" else sign]
    b, c = translator.register(left), translator.register(right)
    result = translator.temporary()
    translator.emit("SET_WITHIN", a=result, b=b, c=c, e=number, target=translator.otherwise())
    found = Value(BOOL, result)
    return translator.computed(BOOL, "EQUAL_INT", found, Value(BOOL, known=False)) if sign == "!=" else found


COMPARERS.append(compare)


def comparing(sign: str) -> Known:
    """Returns the form of `issubset` or `issuperset`, of two sets."""

    def call(translator: Translator, count: int, instruction: Instruction) -> bool:
        if count != 2 or translator.general:
            return False
        arguments_of(translator, 2)
        return are_sets(translator) and finish(translator, instruction, compared(translator, sign))

    return call


for _class in SETS:
    CALLS[_class.issubset], CALLS[_class.issuperset] = comparing("<="), comparing(">=")


# -- Sets of other containers -----------------------------------------------------------------------------------------


def made_of(cls: type, others: Known | None) -> Known:
    """Returns the form of `set` or `frozenset` of one container, whose items are hashed without code of users."""

    def call(translator: Translator, count: int, instruction: Instruction) -> bool:
        if count != 1:
            return others is not None and others(translator, count, instruction)
        (value,) = arguments_of(translator, 1)
        if translator.general or class_of(value) not in (*KINDS, *SETS, range, str, bytes):
            return False
        if class_of(value) in KINDS:
            expect_scalars(translator, value, HASHED)
        before_collection(translator)
        return finish(translator, instruction, c_result(translator, cls, (translator.state.stack[-1],), cls))

    return call


CALLS[set], CALLS[frozenset] = made_of(set, CALLS.get(set)), made_of(frozenset, None)
