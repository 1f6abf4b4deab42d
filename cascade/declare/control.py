"""Control flow: what a task may answer with, and how results are composed besides calling tasks."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from cascade._vm import Jump, TailCall
from cascade.declare.lazy import LazyResult, lazy_result
from cascade.declare.policies import EitherForm, Policies, RouteForm
from cascade.declare.task import Task
from cascade.errors import DeclarationError
from cascade.imports import Any, TypeVar

R = TypeVar("R")


def _router(selector: Any) -> Any:
    raise NotImplementedError("a Router is run by its engine")


ROUTER: Task[..., Any] = Task(_router, name="Router")
EITHER: Task[..., Any] = Task(_router, name="either")
ONCE: Task[..., Any] = Task(_router, name="once")


def Router(selector: Any, routes: Mapping[Any, LazyResult[R]]) -> LazyResult[R]:  # noqa: N802 - part of the public API
    """The result of the route that the selector's value names; only that route runs.

    What several routes, or other nodes, need as well runs once. What only the other routes need is skipped ("Pruned").

    A Router calls nothing itself: of the policies it takes `run_if` and `after`, the others are set on its routes.

    Args:
        selector: a LazyResult whose value is one of the keys, or such a value.
        routes: LazyResults by key.

    Raises:
        DeclarationError: (a TypeError) `routes` is no dict of LazyResults.
    """
    if not isinstance(routes, Mapping) or not routes:
        raise DeclarationError(f"Router(routes={routes!r})", expected="a dict of LazyResults by the selector's values")
    for key, route in routes.items():
        if type(route) is not LazyResult:
            raise DeclarationError(
                f"Router: the route {key!r} is {route!r}, of type {type(route).__name__}", expected="a LazyResult",
                hint="pass what calling a task gives",
            )
    return lazy_result(ROUTER, (selector,), Policies(form=RouteForm(dict(routes))))


def sequence(results: Iterable[LazyResult[Any]]) -> LazyResult[Any]:
    """Runs the results one after the other; the value is that of the last one.

    Each one is set to come after the one before it, as by `after`.

    Raises:
        DeclarationError: (a TypeError) it is empty, or something in it is no LazyResult.
    """
    items = list(results)
    if not items:
        raise DeclarationError("sequence([])", expected="at least one LazyResult")
    for position, item in enumerate(items):
        if type(item) is not LazyResult:
            raise DeclarationError(
                f"sequence: item {position} is {item!r}, of type {type(item).__name__}", expected="LazyResults"
            )
    for before, item in zip(items, items[1:], strict=False):
        if item is not before:
            item.after(before)
    return items[-1]


def pipeline(value: Any, stages: Iterable[Callable[[Any], Any]]) -> Any:
    """Passes a value through tasks, each called with what the one before it gives.

    Args:
        value: the input of the first stage: a value or a LazyResult.
        stages: tasks, or functions from a LazyResult to one, such as `lambda text: clean(text).run_if(wanted)`. A stage
            that is skipped by its `run_if` lets its input through.

    Returns:
        The LazyResult of the last stage; `value` where there is none. Policies that are set on it are about that stage.

    Raises:
        DeclarationError: (a TypeError) a stage does not give a LazyResult.
    """
    for position, stage in enumerate(stages):
        result = stage(value) if callable(stage) else stage
        if type(result) is not LazyResult:
            raise DeclarationError(
                f"pipeline: stage {position} gives {result!r}, of type {type(result).__name__}",
                expected="a task, or a function that gives a LazyResult",
            )
        policies = result.policies
        if policies is not None and policies.conditions:
            result = lazy_result(EITHER, (result, value), Policies(form=EitherForm()))
        value = result
    return value


class JumpSelector:
    """The routes of a state machine, by the keys of the Jumps; see `select_jump`."""

    def __init__(self, routes: dict[Any, LazyResult[Any] | None]) -> None:
        self.routes = routes

    def __repr__(self) -> str:
        return f"select_jump({self.routes!r})"


def select_jump(routes: Mapping[Any, LazyResult[Any] | None]) -> JumpSelector:
    """Says what a `Jump` to each key means: a result whose task is called with the Jump's data, or None for the end.

    Raises:
        DeclarationError: (a TypeError) `routes` is no dict of LazyResults and Nones.
    """
    if not isinstance(routes, Mapping) or not routes:
        raise DeclarationError(f"select_jump({routes!r})", expected="a dict of LazyResults, or None for the end, by the keys of Jumps")
    for key, route in routes.items():
        if route is not None and type(route) is not LazyResult:
            raise DeclarationError(
                f"select_jump: the route {key!r} is {route!r}, of type {type(route).__name__}", expected="a LazyResult or None"
            )
        if route is not None and _form_of(route) in (EitherForm, RouteForm):
            raise DeclarationError(f"select_jump: the route {key!r} is a {route.task.name}", expected="the result of calling a task")
        if route is not None and not route.task.takes_policies:
            raise DeclarationError(f"select_jump: the route {key!r} is {route.task!r}", expected="the result of calling a task")
    return JumpSelector(dict(routes))


def _form_of(result: LazyResult[Any]) -> type:
    return type(None if result.policies is None else result.policies.form)


def bind(result: LazyResult[R], selector: JumpSelector) -> LazyResult[R]:
    """Makes a result a state: where its task answers with a `Jump`, `selector` says what comes next.

    The route's task is called with the Jump's data as its first argument; its other arguments are those that it was declared
    with. That goes on until a task answers with something else, or with a Jump whose route is None: its data is the value then.

    Policies of a state act on each of its calls; `run_if` and `after` of `result` are about the whole. States have no cache.

    Returns:
        `result` itself.

    Raises:
        DeclarationError: (a TypeError) one of the two is something else.
    """
    if type(result) is not LazyResult:
        raise DeclarationError(f"bind({result!r}, ...)", expected="a LazyResult")
    if type(selector) is not JumpSelector:
        raise DeclarationError(f"bind(..., {selector!r})", expected="what select_jump gives")
    if _form_of(result) in (EitherForm, RouteForm):
        raise DeclarationError(f"bind on a {result.task.name}", expected="the result of calling a task")
    return result._set(selector=selector)


def _jump(target_key: Any, data: Any) -> Jump[Any]:
    return Jump(target_key, data)


JUMP: Task[..., Any] = Task(_jump, name="Jump")
JUMP.hands_on = True
"""Makes a Jump whose data had to be computed first."""

for _name, _task in {"ROUTER": ROUTER, "EITHER": EITHER, "ONCE": ONCE, "JUMP": JUMP}.items():
    vars(_task)["__qualname__"] = _name  # where a pickle finds it

__all__ = [
    "EITHER", "JUMP", "ONCE", "ROUTER", "Jump", "JumpSelector", "Router", "TailCall", "bind", "pipeline", "select_jump", "sequence",
]  # fmt: skip
