"""Targets of tail calls: the task that a `TailCall(target=...)` means, given itself or by its name."""

from __future__ import annotations

from collections.abc import Callable

from cascade.declare.resources import Injection
from cascade.declare.task import BoundTask, Task
from cascade.errors import DeclarationError, UnknownTaskError, nearest
from cascade.graph.containers import Container

AnyTask = Task[..., object]


class TailCallTargets:
    """Finds the targets of the tail calls of one run.

    Args:
        root: the target of the run; names are looked for among its tasks, too.
    """

    def __init__(self, root: object) -> None:
        self._root = root
        self._named: dict[tuple[AnyTask, str], AnyTask] = {}

    def find(self, target: object, owner: AnyTask) -> AnyTask:
        """Returns the task that a tail call of `owner` continues with."""
        if isinstance(target, BoundTask):
            raise DeclarationError(
                f"TailCall(target={target!r})",
                where=f"task {owner.name!r}",
                expected="a task or the name of a task",
                hint=f"return {target.name}.tail(...), of the same instance",
            )
        if isinstance(target, Task):
            return target
        if not isinstance(target, str):
            raise DeclarationError(
                f"TailCall(target={target!r})", where=f"task {owner.name!r}", expected="a task or the name of a task"
            )
        known = self._named.get((owner, target))
        if known is None:
            known = self._named[owner, target] = self._find_named(target, owner)
        return known

    def _find_named(self, name: str, owner: AnyTask) -> AnyTask:
        # Nearest first: the task itself, those that its function sees, the tasks of the run's target.
        seen: dict[str, AnyTask] = {owner.name: owner}
        for task in (*_visible_tasks(owner.func), *_tasks_of(self._root)):
            seen.setdefault(task.name, task)
        if name not in seen:
            raise UnknownTaskError(
                f"TailCall(target={name!r}): no task of that name is known here",
                where=f"task {owner.name!r}",
                expected="the name of a task of the running target, or of one that the function can see",
                hint=nearest(name, seen) or "pass the task itself: TailCall(target=the_task)",
            )
        return seen[name]


def _visible_tasks(function: Callable[..., object]) -> list[AnyTask]:
    found: list[object] = []
    for cell in getattr(function, "__closure__", None) or ():  # a callable need not be a function
        try:
            found.append(cell.cell_contents)
        except ValueError:  # a name that is not bound yet
            continue
    found.extend(getattr(function, "__globals__", {}).values())
    return [value for value in found if isinstance(value, Task) and not isinstance(value, BoundTask)]


def _tasks_of(target: object) -> list[AnyTask]:
    if target is None:
        return []
    if isinstance(target, Task):
        return [target.task]
    from cascade.graph.build import flatten

    rows = flatten(target)[0]
    return [row[0].task for row in rows if not isinstance(row[0], (Container, Injection))]
