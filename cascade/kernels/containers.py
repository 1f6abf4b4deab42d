"""Functions of `math` over containers: fsum, prod, dist, sumprod.

A container is an object, or a tuple or list written at the call, whose items have registers of their own:

    math.dist((x, y), point)        a call-out of dist with two groups: a tuple made of x and y, and the object

The product of written items is computed by instructions, and their distance is the `hypot` of the differences, as in
CPython. Otherwise the VM calls the function itself, after a check that the objects are lists, tuples or ranges of plain
numbers: so the call runs no code of users, and has no effects.

The items decide whether `prod` and `sumprod` return an int or a float. So such a call is made before its statement, which then
has a version for each type of the result:

    CALL_OUT_NUMBER     .0 = math.prod(xs): a float in one register, or an int in another one
    JUMP_NOT_EQUAL_INT  to the version of the same statement in which `.0` is an int
    ...                 the version in which it is a float
"""

from __future__ import annotations

import ast
import math
from collections.abc import Sequence
from types import BuiltinFunctionType
from typing import NamedTuple

from cascade.kernels.assemble import Label
from cascade.kernels.diagnostics import Refusal
from cascade.kernels.expressions import Expressions
from cascade.kernels.model import FLOAT, INT, OBJECT
from cascade.kernels.program_points import Point
from cascade.kernels.values import UNKNOWN, SideExit, Value
from cascade.kernels.versions import Versions

PRODUCT, DISTANCE, HYPOT = math.prod, math.dist, math.hypot  # users may replace them later
SUM_OF_PRODUCTS = getattr(math, "sumprod", None)  # from CPython 3.12 on
OF_FLOATS = (math.fsum, DISTANCE)
CONTAINERS: dict[object, int] = {math.fsum: 1, PRODUCT: 1, DISTANCE: 2, SUM_OF_PRODUCTS: 2}
"""The number of containers that a function takes."""
SINGLE = -1
EITHER = ""
"""The type of a result that is an int or a float."""
BEFORE_LIMIT = 2  # calls that are made before one statement: each doubles its versions


class Gathered(NamedTuple):
    """The arguments of a call, as registers.

    Attributes:
        values: the items of written containers one by one, and the other arguments.
        groups: for each argument, the number of values that it is made of; SINGLE where the value is the argument.
        names: of the last arguments, those that are passed by keyword.
        result: the type of the call's result, or EITHER.
    """

    values: list[Value]
    groups: tuple[int, ...]
    names: tuple[str, ...]
    result: str

    @property
    def written(self) -> bool:
        """Whether all containers are written at the call."""
        return SINGLE not in self.groups[: len(self.groups) - len(self.names)]

    def packed(self) -> Gathered:
        """Returns the arguments with a tuple for each written container whose items are all known."""
        values: list[Value] = []
        groups: list[int] = []
        rest = self.values
        for size in self.groups:
            items, rest = rest[: abs(size)], rest[abs(size) :]
            if size >= 0 and all(item.known is not UNKNOWN for item in items):
                items, size = [Value(OBJECT, known=tuple(item.known for item in items))], SINGLE
            values += items
            groups.append(size)
        return self._replace(values=values, groups=tuple(groups))


# -- Arguments ------------------------------------------------------------------------------------------------------------


def _gather(expressions: Expressions, called: object, node: ast.Call) -> Gathered:
    start = _start(expressions, called, node)
    values: list[Value] = []
    groups: list[int] = []
    kinds = {start.type} if start else set()
    for argument in node.args:
        items = _items(expressions, argument)
        if items is None:
            values.append(_object(expressions, argument))
            groups.append(SINGLE)
            kinds |= _kinds(values[-1].known)
            continue
        values += [expressions.function.as_float(item) for item in items] if called in OF_FLOATS else items
        groups.append(len(items))
        kinds |= {item.type for item in items}
    if called in (DISTANCE, SUM_OF_PRODUCTS) and SINGLE not in groups and groups[0] != groups[1]:
        raise SideExit  # a ValueError
    result = FLOAT if called in OF_FLOATS or FLOAT in kinds else EITHER if EITHER in kinds else INT
    if start is None:
        return Gathered(values, tuple(groups), (), result)
    return Gathered([*values, start], (*groups, SINGLE), ("start",), result)


def _start(expressions: Expressions, called: object, node: ast.Call) -> Value | None:
    named = [keyword.arg for keyword in node.keywords]
    if len(node.args) != CONTAINERS[called] or (named and (called is not PRODUCT or named != ["start"])):
        raise expressions.function.refuse("CS138", node, "this function is not lowered with these arguments")
    return expressions.numeric(node.keywords[0].value) if named else None


def _items(expressions: Expressions, node: ast.expr) -> list[Value] | None:
    if not isinstance(node, (ast.Tuple, ast.List)):
        return None
    if any(isinstance(item, ast.Starred) for item in node.elts):
        raise expressions.function.refuse("CS138", node, "write the items one by one")
    return [expressions.numeric(item) for item in node.elts]


def _object(expressions: Expressions, node: ast.expr) -> Value:
    value = expressions.value(node)
    if value.type != OBJECT:
        raise SideExit  # a TypeError
    return value


def _kinds(known: object) -> set[str]:
    # Of a tuple that is known its items are, too.
    return {FLOAT if type(item) is float else INT for item in known} if type(known) is tuple else {EITHER}


# -- Calls ----------------------------------------------------------------------------------------------------------------


def call_over_containers(expressions: Expressions, called: object, node: ast.Call) -> Value:
    """Translates a call of one of `CONTAINERS`."""
    function = expressions.function
    name = function.made_before.get(id(node))
    if name is not None:
        kind = function.bound[name]
        return Value(kind, function.variable(name, kind))
    gathered = _gather(expressions, called, node)
    if gathered.result == EITHER:
        raise function.refuse("CS138", node, "whether its result is an int or a float is not known here")
    if gathered.written:
        if called is PRODUCT:
            return _product(expressions, gathered)
        if called is DISTANCE:
            return function.call_out(HYPOT, _differences(expressions, gathered.values), FLOAT)
        if gathered.result == INT:
            return _sum_of_products(expressions, gathered.values)
    return Value(gathered.result, _call_out(expressions, called, gathered))


def _call_out(expressions: Expressions, called: object, gathered: Gathered, **results: int) -> int:
    values, groups, names, result = gathered.packed()
    return expressions.function.emit_call_out(called, values, result, groups, names, **results)


def _product(expressions: Expressions, gathered: Gathered) -> Value:
    """Returns the product of written items. For a NaN, `math` is called: which one it is depends on CPython's compiler."""
    function, result = expressions.function, _multiplied(expressions, gathered)
    if result.type != FLOAT or len(gathered.values) < 2:
        return result
    result, done = function.copied(result), Label()
    function.emit_jump("EQUAL_FLOAT", done, a=result.register, b=result.register)
    _call_out(expressions, PRODUCT, gathered, a=result.register)
    function.put(done)
    return result


def _multiplied(expressions: Expressions, gathered: Gathered) -> Value:
    function, items, start = expressions.function, gathered.values, Value(INT, known=1)
    if gathered.names:
        *items, start = items
    result = start
    for item in items:
        if FLOAT in (result.type, item.type):
            result = function.computed(FLOAT, "MUL_FLOAT", function.as_float(result), function.as_float(item))
        elif result is start and start.constant == 1:
            result = function.as_int(item)
        else:
            result = function.computed(INT, "MUL_INT", function.as_int(result), function.as_int(item))
    return result


def _differences(expressions: Expressions, values: Sequence[Value]) -> list[Value]:
    # Half of the values belong to each of the two points.
    half = len(values) // 2
    return [
        expressions.function.computed(FLOAT, "SUB_FLOAT", *pair)
        for pair in zip(values[:half], values[half:], strict=True)
    ]


def _sum_of_products(expressions: Expressions, values: Sequence[Value]) -> Value:
    # Half of the values, which are ints, belong to each of the two containers.
    function, half = expressions.function, len(values) // 2
    ints = [function.as_int(value) for value in values]
    products = [function.computed(INT, "MUL_INT", *pair) for pair in zip(ints[:half], ints[half:], strict=True)]
    result = products[0] if products else Value(INT, known=0)
    for each in products[1:]:
        result = function.computed(INT, "ADD_INT", result, each)
    return result


# -- Calls before a statement ----------------------------------------------------------------------------------------------


def call_before(expressions: Expressions, versions: Versions, node: ast.stmt, point: Point) -> None:
    """Makes those calls of the statement whose result may be an int or a float.

    The results are variables without a name of Python's, `.0` and `.1`, as long as the statement lasts.
    """
    function = expressions.function
    function.made_before = {}
    for call in _calls_in(node) if function.source.has_calls else ():
        called = function.meaning(call.func)
        if (
            type(called) is not BuiltinFunctionType
            or called not in CONTAINERS
            or len(function.made_before) == BEFORE_LIMIT
        ):
            continue
        name = f".{len(function.made_before)}"
        if name in function.bound or _called_before(expressions, versions, called, call, name, point):
            function.made_before[id(call)] = name


def _called_before(
    expressions: Expressions, versions: Versions, called: object, call: ast.Call, name: str, point: Point
) -> bool:
    function = expressions.function
    items = len(function.assembler.items)
    try:
        gathered = _gather(expressions, called, call)
    except (SideExit, Refusal):
        gathered = None  # the translation of the statement raises it again
    if gathered is None or gathered.result != EITHER:
        del function.assembler.items[items:]
        return False
    is_int = function.assembler.temporary()
    registers = {"a": function.variable(name, FLOAT), "c": function.variable(name, INT), "d": is_int}
    _call_out(expressions, called, gathered._replace(result=FLOAT), **registers)
    with_int = versions.label_inside(point, {**function.bound, name: INT})
    function.emit_jump("NOT_EQUAL_INT", with_int, a=is_int, b=function.register(Value(INT, known=0)))
    function.bound = {**function.bound, name: FLOAT}
    return True


def _calls_in(node: ast.AST) -> list[ast.Call]:
    """Returns the calls that a statement makes in any case, apart from those of statements in it; inner ones first."""
    inside: list[ast.AST]
    match node:
        case ast.If() | ast.While() | ast.Assert() | ast.IfExp():
            inside = [node.test]
        case ast.For():
            inside = [node.iter]
        case ast.BoolOp():
            inside = [node.values[0]]
        case ast.Compare():
            inside = [node.left, node.comparators[0]]
        case _:
            inside = list(ast.iter_child_nodes(node))
    calls = [call for each in inside for call in _calls_in(each)]
    return [*calls, node] if isinstance(node, ast.Call) else calls
