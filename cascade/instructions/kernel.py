"""Kernel instructions: the typed code of functions, one row each.

A word is 32 bytes:

    0                       8       12      16      20      24      28      32
    +-----------------------+-------+-------+-------+-------+-------+-------+
    |    opcode (int64)     |   a   |   b   |   c   |   d   |   e   |   f   |
    +-----------------------+-------+-------+-------+-------+-------+-------+

In memory, the opcode is replaced by the address of the instruction's handler; the operands are an int32 each.
Instructions work on *registers*: an array of 8-byte values that are integers, floats, or objects that are only moved
and compared; a bool is an integer, 0 or 1. Constants are in registers, too, so every operand may be one. An instruction
either does exactly as Python does, or changes nothing and makes a *side exit* to CPython, at the statement that it
belongs to. `cascade/vm/kernel.h` has the handlers, by the same names.

The table takes some 3 ms to make, so only modules of kernels import this one: not every program has some.
"""

from __future__ import annotations

from collections.abc import Iterator

from cascade.imports import TYPE_CHECKING, NamedTuple
from cascade.instructions.families import arrays, attributes, c_calls, functions, mappings, objects, sequences, text

if TYPE_CHECKING:
    from typing import Literal

    Role = Literal[
        "reads", "then reads", "writes", "copies", "range", "target", "value", "object", "gathering", "window", "size",
    ]  # fmt: skip
    Join = Literal["left", "right", "last", "beside", "then"]

KERNEL_WORD_BYTES = 32
KERNEL_WORD_FIELDS = 8
"""int32 fields of a word: two for the opcode, and the operands a to f."""
FIELDS = "abcdef"
INT, FLOAT, OBJECT = "int", "float", "object"


class Operand(NamedTuple):
    """An operand of a kernel instruction.

    Attributes:
        role: "reads", "then reads" (after it has written), "writes", "copies" (writes a register with the type of
            another one), "range" (the three registers of a range), "target" (a word), "value" (32 bits that may be
            anything), "object" (an index into the table of objects and call-outs), "gathering" (a number of one), "window" (how many registers of the
            caller stand before those of the called function) or "size" (how many registers that one has).
        type: of the register.
        source: for "copies", the operand that is copied.
    """

    role: Role
    type: str = ""
    source: str = ""


class Fusion(NamedTuple):
    """The two instructions that a superinstruction fuses.

    Attributes:
        first: the name of the first one.
        second: the name of the second one.
        join: their connection. The second one reads the first one's result as its "left", "right" or "last" operand;
            or it is a MOVE "beside" the first one, neither of which sees the other's result; or it is a jump that comes
            "then", and the first one's result is kept.
    """

    first: str
    second: str
    join: Join


class KernelInstruction(NamedTuple):
    """A row of the table: the instruction's name, its operands, its effect in one line, and its flags."""

    name: str
    operands: dict[str, Operand]
    synopsis: str
    exits_for: str = ""
    """The cause of its side exits, for people; empty where it never makes one."""
    ends: bool = False
    """The next word is not reached from it."""
    returns: bool = False
    """It ends the run of a body: by a return, or by a side exit."""
    takes_fuel: bool = False
    """Its jump takes fuel, as every jump back has to."""
    counts: bool = False
    """It counts as a step of the run, as a tail call does; so it is used in bodies only."""
    commutes: bool = False
    """Its two operands may be swapped."""
    only_in: str = ""
    """"body", "helper" or "block" where it is used only in code of that kind."""
    fuses: Fusion | None = None
    """The two instructions that it fuses (see cascade/kernels/fuse.py)."""
    free: bool = True
    """It may run without the GIL: it has no effect on objects, and reads only such as nobody can change or release meanwhile."""


_ROLES: dict[str, Role] = {
    "<": "reads", ">": "writes", "=": "copies", "~": "range", "@": "target", "#": "value", "?": "object", "^": "window",
    "$": "size", ";": "then reads", "&": "gathering",
}  # fmt: skip


def _operands(text: str) -> dict[str, Operand]:
    # "a>int b<int c=b f@": a is written, b is read, c gets the value of b, f is a target.
    result = {}
    for item in text.split():
        role, rest = _ROLES[item[1]], item[2:]
        result[item[0]] = Operand(role, "" if role == "copies" else rest, rest if role == "copies" else "")
    return result


def _row(
    name: str,
    operands: str,
    synopsis: str,
    exits_for: str = "",
    *,
    ends: bool = False,
    returns: bool = False,
    takes_fuel: bool = False,
    counts: bool = False,
    commutes: bool = False,
    only_in: str = "",
    fuses: tuple[str, str, Join] | None = None,
    free: bool = True,
) -> KernelInstruction:
    fusion = None if fuses is None else Fusion(*fuses)
    return KernelInstruction(
        name,
        _operands(operands),
        synopsis,
        exits_for,
        ends,
        returns,
        takes_fuel,
        counts,
        commutes,
        only_in,
        fusion,
        free,
    )


class Operation(NamedTuple):
    """An operation of two numbers: its sign, the cause of its side exits, and whether its operands may be swapped."""

    sign: str
    exits_for: str = ""
    commutes: bool = False


_WIDE = "the result does not fit 64 bits"
_ZERO = "a division by zero"
_DOMAIN = "an argument outside the domain, or an overflow"
_INT_OPERATIONS = {
    "ADD": Operation("+", _WIDE, True), "SUB": Operation("-", _WIDE), "MUL": Operation("*", _WIDE, True),
    "FLOORDIV": Operation("//", _ZERO), "MOD": Operation("%", _ZERO), "AND": Operation("&", "", True),
    "OR": Operation("|", "", True), "XOR": Operation("^", "", True),
    "LSHIFT": Operation("<<", "a shift that does not fit 64 bits"), "RSHIFT": Operation(">>", "a negative shift"),
    "POW": Operation("**", "a power that is not an int of 64 bits"),
}  # fmt: skip
_FLOAT_OPERATIONS = {
    "ADD": Operation("+", "", True), "SUB": Operation("-"), "MUL": Operation("*", "", True), "DIVIDE": Operation("/", _ZERO),
    "FLOORDIV": Operation("//", _ZERO), "MOD": Operation("%", _ZERO), "POW": Operation("**", "a power that is not a finite float"),
}  # fmt: skip
_OPERATIONS = {INT: _INT_OPERATIONS, FLOAT: _FLOAT_OPERATIONS}
_COMPARISONS = {"LESS": "<", "LESS_EQUAL": "<=", "EQUAL": "==", "NOT_EQUAL": "!="}
_SYMMETRIC = ("EQUAL", "NOT_EQUAL")
_ORDERS = _COMPARISONS | {"MORE": ">", "MORE_EQUAL": ">="}
_FLOAT_TESTS = ("LESS", "LESS_EQUAL", "MORE", "MORE_EQUAL", "NOT_LESS", "NOT_LESS_EQUAL", "NOT_MORE", "NOT_MORE_EQUAL")
_JUMPS = (("JUMP", "go", False), ("BACK", "back", True))
"""A jump ahead and one back: the name, the word for it, and whether it takes fuel."""

# Superinstructions, chosen by the pairs that benchmarks execute most.
_INT_PAIRS = {
    "ADD": ("ADD", "SUB", "MUL", "AND", "FLOORDIV", "MOD"), "SUB": ("ADD", "SUB", "MUL", "AND", "FLOORDIV"),
    "MUL": ("ADD", "SUB", "MUL", "AND", "FLOORDIV", "MOD"), "MOD": ("ADD",), "AND": ("ADD",), "RSHIFT": ("AND", "XOR"),
    "LSHIFT": ("XOR",),
}  # fmt: skip
_FLOAT_PAIRS = dict.fromkeys(("ADD", "SUB", "MUL"), ("ADD", "SUB", "MUL", "DIVIDE"))
_SUBTRACTED = ("ADD", "SUB", "MUL")
"""Operations whose result is the right side of a subtraction."""
_TESTED = ("ADD", "SUB", "MUL", "MOD", "AND")
_KEPT = ("ADD", "SUB", "RSHIFT", "FLOORDIV")
_ACCUMULATED = ((INT, ("ADD", "SUB", "MUL", "XOR")), (FLOAT, ("ADD", "SUB", "MUL")))


def _loads_and_moves() -> Iterator[KernelInstruction]:
    for kind in (INT, FLOAT):
        yield _row(f"LOAD_{kind.upper()}", f"a>{kind} e# f#", "a = the 64 bits f:e")
    yield _row("LOAD_OBJECT", "a>object e?", "a = constant e")
    yield _row("MOVE", "a=b b<", "a = b")
    yield _row("MOVE2", "a=b b< c=d d<", "a = b, c = d at once", fuses=("MOVE", "MOVE", "beside"))


def _arithmetic() -> Iterator[KernelInstruction]:
    for kind, operations in _OPERATIONS.items():
        for name, (sign, cause, commutes) in operations.items():
            own = f"{name}_{kind.upper()}"
            yield _row(own, f"a>{kind} b<{kind} c<{kind}", f"a = b {sign} c", cause, commutes=commutes)
            yield _row(f"{own}_MOVE", f"a>{kind} b<{kind} c<{kind} d=e e<", f"a = b {sign} c and d = e, at once", cause,
                       fuses=(own, "MOVE", "beside"))  # fmt: skip
    yield _row("NEGATE_INT", "a>int b<int", "a = -b", _WIDE)
    yield _row("ABS_INT", "a>int b<int", "a = abs(b)", _WIDE)
    yield _row("INVERT_INT", "a>int b<int", "a = ~b")
    yield _row("POW_MOD_INT", "a>int b<int c<int d<int", "a = pow(b, c, d)", "a power that typed code does not take")
    yield _row("DIVIDE_INT", "a>float b<int c<int", "a = b / c", f"{_ZERO}, or an int too large for a float")
    yield _row("NEGATE_FLOAT", "a>float b<float", "a = -b")
    yield _row("ABS_FLOAT", "a>float b<float", "a = abs(b)")


def _chains() -> Iterator[KernelInstruction]:
    """Operations one after the other."""
    for kind, pairs in ((INT, _INT_PAIRS), (FLOAT, _FLOAT_PAIRS)):
        operations, upper, three = _OPERATIONS[kind], kind.upper(), f"a>{kind} b<{kind} c<{kind} d<{kind}"
        for first, seconds in pairs.items():
            for second in seconds:
                causes = filter(None, (operations[first].exits_for, operations[second].exits_for))
                yield _row(f"{first}_{second}_{upper}", three, f"a = (b {operations[first].sign} c) {operations[second].sign} d",
                           " or ".join(dict.fromkeys(causes)), fuses=(f"{first}_{upper}", f"{second}_{upper}", "left"))  # fmt: skip
        for first in _SUBTRACTED:
            yield _row(f"{first}_FROM_{upper}", three, f"a = d - (b {operations[first].sign} c)", operations[first].exits_for,
                       fuses=(f"{first}_{upper}", f"SUB_{upper}", "right"))  # fmt: skip
    yield _row("ADD_MOD_INT_MOVE", "a>int b<int c<int d<int e=f f<", "a = (b + c) % d and e = f, at once", _ZERO,
               fuses=("ADD_MOD_INT", "MOVE", "beside"))  # fmt: skip
    yield _row("MUL_MOD_ADD_INT", "a>int b<int c<int d<int e<int", "a = b * c % d + e", f"{_ZERO} or {_WIDE}",
               fuses=("MUL_MOD_INT", "ADD_INT", "left"))  # fmt: skip
    yield _row("MUL_MUL_THEN_ADD_FLOAT", "a>float b<float c<float d<float e<float", "a = b * c * d + e",
               fuses=("MUL_MUL_FLOAT", "ADD_FLOAT", "left"))  # fmt: skip


def _trees() -> Iterator[KernelInstruction]:
    """Operations of floats whose two sides are operations, too; the first one waits while the second one is made."""
    signs = {name: _FLOAT_OPERATIONS[name].sign for name in _SUBTRACTED}
    for first in signs:
        for second in signs:
            for join in signs:
                made = f"{second}_FROM_FLOAT" if join == "SUB" else f"{second}_{join}_FLOAT"
                yield _row(f"{first}_{second}_TREE_{join}_FLOAT", "a>float b<float c<float d<float e<float",
                           f"a = (b {signs[first]} c) {signs[join]} (d {signs[second]} e)",
                           fuses=(f"{first}_FLOAT", made, "last"))  # fmt: skip
    for join in ("ADD", "SUB"):
        yield _row(f"MUL_MUL_TREE_{join}_ADD_FLOAT", "a>float b<float c<float d<float e<float f<float",
                   f"a = (b * c {signs[join]} d * e) + f", fuses=(f"MUL_MUL_TREE_{join}_FLOAT", "ADD_FLOAT", "left"))  # fmt: skip


def _comparisons() -> Iterator[KernelInstruction]:
    for name, sign in _COMPARISONS.items():
        commutes = name in _SYMMETRIC
        for kind in (INT, FLOAT):
            upper = kind.upper()
            yield _row(f"{name}_{upper}", f"a>int b<{kind} c<{kind}", f"a = b {sign} c", commutes=commutes)
            for way, word, back in _JUMPS:
                yield _row(f"{way}_{name}_{upper}", f"a<{kind} b<{kind} f@", f"if a {sign} b: {word} to f",
                           takes_fuel=back, commutes=commutes)  # fmt: skip
        yield _row(f"STEP_{name}_INT", "a<int b<int f@", f"one step; if a {sign} b: back to f", takes_fuel=True, counts=True,
                   only_in="body")  # fmt: skip
    yield _row("SAME", "a>int b<object c<object", "a = b is c")
    for way, word, back in _JUMPS:
        for name, sign in (("LESS", "<"), ("LESS_EQUAL", "<=")):
            yield _row(
                f"{way}_NOT_{name}_FLOAT", "a<float b<float f@", f"if not a {sign} b: {word} to f", takes_fuel=back
            )
        yield _row(f"{way}_SAME", "a<object b<object f@", f"if a is b: {word} to f", takes_fuel=back)
        yield _row(f"{way}_NOT_SAME", "a<object b<object f@", f"if a is not b: {word} to f", takes_fuel=back)


def _tested() -> Iterator[KernelInstruction]:
    """An operation, and a jump by the comparison of its result."""
    for way, word, back in _JUMPS:
        for operation in _TESTED:
            operation_sign, cause, _ = _INT_OPERATIONS[operation]
            for name, sign in _ORDERS.items():
                side: Join = "right" if name.startswith("MORE") else "left"
                jump = f"{way}_{name.replace('MORE', 'LESS')}_INT"
                yield _row(f"{operation}_{way}_{name}_INT", "b<int c<int d<int f@",
                           f"if (b {operation_sign} c) {sign} d: {word} to f", cause, takes_fuel=back,
                           fuses=(f"{operation}_INT", jump, side))  # fmt: skip
        for operation in _FLOAT_PAIRS:
            for name in _FLOAT_TESTS:
                side = "right" if "MORE" in name else "left"
                jump = f"{way}_{name.replace('MORE', 'LESS')}_FLOAT"
                sign = _ORDERS[name.removeprefix("NOT_")]
                yield _row(f"{operation}_{way}_{name}_FLOAT", "b<float c<float d<float f@",
                           f"if {'not ' * name.startswith('NOT_')}(b {_FLOAT_OPERATIONS[operation].sign} c) {sign} d: {word} to f",
                           takes_fuel=back, fuses=(f"{operation}_FLOAT", jump, side))  # fmt: skip


def _kept() -> Iterator[KernelInstruction]:
    """An operation or a move whose result is kept, and a jump back."""
    for name, sign in _COMPARISONS.items():
        for operation in _KEPT:
            operation_sign, cause, _ = _INT_OPERATIONS[operation]
            yield _row(f"{operation}_THEN_BACK_{name}_INT", "a>int b<int c<int d;int e;int f@",
                       f"a = b {operation_sign} c; if d {sign} e: back to f", cause, takes_fuel=True,
                       fuses=(f"{operation}_INT", f"BACK_{name}_INT", "then"))  # fmt: skip
        for operation in ("ADD", "SUB"):
            yield _row(f"{operation}_THEN_STEP_{name}_INT", "a>int b<int c<int d;int e;int f@",
                       f"a = b {_INT_OPERATIONS[operation].sign} c; one step; if d {sign} e: back to f", _WIDE,
                       takes_fuel=True, counts=True, only_in="body",
                       fuses=(f"{operation}_INT", f"STEP_{name}_INT", "then"))  # fmt: skip
    for name, sign in _COMPARISONS.items():
        yield _row(f"MOVE_THEN_BACK_{name}_INT", "a=b b< c;int d;int f@", f"a = b; if c {sign} d: back to f",
                   takes_fuel=True, fuses=("MOVE", f"BACK_{name}_INT", "then"))  # fmt: skip
        yield _row(f"MOVE_THEN_STEP_{name}_INT", "a=b b< c;int d;int f@", f"a = b; one step; if c {sign} d: back to f",
                   takes_fuel=True, counts=True, only_in="body", fuses=("MOVE", f"STEP_{name}_INT", "then"))  # fmt: skip


def _conversions() -> Iterator[KernelInstruction]:
    yield _row("TO_FLOAT", "a>float b<int", "a = float(b)")
    yield _row(
        "TO_EXACT_FLOAT", "a>float b<int", "a = float(b), exactly", "an int beyond 2**53 is compared with a float"
    )
    for name, call in (("TRUNCATE", "int(b)"), ("ROUND", "round(b)"), ("FLOOR", "floor(b)"), ("CEIL", "ceil(b)")):
        yield _row(name, "a>int b<float", f"a = {call}", "a float that is not an int of 64 bits")


_MATH_PARTIAL = (
    "SQRT", "CBRT", "EXP", "EXP2", "EXPM1", "LOG", "LOG2", "LOG10", "LOG1P", "SIN", "COS", "TAN", "ASIN", "ACOS", "ATAN",
    "SINH", "COSH", "TANH", "ASINH", "ACOSH", "ATANH",
)  # fmt: skip
_MATH_TOTAL = ("DEGREES", "RADIANS", "ERF", "ERFC", "ULP")
"""Functions of a float that never raise."""
_MATH_OF_TWO = {"ATAN2": "", "COPYSIGN": "", "NEXTAFTER": "", "FMOD": _DOMAIN, "REMAINDER": _DOMAIN, "POWER": _DOMAIN}
"""Functions of two floats, and the cause of their side exits."""
_MATH_OF_INTS = {
    "GCD": (2, _WIDE), "LCM": (2, _WIDE), "COMB": (2, f"a negative argument, or {_WIDE}"),
    "PERM": (2, f"a negative argument, or {_WIDE}"), "FACTORIAL": (1, f"a negative argument, or {_WIDE}"),
    "ISQRT": (1, "a negative argument"),
}  # fmt: skip


def _math() -> Iterator[KernelInstruction]:
    for name in (*_MATH_PARTIAL, *_MATH_TOTAL):
        yield _row(name, "a>float b<float", f"a = math.{name.lower()}(b)", _DOMAIN if name in _MATH_PARTIAL else "")
    for name, cause in _MATH_OF_TWO.items():
        call = "pow" if name == "POWER" else name.lower()
        yield _row(name, "a>float b<float c<float", f"a = math.{call}(b, c)", cause)
    for name, (count, cause) in _MATH_OF_INTS.items():
        operands, arguments = ("a>int b<int c<int", "b, c") if count == 2 else ("a>int b<int", "b")
        yield _row(name, operands, f"a = math.{name.lower()}({arguments})", cause)
    yield _row("LDEXP", "a>float b<float c<int", "a = math.ldexp(b, c)", "an overflow")
    yield _row(
        "NEXTAFTER_STEPS",
        "a>float b<float c<float d<int",
        "a = math.nextafter(b, c, steps=d)",
        "a negative number of steps",
    )
    yield _row("FMA", "a>float b<float c<float d<float", "a = math.fma(b, c, d)", _DOMAIN)
    yield _row("ISCLOSE", "a>int b<float c<float d<float e<float", "a = math.isclose(b, c, rel_tol=d, abs_tol=e)",
               "a negative tolerance")  # fmt: skip
    yield _row("FREXP_MANTISSA", "a>float b<float", "a = math.frexp(b)[0]")
    yield _row("FREXP_EXPONENT", "a>int b<float", "a = math.frexp(b)[1]")
    yield _row("MODF_FRACTION", "a>float b<float", "a = math.modf(b)[0]")
    yield _row("MODF_WHOLE", "a>float b<float", "a = math.modf(b)[1]")
    for name in ("ISNAN", "ISINF", "ISFINITE"):
        yield _row(name, "a>int b<float", f"a = math.{name.lower()}(b)")


def _jumps() -> Iterator[KernelInstruction]:
    yield _row("JUMP", "f@", "go to f", ends=True)
    yield _row("BACK", "f@", "back to f", ends=True, takes_fuel=True)
    yield _row("STEP", "f@", "one step; back to f", ends=True, takes_fuel=True, counts=True, only_in="body")
    yield _row("DEFER", "e# f@", "one step, to a call of task e; back to f", ends=True, takes_fuel=True, counts=True,
               only_in="body")  # fmt: skip


def _ranges() -> Iterator[KernelInstruction]:
    yield _row("RANGE", "a~", "a.. = start, stop, step -> next, remaining, step", "a step of zero, or too long a range")
    yield _row("NEXT", "a>int b~ f@", "a = the next of range b, or go to f at its end")
    yield _row("NEXT_OR_BACK", "a>int b~ f@", "a = the next of range b, or back to f at its end", takes_fuel=True)
    yield _row("NEXT_BACK", "a>int b~ f@", "if range b continues: a = its next, back to f", takes_fuel=True)
    for kind, names in _ACCUMULATED:
        for name in names:
            sign, cause, _ = _OPERATIONS[kind][name]
            yield _row(f"{name}_{kind.upper()}_NEXT_BACK", f"a>{kind} b<{kind} c<{kind} d>int e~ f@",
                       f"a = b {sign} c; if range e continues: d = its next, back to f", cause, takes_fuel=True,
                       fuses=(f"{name}_{kind.upper()}", "NEXT_BACK", "then"))  # fmt: skip


def _calls_and_ends() -> Iterator[KernelInstruction]:
    yield _row(
        "CALL",
        "a> b^ d$ f@",
        "a = the function at f, with its registers from b on",
        "the recursion limit",
        takes_fuel=True,
    )
    yield _row("HELPER_RETURN", "a<", "the helper returns a", ends=True, only_in="helper")
    yield _row("CALL_OUT", "a> b^ e?", "a = function e of Python's, of the registers from b on",
               "the function raises, or its result has no register", free=False)  # fmt: skip
    yield _row("CALL_OUT_NUMBER", "a>float b^ c>int d>int e?", "d, a or c = function e of Python's, of the registers from b on: "
               "0 and a float, or 1 and an int", "the function raises, or its result has no register", free=False)  # fmt: skip
    yield _row("EXIT", "", "side exit", "no typed form", ends=True, returns=True)
    for kind, operand in (("INT", INT), ("BOOL", INT), ("FLOAT", FLOAT), ("OBJECT", OBJECT)):
        yield _row(
            f"RETURN_{kind}", f"a<{operand}", "return a", ends=True, returns=True, only_in="body", free=kind != "OBJECT"
        )


def _objects() -> Iterator[KernelInstruction]:
    """Typed code that touches objects, made block by block (cascade/kernels/blocks): each family has its rows in a module."""
    for family in (objects, c_calls, sequences, text, mappings, attributes, arrays, functions):
        for row in family.ROWS:
            yield _row(
                row.name, row.operands, row.synopsis, row.exits_for, ends=row.ends, returns=row.returns,
                takes_fuel=row.takes_fuel, only_in="block", free=row.free,
            )  # fmt: skip


_SUBJECTS = (
    _loads_and_moves, _arithmetic, _chains, _trees, _comparisons, _tested, _kept, _conversions, _math, _jumps, _ranges,
    _calls_and_ends, _objects,
)  # fmt: skip

KERNEL_INSTRUCTIONS: tuple[KernelInstruction, ...] = tuple(row for subject in _SUBJECTS for row in subject())
KERNEL_OPCODES: dict[str, int] = {row.name: number for number, row in enumerate(KERNEL_INSTRUCTIONS)}
