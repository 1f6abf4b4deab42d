"""Tasks for worker processes that run by kernels, and tasks that look at these from inside of the worker."""

from __future__ import annotations

from typing import Any

import cascade as cs
from cascade import _vm
from cascade.adapters.executors import worker


@cs.task(mode="compute")
def total(n, start=0):
    s = start
    for i in range(n):
        s = (s * 3 + i) % 1_000_003
    return s


@cs.task(mode="compute", lower=False)
def plain_total(n):
    s = 0
    for i in range(n):
        s += i
    return s


@cs.task(mode="compute")
def collected(n):
    found = [n]
    for i in range(n):
        found.append((found[i] * 3 + i) % 1_000_003)
    return found


@cs.task(mode="compute")
def divided(n):
    s = 0
    for i in range(n, -2, -1):
        s += 100 // i
    return s


def entries_of(routine: Any) -> int:
    block = 0 if routine.block_kernel is None else routine.block_kernel.entries
    return block + sum(kernel.entries for kernel in routine.kernels)


@cs.task(mode="compute")
def entries_there(name: str) -> int:
    """The number of calls that the kernels of a task of this module have made in the worker."""
    return entries_of(globals()[name].routine)


@cs.task(mode="compute")
def entries_of_kept() -> list[tuple[str, int]]:
    """The functions without a state that the worker keeps, and their entries."""
    routines = [called.__self__ for called in worker._kept.values()]  # type: ignore[attr-defined]
    return [(routine.name, entries_of(routine)) for routine in routines]


@cs.task(mode="compute")
def without_delay() -> None:
    """Has the worker make kernels at the first call."""
    _vm.lower_without_delay(True)
