"""LazyResult -> Graph: the target is checked, walked (`walk.py`), and its rows and inputs make a graph."""

from __future__ import annotations

from collections.abc import Iterator

from cascade._vm import TailCall, holds_deferred
from cascade.declare.inputs import Input
from cascade.declare.lazy import LazyResult
from cascade.declare.task import Task
from cascade.errors import TargetError
from cascade.graph.containers import is_container, parts
from cascade.graph.model import Graph, Row
from cascade.graph.route_table import NOTHING_AROUND, Around
from cascade.graph.search import THINGS as THINGS
from cascade.graph.search import TooManyRows as TooManyRows
from cascade.graph.walk import walk


def build_graph(target: object) -> Graph:
    """Builds the graph of a LazyResult, or of a container of LazyResults, whose value has its shape; that of a tuple of them is a list.

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
        target = checked_nest(target)
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
    return walk(target, limit, around, to_run=to_run)  # the route of a Router was declared: its arguments are not data


def checked_nest(target: object) -> object:
    """Returns a target that is not a result as a container of results that can be walked.

    Raises:
        TargetError: (a TypeError) there is no result in it, or a task in a place where its result is expected.
    """
    if isinstance(target, Task):
        raise TargetError(
            f"task {target.name!r} was given where its result is expected",
            expected="a LazyResult",
            hint=f"call it: {target.name}(...)",
        )
    if not is_container(target):
        raise _no_target(f"the target is {target!r}, of type {type(target).__name__}", _meant_by(target))
    _check_items(target)
    # A tuple of results has a list of their values, since before a target could be any container.
    return list(target) if type(target) is tuple and all(type(item) is LazyResult for item in target) else target


def _check_items(target: object) -> None:
    if not holds_deferred(target):
        _refuse_values(target)
    elif any(isinstance(item, Task) for item in parts(target)):
        where, task = next((where, item) for where, item in _places(target) if isinstance(item, Task))
        raise TargetError(
            f"target{where} is task {task.name!r}", expected="its result", hint=f"call it: {task.name}(...)"
        )


def _refuse_values(target: object) -> None:
    """Raises for a container without results, unless all that it holds is empty containers, as comprehensions over nothing make."""
    seen = {id(target)}
    waiting = [("target", target)]
    for where, container in waiting:  # which grows
        for place, item in _places(container):
            if isinstance(item, Task):
                raise TargetError(
                    f"{where}{place} is task {item.name!r}", expected="its result", hint=f"call it: {item.name}(...)"
                )
            if not is_container(item):
                raise _no_target(
                    f"{where}{place} is {item!r}, of type {type(item).__name__}, and there is no LazyResult in the target, of type {type(target).__name__}"
                )
            if id(item) not in seen:
                seen.add(id(item))
                waiting.append((f"{where}{place}", item))


def _places(container: object) -> Iterator[tuple[str, object]]:
    if isinstance(container, dict):
        return ((f"[{key!r}]", item) for key, item in container.items())
    return ((f"[{index}]", item) for index, item in enumerate(parts(container)))


CALLS = "decorate the function with @task and pass the result of calling it"


def _no_target(what: str, hint: str = CALLS) -> TargetError:
    expected = "a LazyResult, or a list, dict, tuple, dataclass ... of LazyResults"
    return TargetError(what, expected=expected, hint=hint)


def _meant_by(target: object) -> str:
    """Returns what to write instead of something that is not a target."""
    if isinstance(target, Iterator):
        return "make it a list: list(...)"
    if type(target) is TailCall:
        return "a tail call is returned by a task; to begin a loop, call its task: cs.run(task(...))"
    if hasattr(target, "blueprint") and callable(target):  # a Program, which is of a layer above
        return "a program is called itself: program(...)"
    return CALLS


def _same(value: object) -> object:
    return value


_given: Task[..., object] = Task(_same, name="input")
