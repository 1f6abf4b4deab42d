"""LazyResult, whose class is defined beside `Task` as each refers to the other, and help for its misuse."""

from __future__ import annotations

from cascade.declare.task import LazyResult as LazyResult
from cascade.declare.task import lazy_result as lazy_result


def help_with(error: BaseException) -> str | None:
    """Returns advice for an error of CPython about a LazyResult that was used as if it were its value, otherwise None."""
    if type(error) not in (TypeError, AttributeError) or not error.args or type(error.args[0]) is not str:
        return None
    import re

    message: str = error.args[0]
    if not re.search(r"\bLazyResult\b", message):
        return None
    if "await" in message:
        return AWAIT_HELP
    return VALUE_HELP


VALUE_HELP = (
    "a LazyResult stands for a value that is not known yet. Inside a task, hand it on: return other_task(lazy, ...); "
    "loop with return this_task.tail(...); or call the function itself: this_task.func(...)"
)
AWAIT_HELP = "a LazyResult is not awaited. Inside a task, return it, or pass it to another task; anywhere, its value is: await cs.arun(lazy)"
