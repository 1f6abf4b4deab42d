"""Expressions -> instructions. A value is in a register, or known while translating."""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable

from cascade.kernels.arguments import Argument
from cascade.kernels.assemble import Label
from cascade.kernels.diagnostics import IDENTITY
from cascade.kernels.function_builder import FunctionBuilder
from cascade.kernels.model import BOOL, FLOAT, INT, MISSING, NONE, OBJECT
from cascade.kernels.values import NO_VALUE, WIDE, SideExit, Value, number_known, of_type

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


def _small_shift(value: float, count: float) -> object:
    if count > 64:
        raise ValueError
    return operator.lshift(value, count)


FOLDED: dict[type[ast.operator], Callable[[float, float], object]] = {
    ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod, ast.Div: operator.truediv, ast.BitAnd: operator.and_, ast.BitOr: operator.or_,
    ast.BitXor: operator.xor, ast.Pow: _small_power, ast.LShift: _small_shift, ast.RShift: operator.rshift,
}  # fmt: skip
COMPARED: dict[type[ast.cmpop], Callable[[float, float], bool]] = {
    ast.Lt: operator.lt, ast.LtE: operator.le, ast.Gt: operator.gt, ast.GtE: operator.ge, ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
}  # fmt: skip
# A comparison as (name, whether the operands are swapped), and its opposite for integers.
COMPARISONS: dict[type[ast.cmpop], tuple[str, bool]] = {
    ast.Lt: ("LESS", False), ast.LtE: ("LESS_EQUAL", False), ast.Gt: ("LESS", True), ast.GtE: ("LESS_EQUAL", True),
    ast.Eq: ("EQUAL", False), ast.NotEq: ("NOT_EQUAL", False),
}  # fmt: skip
OPPOSITE: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.GtE, ast.LtE: ast.Gt, ast.Gt: ast.LtE, ast.GtE: ast.Lt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq,
}  # fmt: skip


class Expressions:
    """Translates the expressions of one function into instructions.

    Args:
        function: emits the instructions.
        call: translates a call.
    """

    def __init__(self, function: FunctionBuilder, call: Callable[[Expressions, ast.Call], Value]) -> None:
        self.function = function
        self.call = call

    # -- Values -----------------------------------------------------------------------------------------------------

    def value(self, node: ast.expr) -> Value:
        """Translates an expression."""
        match node:
            case ast.Name():
                return self.name(node)
            case ast.Constant():
                return self.constant(node)
            case ast.BinOp():
                return self.binary(node)
            case ast.Compare():
                return self.comparison(node)
            case ast.Call():
                return self.call(self, node)
            case ast.Attribute():
                return self.known(self.function.meaning(node), node)
            case ast.UnaryOp():
                return self.unary(node)
            case ast.BoolOp():
                return self.either(node)
            case ast.IfExp():
                return self.conditional(node)
        hint = f"expressions of this kind ({type(node).__name__}) are not lowered"
        raise self.function.refuse("CS130", node, hint)

    def numeric(self, node: ast.expr) -> Value:
        """Returns the value of an expression that has to be a number."""
        value = self.value(node)
        if not value.number:
            raise self.function.refuse("CS131", node, f"{_described(value.type)} cannot be computed with in typed code")
        return value

    def integer(self, node: ast.expr) -> Value:
        value = self.numeric(node)
        if value.type == FLOAT:
            raise self.function.refuse("CS131", node, "an int is needed here, and this is a float")
        return value

    def constant(self, node: ast.Constant) -> Value:
        for constant in self.function.source.code.co_consts:
            if type(constant) is type(node.value) and repr(constant) == repr(node.value):
                return self.known(constant, node)  # the very object that the function has
        return self.known(node.value, node)

    def name(self, node: ast.Name) -> Value:
        name, function = node.id, self.function
        kind = function.bound.get(name)
        if kind is not None:
            return NO_VALUE if kind == NONE else Value(kind, function.variable(name, kind))
        if name in function.source.locals:
            raise SideExit  # it has no value on this path: CPython raises
        return self.known(function.meaning(node), node)

    def known(self, found: object, node: ast.expr) -> Value:
        """Returns an object that is known while translating."""
        if found is None:
            return NO_VALUE
        value = number_known(found)
        if value is not None:
            return value
        if found is MISSING or type(found) is int:
            hint = self.unknown(node) if found is MISSING else "an int of more than 64 bits"
            raise self.function.refuse("CS133", node, hint)
        return Value(OBJECT, known=found)

    def argument(self, item: Argument, node: ast.expr) -> Value:
        """Returns the value of an argument of the call `node`."""
        if isinstance(item, ast.expr):
            return self.value(item)
        return item if isinstance(item, Value) else self.known(item.value, node)

    def unknown(self, node: ast.expr) -> str:
        """Returns the hint for a name without a meaning."""
        while isinstance(node, ast.Attribute):
            node = node.value
        if isinstance(node, ast.Name) and self.function.meaning(node) is MISSING:
            source = self.function.source
            if node.id not in source.locals + source.code.co_freevars:
                return f"the name {node.id!r} is not defined"
        return "only variables, and names of objects that stay the same, are lowered"

    def unary(self, node: ast.UnaryOp) -> Value:
        if isinstance(node.op, ast.Not):
            return self.truth(node)
        value = self.numeric(node.operand)
        if isinstance(node.op, ast.UAdd):
            return self.function.as_int(value) if value.type == BOOL else value
        if isinstance(node.op, ast.Invert):
            if value.type != INT:
                raise self.function.refuse("CS131", node, "an int is needed here")
            return self.function.computed(INT, "INVERT_INT", value)
        kind = FLOAT if value.type == FLOAT else INT
        constant = value.constant
        if constant is not None and (kind == FLOAT or -constant in WIDE):
            return Value(kind, known=-constant)
        return self.function.computed(kind, f"NEGATE_{kind.upper()}", value)

    # -- Arithmetic -------------------------------------------------------------------------------------------------

    def binary(self, node: ast.BinOp) -> Value:
        left, right = self.numeric(node.left), self.numeric(node.right)
        operation = type(node.op)
        folded = _folded(operation, left.constant, right.constant)
        if folded is not None:
            return folded
        if FLOAT in (left.type, right.type):
            return self.floats(operation, left, right, node)
        if operation in ARITHMETIC:
            return self.integers(ARITHMETIC[operation], left, right, node)
        if operation is ast.Div:
            return self.function.computed(FLOAT, "DIVIDE_INT", left, right)
        if operation in BITS:
            both_bools = left.type == right.type == BOOL and operation not in (ast.LShift, ast.RShift)
            return self.function.computed(BOOL if both_bools else INT, f"{BITS[operation]}_INT", left, right)
        raise self.function.refuse("CS134", node, "this operator is not lowered for these types")

    def floats(self, operation: type[ast.operator], left: Value, right: Value, node: ast.expr) -> Value:
        name = "DIVIDE" if operation is ast.Div else ARITHMETIC.get(operation)
        if name is None:
            raise self.function.refuse("CS134", node, "this operator is not lowered for these types")
        function = self.function
        return function.computed(FLOAT, f"{name}_FLOAT", function.as_float(left), function.as_float(right))

    def integers(self, name: str, left: Value, right: Value, node: ast.expr) -> Value:
        constant = right.constant
        if name == "POW" and constant is not None:
            if constant < 0:  # an int to a negative power is a float
                raise self.function.refuse("CS134", node, "an int to a negative power: start with a float")
            if constant == 2:
                return self.function.computed(INT, "MUL_INT", left, left)
        if type(constant) is int and constant > 0 and constant & (constant - 1) == 0:
            # Modulo and division by a power of two, also of negative numbers.
            if name == "MOD":
                return self.function.computed(INT, "AND_INT", left, Value(INT, known=constant - 1))
            if name == "FLOORDIV":
                return self.function.computed(INT, "RSHIFT_INT", left, Value(INT, known=constant.bit_length() - 1))
        return self.function.computed(INT, f"{name}_INT", left, right)

    # -- Comparisons --------------------------------------------------------------------------------------------------

    def comparison(self, node: ast.Compare) -> Value:
        if len(node.ops) > 1:
            return self.truth(node)
        left, right = self.value(node.left), self.value(node.comparators[0])
        operation = node.ops[0]
        settled = self.settled(operation, left, right, node)
        if settled is not None:
            return Value(BOOL, known=settled)
        if isinstance(operation, (ast.Is, ast.IsNot)):
            name = "SAME" if left.type == OBJECT else "EQUAL_INT"
            same = self.function.computed(BOOL, name, left, right)
            if isinstance(operation, ast.Is):
                return same
            return self.function.computed(BOOL, "EQUAL_INT", same, Value(BOOL, known=False))
        left, right, kind = self.comparable(left, right)
        name, swapped = COMPARISONS[type(operation)]
        if swapped:
            left, right = right, left
        return self.function.computed(BOOL, f"{name}_{kind}", left, right)

    def settled(self, operation: ast.cmpop, left: Value, right: Value, node: ast.Compare) -> bool | None:
        """Returns the result of a comparison where it is known; None where it is computed when the code runs."""
        types = (left.type, right.type)
        if isinstance(operation, (ast.Is, ast.IsNot)):
            return self.identical(isinstance(operation, ast.Is), types, node)
        if type(operation) not in COMPARISONS:
            raise self.function.refuse("CS134", node, "this comparison is not lowered")
        if left.number and right.number:
            if left.constant is None or right.constant is None:
                return None
            return COMPARED[type(operation)](left.constant, right.constant)
        if NONE in types and OBJECT not in types and isinstance(operation, (ast.Eq, ast.NotEq)):
            return (types == (NONE, NONE)) is isinstance(operation, ast.Eq)
        if NONE in types and OBJECT not in types:
            raise SideExit  # a TypeError
        raise self.function.refuse("CS135", node, "objects are only compared by `is`")

    def identical(self, sense: bool, types: tuple[str, str], node: ast.Compare) -> bool | None:
        """As `settled`, for `is` (`sense`) and `is not`."""
        if NONE in types:
            return (types == (NONE, NONE)) is sense
        if types in ((OBJECT, OBJECT), (BOOL, BOOL)):
            return None
        if OBJECT in types or BOOL in types:
            return not sense
        raise self.function.refuse("CS136", node, IDENTITY)

    def comparable(self, left: Value, right: Value) -> tuple[Value, Value, str]:
        if FLOAT in (left.type, right.type):
            # Python compares an int with a float exactly, not through a rounded double.
            function = self.function
            return function.as_float(left, exact=True), function.as_float(right, exact=True), "FLOAT"
        return left, right, "INT"

    # -- Values made by jumps -----------------------------------------------------------------------------------------

    def truth(self, node: ast.expr) -> Value:
        """Returns a bool made by jumps."""
        result = self.function.assembler.temporary()
        false, done = Label(), Label()
        if self.jump(node, false, False):
            self.function.emit("MOVE", a=result, b=self.function.register(Value(BOOL, known=True)))
            self.function.emit("JUMP", target=done)
        if false.uses:
            self.function.put(false)
            self.function.emit("MOVE", a=result, b=self.function.register(Value(BOOL, known=False)))
        self.function.put(done)
        return Value(BOOL, result)

    def either(self, node: ast.BoolOp) -> Value:
        done = Label()
        result = self.function.assembler.temporary()
        sense = isinstance(node.op, ast.Or)
        kind = ""
        for position, item in enumerate(node.values):
            value = self.value(item)
            if value.truth is (not sense) and position + 1 < len(node.values):
                continue  # it does not settle the whole
            kind = self.one_type(kind, value, node)
            self.function.emit("MOVE", a=result, b=self.function.register(value))
            if value.truth is sense:
                break
            if position + 1 < len(node.values):
                self.jump_on_value(Value(kind, result), done, sense, item)
        self.function.put(done)
        return of_type(kind, result)

    def conditional(self, node: ast.IfExp) -> Value:
        otherwise, done = Label(), Label()
        result = self.function.assembler.temporary()
        kind = ""
        if self.jump(node.test, otherwise, False):
            value = self.value(node.body)
            kind = self.one_type(kind, value, node)
            self.function.emit("MOVE", a=result, b=self.function.register(value))
            self.function.emit("JUMP", target=done)
        if otherwise.uses:
            self.function.put(otherwise)
            value = self.value(node.orelse)
            kind = self.one_type(kind, value, node)
            self.function.emit("MOVE", a=result, b=self.function.register(value))
        self.function.put(done)
        return of_type(kind, result)

    def one_type(self, kind: str, value: Value, node: ast.expr) -> str:
        if kind and kind != value.type:
            raise self.function.refuse(
                "CS122", node, f"one side is {_described(kind)} and the other {_described(value.type)}"
            )
        return value.type

    # -- Jumps --------------------------------------------------------------------------------------------------------

    def jump(self, node: ast.expr, target: Label, sense: bool) -> bool:
        """Emits a jump to `target` if the truth of `node` is `sense`; returns whether the next instruction is reached."""
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
            return self.jump(node.operand, target, not sense)
        if isinstance(node, ast.BoolOp):
            return self.jump_on_either(node, target, sense)
        if isinstance(node, ast.Compare):
            return self.jump_on_comparison(node, target, sense)
        return self.jump_on_value(self.value(node), target, sense, node)

    def jump_on_either(self, node: ast.BoolOp, target: Label, sense: bool) -> bool:
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
            self.function.put(past)
            reached = True
        return reached

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
            self.function.put(past)
            reached = True
        return reached

    def jump_if(
        self, operation: ast.cmpop, left: Value, right: Value, target: Label, sense: bool, settled: bool | None
    ) -> bool:
        if settled is not None:
            return self.jump_always(target, settled is sense)
        function = self.function
        chosen = type(operation)
        if chosen in (ast.Is, ast.IsNot):
            name = "SAME" if left.type == OBJECT else "EQUAL_INT"
            if (chosen is ast.Is) is not sense:
                name = f"NOT_{name}"
            function.emit_jump(name, target, a=function.register(left), b=function.register(right))
            return True
        left, right, kind = self.comparable(left, right)
        if not sense and (kind == "INT" or chosen in (ast.Eq, ast.NotEq)):
            chosen, sense = OPPOSITE[chosen], True
        name, swapped = COMPARISONS[chosen]
        if swapped:
            left, right = right, left
        a, b = function.register(left), function.register(right)
        function.emit_jump(f"{'' if sense else 'NOT_'}{name}_{kind}", target, a=a, b=b)
        return True

    def jump_always(self, target: Label, taken: bool) -> bool:
        """Emits a jump whose test is settled, if it is taken."""
        if taken:
            self.function.emit_jump("JUMP", target)
        return not taken

    def jump_on_value(self, value: Value, target: Label, sense: bool, node: ast.expr) -> bool:
        if value.truth is not None:
            return self.jump_always(target, value.truth is sense)
        if not value.number:
            raise self.function.refuse("CS137", node, "the truth of an object is not known here: compare it with `is`")
        kind = FLOAT if value.type == FLOAT else INT
        zero = Value(kind, known=0.0 if kind == FLOAT else 0)
        name = f"{'NOT_EQUAL' if sense else 'EQUAL'}_{kind.upper()}"
        function = self.function
        function.emit_jump(name, target, a=function.register(value), b=function.register(zero))
        return True


def _described(kind: str) -> str:
    return {INT: "an int", FLOAT: "a float", BOOL: "a bool", NONE: "None", OBJECT: "an object"}.get(kind, kind)


def _folded(operation: type[ast.operator], left: float | None, right: float | None) -> Value | None:
    """Returns the result of an operation on two known numbers; None where it is computed when the code runs."""
    if left is None or right is None or operation not in FOLDED:
        return None
    try:
        return number_known(FOLDED[operation](left, right))
    except (ArithmeticError, TypeError, ValueError):
        return None  # where it is reached, CPython raises it
