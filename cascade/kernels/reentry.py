"""Re-entry: after CPython has run the rest of an iteration, the loop continues in typed code.

At a side exit inside a loop, CPython runs the rest of the iteration (`Continuations.iteration`), which returns its end
and the variables. Where typed code has a version of the next program point for their types, it is entered there;
otherwise CPython continues to the end of the function.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Sequence

from cascade.kernels.continuation import IterationEnd, remaining
from cascade.kernels.model import BOOL, FLOAT, INT, NONE, OBJECT, Exit, TypedCode
from cascade.kernels.program_points import END, Point, ProgramPoints
from cascade.kernels.values import WIDE

Loaded = tuple[int, str, object]
"""A register, its type and its value."""
TYPES: dict[type, str] = {int: INT, float: FLOAT, bool: BOOL, type(None): NONE}


def reenter(
    code: TypedCode, number: int, ended: IterationEnd, ranges: Sequence[range], held: Sequence[object] | None
) -> tuple[int, list[Loaded]] | tuple[Callable[..., object], list[object]]:
    """Returns the continuation of the function.

    Args:
        number: of the exit that was taken.
        ended: the end of the iteration.
        ranges: for each `for` around the exit, the outermost first, the rest of its range.
        held: the objects that registers may refer to; None where typed code is not to be entered.

    Returns:
        The word at which typed code is entered, and the values for its registers: (register, type, value). Or a
        continuation, which returns or raises as the task's function would, and its arguments.
    """
    side_exit = code.exits[number]
    body = side_exit.body
    continuations = code.bodies[body].continuations
    values = {name: value for name, value in ended.values.items() if name in continuations.source.locals}
    point, remaining_ranges = _next_point(continuations.points, side_exit, ended.kind, values, list(ranges))
    if point == END:
        return continuations.function(END.statement, ()), []
    found = None if held is None else _entry(code, body, point.statement, values, remaining_ranges, held)
    if found is not None:
        return found
    function = continuations.function(point.statement, tuple(values))
    return function, [*values.values(), *map(remaining, remaining_ranges)]


def _next_point(
    points: ProgramPoints, at: Exit, kind: str, values: dict[str, object], ranges: list[range]
) -> tuple[Point, list[range]]:
    # Returns the start of a statement, and the ranges of the loops around it, after a `for` has taken its next item.
    loop = at.statement
    if not at.again and not isinstance(points.source.statements[loop], ast.While):
        loop = points.loops_around(loop)[-1]
    node = points.source.statements[loop]
    if kind == "again":
        point = Point(loop, True) if isinstance(node, ast.For) else points.body_of(loop)
    else:
        if isinstance(node, ast.For):
            ranges = ranges[:-1]
        point = points.after(loop)
    if kind == "done":
        point = points.out_of(loop)
    while point.again:
        inner = points.source.statements[point.statement]
        assert isinstance(inner, ast.For) and isinstance(inner.target, ast.Name)
        rest = ranges.pop()
        if rest:
            values[inner.target.id] = rest[0]
            return points.body_of(point.statement), [*ranges, rest[1:]]
        point = points.out_of(point.statement)
    return point, ranges


def _entry(
    code: TypedCode, body: int, statement: int, values: dict[str, object], ranges: list[range], held: Sequence[object]
) -> tuple[int, list[Loaded]] | None:
    types = {name: TYPES.get(type(value), OBJECT) for name, value in values.items()}
    for name, kind in types.items():
        value = values[name]
        if (kind == INT and value not in WIDE) or (kind == OBJECT and not any(value is other for other in held)):
            return None
    for word, number in code.entries:
        at = code.exits[number]
        if (at.body, at.statement) == (body, statement) and {name: kind for name, _, kind in at.names} == types:
            loaded = [(register, kind, values[name]) for name, register, kind in at.names if kind != NONE]
            for register, rest in zip(at.ranges, ranges, strict=True):
                first = rest.start if rest else 0
                loaded += [(register, INT, first), (register + 1, INT, len(rest)), (register + 2, INT, rest.step)]
            return word, loaded
    return None
