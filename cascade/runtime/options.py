"""The options of a run, declared once for all functions that start one. Loaded by type checkers, and where an option is wrong."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TypedDict

from cascade.errors import nearest
from cascade.events.types import Event


class RunOptions(TypedDict, total=False):
    """The options of `Engine.run` and `Engine.run_now`, which documents them."""

    use_vm: bool
    timeout: float | None
    max_steps: int | None


class OwnRunOptions(RunOptions, total=False):
    """The options of `cascade.run` and `cascade.arun`: those of a run, and parts of the engine for this run alone."""

    observers: Sequence[Callable[[Event], object]]
    report: str | os.PathLike[str] | None
    system_resources: Mapping[str, float] | None
    store: object
    id: str
    every: object


def unexpected_option(function: str, options: Iterable[str], known: Iterable[str]) -> TypeError:
    """Returns the error of a call with an option that the function does not have, worded as CPython's own."""
    known = sorted(known)
    name = next(name for name in options if name not in known)
    hint = nearest(name, known)
    error = TypeError(f"{function}() got an unexpected keyword argument {name!r}" + (f"; {hint}" if hint else ""))
    error.add_note(f"  expected: {', '.join(known)}")
    if hint is None and name not in OwnRunOptions.__annotations__:
        error.add_note(f"  hint: the values of the target's parameters go in a dict: params={{{name!r}: ...}}")
    return error
