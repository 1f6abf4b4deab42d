"""Control flow: what a task may answer with, and how results are composed besides calling tasks."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple, TypeVar

from cascade._vm import TailCall
from cascade.errors import DeclarationError
from cascade.spec.lazy import LazyResult
from cascade.spec.policies import Policies
from cascade.spec.task import Task

R = TypeVar("R")


class EitherForm(NamedTuple):
    """The first of the operands that was not skipped."""


class RouteForm(NamedTuple):
    """One of several results, chosen by the value of another."""

    routes: dict[Any, LazyResult[Any]]


def _router(selector: Any) -> Any:
    raise NotImplementedError("a Router is run by its engine")


ROUTER: Task[..., Any] = Task(_router, name="Router")
EITHER: Task[..., Any] = Task(_router, name="either")


def Router(selector: Any, routes: Mapping[Any, LazyResult[R]]) -> LazyResult[R]:  # noqa: N802 - part of the public API
    """The result of the route that the selector's value names; only that route runs.

    What several routes, or other nodes, need as well runs once. What only the other routes need is skipped ("Pruned").

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
    return _new(ROUTER, (selector,), Policies(form=RouteForm(dict(routes))))


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
        The LazyResult of the last stage; `value` where there is none.

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
            result = _new(EITHER, (result, value), Policies(form=EitherForm()))
        value = result
    return value


def _new(task: Task[..., Any], slots: tuple[Any, ...], policies: Policies) -> LazyResult[Any]:
    lazy: LazyResult[Any] = LazyResult()
    lazy.task = task
    lazy.slots = slots
    lazy.policies = policies
    return lazy


__all__ = ["EITHER", "ROUTER", "EitherForm", "RouteForm", "Router", "TailCall", "pipeline", "sequence"]
