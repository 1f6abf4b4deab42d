"""Forms of operators, comparisons and tests."""

from __future__ import annotations

import dis
import operator
from collections.abc import Callable
from typing import Any

from cascade.kernels.blocks import scalars, text_operators
from cascade.kernels.blocks.decode import COMPARED_AT, Instruction
from cascade.kernels.blocks.generic import call_out
from cascade.kernels.blocks.identities import COPIED
from cascade.kernels.blocks.points import LeavesTyped
from cascade.kernels.blocks.scalars import BITS
from cascade.kernels.blocks.text_operators import condition
from cascade.kernels.blocks.translator import Translator, form
from cascade.kernels.blocks.values import BUILT_IN, CONDITION, DISPLAY, NOTHING, NUMBERS, UNBOXED, Value, constant_value
from cascade.kernels.model import BOOL, FLOAT, INT, NONE, OBJECT
from cascade.kernels.values import WIDE

SIGNS = ["+", "&", "//", "<<", "@", "*", "%", "|", "**", ">>", "-", "/", "^"]
"""By the argument of BINARY_OP, modulo their number."""
ARITHMETIC = {"+": "ADD", "-": "SUB", "*": "MUL", "//": "FLOORDIV", "%": "MOD", "**": "POW"}
COMPUTED: dict[str, Callable[[object, object], object]] = {
    "+": operator.add, "-": operator.sub, "*": operator.mul, "//": operator.floordiv, "%": operator.mod,
    "&": operator.and_, "|": operator.or_, "^": operator.xor, "/": operator.truediv,
}  # fmt: skip
COMPARED: dict[str, Callable[[Any, Any], bool]] = {
    "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge, "==": operator.eq, "!=": operator.ne,
}  # fmt: skip
OPPOSITE = {"EQUAL": "NOT_EQUAL", "NOT_EQUAL": "EQUAL", "LESS": "LESS_EQUAL", "LESS_EQUAL": "LESS"}
Other = Callable[[Translator, Instruction], bool]
OPERATORS: list[Other] = []
COMPARERS: list[Other] = []
UNARY: list[Other] = []
"""What other families do of an operator whose operands are on the stack; each returns whether it has done so."""
SIZES: dict[object, str] = {list: "SIZE", tuple: "SIZE", bytes: "SIZE", str: "TEXT_SIZE"}
"""By class of a container, the instruction for its size."""
JUMPS_ON = ("POP_JUMP", "JUMP_IF", "TO_BOOL", "UNARY_NOT")


def as_float(translator: Translator, value: Value, exact: bool = False) -> Value:
    if value.kind == FLOAT:
        return value
    if value.constant:
        number = value.known
        assert isinstance(number, int)
        if not exact or abs(number) <= 2**53:
            return Value(FLOAT, known=float(number))
    return translator.computed(FLOAT, "TO_EXACT_FLOAT" if exact else "TO_FLOAT", value)


@form("BINARY_OP")
def binary_op(translator: Translator, instruction: Instruction) -> None:
    if text_operators.operate(translator, instruction, SIGNS[instruction.arg % 13]):
        return
    left, right = translator.seen(-2), translator.seen(-1)
    sign = SIGNS[instruction.arg % 13]
    result = None
    if scalars.are_scalars(left, right):
        result = scalars.operation(translator, sign, left, right)
    elif left.number and right.number:
        result = of_numbers(translator, sign, left, right)
    if result is None:
        if not any(other(translator, instruction) for other in OPERATORS):
            call_out(translator, instruction)
        return
    translator.pop(), translator.pop()
    translator.consume(left, right)
    translator.push(result)


def of_numbers(translator: Translator, sign: str, left: Value, right: Value) -> Value | None:
    """Returns the result of an operator on numbers; None where there is no instruction for it."""
    if left.constant and right.constant and sign in COMPUTED:
        try:
            folded = constant_value(COMPUTED[sign](left.known, right.known))
        except (ArithmeticError, TypeError, ValueError):
            raise LeavesTyped from None
        return folded if folded.number else None
    if FLOAT in (left.kind, right.kind):
        name = "DIVIDE" if sign == "/" else ARITHMETIC.get(sign)
        if name is None:
            raise LeavesTyped  # a TypeError
        return translator.computed(FLOAT, f"{name}_FLOAT", as_float(translator, left), as_float(translator, right))
    if sign in ARITHMETIC:
        return of_ints(translator, sign, left, right)
    if sign == "/":
        return translator.computed(FLOAT, "DIVIDE_INT", left, right)
    if sign in BITS:
        both = left.kind == right.kind == BOOL and sign in ("&", "|", "^")
        return translator.computed(BOOL if both else INT, f"{BITS[sign]}_INT", left, right)
    raise LeavesTyped


def of_ints(translator: Translator, sign: str, left: Value, right: Value) -> Value | None:
    known = right.known if right.constant else None
    if sign == "**":
        if not isinstance(known, int) or known < 0:
            return None  # may be a float
        if known == 2:
            return translator.computed(INT, "MUL_INT", left, left)
    if type(known) is int and known > 0 and known & (known - 1) == 0:
        if sign == "%":
            return translator.computed(INT, "AND_INT", left, Value(INT, known=known - 1))
        if sign == "//":
            return translator.computed(INT, "RSHIFT_INT", left, Value(INT, known=known.bit_length() - 1))
    return translator.computed(INT, f"{ARITHMETIC[sign]}_INT", left, right)


@form("UNARY_NEGATIVE", "UNARY_INVERT", "UNARY_POSITIVE")
def unary(translator: Translator, instruction: Instruction) -> None:
    value = translator.seen(-1)
    if value.scalar:
        of_scalar(translator, instruction, value)
        return
    if not value.number or (instruction.name == "UNARY_INVERT" and value.kind != INT):
        if not any(other(translator, instruction) for other in UNARY):
            call_out(translator, instruction)
        return
    kind = FLOAT if value.kind == FLOAT else INT
    if instruction.name == "UNARY_POSITIVE":
        result = translator.computed(INT, "ADD_INT", value, Value(INT, known=0)) if value.kind == BOOL else value
    elif instruction.name == "UNARY_INVERT":
        result = translator.computed(INT, "INVERT_INT", value)
    elif value.constant and isinstance(value.known, (int, float)) and (kind == FLOAT or -value.known in WIDE):
        result = Value(kind, known=-value.known)
    else:
        result = translator.computed(kind, f"NEGATE_{kind.upper()}", value)
    translator.pop()
    if result is not value:
        translator.consume(value)
    translator.push(result)


def of_scalar(translator: Translator, instruction: Instruction, value: Value) -> None:
    result = scalars.unary(translator, instruction.name, value)
    if result is None:
        call_out(translator, instruction)
        return
    translator.pop()
    translator.consume(value)
    translator.push(result)


# -- Comparisons -----------------------------------------------------------------------------------------------------


def next_tests(translator: Translator, instruction: Instruction) -> bool:
    """Returns whether the next instruction tests the result of this one, and nothing jumps in between."""
    following = translator.text.instructions.get(instruction.after)
    return (
        following is not None
        and instruction.after not in translator.text.joins
        and following.name.startswith(JUMPS_ON)
        and not following.name.endswith("OR_POP")
    )


@form("COMPARE_OP")
def compare_op(translator: Translator, instruction: Instruction) -> None:
    sign = dis.cmp_op[instruction.arg >> COMPARED_AT]
    result = text_operators.compare(translator, sign)
    if result is not None:
        finish_comparison(translator, instruction, result)
        return
    left, right = translator.seen(-2), translator.seen(-1)
    result = None
    if scalars.are_scalars(left, right):
        result = scalars.compared(translator, sign, left, right)
    elif left.number and right.number:
        result = compared(translator, sign, left, right)
    elif NONE in (left.kind, right.kind) and sign in ("==", "!="):
        other = right if left.kind == NONE else left
        if other.kind == NONE or other.number or other.kind == DISPLAY or (other.cls in BUILT_IN and not other.general):
            result = Value(BOOL, known=(other.kind == NONE) is (sign == "=="))
    if result is None:
        if not any(other(translator, instruction) for other in COMPARERS):
            call_out(translator, instruction)
        return
    finish_comparison(translator, instruction, result)


def finish_comparison(translator: Translator, instruction: Instruction, result: Value) -> None:
    """Replaces the sides of a comparison by its result; those of a condition are consumed with it."""
    right, left = translator.pop(), translator.pop()
    if result.kind != CONDITION or (left.kind == OBJECT and right.kind == OBJECT):
        translator.consume(left, right)
    translator.push(result)
    if result.kind == CONDITION and not next_tests(translator, instruction):
        translator.whole(-1)


def compared(translator: Translator, sign: str, left: Value, right: Value) -> Value:
    """Returns the comparison of two numbers."""
    if left.constant and right.constant:
        return Value(BOOL, known=COMPARED[sign](left.known, right.known))
    kind = "INT"
    if FLOAT in (left.kind, right.kind):
        left, right, kind = as_float(translator, left, True), as_float(translator, right, True), "FLOAT"
    return condition(sign, kind, left, right)


@form("IS_OP")
def is_op(translator: Translator, instruction: Instruction) -> None:
    left, right = translator.whole(-2), translator.whole(-1)
    sense = instruction.arg == 0
    result = identity(translator, left, right, sense)
    if result is None:
        call_out(translator, instruction)
        return
    translator.pop(), translator.pop()
    translator.consume(left, right)
    translator.push(result)


def identity(translator: Translator, left: Value, right: Value, sense: bool) -> Value | None:
    kinds = {left.kind, right.kind}
    if kinds <= {NONE, *UNBOXED} and len(kinds) == 2:
        return Value(BOOL, known=not sense)
    if kinds == {NONE}:
        return Value(BOOL, known=sense)
    if left.number and right.kind == OBJECT and right.constant and type(right.known) not in COPIED:
        return Value(BOOL, known=not sense)
    if kinds in ({BOOL}, {scalars.TRUTH}):
        same = translator.computed(BOOL, "EQUAL_INT", left, right)
    elif kinds <= {OBJECT, NONE}:
        same = translator.computed(BOOL, "SAME", left, right)
    else:
        return None
    return same if sense else translator.computed(BOOL, "EQUAL_INT", same, Value(BOOL, known=False))


# -- Tests -----------------------------------------------------------------------------------------------------------


@form("TO_BOOL")
def to_bool(translator: Translator, instruction: Instruction) -> None:
    value = translator.state.stack[-1]
    if value.kind in (CONDITION, BOOL):
        return
    value = translator.seen(-1)
    found = truth(translator, value)
    translator.pop()
    translator.consume(value)
    translator.push(found)


@form("UNARY_NOT")
def unary_not(translator: Translator, instruction: Instruction) -> None:
    value = translator.state.stack[-1]
    if value.kind != CONDITION:
        value = translator.seen(-1)
    value = translator.whole(-1)
    found = truth(translator, value)
    if found.constant:
        result = Value(BOOL, known=not found.known)
    else:
        result = translator.computed(BOOL, "EQUAL_INT", found, Value(BOOL, known=False))
    translator.pop()
    translator.consume(value)
    translator.push(result)


def truth(translator: Translator, value: Value) -> Value:
    """Returns the truth of a value that stays on the stack, as a bool."""
    if value.constant and value.kind in (*NUMBERS, NONE):
        return Value(BOOL, known=bool(value.known))
    if value.kind == BOOL:
        return value
    if value.scalar:
        return scalars.truth(translator, value)
    if value.kind == DISPLAY:
        return Value(BOOL, known=bool(value.parts))
    if value.kind == FLOAT:
        return translator.computed(BOOL, "NOT_EQUAL_FLOAT", value, Value(FLOAT, known=0.0))
    if value.kind == INT:
        return translator.computed(BOOL, "NOT_EQUAL_INT", value, Value(INT, known=0))
    if value.kind != OBJECT:
        raise LeavesTyped
    if value.cls in SIZES:
        size = translator.computed(INT, SIZES[value.cls], value)
        return translator.computed(BOOL, "NOT_EQUAL_INT", size, Value(INT, known=0))
    return translator.computed(BOOL, "TRUTH", value)


@form(
    "POP_JUMP_IF_TRUE", "POP_JUMP_IF_FALSE", "POP_JUMP_FORWARD_IF_TRUE", "POP_JUMP_FORWARD_IF_FALSE",
    "POP_JUMP_BACKWARD_IF_TRUE", "POP_JUMP_BACKWARD_IF_FALSE",
)  # fmt: skip
def pop_jump(translator: Translator, instruction: Instruction) -> None:
    sense = instruction.name.endswith("TRUE")
    found = tested(translator)
    value = translator.pop()
    if found is not value and not any(part is value for part in found.parts):
        translator.consume(value)
    if found.kind == CONDITION:
        jump_on_condition(translator, instruction, found, sense)
    elif found.known is sense:
        translator.go_to(instruction.target, instruction.target <= instruction.start)


def jump_on_condition(translator: Translator, instruction: Instruction, value: Value, sense: bool) -> None:
    name, left, right = jump_of(value, sense)
    a, b = translator.register(left), translator.register(right)
    label, back = translator.jump_label(instruction.target, instruction.target <= instruction.start)
    translator.emit(f"{'BACK' if back else 'JUMP'}_{name}", a=a, b=b, target=label)
    translator.consume(left, right)


def jump_of(value: Value, sense: bool) -> tuple[str, Value, Value]:
    """Returns the jump that is made where a condition is true, or is false: the end of its name, and its operands."""
    left, right = value.parts
    name, kind = value.name.rsplit("_", 1)
    if sense:
        return value.name, left, right
    if name in ("EQUAL", "NOT_EQUAL"):
        return f"{OPPOSITE[name]}_{kind}", left, right
    if kind == "INT":
        return f"{OPPOSITE[name]}_{kind}", right, left
    return f"NOT_{value.name}", left, right


def tested(translator: Translator, place: int = -1) -> Value:
    """Returns the truth of a value on the stack as a condition, or as a constant; it stays on the stack."""
    value = translator.state.stack[place]
    if value.kind == CONDITION:
        return value
    value = translator.seen(place)
    if value.number and not value.constant:
        nothing: object = 0.0 if value.kind == FLOAT else False if value.kind == BOOL else 0
        name = "NOT_EQUAL_FLOAT" if value.kind == FLOAT else "NOT_EQUAL_INT"
        return Value(CONDITION, parts=(value, Value(value.kind, known=nothing)), name=name)
    found = truth(translator, value)
    return found if found.constant else Value(CONDITION, parts=(found, Value(BOOL, known=False)), name="NOT_EQUAL_INT")


@form(
    "POP_JUMP_IF_NONE", "POP_JUMP_IF_NOT_NONE", "POP_JUMP_FORWARD_IF_NONE", "POP_JUMP_FORWARD_IF_NOT_NONE",
    "POP_JUMP_BACKWARD_IF_NONE", "POP_JUMP_BACKWARD_IF_NOT_NONE",
)  # fmt: skip
def pop_jump_none(translator: Translator, instruction: Instruction) -> None:
    sense = not instruction.name.endswith("NOT_NONE")
    value = translator.whole(-1)
    back = instruction.target <= instruction.start
    if value.kind != OBJECT or (value.cls is not None and value.cls is not type(None)):
        translator.pop()
        translator.consume(value)
        if (value.kind == NONE) is sense:
            translator.go_to(instruction.target, back)
        return
    same = translator.computed(BOOL, "SAME", value, NOTHING)
    translator.pop()
    translator.consume(value)
    condition = Value(CONDITION, parts=(same, Value(BOOL, known=False)), name="NOT_EQUAL_INT")
    jump_on_condition(translator, instruction, condition, sense)


@form("JUMP_IF_TRUE_OR_POP", "JUMP_IF_FALSE_OR_POP")
def jump_or_pop(translator: Translator, instruction: Instruction) -> None:
    sense = instruction.name == "JUMP_IF_TRUE_OR_POP"
    translator.whole(-1)
    value = translator.seen(-1)
    found = truth(translator, value)
    if found.constant:
        if found.known is sense:
            translator.go_to(instruction.target)
        else:
            translator.consume(translator.pop())
        return
    if found.register in translator.chunk.names:
        translator.chunk.pinned.add(found.register)
    label, _ = translator.jump_label(instruction.target)
    name = "JUMP_NOT_EQUAL_INT" if sense else "JUMP_EQUAL_INT"
    a, b = translator.register(found), translator.register(Value(BOOL, known=False))
    translator.emit(name, a=a, b=b, target=label)
    translator.pop()
    translator.consume(value)


@form("JUMP_FORWARD", "JUMP_BACKWARD", "JUMP_BACKWARD_NO_INTERRUPT")
def jump(translator: Translator, instruction: Instruction) -> None:
    translator.go_to(instruction.target, instruction.target <= instruction.start)
