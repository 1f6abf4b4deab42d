"""Calls inside expressions -> instructions: builtins, `math`, and plain functions of the user's."""

from __future__ import annotations

import ast
import builtins
import math
import sys
from collections.abc import Callable, Sequence
from functools import reduce
from types import BuiltinFunctionType, FunctionType

from cascade._vm import length
from cascade.kernels.arguments import bind_call, named_arguments
from cascade.kernels.assemble import Label
from cascade.kernels.containers import CONTAINERS, call_over_containers
from cascade.kernels.expressions import Expressions
from cascade.kernels.functions import ARGUMENT_LIMIT, FOLDED, MATH, OTHERWISE, PAIRS, WHOLE, Known
from cascade.kernels.model import BOOL, FLOAT, INT, MISSING, NONE, OBJECT
from cascade.kernels.values import SideExit, Value

DIVMOD, HYPOT, ISCLOSE, NEXTAFTER = divmod, math.hypot, math.isclose, math.nextafter  # users may replace them later
WITH_KEYWORDS = {ISCLOSE, NEXTAFTER, *CONTAINERS}


def call_value(expressions: Expressions, node: ast.Call) -> Value:
    """Translates a call."""
    function = expressions.function
    called = function.meaning(node.func)
    if called is MISSING:
        hint = expressions.unknown(node.func)
        if "not defined" not in hint:
            hint = "only calls of builtins, of `math` and of plain functions are lowered"
        raise function.refuse("CS138", node, hint)
    if type(called) is FunctionType:
        return _call_helper(expressions, called, node)
    named = type(called) is BuiltinFunctionType and called in WITH_KEYWORDS
    if any(isinstance(item, ast.Starred) for item in node.args) or (node.keywords and not named):
        raise function.refuse("CS138", node, "write the arguments one by one, by position")
    if type(called) in (type, BuiltinFunctionType):
        if called in CONTAINERS:
            return call_over_containers(expressions, called, node)
        if (called in MATH or called in FOLDED) and not node.keywords:
            return _call_math(expressions, called, node)
        translate = BUILTINS.get(called)
        value = None if translate is None else translate(expressions, node)
        if value is not None:
            return value
    raise function.refuse("CS138", node, "this function is not lowered for these arguments")


# -- Functions of `math` ------------------------------------------------------------------------------------------------


def _call_math(expressions: Expressions, called: object, node: ast.Call) -> Value:
    if called in FOLDED:
        return _fold(expressions, *FOLDED[called], node)
    values = [expressions.numeric(argument) for argument in node.args]
    if called in WHOLE and len(values) == 1 and values[0].type != FLOAT:
        return expressions.function.as_int(values[0])
    known = MATH[called]
    if called is HYPOT and len(values) <= ARGUMENT_LIMIT:
        known = Known((FLOAT,) * len(values), FLOAT)
    elif len(values) != len(known.types):
        known = OTHERWISE.get(called, known)
    return _call_known(expressions, called, known, values, node)


def _call_known(
    expressions: Expressions, called: object, known: Known, values: Sequence[Value], node: ast.Call
) -> Value:
    function = expressions.function
    if len(values) != len(known.types):
        raise function.refuse("CS138", node, "this function is not lowered with so many arguments")
    fitted = []
    for value, kind, argument in zip(values, known.types, node.args, strict=True):
        if kind == FLOAT:
            fitted.append(function.as_float(value))
        elif value.type == FLOAT:
            raise function.refuse("CS131", argument, "an int is needed here, and this is a float")
        else:
            fitted.append(function.as_int(value))
    if known.instruction:
        return function.computed(known.result, known.instruction, *fitted)
    return function.call_out(called, fitted, known.result)


def _fold(expressions: Expressions, instruction: str, empty: int, node: ast.Call) -> Value:
    """Translates `math.gcd` or `math.lcm` of any number of ints."""
    function = expressions.function
    values = [function.as_int(expressions.integer(argument)) for argument in node.args]
    if not values:
        return Value(INT, known=empty)
    if len(values) == 1:
        return function.computed(INT, "ABS_INT", values[0])
    return reduce(lambda left, right: function.computed(INT, instruction, left, right), values)


def _call_isclose(expressions: Expressions, node: ast.Call) -> Value | None:
    function = expressions.function
    tolerances = {"rel_tol": Value(FLOAT, known=1e-09), "abs_tol": Value(FLOAT, known=0.0)}
    named = [(keyword.arg, keyword.value) for keyword in node.keywords if keyword.arg in tolerances]
    if len(node.args) != 2 or len(named) != len(node.keywords):
        return None
    values = [function.as_float(expressions.numeric(argument)) for argument in node.args]
    for name, value in named:
        tolerances[str(name)] = function.as_float(expressions.numeric(value))
    return function.computed(BOOL, "ISCLOSE", *values, *tolerances.values())


def _call_nextafter(expressions: Expressions, node: ast.Call) -> Value | None:
    function = expressions.function
    if len(node.args) != 2 or [keyword.arg for keyword in node.keywords] != ["steps"] or sys.version_info < (3, 12):
        raise SideExit  # a TypeError
    values = [function.as_float(expressions.numeric(argument)) for argument in node.args]
    steps = expressions.value(node.keywords[0].value)
    if steps.type == NONE:
        return function.computed(FLOAT, "NEXTAFTER", *values)
    if steps.type not in (INT, BOOL):
        raise function.refuse("CS131", node.keywords[0].value, "an int is needed here")
    return function.computed(FLOAT, "NEXTAFTER_STEPS", *values, function.as_int(steps))


# -- Builtins -----------------------------------------------------------------------------------------------------------


def _call_abs(expressions: Expressions, node: ast.Call) -> Value | None:
    if len(node.args) != 1:
        return None
    value = expressions.numeric(node.args[0])
    kind = FLOAT if value.type == FLOAT else INT
    return expressions.function.computed(kind, f"ABS_{kind.upper()}", value)


def _call_int(expressions: Expressions, node: ast.Call) -> Value | None:
    if len(node.args) != 1:
        return None if node.args else Value(INT, known=0)
    return _whole(expressions, "TRUNCATE", expressions.numeric(node.args[0]))


def _whole(expressions: Expressions, instruction: str, value: Value) -> Value:
    """Returns a number as an int; the instruction makes one of a float."""
    function = expressions.function
    return function.computed(INT, instruction, value) if value.type == FLOAT else function.as_int(value)


def _call_float(expressions: Expressions, node: ast.Call) -> Value | None:
    if len(node.args) != 1:
        return None if node.args else Value(FLOAT, known=0.0)
    argument = node.args[0]
    if isinstance(argument, ast.Constant) and type(argument.value) is str:
        return _float_written(argument.value)  # float("inf")
    return expressions.function.as_float(expressions.numeric(argument))


def _float_written(text: str) -> Value:
    try:
        return Value(FLOAT, known=float(text))
    except ValueError:
        raise SideExit from None


def _call_bool(expressions: Expressions, node: ast.Call) -> Value | None:
    if len(node.args) != 1:
        return None if node.args else Value(BOOL, known=False)
    return expressions.truth(node.args[0])


def _call_round(expressions: Expressions, node: ast.Call) -> Value | None:
    if len(node.args) == 1:
        return _whole(expressions, "ROUND", expressions.numeric(node.args[0]))
    if len(node.args) == 2:
        value, digits = expressions.numeric(node.args[0]), expressions.integer(node.args[1])
        return expressions.function.call_out(round, (value, digits), FLOAT if value.type == FLOAT else INT)
    return None


def _call_pow(expressions: Expressions, node: ast.Call) -> Value | None:
    if len(node.args) == 3:
        arguments = [expressions.integer(argument) for argument in node.args]
        return expressions.function.computed(INT, "POW_MOD_INT", *arguments)
    if len(node.args) == 2:
        return expressions.binary(ast.copy_location(ast.BinOp(node.args[0], ast.Pow(), node.args[1]), node))
    return None


def _call_min(expressions: Expressions, node: ast.Call) -> Value | None:
    return _extreme(expressions, node, least=True)


def _call_max(expressions: Expressions, node: ast.Call) -> Value | None:
    return _extreme(expressions, node, least=False)


def _extreme(expressions: Expressions, node: ast.Call, *, least: bool) -> Value | None:
    """Returns the first of the arguments than which none is less (or more), as `min` and `max` define it."""
    if len(node.args) < 2:
        return None
    function = expressions.function
    values = [expressions.numeric(argument) for argument in node.args]
    kind = values[0].type
    for value, argument in zip(values, node.args, strict=True):
        if value.type != kind:
            raise function.refuse("CS122", argument, f"the others are of type {kind}, and this is of type {value.type}")
    best = function.copied(values[0])
    for value in values[1:]:
        keep = Label()
        left, right = (value, best) if least else (best, value)
        a, b = function.register(left), function.register(right)
        if kind == FLOAT:
            function.emit_jump("NOT_LESS_FLOAT", keep, a=a, b=b)
        else:
            function.emit_jump("LESS_EQUAL_INT", keep, a=b, b=a)
        function.emit("MOVE", a=best.register, b=function.register(value))
        function.put(keep)
    return best


def _call_len(expressions: Expressions, node: ast.Call) -> Value | None:
    if len(node.args) != 1:
        return None
    value = expressions.value(node.args[0])
    if value.type != OBJECT:
        raise SideExit
    known = value.known
    if isinstance(known, MEASURED) and type(known) in MEASURED:
        return Value(INT, known=len(known))
    return expressions.function.call_out(length, (value,), INT)


MEASURED = (str, bytes, tuple, range, frozenset)
"""Objects of these types keep their length."""


# -- Functions that return two values -----------------------------------------------------------------------------------


def _call_divmod(expressions: Expressions, node: ast.Call) -> Value | None:
    raise expressions.function.refuse("CS138", node, "write q, r = divmod(a, b)")


def two_values(expressions: Expressions, node: ast.Call) -> list[Value] | None:
    """Returns both values of a call of divmod, math.frexp or math.modf; None for other calls."""
    called = expressions.function.meaning(node.func)
    if node.keywords or any(isinstance(item, ast.Starred) for item in node.args):
        return None
    if called is DIVMOD and len(node.args) == 2:
        return _divided(expressions, node)
    if type(called) is not BuiltinFunctionType or called not in PAIRS or len(node.args) != 1:
        return None
    value = expressions.numeric(node.args[0])
    return [_call_known(expressions, called, known, [value], node) for known in PAIRS[called]]


def _divided(expressions: Expressions, node: ast.Call) -> list[Value]:
    """Returns both values of divmod(a, b)."""
    function = expressions.function
    left, right = expressions.numeric(node.args[0]), expressions.numeric(node.args[1])
    kind = FLOAT if FLOAT in (left.type, right.type) else INT
    if kind == FLOAT:
        left, right = function.as_float(left), function.as_float(right)
    return [function.computed(kind, f"{name}_{kind.upper()}", left, right) for name in ("FLOORDIV", "MOD")]


# -- Plain functions ----------------------------------------------------------------------------------------------------


def _call_helper(expressions: Expressions, called: FunctionType, node: ast.Call) -> Value:
    function = expressions.function
    bound = bind_call(function, called, node.args, named_arguments(function, node), node)
    values = [expressions.argument(item, node) for item in bound.values()]
    if any(value.type == NONE for value in values):
        raise function.refuse("CS139", node, "None as an argument of a helper function is not lowered")
    helper = function.code.helper(called, tuple(value.type for value in values))
    function.pass_arguments(values)
    result = function.assembler.temporary()
    function.emit("CALL", a=result, b=0, callee=helper.space, target=helper.label)
    return Value(helper.result, result)


BUILTINS: dict[object, Callable[[Expressions, ast.Call], Value | None]] = {
    builtins.abs: _call_abs, builtins.int: _call_int, builtins.float: _call_float, builtins.bool: _call_bool,
    builtins.round: _call_round, builtins.pow: _call_pow, builtins.min: _call_min, builtins.max: _call_max,
    builtins.divmod: _call_divmod, builtins.len: _call_len, ISCLOSE: _call_isclose,
    NEXTAFTER: _call_nextafter,
}  # fmt: skip
