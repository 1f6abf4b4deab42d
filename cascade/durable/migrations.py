"""Migrations: how calls of a task that were saved continue as calls of another one.

What was saved has the parameters of the old task: the frames of its loops, the graphs that call it, the items of its maps. So it is read with
a task in its place that has the same parameters, an *adapter*, whose calls continue as calls of the new task.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, cast

from cascade._vm import entry_point
from cascade.declare.task import Task
from cascade.durable.references import find, path_of
from cascade.errors import DeclarationError, UnknownCodeError
from cascade.imports import inspect

AnyTask = Task[..., object]
PREFIX = "migrated "


class Migration(NamedTuple):
    """How calls of a task that was saved continue.

    Attributes:
        task: the task that is called.
        arguments: returns its arguments by name, given those of the old task by keyword.
    """

    task: AnyTask
    arguments: Callable[..., Mapping[str, object]]


_migrations: dict[str, Migration] = {}
_adapters: dict[str, AnyTask] = {}


@entry_point
def migrate(old: str | AnyTask, new: AnyTask, function: Callable[..., Mapping[str, object]]) -> None:
    """Says how runs that were saved with one task continue with another, or with the same one whose parameters have changed.

    Their loops continue with their next call, graphs and maps that are under way with the calls that they have not made yet. The old
    snapshots of such a run are dropped with its first new one.

    Args:
        old: the task, or `"module:name"` of one that is not there any more.
        new: the task that its calls become.
        function: takes the arguments of a saved call by keyword, and returns those of the new call in a dict.

    Raises:
        DeclarationError: (a TypeError) `new` is not a task, or `function` cannot be called.

    >>> import cascade as cs
    >>> @cs.task
    ... def step(n, total, unit="m"):
    ...     return total if n == 0 else step.tail(n - 1, total + n)
    >>> cs.migrate("old_module:step", step, lambda n, total: {"n": n, "total": total})
    """
    if type(new) is not Task or not callable(function) or not isinstance(old, (str, Task)):
        raise DeclarationError(
            f"migrate({old!r}, {new!r}, {function!r})",
            expected="a task or 'module:name', a task, and a function of the old arguments",
        )
    path = old if isinstance(old, str) else f"{old.__module__}:{getattr(old, '__qualname__', old.name)}"
    if ":" not in path:
        raise DeclarationError(f"migrate({old!r}, ...)", expected="the task, or 'module:name' of one that is gone")
    _migrations[path] = Migration(new, function)
    _adapters.clear()


def migration_of(path: str) -> Migration | None:
    """Returns the migration of a task, if there is one."""
    return _migrations.get(path)


class Adapted:
    """The function of an adapter: it continues a call of a task that was saved.

    Attributes:
        path: the name of the adapter.
    """

    def __init__(self, path: str, parameters: Sequence[str], migration: Migration) -> None:
        self.path = path
        self._parameters = tuple(parameters)
        self._migration = migration
        kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
        self.__signature__ = inspect.Signature([inspect.Parameter(name, kind) for name in parameters])

    def __call__(self, *arguments: object) -> object:
        given = dict(zip(self._parameters, arguments, strict=True))
        found: Any = self._migration.arguments(**given)
        if not isinstance(found, Mapping):
            raise DeclarationError(
                f"migrate: the function for {self.path.removeprefix(PREFIX)} returned {found!r:.100}",
                expected=f"the arguments of task {self._migration.task.name!r} in a dict",
            )
        return self._migration.task.tail(**found)


def adapter(path: str, parameters: Sequence[str]) -> AnyTask:
    """Returns the task in the place of one that was migrated.

    Args:
        parameters: of the old task.
    """
    migration = _migrations.get(path)
    name = f"{PREFIX}{path}({', '.join(parameters)})"
    if migration is None:
        raise UnknownCodeError(
            f"{path}: the run has calls of it from before a migration",
            expected="the migration, in each process that continues the run",
            hint=f"cascade.migrate({path!r}, ...)",
        )
    known = _adapters.get(name)
    if known is None:
        effect = migration.task.effect == "once"  # a call that had begun is in doubt under its new name, too
        known = _adapters[name] = Task(
            Adapted(name, parameters, migration),
            name=path.rpartition(":")[2],
            lower=False,
            effect="once" if effect else "again",
        )
    return known


def task_path(task: AnyTask) -> str:
    """Returns the name by which a task is found: of one in a module, or of an adapter; raises as `path_of`."""
    return task.func.path if type(task.func) is Adapted else path_of(task)


def find_task(path: str) -> AnyTask:
    """Returns the task of a name; raises UnknownCodeError (a LookupError) if there is none."""
    if path.startswith(PREFIX) and path.endswith(")"):
        old, _, names = path[len(PREFIX) : -1].partition("(")
        return adapter(old, names.split(", ") if names else ())
    return cast("AnyTask", find(path, Task, "task"))
