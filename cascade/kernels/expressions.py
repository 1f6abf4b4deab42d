"""Expressions -> instructions. A value is in a register, or known while translating."""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable
from typing import Any, NamedTuple

from cascade.kernels.assemble import Assembler, Item, Label, Space
from cascade.kernels.diagnostics import Refusal, refuse
from cascade.kernels.model import BOOL, FLOAT, INT, MISSING, NONE, OBJECT
from cascade.kernels.names import Names
from cascade.kernels.source import FunctionSource

WIDE = range(-(2**63), 2**63)
UNKNOWN: Any = type("Unknown", (), {})()

ARITHMETIC: dict[type[ast.operator], str] = {
    ast.Add: "ADD", ast.Sub: "SUB", ast.Mult: "MUL", ast.FloorDiv: "FLOORDIV", ast.Mod: "MOD", ast.Pow: "POW",
}  # fmt: skip
BITS: dict[type[ast.operator], str] = {
    ast.BitAnd: "AND", ast.BitOr: "OR", ast.BitXor: "XOR", ast.LShift: "LSHIFT", ast.RShift: "RSHIFT",
}  # fmt: skip


def _small_power(base: float, exponent: float) -> object:
    if abs(exponent) > 64 or abs(base) > 2**32:
        raise ValueError  # it may be huge, and is not worth waiting for
    return base**exponent


def _small_shift(value: int, count: int) -> int:
    if count > 64:
        raise ValueError
    return value << count


FOLDED: dict[type[ast.operator], Callable[[Any, Any], object]] = {
    ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod, ast.Div: operator.truediv, ast.BitAnd: operator.and_, ast.BitOr: operator.or_,
    ast.BitXor: operator.xor, ast.Pow: _small_power, ast.LShift: _small_shift, ast.RShift: operator.rshift,
}  # fmt: skip
COMPARED: dict[type[ast.cmpop], Callable[[Any, Any], bool]] = {
    ast.Lt: operator.lt, ast.LtE: operator.le, ast.Gt: operator.gt, ast.GtE: operator.ge, ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
}  # fmt: skip
# A comparison as (name, whether the operands change places), and its opposite for integers.
COMPARISONS: dict[type[ast.cmpop], tuple[str, bool]] = {
    ast.Lt: ("LESS", False), ast.LtE: ("LESS_EQUAL", False), ast.Gt: ("LESS", True), ast.GtE: ("LESS_EQUAL", True),
    ast.Eq: ("EQUAL", False), ast.NotEq: ("NOT_EQUAL", False),
}  # fmt: skip
OPPOSITE: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.GtE, ast.LtE: ast.Gt, ast.Gt: ast.LtE, ast.GtE: ast.Lt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot, ast.IsNot: ast.Is,
}  # fmt: skip


class Value(NamedTuple):
    """The value of an expression: the name of its register, or the value itself where it is known while translating."""

    type: str
    register: int = -1
    known: Any = UNKNOWN

    @property
    def number(self) -> bool:
        return self.type in (INT, FLOAT, BOOL)

    @property
    def truth(self) -> bool | None:
        """Its truth, where that is known; an object decides its own when the program runs."""
        return None if self.known is UNKNOWN or self.type == OBJECT else bool(self.known)


class SideExit(Exception):
    """From here CPython continues, in any case."""


def number_known(found: object) -> Value | None:
    """Returns the value of a number that a register can hold; None for anything else."""
    if type(found) is float:
        return Value(FLOAT, known=found)
    if type(found) is bool:
        return Value(BOOL, known=found)
    if type(found) is int and found in WIDE:
        return Value(INT, known=found)
    return None


class Expressions:
    """Translates the expressions of one function. `bound` are the types of the variables that have a value here."""

    def __init__(self, source: FunctionSource, assembler: Assembler, names: Names, space: Space) -> None:
        self.source = source
        self.function = source.function
        self.assembler = assembler
        self.names = names
        self.space = space
        self.bound: dict[str, str] = {}
        self.registers: dict[tuple[str, str], int] = {}
        self.exit = 0
        self.line = (source, source.tree.lineno)

    # -- Instructions -----------------------------------------------------------------------------------------------

    def emit(self, name: str, **operands: object) -> None:
        self.assembler.emit(Item(name, operands, self.exit, self.line, self.space))

    def put(self, label: Label) -> None:
        self.assembler.place(label)

    def emit_jump(self, name: str, target: Label, **operands: object) -> None:
        """Emits a jump; back to a label that is placed already, it takes fuel."""
        if name == "JUMP":
            self.emit("BACK" if target.placed else "JUMP", f=target)
        else:
            self.emit(f"{'BACK' if target.placed else 'JUMP'}_{name}", **operands, f=target)

    def register(self, value: Value) -> int:
        """Returns the name of the register of a value."""
        if value.register >= 0:
            return value.register
        return self.assembler.constant(self.space, OBJECT if value.type in (NONE, OBJECT) else value.type, value.known)

    def computed(self, kind: str, name: str, *operands: Value) -> Value:
        result = self.assembler.temporary()
        self.emit(name, a=result, **dict(zip("bcde", map(self.register, operands))))
        return Value(kind, result)

    def copied(self, value: Value) -> Value:
        """Returns the value in a temporary register of its own."""
        result = self.assembler.temporary()
        self.emit("MOVE", a=result, b=self.register(value))
        return Value(value.type, result)

    def variable(self, name: str, kind: str) -> int:
        """Returns the name of the register that holds a variable while it is of this type."""
        found = self.registers.get((name, kind))
        if found is None:
            found = self.registers[name, kind] = self.assembler.name()
            self.space.variables.append(found)
        return found

    def refuse(self, code: str, node: ast.AST, hint: str) -> Refusal:
        return refuse(code, node, hint, self.source)

    # -- Values -----------------------------------------------------------------------------------------------------

    def value(self, node: ast.expr) -> Value:
        method: Callable[[Any], Value] | None = getattr(self, f"value_{type(node).__name__}", None)
        if method is None:
            raise self.refuse("CS130", node, f"expressions of this kind ({type(node).__name__}) are not lowered")
        return method(node)

    def numeric(self, node: ast.expr) -> Value:
        """Returns the value of an expression that has to be a number."""
        value = self.value(node)
        if not value.number:
            raise self.refuse("CS131", node, f"{_a(value.type)} cannot be computed with in typed code")
        return value

    def integer(self, node: ast.expr) -> Value:
        value = self.numeric(node)
        if value.type == FLOAT:
            raise self.refuse("CS131", node, "an int is needed here, and this is a float")
        return value

    def value_Constant(self, node: ast.Constant) -> Value:
        for constant in self.source.code.co_consts:
            if type(constant) is type(node.value) and repr(constant) == repr(node.value):
                return self.known(constant, node)  # the very object that the function has
        return self.known(node.value, node)

    def value_Name(self, node: ast.Name) -> Value:
        name = node.id
        kind = self.bound.get(name)
        if kind is not None:
            return Value(NONE, known=None) if kind == NONE else Value(kind, self.variable(name, kind))
        if name in self.source.locals:
            raise SideExit  # it has no value on this path: CPython raises
        return self.known(self.meaning(node), node)

    def value_Attribute(self, node: ast.Attribute) -> Value:
        return self.known(self.meaning(node), node)

    def meaning(self, node: ast.expr) -> object:
        return self.names.meaning(self.source, node)

    def known(self, found: object, node: ast.expr) -> Value:
        if found is None:
            return Value(NONE, known=None)
        value = number_known(found)
        if value is not None:
            return value
        if found is MISSING or type(found) is int:
            raise self.refuse("CS133", node, "an int of more than 64 bits" if found is not MISSING else self.unknown(node))
        return Value(OBJECT, known=found)

    def unknown(self, node: ast.expr) -> str:
        """Returns why a name means nothing."""
        while isinstance(node, ast.Attribute):
            node = node.value
        if isinstance(node, ast.Name) and self.meaning(node) is MISSING:
            if node.id not in self.source.locals + self.source.code.co_freevars:
                return f"the name {node.id!r} is not defined"
        return "only variables, and names of objects that stay the same, are lowered"

    def value_UnaryOp(self, node: ast.UnaryOp) -> Value:
        if isinstance(node.op, ast.Not):
            return self.truth(node)
        value = self.numeric(node.operand)
        if isinstance(node.op, ast.UAdd):
            return Value(INT, value.register, UNKNOWN if value.known is UNKNOWN else int(value.known)) if value.type == BOOL else value
        if isinstance(node.op, ast.Invert):
            if value.type != INT:
                raise self.refuse("CS131", node, "an int is needed here")
            return self.computed(INT, "INVERT_INT", value)
        if value.known is not UNKNOWN and (value.type == FLOAT or -value.known in WIDE):
            return Value(FLOAT if value.type == FLOAT else INT, known=-value.known)
        if value.type == FLOAT:
            return self.computed(FLOAT, "NEGATE_FLOAT", value)
        return self.computed(INT, "NEGATE_INT", value)

    def value_BinOp(self, node: ast.BinOp) -> Value:
        left, right = self.numeric(node.left), self.numeric(node.right)
        operation = type(node.op)
        if left.known is not UNKNOWN and right.known is not UNKNOWN and operation in FOLDED:
            folded = self.folded(FOLDED[operation], left.known, right.known)
            if folded is not None:
                return folded
        floats = FLOAT in (left.type, right.type)
        if operation in ARITHMETIC:
            name = ARITHMETIC[operation]
            if floats:
                return self.computed(FLOAT, f"{name}_FLOAT", self.as_float(left), self.as_float(right))
            return self.integers(name, left, right, node)
        if operation is ast.Div:
            if floats:
                return self.computed(FLOAT, "DIVIDE_FLOAT", self.as_float(left), self.as_float(right))
            return self.computed(FLOAT, "DIVIDE_INT", left, right)
        if operation in BITS and not floats:
            both_bools = left.type == right.type == BOOL and operation not in (ast.LShift, ast.RShift)
            return self.computed(BOOL if both_bools else INT, f"{BITS[operation]}_INT", left, right)
        raise self.refuse("CS134", node, "this operator is not lowered for these types")

    def folded(self, function: Callable[[Any, Any], object], left: object, right: object) -> Value | None:
        try:
            return number_known(function(left, right))
        except (ArithmeticError, TypeError, ValueError):
            return None  # where it is reached, CPython raises it

    def integers(self, name: str, left: Value, right: Value, node: ast.expr) -> Value:
        known = right.known
        if name == "POW":
            if known is UNKNOWN or known < 0:
                # An int to a negative power is a float.
                if known is not UNKNOWN:
                    raise self.refuse("CS134", node, "an int to a negative power: start with a float")
            elif known == 2:
                return self.computed(INT, "MUL_INT", left, left)
        if known is not UNKNOWN and type(known) is int and known > 0 and known & (known - 1) == 0:
            # Modulo and division by a power of two, also of negative numbers.
            if name == "MOD":
                return self.computed(INT, "AND_INT", left, Value(INT, known=known - 1))
            if name == "FLOORDIV":
                return self.computed(INT, "RSHIFT_INT", left, Value(INT, known=known.bit_length() - 1))
        return self.computed(INT, f"{name}_INT", left, right)

    def as_float(self, value: Value, *, exact: bool = False) -> Value:
        if value.type == FLOAT:
            return value
        if value.known is not UNKNOWN and abs(int(value.known)) <= 2**53:
            return Value(FLOAT, known=float(value.known))
        return self.computed(FLOAT, "TO_EXACT_FLOAT" if exact else "TO_FLOAT", value)

    # -- Comparisons --------------------------------------------------------------------------------------------------

    def value_Compare(self, node: ast.Compare) -> Value:
        if len(node.ops) > 1:
            return self.truth(node)
        left, right = self.value(node.left), self.value(node.comparators[0])
        operation = node.ops[0]
        settled = self.settled(operation, left, right, node)
        if settled is not None:
            return Value(BOOL, known=settled)
        if isinstance(operation, (ast.Is, ast.IsNot)):
            name = "SAME" if left.type == OBJECT else "EQUAL_INT"
            same = self.computed(BOOL, name, left, right)
            if isinstance(operation, ast.Is):
                return same
            return self.computed(BOOL, "EQUAL_INT", same, Value(BOOL, known=False))
        left, right, kind = self.comparable(left, right)
        name, swapped = COMPARISONS[type(operation)]
        if swapped:
            left, right = right, left
        return self.computed(BOOL, f"{name}_{kind}", left, right)

    def settled(self, operation: ast.cmpop, left: Value, right: Value, node: ast.Compare) -> bool | None:
        """Returns the result of a comparison where it is known; None where it has to be made."""
        types = (left.type, right.type)
        if isinstance(operation, (ast.Is, ast.IsNot)):
            if NONE in types:
                return (types == (NONE, NONE)) is isinstance(operation, ast.Is)
            if types == (OBJECT, OBJECT) or types == (BOOL, BOOL):
                return None
            if OBJECT in types or BOOL in types:
                return isinstance(operation, ast.IsNot)
            raise self.refuse("CS136", node, "whether two equal numbers are one object is not known: compare with ==")
        if type(operation) not in COMPARISONS:
            raise self.refuse("CS134", node, "this comparison is not lowered")
        if left.number and right.number:
            if left.known is not UNKNOWN and right.known is not UNKNOWN:
                return COMPARED[type(operation)](left.known, right.known)
            return None
        if NONE in types and OBJECT not in types and isinstance(operation, (ast.Eq, ast.NotEq)):
            return (types == (NONE, NONE)) is isinstance(operation, ast.Eq)
        if NONE in types and OBJECT not in types:
            raise SideExit  # a TypeError
        raise self.refuse("CS135", node, "objects are only compared by `is`")

    def comparable(self, left: Value, right: Value) -> tuple[Value, Value, str]:
        if FLOAT in (left.type, right.type):
            # Python compares an int with a float exactly, not through a rounded double.
            return self.as_float(left, exact=True), self.as_float(right, exact=True), "FLOAT"
        return left, right, "INT"

    # -- Values made by jumps -----------------------------------------------------------------------------------------

    def truth(self, node: ast.expr) -> Value:
        """Returns a bool made by jumps."""
        result = self.assembler.temporary()
        false, done = Label(), Label()
        if self.jump(node, false, False):
            self.emit("MOVE", a=result, b=self.register(Value(BOOL, known=True)))
            self.emit("JUMP", f=done)
        if false.uses:
            self.put(false)
            self.emit("MOVE", a=result, b=self.register(Value(BOOL, known=False)))
        self.put(done)
        return Value(BOOL, result)

    def value_BoolOp(self, node: ast.BoolOp) -> Value:
        done = Label()
        result = self.assembler.temporary()
        sense = isinstance(node.op, ast.Or)
        kind = ""
        for position, item in enumerate(node.values):
            value = self.value(item)
            if value.truth is (not sense) and position + 1 < len(node.values):
                continue  # it does not settle the whole
            kind = self.one_type(kind, value, node)
            self.emit("MOVE", a=result, b=self.register(value))
            if value.truth is sense:
                break
            if position + 1 < len(node.values):
                self.jump_on_value(Value(kind, result), done, sense, item)
        self.put(done)
        return Value(NONE, known=None) if kind == NONE else Value(kind, result)

    def value_IfExp(self, node: ast.IfExp) -> Value:
        otherwise, done = Label(), Label()
        result = self.assembler.temporary()
        kind = ""
        if self.jump(node.test, otherwise, False):
            value = self.value(node.body)
            kind = self.one_type(kind, value, node)
            self.emit("MOVE", a=result, b=self.register(value))
            self.emit("JUMP", f=done)
        if otherwise.uses:
            self.put(otherwise)
            value = self.value(node.orelse)
            kind = self.one_type(kind, value, node)
            self.emit("MOVE", a=result, b=self.register(value))
        self.put(done)
        return Value(NONE, known=None) if kind == NONE else Value(kind, result)

    def one_type(self, kind: str, value: Value, node: ast.expr) -> str:
        if kind and kind != value.type:
            raise self.refuse("CS122", node, f"one side is {_a(kind)} and the other {_a(value.type)}")
        return value.type

    # -- Jumps --------------------------------------------------------------------------------------------------------

    def jump(self, node: ast.expr, target: Label, sense: bool) -> bool:
        """Emits a jump to `target` if the truth of `node` is `sense`; returns whether the code after it can be reached."""
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
            return self.jump(node.operand, target, not sense)
        if isinstance(node, ast.BoolOp):
            stops = isinstance(node.op, ast.Or)  # the truth of a side that settles the whole
            past = Label()
            reached = True
            for item in node.values[:-1]:
                reached = self.jump(item, target if stops is sense else past, stops)
                if not reached:
                    break
            if reached:
                reached = self.jump(node.values[-1], target, sense)
            if past.uses:
                self.put(past)
                reached = True
            return reached
        if isinstance(node, ast.Compare):
            return self.jump_on_comparison(node, target, sense)
        return self.jump_on_value(self.value(node), target, sense, node)

    def jump_on_comparison(self, node: ast.Compare, target: Label, sense: bool) -> bool:
        past = Label()
        left = self.value(node.left)
        reached = True
        for position, (operation, comparator) in enumerate(zip(node.ops, node.comparators, strict=True)):
            right = self.value(comparator)
            last = position + 1 == len(node.ops)
            settled = self.settled(operation, left, right, node)
            if last:
                reached = self.jump_if(operation, left, right, target, sense, settled)
            else:
                reached = self.jump_if(operation, left, right, past if sense else target, False, settled)
                if not reached:
                    break
            left = right
        if past.uses:
            self.put(past)
            reached = True
        return reached

    def jump_if(
        self, operation: ast.cmpop, left: Value, right: Value, target: Label, sense: bool, settled: bool | None
    ) -> bool:
        if settled is not None:
            if settled is sense:
                self.emit_jump("JUMP", target)
            return settled is not sense
        chosen = type(operation)
        if chosen in (ast.Is, ast.IsNot):
            if not sense:
                chosen = OPPOSITE[chosen]
            same = "SAME" if left.type == OBJECT else "EQUAL_INT"
            other = "NOT_SAME" if left.type == OBJECT else "NOT_EQUAL_INT"
            self.emit_jump(same if chosen is ast.Is else other, target, a=self.register(left), b=self.register(right))
            return True
        left, right, kind = self.comparable(left, right)
        if not sense and (kind == "INT" or chosen in (ast.Eq, ast.NotEq)):
            chosen, sense = OPPOSITE[chosen], True
        name, swapped = COMPARISONS[chosen]
        if swapped:
            left, right = right, left
        a, b = self.register(left), self.register(right)
        self.emit_jump(f"{'' if sense else 'NOT_'}{name}_{kind}", target, a=a, b=b)
        return True

    def jump_on_value(self, value: Value, target: Label, sense: bool, node: ast.expr) -> bool:
        if value.truth is not None:
            if value.truth is sense:
                self.emit_jump("JUMP", target)
            return value.truth is not sense
        if not value.number:
            raise self.refuse("CS137", node, "the truth of an object is not known here: compare it with `is`")
        kind = FLOAT if value.type == FLOAT else INT
        zero = Value(kind, known=0.0 if kind == FLOAT else 0)
        name = f"{'NOT_EQUAL' if sense else 'EQUAL'}_{kind.upper()}"
        self.emit_jump(name, target, a=self.register(value), b=self.register(zero))
        return True


def _a(kind: str) -> str:
    return {INT: "an int", FLOAT: "a float", BOOL: "a bool", NONE: "None", OBJECT: "an object"}.get(kind, kind)
