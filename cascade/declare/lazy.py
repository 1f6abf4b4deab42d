"""LazyResult, whose class is defined beside `Task` as each refers to the other, and help for its misuse."""

from __future__ import annotations

from cascade.declare.operators import INSIDE
from cascade.declare.task import LazyResult as LazyResult
from cascade.declare.task import lazy_result as lazy_result


def help_with(error: BaseException) -> str | None:
    """Returns advice for an error of CPython about a LazyResult that was used as if it were its value, otherwise None.

    Most such uses raise `NotRunError`, which has its advice.
    """
    if type(error) not in (TypeError, AttributeError) or not error.args or type(error.args[0]) is not str:
        return None
    import re

    message: str = error.args[0]
    return VALUE_HELP if re.search(r"\bLazyResult\b", message) else None


VALUE_HELP = f"a LazyResult stands for a value that is not known yet. Inside a task, {INSIDE}"
