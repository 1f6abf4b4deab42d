"""LazyResult -> Graph: the target is checked, walked (`walk.py`), and its rows and inputs make a graph."""

from __future__ import annotations

from cascade.declare.inputs import Input
from cascade.declare.lazy import LazyResult
from cascade.declare.task import Task
from cascade.errors import TargetError
from cascade.graph.model import Graph, Row
from cascade.graph.route_table import NOTHING_AROUND, Around
from cascade.graph.search import THINGS as THINGS
from cascade.graph.search import TooManyRows as TooManyRows
from cascade.graph.walk import walk
from cascade.imports import cast


def build_graph(target: object) -> Graph:
    """Builds the graph of a LazyResult, or of a list or tuple of LazyResults (whose value is a list).

    Raises:
        TargetError: (a TypeError) `target` is something else.
        CycleError: (a ValueError) a container that was changed after the call makes a task depend on itself.
    """
    rows, inputs = flatten(target)
    return Graph(rows, tuple(inputs))


def flatten(
    target: object, limit: int | None = None, *, hands_on: bool = False, to_run: bool = False
) -> tuple[tuple[Row, ...], list[object]]:
    """The rows and the inputs of a target's graph; the inputs are `Inputs` if there is something to be filled in.

    Args:
        limit: more rows, or `THINGS` times as much to be searched, raise TooManyRows.
        hands_on: whether the target was returned by a task that has made no other result: then its arguments are data, in which
            only the first things are looked at.
        to_run: whether the rows are only run, and not looked at: then long containers with few results are `Sparse` inputs.

    Raises:
        TooManyRows: see `limit`.
    """
    if type(target) is Graph:
        from cascade.graph.outline import target_of  # it was read from JSON, or made by hand

        target = target_of(target)
    elif type(target) is not LazyResult:
        _check_target(target)
        target = list(cast("list[object]", target))
    elif isinstance(target.task, Input):
        target = _given(target)  # a graph needs a row
    around = target.around if isinstance(target, LazyResult) else None
    if (
        hands_on
        and type(target) is LazyResult
        and target.policies is not None
        and target.policies.construct is not None
    ):
        hands_on = False  # a map looks at each of its items anyway
    if not isinstance(around, Around):
        return walk(target, limit, NOTHING_AROUND, hands_on=hands_on, to_run=to_run)
    return walk(target, limit, around, to_run=to_run)  # the route of a Router was declared: its arguments are no data


def _check_target(target: object) -> None:
    if isinstance(target, Task):
        raise TargetError(
            f"task {target.name!r} was given where its result is expected",
            expected="a LazyResult",
            hint=f"call it: {target.name}(...)",
        )
    if not isinstance(target, (list, tuple)):
        raise TargetError(
            f"the target is {target!r}, of type {type(target).__name__}",
            expected="a LazyResult, or a list or tuple of LazyResults",
            hint="decorate the function with @task and pass the result of calling it",
        )
    for index, item in enumerate(target):
        if type(item) is not LazyResult:
            raise TargetError(
                f"target[{index}] is {item!r}, of type {type(item).__name__}", expected="a LazyResult in every place"
            )


def _same(value: object) -> object:
    return value


_given: Task[..., object] = Task(_same, name="input")
