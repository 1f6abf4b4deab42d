"""The error of a result that depends on itself."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from cascade.declare.lazy import LazyResult
from cascade.errors import CycleError
from cascade.graph.operations import extras_of

ENTERED = sys.maxsize


def cycle_error(again: object, numbers: dict[object, int]) -> CycleError:
    # What is entered and not numbered is the path from the root, in the order in which it was entered.
    path = [key for key, number in numbers.items() if number == ENTERED]
    number = id(again)
    path = path[next(at for at, key in enumerate(path) if key is again or (type(key) is int and key == number)) :]
    names = [key.task.name for key in path if type(key) is LazyResult]
    return CycleError([*names, *names[:1]], where=_closed_by(path))


def _closed_by(path: Sequence[object]) -> str:
    """How a cycle can have come about: a call binds results that are there already."""
    for lazy, needed in zip(path, [*path[1:], path[0]], strict=True):
        if type(lazy) is not LazyResult or type(needed) is not LazyResult or lazy.policies is None:
            continue
        policies = lazy.policies
        if any(needed is other for other in extras_of(policies)):
            by = "after" if any(needed is other for other in policies.after) else "run_if or with_constraints"
            return f"task {lazy.task.name!r} was made to need {needed.task.name!r} by {by}"
    return "a container that was changed after it was passed to a task"
