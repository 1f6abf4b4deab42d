"""NumPy's scalars in registers: operators, comparisons, tests and casts by the rules of NumPy 2 (NEP 50).

A scalar keeps its type: `a[i]` of a float64 array is an `np.float64`, whose sum with a float is one, too. Where NumPy would warn or
raise, the code exits, and NumPy does it.
"""

from __future__ import annotations

import math
import struct

from cascade.kernels.blocks.numpy_types import numpy_now
from cascade.kernels.blocks.translator import Translator
from cascade.kernels.blocks.values import CONDITION, SCALARS, Layout, Value
from cascade.kernels.model import BOOL, FLOAT, INT

FLOATS = ("float32", "float64")
TRUTH = "bool_"
INTS = tuple(kind for kind in SCALARS if kind not in (*FLOATS, TRUTH))
ARITHMETIC = {"+": "ADD", "-": "SUB", "*": "MUL", "/": "DIVIDE", "//": "FLOORDIV", "%": "MOD", "**": "POW"}
BITS = {"&": "AND", "|": "OR", "^": "XOR", "<<": "LSHIFT", ">>": "RSHIFT"}
SWAPPED = {">": "<", ">=": "<="}
COMPARED = {"<": "LESS", "<=": "LESS_EQUAL", "==": "EQUAL", "!=": "NOT_EQUAL"}


def is_index(value: Value) -> bool:
    """Returns whether a value is an int with `__index__`, in a register."""
    return value.kind in (INT, BOOL) or value.kind in INTS


def is_whole(value: Value) -> bool:
    return value.kind in INTS


def is_float(value: Value) -> bool:
    return value.kind == FLOAT or value.kind in FLOATS


def plain(element: str) -> str:
    """Returns the kind of Python's own numbers that has the values of an item of a buffer."""
    return BOOL if element == TRUTH else FLOAT if element in FLOATS else INT


def python_number(value: Value) -> Value:
    """Returns a scalar as Python's own number of the same value."""
    return value if not value.scalar else Value(plain(value.kind), value.register, local=value.local)


def is_taken(value: Value, truncates: bool, whole: bool) -> bool:
    """Returns whether a function of `math` takes a value as it takes the number; `whole` is one that returns an int.

    Such a function looks for a method of NumPy's first, or has none for the type.
    """
    if not value.scalar:
        return True
    return value.kind == "float64" and not truncates if whole else value.kind != TRUTH


def class_of(value: Value) -> type:
    """Returns the class of a scalar."""
    known = numpy_now()
    assert known is not None
    return known.classes[value.kind]


# -- Promotion ------------------------------------------------------------------------------------------------------


def common_kind(left: Value, right: Value) -> str | None:
    """Returns the kind in which NumPy computes with two numbers, one of which is a scalar; None where there is no form."""
    if left.scalar and right.scalar:
        known = numpy_now()
        return known.promoted.get((left.kind, right.kind)) if known is not None else None
    scalar, other = (left, right) if left.scalar else (right, left)
    if other.kind == BOOL:
        return scalar.kind
    if other.kind == INT:
        return "int64" if scalar.kind == TRUTH else scalar.kind
    if other.kind == FLOAT:
        return scalar.kind if scalar.kind in FLOATS else "float64"
    return None


def promoted(translator: Translator, value: Value, kind: str, exact: bool = False) -> Value:
    """Returns a number as a scalar of a kind that NumPy promotes it to."""
    if kind in FLOATS:
        if not is_float(value):
            value = as_float(translator, value, exact or kind == "float32")
        return single(translator, value) if kind == "float32" and value.kind == FLOAT else value
    if value.kind == INT and kind != "int64":
        return fitted(translator, value, kind)
    return value


def as_float(translator: Translator, value: Value, exact: bool) -> Value:
    if value.constant and isinstance(value.known, int) and abs(value.known) <= 2**53:
        return Value(FLOAT, known=float(value.known))
    return translator.computed(FLOAT, "TO_EXACT_FLOAT" if exact else "TO_FLOAT", value)


def single(translator: Translator, value: Value) -> Value:
    """Returns a float that is rounded to single precision."""
    if not value.constant:
        return translator.computed(FLOAT, "TO_FLOAT32", value)
    number = value.known
    assert isinstance(number, float)
    rounded: float = struct.unpack("f", struct.pack("f", number))[0]
    warns = rounded != number and (math.isinf(rounded) or abs(rounded) <= 1.2e-38)
    return translator.computed(FLOAT, "TO_FLOAT32", value) if warns else Value(FLOAT, known=rounded)


def fitted(translator: Translator, value: Value, kind: str) -> Value:
    """Returns an int; the code exits where a kind does not hold it."""
    if kind == "int64":
        return value
    result = translator.temporary()
    translator.emit("FIT", a=result, b=translator.register(value), e=SCALARS.index(kind))
    return Value(kind, result)


# -- Operators ------------------------------------------------------------------------------------------------------


def are_scalars(left: Value, right: Value) -> bool:
    """Returns whether one of two numbers is a scalar of NumPy's, and the other one a number, too."""
    return (left.scalar or right.scalar) and (left.scalar or left.number) and (right.scalar or right.number)


def operation(translator: Translator, sign: str, left: Value, right: Value) -> Value | None:
    """Returns the result of an operator; None where there is no form for it."""
    kind = common_kind(left, right)
    if kind is None:
        return None
    if kind in INTS and sign == "/":
        kind = "float64"
    if kind in FLOATS:
        if sign not in ARITHMETIC or (sign == "**" and not is_power_of_numbers(left, right, kind)):
            return None
        one, other = promoted(translator, left, kind), promoted(translator, right, kind)
        return translator.computed(kind, f"{ARITHMETIC[sign]}_{kind.upper()}", one, other)
    if kind == TRUTH:
        return translator.computed(kind, f"{BITS[sign]}_INT", left, right) if sign in ("&", "|", "^") else None
    name = ARITHMETIC.get(sign) or BITS.get(sign)
    if name is None:
        return None
    one, other = promoted(translator, left, kind), promoted(translator, right, kind)
    if sign == "%" and one.register in translator.chunk.names:
        # A sum or product that wraps is not that of a superinstruction, which has no limit.
        translator.chunk.pinned.add(one.register)
    return fitted(translator, translator.computed(kind, f"{name}_INT", one, other), kind)


def is_power_of_numbers(left: Value, right: Value, kind: str) -> bool:
    """Returns whether NumPy computes a power as one of numbers, by `pow` of C; otherwise it does as for arrays, which may round in another way."""
    return any(
        one.kind == kind and (not other.scalar or kind == "float64" or other.kind in EXACT_IN_SINGLE)
        for one, other in ((left, right), (right, left))
    )


EXACT_IN_SINGLE = frozenset(("float32", TRUTH, "int8", "uint8", "int16", "uint16"))
"""Kinds of scalars whose values a float32 can have."""


def compared(translator: Translator, sign: str, left: Value, right: Value) -> Value | None:
    """Returns a comparison, whose result is a bool of NumPy's."""
    kind = common_kind(left, right)
    if kind is None:
        return None
    if sign in SWAPPED:
        sign, left, right = SWAPPED[sign], right, left
    if kind in FLOATS:
        left, right = promoted(translator, left, kind, True), promoted(translator, right, kind, True)
    name = f"{COMPARED[sign]}_{'FLOAT' if kind in FLOATS else 'INT'}"
    return Value(CONDITION, parts=(left, right), name=name, general=True)


def sides(translator: Translator, left: Value, right: Value) -> tuple[Value, Value] | None:
    """Returns two numbers of other kinds as floats that compare as they do; None where there is no form."""
    if not left.scalar and not right.scalar:
        kind = FLOAT if BOOL not in (left.kind, right.kind) else None
    else:
        kind = common_kind(left, right)
    if kind == FLOAT:
        return tuple(value if value.kind == FLOAT else as_float(translator, value, True) for value in (left, right))  # type: ignore[return-value]
    if kind not in FLOATS:
        return None
    return promoted(translator, left, kind, True), promoted(translator, right, kind, True)


def unary(translator: Translator, name: str, value: Value) -> Value | None:
    """Returns the result of `-x`, `~x`, `+x` or `abs(x)`; None where there is no form for it."""
    kind = value.kind
    if kind in FLOATS:
        names = {"UNARY_NEGATIVE": "NEGATE_FLOAT", "ABS": "ABS_FLOAT"}
        return translator.computed(kind, names[name], value) if name in names else None
    if kind == TRUTH:
        return (
            translator.computed(kind, "EQUAL_INT", value, Value(BOOL, known=False)) if name == "UNARY_INVERT" else None
        )
    if name == "UNARY_INVERT":
        return translator.computed(kind, "INVERT_INT", value) if kind.startswith("int") else None
    names = {"UNARY_NEGATIVE": "NEGATE_INT", "ABS": "ABS_INT"}
    return fitted(translator, translator.computed(kind, names[name], value), kind) if name in names else None


def truth(translator: Translator, value: Value) -> Value:
    """Returns the truth of a scalar, as a bool of Python's."""
    if value.kind == TRUTH:
        return value._replace(kind=BOOL)
    kind, zero = ("FLOAT", Value(FLOAT, known=0.0)) if value.kind in FLOATS else ("INT", Value(INT, known=0))
    return translator.computed(BOOL, f"NOT_EQUAL_{kind}", value, zero)


# -- Casts ----------------------------------------------------------------------------------------------------------


def cast(translator: Translator, value: Value, layout: Layout) -> Value | None:
    """Returns a number in the register that is stored as an item; None where there is no form for that."""
    if not (value.number or value.scalar):
        return None
    element = layout.element
    if layout.code and value.kind == TRUTH and element != TRUTH:
        return None
    if element in FLOATS:
        return value if is_float(value) else as_float(translator, value, element == "float32")
    if not is_float(value):
        return value
    if element == TRUTH:
        return translator.computed(BOOL, "NOT_EQUAL_FLOAT", value, Value(FLOAT, known=0.0))
    return None if layout.code else translator.computed(INT, "TRUNCATE", value)
