"""Plain Python beside a target: the same functions, called without Cascade, as one would write it by hand.

    total([fetch(1), fetch(2)])      ->      v0 = f0(i0); v1 = f0(i1); v2 = [v0, v1]; v3 = f3(v2)

Tail calls become a loop. Retries, timeouts, caches and constraints are left out.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import cast

from cascade._vm import Jump, TailCall, holds_deferred
from cascade.declare.task import Task
from cascade.graph.containers import Container
from cascade.graph.model import Row
from cascade.graph.operations import Call, Map, operation_of

AnyTask = Task[..., object]


class NoPlainFormError(Exception):
    """A target has no plain form; the message says why."""


class PlainForm:
    """A graph in plain Python.

    Args:
        rows, inputs: of the graph; the inputs are values.

    Attributes:
        value: computed once.
        function: computes it again; it has no parameters.

    Raises:
        NoPlainFormError: there is none.
    """

    def __init__(self, rows: Sequence[Row], inputs: Sequence[object]) -> None:
        self._rows, self._inputs = rows, inputs
        self._looping: set[int] = set()  # rows that return tail calls; others need no loop around them
        self.value = self._compiled(range(len(rows)), self._first_value_of)()
        self.function = self._compiled(
            self._looping,
            lambda value, number, /, *args, **kwargs: _value_of_loop(value, self._task(number), args, kwargs),
        )

    def _compiled(self, looping: Collection[int], finish: Callable[..., object]) -> Callable[[], object]:
        known: dict[str, object] = {f"i{number}": value for number, value in enumerate(self._inputs)}
        known["finish"] = finish
        lines = []
        for number, (operation, *references) in enumerate(self._rows):
            names = [f"v{each}" if each >= 0 else f"i{-1 - each}" for each in references]
            known[f"f{number}"] = self._function(number)
            lines.append(f"    v{number} = {_expression(operation, number, names, number in looping)}")
        source = "\n".join(["def plain():", *lines, f"    return v{len(lines) - 1}"])
        exec(compile(source, "<plain Python>", "exec"), known)
        return cast("Callable[[], object]", known["plain"])

    def _function(self, number: int) -> Callable[..., object]:
        operation = self._rows[number][0]
        return operation.make if isinstance(operation, Container) else _task_of(operation).called

    def _task(self, number: int) -> AnyTask:
        return _task_of(self._rows[number][0])

    def _first_value_of(self, value: object, number: int, /, *args: object, **kwargs: object) -> object:
        if type(value) is TailCall:
            self._looping.add(number)
            value = _value_of_loop(value, self._task(number), args, kwargs)
        if type(value) is Jump or holds_deferred(value):
            raise NoPlainFormError("a task returns a Jump or a graph, which only Cascade continues with")
        return value


def _task_of(operation: object) -> AnyTask:
    task = operation if type(operation) is Task else operation.task if isinstance(operation, (Call, Map)) else None
    if task is None:
        raise NoPlainFormError(f"{getattr(operation, 'name', operation)} is not a plain call")
    if task.is_async:
        raise NoPlainFormError(f"{task.name} is awaited")
    if isinstance(operation, (Call, Map)) and (operation.condition_count or operation.order_count):
        raise NoPlainFormError(f"{task.name} has conditions, or comes after another call")
    return task


def _expression(operation: object, number: int, names: list[str], loops: bool) -> str:
    if isinstance(operation, Container):
        return f"f{number}([{', '.join(names)}])"
    if isinstance(operation, Map):
        return _map(operation, number, names, loops)
    return _call(number, _arguments(_task_of(operation), names), loops)


def _call(number: int, arguments: list[str], loops: bool) -> str:
    call = f"f{number}({', '.join(arguments)})"
    return f"finish({call}, {', '.join([str(number), *arguments])})" if loops else call


def _map(operation: Map, number: int, names: list[str], loops: bool) -> str:
    signature = operation.signature
    if signature.shared or signature.as_array or signature.streamed or signature.on_error != "raise":
        raise NoPlainFormError(f"the map of {operation.name} is not a plain one")
    items = [f"x{at}" for at in range(signature.inputs)]
    named = [f"{name}={item}" for name, item in zip(signature.names, items[signature.positional :], strict=True)]
    call = _call(number, [*items[: signature.positional], *named], loops)
    inputs = names[operation.items]
    source = inputs[0] if len(inputs) == 1 else f"zip({', '.join(inputs)}, strict=True)"
    return f"[{call} for {', '.join(items)} in {source}]"


def _arguments(task: AnyTask, names: list[str]) -> list[str]:
    binder = task.binder
    found, rest = names[: binder.positional], iter(names[binder.positional :])
    if binder.varargs:
        found.append(f"*{next(rest)}")
    found += [f"{keyword}={next(rest)}" for keyword in binder.keywords]
    if binder.varkwargs:
        found.append(f"**{next(rest)}")
    return found


def _value_of_loop(value: object, task: AnyTask, args: tuple[object, ...], kwargs: dict[str, object]) -> object:
    """Returns the value of a call of a task with these arguments that has returned `value`."""
    while type(value) is TailCall:
        target, before = value.target, (args, kwargs)
        args, kwargs = value.args, value.kwargs
        called = task if target is None else _task_of(operation_of(target) if isinstance(target, Task) else target)
        if called is task and len(args) + len(kwargs) < len(task.parameters):
            args, kwargs = _with_current(task, before, args, kwargs)
        task = called
        value = task.called(*args, **kwargs)
    return value


def _with_current(
    task: AnyTask,
    before: tuple[tuple[object, ...], dict[str, object]],
    args: tuple[object, ...],
    kwargs: dict[str, object],
) -> tuple[tuple[object, ...], dict[str, object]]:
    """Returns the arguments of a tail call; a parameter that it does not pass keeps its value of the call before."""
    names = task.parameters
    found = {**dict(zip(names, before[0], strict=False)), **before[1], **dict(zip(names, args, strict=False)), **kwargs}
    positional = [name for name in names[: task.binder.positional] if name in found]
    return tuple([found.pop(name) for name in positional]), found
