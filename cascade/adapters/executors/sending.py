"""Messages to worker processes and back, as bytes.

By `cloudpickle`, which sends functions that have no name in a worker by value, and with four things more: code keeps the name of
its file, for tracebacks; a task that has no name there (of the main script, or inside of a function) goes by value, too; where
such a task comes back, it is the very task that was sent; and an exception keeps its class and attributes, whatever its `__init__`.
"""

from __future__ import annotations

import functools
import io
import itertools
import os
import pickle
import sys
import threading
import weakref
from collections import ChainMap
from collections.abc import Callable
from importlib import import_module
from types import CodeType
from typing import IO, NamedTuple, Protocol, cast

from cascade.adapters.executors.exceptions import reduce_exception
from cascade.adapters.executors.kept import Kept
from cascade.declare.policies import Policies
from cascade.declare.task import Task

AnyTask = Task[..., object]
Number = tuple[int, int]

MAIN_MODULES = ("__main__", "__mp_main__")
"""The names of the main script; the second one in a process that multiprocessing has spawned."""

_numbers: weakref.WeakKeyDictionary[AnyTask, Number] = weakref.WeakKeyDictionary()
_tasks: weakref.WeakValueDictionary[Number, AnyTask] = weakref.WeakValueDictionary()
"""The tasks that were sent by value or have come so. A number holds in the process that gave it and in the workers below it."""
_count = itertools.count()
_lock = threading.Lock()


class Sent(NamedTuple):
    """Parts of a message to a worker.

    Attributes:
        tasks: those that have to be there when its answer is read.
        kept: stand for values that other workers keep.
    """

    tasks: list[AnyTask]
    kept: list[Kept]


def dumps_for_worker(value: object) -> tuple[bytes, Sent]:
    """Returns the pickle of a message to a worker, and parts of it."""
    sent = Sent([], [])
    return _dumps(value, functools.partial(_by_value, sent)), sent


def dumps_for_caller(value: object, always_rebuild: bool = False) -> bytes:
    """Returns the pickle of a worker's answer.

    Args:
        always_rebuild: whether exceptions are sent by their attributes also where their class has its own way to be pickled.
    """
    return _dumps(value, _as_the_original, always_rebuild)


def dumps_for_all(value: object) -> tuple[bytes, bool]:
    """Returns the pickle of a worker's answer, and whether other workers can read it, too."""
    found: list[AnyTask] = []

    def reduce_part(part: AnyTask | Kept) -> object:
        reduced = _as_the_original(part)
        if reduced is not NotImplemented:
            found.append(cast("AnyTask", part))
        return reduced

    return _dumps(value, reduce_part), not found


_PLAIN = frozenset({int, float, str, bytes, bool, complex, type(None)})


def dumps_plain(values: tuple[object, ...]) -> bytes | None:
    """Returns the pickle of a tuple of plain values, or of tuples and dicts of them; None where there are others."""
    for value in values:
        if type(value) in _PLAIN:
            continue
        inner = value if type(value) is tuple else value.values() if type(value) is dict else (value,)
        if not all(type(each) in _PLAIN for each in inner):
            return None
    return pickle.dumps(values, pickle.HIGHEST_PROTOCOL)


def has_name(task: AnyTask) -> bool:
    """Returns whether the task is found by its name in a worker, too."""
    return is_named_as(task, task.called)


def is_named_as(value: object, named: object) -> bool:
    """Returns whether a value is found by the name of a function or class, also in a worker: that has another main module."""
    module, qualname = getattr(named, "__module__", None), getattr(named, "__qualname__", "")
    if module in MAIN_MODULES:
        return False
    found: object = sys.modules.get(str(module))
    for name in qualname.split("."):
        found = getattr(found, name, None)
    return found is value


ReducePart = Callable[[AnyTask | Kept], object]


def _dumps(value: object, reduce_part: ReducePart, always_rebuild: bool = False) -> bytes:
    with io.BytesIO() as file:
        _pickler()(file, reduce_part, always_rebuild).dump(value)
        return file.getvalue()


class _Pickler(Protocol):
    def __init__(self, file: IO[bytes], reduce_part: ReducePart, always_rebuild: bool) -> None: ...

    def dump(self, value: object) -> None: ...


@functools.cache
def _pickler() -> type[_Pickler]:
    cloudpickle = import_module("cloudpickle")
    base: type = cloudpickle.Pickler
    if "__mp_main__" in sys.modules:
        cloudpickle.register_pickle_by_value(sys.modules["__mp_main__"])  # as it does with `__main__`

    reductions = cloudpickle.Pickler.dispatch_table

    class Pickler(base):  # type: ignore[misc]
        dispatch_table = ChainMap({CodeType: functools.partial(_reduce_code, reductions[CodeType])}, reductions)  # noqa: RUF012

        def __init__(self, file: IO[bytes], reduce_part: ReducePart, always_rebuild: bool) -> None:
            super().__init__(file)
            self.reduce_part = reduce_part
            self.always_rebuild = always_rebuild

        def reducer_override(self, value: object) -> object:
            if type(value) is Task or type(value) is Kept:
                return self.reduce_part(value)
            if issubclass(type(value), BaseException):
                return reduce_exception(cast("BaseException", value), self.always_rebuild)
            return super().reducer_override(value)

    return cast("type[_Pickler]", Pickler)


def _reduce_code(reduce: Callable[[CodeType], tuple[object, object]], code: CodeType) -> object:
    return _code_of_file, (code.co_filename, *reduce(code))


def _code_of_file(name: str, make: Callable[..., CodeType], arguments: tuple[object, ...]) -> CodeType:
    return make(*arguments).replace(co_filename=name)


def _by_value(sent: Sent, task: AnyTask | Kept) -> object:
    if type(task) is Kept:
        sent.kept.append(task)
        return NotImplemented
    assert isinstance(task, Task)
    if has_name(task) or str(getattr(task.called, "__module__", "")).startswith("cascade."):
        return NotImplemented
    if task.policies is not None and task.policies.cache is not None:
        raise pickle.PicklingError(f"task {task.name!r} has a cache of its own, of which a worker would have a copy")
    sent.tasks.append(task)
    function = task.func if task.binds is None else task.binds(task.func)
    options = {name: getattr(task, name) for name in ("name", "pure", "mode", "lower")}
    # In two steps, since its function may refer to it.
    return object.__new__, (Task,), (_number_of(task), function, options, task.policies), None, None, _complete


def _number_of(task: AnyTask) -> Number:
    with _lock:
        number = _numbers.get(task)
        if number is None:
            number = os.getpid(), next(_count)
            _numbers[task], _tasks[number] = number, task
        return number


def _complete(task: AnyTask, state: tuple[Number, object, dict[str, object], Policies | None]) -> None:
    number, function, options, policies = state
    task.__init__(function, **options)  # type: ignore[misc]
    task.policies = policies
    with _lock:
        _numbers[task], _tasks[number] = number, task


def _as_the_original(task: AnyTask | Kept) -> object:
    number = _numbers.get(task) if isinstance(task, Task) else None
    return NotImplemented if number is None else (_original, (number,))


def _original(number: Number) -> AnyTask:
    return _tasks[number]
