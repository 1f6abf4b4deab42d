"""A warning for notebooks: a cell has defined a task anew, and a result that was made before has the old one."""

from __future__ import annotations

import sys
from collections.abc import Iterable

from cascade.declare.task import Task
from cascade.declare.warn import warn_user
from cascade.errors import DeclarationWarning


def warn_of_redefined(operations: Iterable[object]) -> None:
    """Warns of each task among the operations of a run whose name in `__main__` is now a task with other code."""
    names = vars(sys.modules["__main__"])
    for task in dict.fromkeys(getattr(operation, "task", operation) for operation in operations):
        function = getattr(task, "func", None)
        current = names.get(getattr(function, "__qualname__", ""))
        if type(current) is not Task or getattr(function, "__module__", None) != "__main__":
            continue
        if getattr(current.func, "__code__", None) != getattr(function, "__code__", None):
            warn_user(
                f"task {current.name!r} has been defined anew since this result was made, and the run calls the old one: "
                "run the cells again that make the result",
                DeclarationWarning,
            )
