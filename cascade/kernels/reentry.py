"""Coming back: after CPython has done what typed code could not, the loop goes on in typed code.

When code is left inside a loop, CPython makes what is left of the iteration (`Resumption.iteration`). It tells how the
iteration has ended and what the variables are then; where typed code has a version of the next place for these, it is
entered there, and otherwise CPython goes on to the end of the function.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Sequence
from typing import Any

from cascade.kernels.continuation import Ended, remaining
from cascade.kernels.model import BOOL, FLOAT, INT, NONE, OBJECT, Exit, TypedCode
from cascade.kernels.program_points import END, Places, Point

WIDE = range(-(2**63), 2**63)
TYPES: dict[type, str] = {int: INT, float: FLOAT, bool: BOOL, type(None): NONE}


def come_back(
    code: TypedCode, number: int, ended: Ended, ranges: Sequence[range], held: Sequence[Any] | None
) -> tuple[int, list[Any]] | tuple[Callable[..., Any], list[Any]]:
    """Where it goes on.

    Args:
        number: of the exit that was taken.
        ended: how the iteration has ended.
        ranges: for each `for` around the exit, the outermost first, what is left of its range.
        held: objects that registers may refer to; None where typed code is not to be entered.

    Returns:
        A word where typed code is entered, and the values for its registers: (register, type, value). Or a function of
        CPython's, which returns or raises what the task's function would, and its arguments.
    """
    way = code.exits[number]
    body = way.body
    resumption = code.bodies[body].resumption
    values = {name: value for name, value in ended.values.items() if name in resumption.source.locals}
    point, left = _next_place(resumption.places, way, ended.way, values, list(ranges))
    if point == END:
        return resumption.function(END.statement, ()), []
    found = None if held is None else _entry(code, body, point.statement, values, left, held)
    if found is not None:
        return found
    function = resumption.function(point.statement, tuple(values))
    return function, [*values.values(), *map(remaining, left)]


def _next_place(
    places: Places, left_at: Exit, way: str, values: dict[str, Any], ranges: list[range]
) -> tuple[Point, list[range]]:
    # The start of a statement, and the ranges of the loops around it. A `for` takes its next item here.
    loop = left_at.statement
    if not left_at.again and not isinstance(places.source.statements[loop], ast.While):
        loop = places.loops_around(loop)[-1]
    node = places.source.statements[loop]
    if way == "again":
        point = Point(loop, True) if isinstance(node, ast.For) else places.body_of(loop)
    else:
        if isinstance(node, ast.For):
            ranges = ranges[:-1]
        point = places.after(loop)
    if way == "done":
        point = places.out_of(loop)
    while point.again:
        inner = places.source.statements[point.statement]
        assert isinstance(inner, ast.For) and isinstance(inner.target, ast.Name)
        rest = ranges.pop()
        if rest:
            values[inner.target.id] = rest[0]
            return places.body_of(point.statement), [*ranges, rest[1:]]
        point = places.out_of(point.statement)
    return point, ranges


def _entry(
    code: TypedCode, body: int, statement: int, values: dict[str, Any], ranges: list[range], held: Sequence[Any]
) -> tuple[int, list[Any]] | None:
    types = {name: TYPES.get(type(value), OBJECT) for name, value in values.items()}
    for name, kind in types.items():
        value = values[name]
        if kind == INT and value not in WIDE or kind == OBJECT and not any(value is other for other in held):
            return None
    for word, number in code.entries:
        way = code.exits[number]
        if (way.body, way.statement) == (body, statement) and {name: kind for name, _, kind in way.names} == types:
            loaded = [(at, kind, values[name]) for name, at, kind in way.names if kind != NONE]
            for at, rest in zip(way.ranges, ranges, strict=True):
                loaded += [(at, INT, rest.start if rest else 0), (at + 1, INT, len(rest)), (at + 2, INT, rest.step)]
            return word, loaded
    return None
