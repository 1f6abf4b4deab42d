"""Operators, comparisons and `in` of text and bytes."""

from __future__ import annotations

from functools import cache

from cascade.kernels.blocks.decode import Instruction
from cascade.kernels.blocks.points import Unseen
from cascade.kernels.blocks.translator import Translator
from cascade.kernels.blocks.values import CHAR, CONDITION, DISPLAY, PLAIN, Value
from cascade.kernels.model import BOOL, FLOAT, INT, NONE, OBJECT

TEXTS = (str, bytes)
LATIN = 256
COMPARISONS = {
    "<": ("LESS", False), "<=": ("LESS_EQUAL", False), ">": ("LESS", True), ">=": ("LESS_EQUAL", True),
    "==": ("EQUAL", False), "!=": ("NOT_EQUAL", False),
}  # fmt: skip
"""The name of the instruction, and whether its sides are swapped."""


def condition(sign: str, kind: str, left: Value, right: Value) -> Value:
    """Returns a comparison of two registers."""
    name, swapped = COMPARISONS[sign]
    return Value(CONDITION, parts=(right, left) if swapped else (left, right), name=f"{name}_{kind}")


def sides(translator: Translator) -> tuple[Value, Value] | None:
    """Returns the two values on top of the stack, if one of them is text or bytes; the class of both is known then."""
    stack = translator.state.stack
    if len(stack) < 2:
        return None
    for place in (-2, -1):
        if stack[place].unseen:
            raise Unseen(place)
    left, right = stack[-2:]
    return (left, right) if class_of(left) in TEXTS or class_of(right) in TEXTS else None


def class_of(value: Value) -> type | None:
    """Returns the class of a text, bytes or other object, if it is known."""
    if value.kind == CHAR:
        return str
    return value.cls if value.kind == OBJECT else None


# -- Comparisons ------------------------------------------------------------------------------------------------------


def compare(translator: Translator, sign: str) -> Value | None:
    """Returns the comparison of the values on top of the stack; None where it is none of texts or bytes."""
    found = sides(translator)
    if found is None:
        return None
    left, right = found
    classes = {class_of(left), class_of(right)}
    if CHAR in (left.kind, right.kind):
        result = compare_character(translator, sign, left, right)
        if result is not None:
            return result
    if len(classes) == 1:
        left, right = translator.whole(-2), translator.whole(-1)
        return (
            compare_bytes(translator, sign, left, right)
            if classes == {bytes}
            else compare_texts(translator, sign, left, right)
        )
    if sign in ("==", "!=") and str in classes:
        other = left if class_of(right) is str else right
        if other.kind in (INT, FLOAT, BOOL, NONE):
            return Value(BOOL, known=sign == "!=")
    return None


def compare_character(translator: Translator, sign: str, left: Value, right: Value) -> Value | None:
    """Returns the comparison of characters, by their numbers; None where one side may have more characters or fewer."""
    numbers = [number_of(value) for value in (left, right)]
    if numbers[0] is not None and numbers[1] is not None:
        return condition(sign, "INT", numbers[0], numbers[1])
    if sign not in ("==", "!="):
        return None
    text, character = (left, right) if right.kind == CHAR else (right, left)
    if text.constant:
        return Value(BOOL, known=sign == "!=") if type(text.known) is str else None
    if text.cls is not str:
        return None
    result = translator.computed(BOOL, "TEXT_IS_CHAR", text, character)
    return result if sign == "==" else translator.computed(BOOL, "EQUAL_INT", result, Value(BOOL, known=False))


def number_of(value: Value) -> Value | None:
    """Returns the number of a character, which is unboxed or known."""
    if value.kind == CHAR:
        return value._replace(kind=INT)
    if value.constant and type(value.known) is str and len(value.known) == 1:
        return Value(INT, known=ord(value.known))
    return None


def compare_texts(translator: Translator, sign: str, left: Value, right: Value) -> Value:
    if sign in ("==", "!="):
        return translator.computed(BOOL, "TEXT_EQUAL" if sign == "==" else "TEXT_NOT_EQUAL", left, right)
    order = translator.computed(INT, "TEXT_ORDER", left, right)
    return condition(sign, "INT", order, Value(INT, known=0))


def compare_bytes(translator: Translator, sign: str, left: Value, right: Value) -> Value:
    return condition(sign, "INT", translator.computed(INT, "BYTES_ORDER", left, right), Value(INT, known=0))


# -- `in` ---------------------------------------------------------------------------------------------------------------


def contain(translator: Translator, instruction: Instruction) -> bool:
    """Translates `value in container`, of text or bytes, or of a text in known texts; returns whether it is one of these."""
    if translator.state.stack[-1].kind == DISPLAY:
        return False
    found = sides(translator)
    if found is None:
        return False
    result = held(translator, *found)
    if result is None:
        return False
    if instruction.arg:
        result = translator.computed(BOOL, "EQUAL_INT", result, Value(BOOL, known=False))
    right, left = translator.pop(), translator.pop()
    translator.consume(left, right)
    translator.push(result)
    return True


def held(translator: Translator, value: Value, container: Value) -> Value | None:
    """Returns whether a container, on top of the stack, holds the value below it; None where there is no form of it."""
    if container.kind == CHAR:
        container = translator.whole(-1)
    known = container.known if container.constant else None
    if value.kind == CHAR and type(known) in (str, tuple, frozenset):
        found = members(known)
        if found is not None:
            return translator.computed(BOOL, "BYTES_ITEM", Value(OBJECT, known=found), value)
    if class_of(container) is str and value.kind == CHAR:
        return translator.computed(BOOL, "TEXT_HOLDS_CHAR", container, value)
    if type(known) in (tuple, frozenset) and class_of(value) is str and members(known) is not None:
        return translator.computed(BOOL, "HOLDS", container, translator.whole(-2))
    classes = class_of(value), class_of(container)
    if classes in ((str, str), (bytes, bytes)):
        return translator.computed(BOOL, "HOLDS", container, value)
    return None


@cache
def members(known: object) -> bytes | None:
    """Returns for each character of Latin-1 whether it is in a text, or in a tuple or set of texts; None for others."""
    if not isinstance(known, (str, tuple, frozenset)) or (
        type(known) is not str and any(type(each) is not str for each in known)
    ):
        return None
    return bytes(chr(number) in known for number in range(LATIN))


# -- Operators ----------------------------------------------------------------------------------------------------------


def operate(translator: Translator, instruction: Instruction, sign: str) -> bool:
    """Translates `+`, `*` and `%` of text or bytes; returns whether it is one of these."""
    if sign not in ("+", "*", "%"):
        return False
    found = sides(translator)
    if found is None:
        return False
    left, right = found
    if sign == "+":
        return class_of(left) is class_of(right) and concatenate(translator, instruction, left, right)
    if sign == "*":
        return repeat(translator)
    return class_of(left) is str and formatted(translator)


def finish(translator: Translator, result: Value) -> bool:
    right, left = translator.pop(), translator.pop()
    translator.consume(left, right)
    translator.push(result)
    return True


def concatenate(translator: Translator, instruction: Instruction, left: Value, right: Value) -> bool:
    if class_of(left) is str and extends(translator, instruction, left, right):
        return True
    left, right = translator.whole(-2), translator.whole(-1)
    return finish(
        translator, translator.computed(OBJECT, "CONCATENATE", left, right)._replace(cls=left.cls, owned=True)
    )


def extends(translator: Translator, instruction: Instruction, left: Value, right: Value) -> bool:
    """Translates `text += more` together with the store, so that the text grows in place, as CPython has it; returns whether it is one."""
    store = translator.text.instructions.get(instruction.after)
    if left.kind != OBJECT or left.local < 0 or store is None or instruction.after in translator.text.joins:
        return False
    if store.name != "STORE_FAST" or store.arg != left.local or right.local == left.local:
        return False
    if any(is_alias(value, left.local) for value in translator.state.stack[:-2]):
        return False
    name = "TEXT_EXTEND_CHAR" if right.kind == CHAR else "TEXT_EXTEND"
    translator.emit(name, a=left.local, b=left.local, c=translator.register(right))
    translator.pop(), translator.pop()
    translator.consume(right)
    translator.state.variables[left.local] = Value(OBJECT, left.local, str, True)
    translator.offset = store.after
    return True


def is_alias(value: Value, local: int) -> bool:
    return value.local == local or any(is_alias(part, local) for part in value.parts)


def repeat(translator: Translator) -> bool:
    left, right = translator.state.stack[-2:]
    text, count = (left, right) if class_of(left) in TEXTS else (right, left)
    if count.kind not in (INT, BOOL):
        return False
    text = translator.whole(-2 if text is left else -1)
    return finish(translator, translator.computed(OBJECT, "REPEAT", text, count)._replace(cls=text.cls, owned=True))


def formatted(translator: Translator) -> bool:
    """Translates `text % values`, of plain values."""
    right = translator.state.stack[-1]
    parts = right.parts if right.kind == DISPLAY else (right,)
    if not all(part.number or part.kind in (NONE, CHAR) or class_of(part) in PLAIN - {bytes} for part in parts):
        return False
    translator.before_effect()
    translator.after_effect()
    translator.refresh()
    translator.whole(-2), translator.whole(-1)
    left, right = objects(translator)
    return finish(translator, translator.computed(OBJECT, "TEXT_FORMAT", left, right)._replace(cls=str, owned=True))


def objects(translator: Translator) -> tuple[Value, Value]:
    """Makes an object of a number that is formatted alone."""
    right = translator.state.stack[-1]
    if right.number:
        source = translator.register(right)
        result = translator.temporary()
        translator.box(right.kind, result, source)
        right = translator.state.stack[-1] = Value(
            OBJECT, result, {INT: int, FLOAT: float, BOOL: bool}[right.kind], True
        )
        translator.refresh()
    elif right.kind == NONE:
        right = Value(OBJECT, translator.registers.none, type(None))
    return translator.state.stack[-2], right
