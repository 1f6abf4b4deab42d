"""Pinned code: a run belongs to the code that it began with.

The identity of a task is that of the caches: its code, and all that it reads. Kept with a run are that identity, the names of the
task's parameters, and the source of the task and of the functions that it calls, so that a refusal can show the change.
"""

from __future__ import annotations

import difflib
import json
import linecache
import sys
import types
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from cascade.adapters.caches.identity import known_identity
from cascade.adapters.caches.keys import digest
from cascade.adapters.caches.library import is_library
from cascade.declare.task import Task
from cascade.durable.migrations import adapter, find_task, migration_of, task_path
from cascade.durable.references import find
from cascade.errors import ChangedCodeError, KeyingError, UnknownCodeError

AnyTask = Task[..., object]
FunctionRow = tuple[str, int, str, str, str, int, str]
"""(path, whether it is a task, digest, parameters, file, line, source)"""
SHOWN_LINES = 40


def function_rows(tasks: Mapping[str, AnyTask], known: set[str]) -> list[FunctionRow]:
    """Returns the rows of tasks, and of the functions that they call, for those whose names are not known yet; they are then."""
    rows: list[FunctionRow] = []
    for path, task in tasks.items():
        if path in known or path.startswith("cascade."):
            continue
        known.add(path)
        rows.append(_row(path, task.func, identity_of(task), task.parameters))
        for name, function in _called(task.func):
            if name not in known:
                known.add(name)
                rows.append(_row(name, function, _digest_of(function.__code__), None))
    return rows


def identity_of(task: AnyTask) -> str:
    """Returns the identity of a task as caches use it; that of its code alone where there is none."""
    try:
        return known_identity(task).digest.hex()
    except KeyingError:
        code = getattr(task.func, "__code__", None)
        return "" if code is None else _digest_of(code)


def _digest_of(code: types.CodeType) -> str:
    parts = [code.co_code, repr(code.co_names).encode(), repr(code.co_varnames).encode()]
    parts += [
        _digest_of(each).encode() if isinstance(each, types.CodeType) else repr(each).encode()
        for each in code.co_consts
    ]
    return digest(b"\0".join(parts)).hex()


def _row(path: str, function: Any, identity: str, parameters: Sequence[str] | None) -> FunctionRow:  # noqa: ANN401  # any callable
    code = getattr(function, "__code__", None)
    file, line = ("", 0) if code is None else (code.co_filename, code.co_firstlineno)
    names = "null" if parameters is None else json.dumps(list(parameters))
    return path, int(parameters is not None), identity, names, file, line, _source_of(code)


def _source_of(code: types.CodeType | None) -> str:
    if code is None:
        return ""
    last = max((line for _, _, line in code.co_lines() if line is not None), default=code.co_firstlineno)
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            last = max([last, *(line for _, _, line in constant.co_lines() if line is not None)])
    return "".join(linecache.getline(code.co_filename, number) for number in range(code.co_firstlineno, last + 1))


def _called(function: object) -> Iterator[tuple[str, types.FunctionType]]:
    """Yields the plain functions of users that a function names, and those that these name, by their own names."""
    waiting, seen = [function], {id(function)}
    while waiting:
        current = waiting.pop()
        code, names = getattr(current, "__code__", None), getattr(current, "__globals__", {})
        for name in () if code is None else code.co_names:
            found = names.get(name)
            if isinstance(found, types.FunctionType) and id(found) not in seen and not is_library(found):
                seen.add(id(found))
                waiting.append(found)
                yield f"{found.__module__}:{found.__qualname__}", found


class Pinned:
    """The code that a saved run belongs to, compared with the code that is here.

    Args:
        rows: the functions that were saved with the run.

    Attributes:
        changes: for each function that has changed, a text with its name, its lines, and their difference.
        values_changed: the tasks whose functions are the same, and that read other values.
        migrated: the tasks whose calls continue as those of others.
    """

    def __init__(self, rows: Iterable[Sequence[Any]]) -> None:
        self._parameters: dict[str, tuple[str, ...]] = {}
        self.changes: list[str] = []
        self.values_changed: list[str] = []
        self.migrated: list[str] = []
        refused: list[str] = []
        self._missing: UnknownCodeError | None = None  # of a module that is not imported
        for path, is_task, identity, parameters, file, line, source in rows:
            if is_task:
                self._parameters[path] = tuple(json.loads(parameters))
                refused += self._compare_task(path, identity, file, line, source)
            else:
                self._compare_function(path, identity, file, line, source)
        if self._missing is not None:
            raise self._missing
        if refused:
            raise ChangedCodeError(
                "the code of the run has changed, so that it cannot continue:\n" + "\n".join(refused + self.changes),
                refused + self.changes,
                hint="say how its calls continue by cascade.migrate(old, new, function), or go back to the code that it began with",
            )

    def _compare_task(self, path: str, identity: str, file: str, line: int, source: str) -> list[str]:
        migration = migration_of(path)
        if migration is not None and not self._is_of_new(path, identity, migration.task):
            self.migrated.append(path)
            return []
        try:
            task = find_task(path)
        except UnknownCodeError as error:
            if path.partition(":")[0] not in sys.modules:
                self._missing = error
            elif path.startswith("__main__:") and getattr(sys.modules["__main__"], "__file__", None) != file:
                self._missing = UnknownCodeError(
                    f"{path}: the run was started by the script {file}, which is not the program that runs now",
                    expected="the program that has the tasks of the run",
                    hint="start that script again, with the same id; or put the tasks into a module, and import it in both",
                )
            return [
                f"{path}, {file}:{line}: {error.what.partition(': ')[2]}" + (f" ({error.hint})" if error.hint else "")
            ]
        if task.parameters != self._parameters[path]:
            then, now = (", ".join(names) for names in (self._parameters[path], task.parameters))
            return [f"{path}: it took ({then}) and takes ({now})\n" + _difference(path, task.func, file, line, source)]
        if identity_of(task) != identity:
            self._note_change(path, task.func, file, line, source)
        return []

    def _is_of_new(self, path: str, identity: str, new: AnyTask) -> bool:
        """Returns whether the saved task is the one that it was migrated to: a task may keep its name."""
        names = self._parameters[path]
        return task_path(new) == path and names == new.parameters and identity_of(new) == identity

    def _compare_function(self, path: str, identity: str, file: str, line: int, source: str) -> None:
        try:
            function = find(path, types.FunctionType, "function")
        except UnknownCodeError:
            self.changes.append(f"{path}, {file}:{line}: it is not there any more")
            return
        assert isinstance(function, types.FunctionType)
        if _digest_of(function.__code__) != identity:
            self._note_change(path, function, file, line, source)

    def _note_change(self, path: str, function: object, file: str, line: int, source: str) -> None:
        if _source_of(getattr(function, "__code__", None)) == source:
            self.values_changed.append(path)
        else:
            self.changes.append(_difference(path, function, file, line, source))

    @property
    def is_current(self) -> bool:
        """Whether nothing has changed."""
        return not (self.changes or self.values_changed or self.migrated)

    def rows_now(self) -> list[FunctionRow]:
        """Returns the rows of the functions as they are now."""
        return function_rows({task_path(task): task for task in map(self.task, self._parameters)}, set())

    def task(self, path: str) -> AnyTask:
        """Returns the task in whose name calls of a saved task are made now."""
        return adapter(path, self._parameters[path]) if path in self.migrated else find_task(path)


def _difference(path: str, function: object, file: str, line: int, source: str) -> str:
    code = getattr(function, "__code__", None)
    now = _source_of(code)
    here = "" if code is None else f"{code.co_filename}:{code.co_firstlineno}"
    lines = difflib.unified_diff(source.splitlines(), now.splitlines(), f"{file}:{line}", here, lineterm="", n=1)
    shown = [f"{path} has changed:", *list(lines)[:SHOWN_LINES]]
    return "\n    ".join(shown)
