"""Control flow: jumps and tail calls that a task may return, and compositions of results besides calls."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping
from itertools import pairwise

from cascade._vm import Jump, TailCall, entry_point
from cascade.declare.lazy import LazyResult, lazy_result
from cascade.declare.policies import Fallback, Policies, RouteSet
from cascade.declare.task import Task
from cascade.errors import DeclarationError
from cascade.imports import Any, NoReturn, TypeVar

K = TypeVar("K", bound=Hashable)
R = TypeVar("R")
T = TypeVar("T")


def _router(selector: object) -> NoReturn:
    raise NotImplementedError("a Router is run by its engine")


ROUTER: Task[..., object] = Task(_router, name="Router")
EITHER: Task[..., object] = Task(_router, name="either")
ONCE: Task[..., object] = Task(_router, name="once")


@entry_point
def Router(selector: object, routes: Mapping[K, LazyResult[R]]) -> LazyResult[R]:  # noqa: N802 - part of the public API
    """Chooses a route by the value of a selector; only that route runs, and its value is the Router's.

    A node that several routes need, or that is needed elsewhere too, runs once. Nodes that only the other routes need are
    skipped ("Pruned").

    A Router calls nothing itself: it takes the policies `run_if` and `after`, the others are set on its routes.

    Args:
        selector: a LazyResult whose value is one of the keys, or such a value.
        routes: LazyResults by key.

    Raises:
        DeclarationError: (a TypeError) `routes` is not a dict of LazyResults.
    """
    if not isinstance(routes, Mapping) or not routes:
        raise DeclarationError(f"Router(routes={routes!r})", expected="a dict of LazyResults by the selector's values")
    for key, route in routes.items():
        if type(route) is not LazyResult:
            raise DeclarationError(
                f"Router: the route {key!r} is {route!r}, of type {type(route).__name__}",
                expected="a LazyResult",
                hint="pass the result of a call: task(...)",
            )
    return lazy_result(ROUTER, (selector,), Policies(construct=RouteSet(dict(routes.items()))))


@entry_point
def sequence(results: Iterable[LazyResult[object]]) -> LazyResult[Any]:
    """Runs results one after the other; its value is that of the last one.

    Each result is ordered after the one before it, as by `after`.

    Returns:
        The last of the results.

    Raises:
        DeclarationError: (a TypeError) it is empty, or something in it is not a LazyResult.
    """
    items = _listed("sequence", "LazyResults", results)
    if not items:
        raise DeclarationError("sequence([])", expected="at least one LazyResult")
    for position, item in enumerate(items):
        if type(item) is not LazyResult:
            raise DeclarationError(
                f"sequence: item {position} is {item!r}, of type {type(item).__name__}", expected="LazyResults"
            )
    for before, item in pairwise(items):
        if item is not before:
            item.after(before)
    return items[-1]


@entry_point
def pipeline(value: object, stages: Iterable[Callable[..., object]]) -> Any:  # noqa: ANN401 - a value of any type, if there is no stage
    """Passes a value through tasks, each called with the result of the one before it.

    Args:
        value: the input of the first stage: a value or a LazyResult.
        stages: tasks, or functions from a LazyResult to one, such as `lambda text: clean(text).run_if(wanted)`. A stage
            that is skipped by its `run_if` lets its input through.

    Returns:
        The LazyResult of the last stage; `value` where there is none. Policies that are set on it apply to that stage.

    Raises:
        DeclarationError: (a TypeError) a stage does not return a LazyResult.
    """
    for position, stage in enumerate(_listed("pipeline", "tasks", stages)):
        result = stage(value) if callable(stage) else stage
        if type(result) is not LazyResult:
            raise DeclarationError(
                f"pipeline: stage {position} returns {result!r}, of type {type(result).__name__}",
                expected="a task, or a function that returns a LazyResult",
            )
        policies = result.policies
        if policies is not None and policies.conditions:
            result = lazy_result(EITHER, (result, value), Policies(construct=Fallback()))
        value = result
    return value


def _listed(function: str, members: str, given: Iterable[T]) -> list[T]:
    if isinstance(given, Iterable) and type(given) is not LazyResult:
        return list(given)
    raise DeclarationError(
        f"{function} was given {given!r}, of type {type(given).__name__}",
        expected=f"a list of {members}",
        hint="they go in a list, also a single one: [...]",
    )


def together(nest: object) -> LazyResult[Any]:
    """Returns a result whose value is a container of results with their values in place. Nothing is called for it."""
    return lazy_result(EITHER, (nest,), Policies(construct=Fallback()))


class JumpSelector:
    """The routes of a state machine, by the keys of the Jumps; see `select_jump`."""

    def __init__(self, routes: dict[object, LazyResult[object] | None]) -> None:
        self.routes = routes

    def __repr__(self) -> str:
        return f"select_jump({self.routes!r})"


@entry_point
def select_jump(routes: Mapping[K, LazyResult[object] | None]) -> JumpSelector:
    """Maps the keys of Jumps to results whose tasks are called with a Jump's data, or to None for the end.

    Raises:
        DeclarationError: (a TypeError) `routes` is not a dict of LazyResults and Nones.
    """
    if not isinstance(routes, Mapping) or not routes:
        raise DeclarationError(
            f"select_jump({routes!r})", expected="a dict of LazyResults, or None for the end, by the keys of Jumps"
        )
    for key, route in routes.items():
        if route is not None and type(route) is not LazyResult:
            raise DeclarationError(
                f"select_jump: the route {key!r} is {route!r}, of type {type(route).__name__}",
                expected="a LazyResult or None",
            )
        if route is not None and _construct_of(route) in (Fallback, RouteSet):
            raise DeclarationError(
                f"select_jump: the route {key!r} is a {route.task.name}", expected="the result of calling a task"
            )
        if route is not None and not route.task.takes_policies:
            raise DeclarationError(
                f"select_jump: the route {key!r} is {route.task!r}", expected="the result of calling a task"
            )
    return JumpSelector(dict(routes.items()))


def _construct_of(result: LazyResult[object]) -> type:
    return type(None if result.policies is None else result.policies.construct)


@entry_point
def bind(result: LazyResult[R], selector: JumpSelector) -> LazyResult[R]:
    """Makes a result the first state of a state machine: when its task returns a `Jump`, `selector` chooses the next state.

    The route's task is called with the Jump's data as its first argument; its other arguments are those of its declaration.
    The state machine ends when a task returns something else, which is its value, or a Jump whose route is None: its value is
    the Jump's data.

    Policies of a state apply to each of its calls; `run_if` and `after` of `result` apply to the whole. States have no cache.

    Returns:
        `result` itself.

    Raises:
        DeclarationError: (a TypeError) one of the two is something else.
    """
    if type(result) is not LazyResult:
        raise DeclarationError(f"bind({result!r}, ...)", expected="a LazyResult")
    if type(selector) is not JumpSelector:
        raise DeclarationError(f"bind(..., {selector!r})", expected="the selector that select_jump returns")
    if _construct_of(result) in (Fallback, RouteSet):
        raise DeclarationError(f"bind on a {result.task.name}", expected="the result of calling a task")
    return result._set(result._policies()._replace(selector=selector))


def _jump(target_key: object, data: object) -> Jump[object]:
    return Jump(target_key, data)


JUMP: Task[..., object] = Task(_jump, name="Jump")
JUMP.hands_on = True
"""Makes a Jump whose data had to be computed first."""

for _name, _task in {"ROUTER": ROUTER, "EITHER": EITHER, "ONCE": ONCE, "JUMP": JUMP}.items():
    vars(_task)["__qualname__"] = _name  # where a pickle finds it

__all__ = [
    "EITHER", "JUMP", "ONCE", "ROUTER", "Jump", "JumpSelector", "Router", "TailCall", "bind", "pipeline", "select_jump", "sequence",
    "together",
]  # fmt: skip
