"""Calls inside expressions: builtins, `math`, and plain functions of the user's."""

from __future__ import annotations

import ast
import builtins
import math
from collections.abc import Callable, Sequence
from functools import reduce
from types import BuiltinFunctionType, FunctionType

from cascade._vm import length
from cascade.kernels.assemble import Label
from cascade.kernels.expressions import UNKNOWN, Expressions, SideExit, Value
from cascade.kernels.functions import ARGUMENT_LIMIT, FOLDED, MATH, OTHERWISE, PAIRS, WHOLE, Known
from cascade.kernels.model import BOOL, FLOAT, INT, MISSING, NONE, OBJECT, CallOut
from cascade.kernels.parts import HelperPart

DIVMOD, HYPOT, ISCLOSE = divmod, math.hypot, math.isclose  # what they are now: they may be replaced


class Calls(Expressions):
    """Translates calls. `helper` returns the part of a helper function, which is translated when it is first called."""

    def helper(self, function: FunctionType, types: tuple[str, ...], node: ast.expr) -> HelperPart:
        raise NotImplementedError

    def value_Call(self, node: ast.Call) -> Value:
        called = self.meaning(node.func)
        if called is MISSING:
            hint = self.unknown(node.func)
            if "not defined" not in hint:
                hint = "only calls of builtins, of `math` and of plain functions are lowered"
            raise self.refuse("CS138", node, hint)
        if type(called) is FunctionType:
            return self.call_helper(called, node)
        if any(isinstance(item, ast.Starred) for item in node.args) or node.keywords and called is not ISCLOSE:
            raise self.refuse("CS138", node, "write the arguments one by one, by position")
        if type(called) in (type, BuiltinFunctionType):
            if called in MATH or called in FOLDED:
                return self.call_math(called, node)
            method = BUILTINS.get(called)
            value = None if method is None else method(self, node)
            if value is not None:
                return value
        raise self.refuse("CS138", node, "this function is not lowered for these arguments")

    def call_math(self, function: object, node: ast.Call) -> Value:
        if function in FOLDED:
            return self.fold(*FOLDED[function], node)
        values = [self.numeric(argument) for argument in node.args]
        if function in WHOLE and len(values) == 1 and values[0].type != FLOAT:
            return self.as_int(values[0])
        known = MATH[function]
        if function is HYPOT and len(values) <= ARGUMENT_LIMIT:
            known = Known((FLOAT,) * len(values), FLOAT)
        elif len(values) != len(known.types):
            known = OTHERWISE.get(function, known)
        return self.known_call(function, known, values, node)

    def known_call(self, function: object, known: Known, values: Sequence[Value], node: ast.Call) -> Value:
        if len(values) != len(known.types):
            raise self.refuse("CS138", node, "this function is not lowered with so many arguments")
        fitted = []
        for value, kind, argument in zip(values, known.types, node.args, strict=True):
            if kind == FLOAT:
                fitted.append(self.as_float(value))
            elif value.type == FLOAT:
                raise self.refuse("CS131", argument, "an int is needed here, and this is a float")
            else:
                fitted.append(self.as_int(value))
        if known.instruction:
            return self.computed(known.result, known.instruction, *fitted)
        return self.call_out(function, fitted, known.result)

    def fold(self, instruction: str, empty: int, node: ast.Call) -> Value:
        """`math.gcd` or `math.lcm` of any number of ints."""
        values = [self.as_int(self.integer(argument)) for argument in node.args]
        if not values:
            return Value(INT, known=empty)
        if len(values) == 1:
            return self.computed(INT, "ABS_INT", values[0])
        return reduce(lambda left, right: self.computed(INT, instruction, left, right), values)

    def call_isclose(self, node: ast.Call) -> Value | None:
        given = {"rel_tol": Value(FLOAT, known=1e-09), "abs_tol": Value(FLOAT, known=0.0)}
        if len(node.args) != 2 or any(keyword.arg not in given for keyword in node.keywords):
            return None
        values = [self.as_float(self.numeric(argument)) for argument in node.args]
        for keyword in node.keywords:
            assert keyword.arg is not None
            given[keyword.arg] = self.as_float(self.numeric(keyword.value))
        return self.computed(BOOL, "ISCLOSE", *values, *given.values())

    def call_out(self, function: object, values: Sequence[Value], result: str) -> Value:
        """Emits a call-out: the VM calls a function of Python's, one that has no effect."""
        called = CallOut(function, tuple(value.type for value in values), result)
        for number, value in enumerate(values):
            self.emit("MOVE", a=self.argument(number), b=self.register(value))
        temporary = self.assembler.temporary()
        self.emit("CALL_OUT", a=temporary, b=0, e=self.assembler.object_number(called))
        return Value(result, temporary)

    def argument(self, number: int) -> int:
        """Returns the name of the register for an argument of a call."""
        calls = self.space.calls
        if number not in calls:
            calls[number] = self.assembler.name()
        return calls[number]

    def as_int(self, value: Value) -> Value:
        """Returns an int or bool as an int."""
        return Value(INT, value.register, UNKNOWN if value.known is UNKNOWN else int(value.known))

    # -- Builtins -----------------------------------------------------------------------------------------------------

    def call_abs(self, node: ast.Call) -> Value | None:
        if len(node.args) != 1:
            return None
        value = self.numeric(node.args[0])
        return self.computed(FLOAT, "ABS_FLOAT", value) if value.type == FLOAT else self.computed(INT, "ABS_INT", value)

    def call_int(self, node: ast.Call) -> Value | None:
        if len(node.args) != 1:
            return None if node.args else Value(INT, known=0)
        value = self.numeric(node.args[0])
        return self.computed(INT, "TRUNCATE", value) if value.type == FLOAT else self.as_int(value)

    def call_float(self, node: ast.Call) -> Value | None:
        if len(node.args) != 1:
            return None if node.args else Value(FLOAT, known=0.0)
        if isinstance(node.args[0], ast.Constant) and type(node.args[0].value) is str:
            return self.float_written(node.args[0].value)  # float("inf")
        return self.as_float(self.numeric(node.args[0]))

    def float_written(self, text: str) -> Value:
        try:
            return Value(FLOAT, known=float(text))
        except ValueError:
            raise SideExit from None

    def call_bool(self, node: ast.Call) -> Value | None:
        if len(node.args) != 1:
            return None if node.args else Value(BOOL, known=False)
        return self.truth(node.args[0])

    def call_round(self, node: ast.Call) -> Value | None:
        if len(node.args) == 1:
            value = self.numeric(node.args[0])
            return self.computed(INT, "ROUND", value) if value.type == FLOAT else self.as_int(value)
        if len(node.args) == 2:
            value, digits = self.numeric(node.args[0]), self.integer(node.args[1])
            return self.call_out(round, (value, digits), FLOAT if value.type == FLOAT else INT)
        return None

    def call_pow(self, node: ast.Call) -> Value | None:
        if len(node.args) == 3:
            return self.computed(INT, "POW_MOD_INT", *(self.integer(argument) for argument in node.args))
        if len(node.args) == 2:
            return self.value_BinOp(ast.copy_location(ast.BinOp(node.args[0], ast.Pow(), node.args[1]), node))
        return None

    def call_min(self, node: ast.Call) -> Value | None:
        return self.extreme(node, "LESS")

    def call_max(self, node: ast.Call) -> Value | None:
        return self.extreme(node, "MORE")

    def extreme(self, node: ast.Call, order: str) -> Value | None:
        """Returns the first of the arguments than which none is less (or more), as `min` and `max` define it."""
        if len(node.args) < 2:
            return None
        values = [self.numeric(argument) for argument in node.args]
        kind = values[0].type
        for value, argument in zip(values, node.args, strict=True):
            if value.type != kind:
                raise self.refuse("CS122", argument, f"the others are of type {kind}, and this is of type {value.type}")
        best = self.copied(values[0])
        for value in values[1:]:
            keep = Label()
            left, right = (value, best) if order == "LESS" else (best, value)
            a, b = self.register(left), self.register(right)
            if kind == FLOAT:
                self.emit_jump("NOT_LESS_FLOAT", keep, a=a, b=b)
            else:
                self.emit_jump("LESS_EQUAL_INT", keep, a=b, b=a)
            self.emit("MOVE", a=best.register, b=self.register(value))
            self.put(keep)
        return best

    def call_divmod(self, node: ast.Call) -> Value | None:
        raise self.refuse("CS138", node, "write q, r = divmod(a, b)")

    def two_values(self, node: ast.Call) -> list[Value] | None:
        """Returns both values of a call of divmod, math.frexp or math.modf; None for other calls."""
        called = self.meaning(node.func)
        if node.keywords or any(isinstance(item, ast.Starred) for item in node.args):
            return None
        if called is DIVMOD and len(node.args) == 2:
            return self.divided(node)
        if type(called) is not BuiltinFunctionType or called not in PAIRS or len(node.args) != 1:
            return None
        value = self.numeric(node.args[0])
        return [self.known_call(called, known, [value], node) for known in PAIRS[called]]

    def divided(self, node: ast.Call) -> list[Value]:
        """Returns both values of divmod(a, b)."""
        left, right = self.numeric(node.args[0]), self.numeric(node.args[1])
        kind = FLOAT if FLOAT in (left.type, right.type) else INT
        if kind == FLOAT:
            left, right = self.as_float(left), self.as_float(right)
        return [self.computed(kind, f"{name}_{kind.upper()}", left, right) for name in ("FLOORDIV", "MOD")]

    def call_len(self, node: ast.Call) -> Value | None:
        if len(node.args) != 1:
            return None
        value = self.value(node.args[0])
        if value.type == OBJECT:
            if type(value.known) in (str, bytes, tuple, range, frozenset):
                return Value(INT, known=len(value.known))
            return self.call_out(length, (value,), INT)
        raise SideExit

    # -- Plain functions ------------------------------------------------------------------------------------------------

    def call_helper(self, function: FunctionType, node: ast.Call) -> Value:
        arguments = bind_call(self, function, node.args, _by_name(self, node), node)
        values = [
            self.value(item) if isinstance(item, ast.expr) else self.known(item[0], node) for item in arguments.values()
        ]
        for value in values:
            if value.type == NONE:
                raise self.refuse("CS139", node, "None as an argument of a helper function is not lowered")
        helper = self.helper(function, tuple(value.type for value in values), node)
        for number, value in enumerate(values):
            self.emit("MOVE", a=self.argument(number), b=self.register(value))
        result = self.assembler.temporary()
        self.emit("CALL", a=result, b=0, d=helper.space, f=helper.label)
        return Value(helper.result, result)


def _by_name(self: Calls, node: ast.Call) -> list[tuple[str, ast.expr]]:
    result = []
    for keyword in node.keywords:
        if keyword.arg is None:
            raise self.refuse("CS138", node, "write the arguments one by one")
        result.append((keyword.arg, keyword.value))
    return result


def bind_call(
    self: Calls, function: FunctionType, positional: Sequence[ast.expr], named: Sequence[tuple[str, ast.expr]], node: ast.AST
) -> dict[str, ast.expr | tuple[object]]:
    """Returns the expression for each parameter, in the order of the parameters; a default stands as a tuple of one.

    Raises:
        SideExit: the call does not fit the signature; CPython says so.
    """
    code = function.__code__
    if code.co_flags & 0xC or code.co_kwonlyargcount:
        raise self.refuse("CS101", node, "functions with *args, **kwargs or keyword-only parameters are not lowered")
    if any(isinstance(item, ast.Starred) for item in positional):
        raise self.refuse("CS138", node, "write the arguments one by one")
    parameters = code.co_varnames[: code.co_argcount]
    given: dict[str, ast.expr | tuple[object]] = dict(zip(parameters, positional))
    for name, value in named:
        if name in given or name not in parameters[code.co_posonlyargcount :]:
            raise SideExit
        given[name] = value
    if len(positional) > len(parameters):
        raise SideExit
    defaults = function.__defaults__ or ()
    for name, default in zip(parameters[len(parameters) - len(defaults) :], defaults):
        given.setdefault(name, (default,))
    if len(given) != len(parameters):
        raise SideExit
    return {name: given[name] for name in parameters}


BUILTINS: dict[object, Callable[[Calls, ast.Call], Value | None]] = {
    builtins.abs: Calls.call_abs, builtins.int: Calls.call_int, builtins.float: Calls.call_float,
    builtins.bool: Calls.call_bool, builtins.round: Calls.call_round, builtins.pow: Calls.call_pow,
    builtins.min: Calls.call_min, builtins.max: Calls.call_max, builtins.divmod: Calls.call_divmod,
    builtins.len: Calls.call_len, ISCLOSE: Calls.call_isclose,
}  # fmt: skip
