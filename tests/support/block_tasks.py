"""Compute tasks whose maps travel in blocks."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import cascade as cs
from tests.support.tasks import increment


class Unsendable:
    """Can neither be sent to a worker nor back."""

    def __reduce__(self) -> Any:
        raise TypeError("it stays here")


class Unreadable:
    """Can be sent, and cannot be read."""

    def __reduce__(self) -> Any:
        return _refuse, ()


def _refuse() -> None:
    raise LookupError("nobody reads this")


@cs.task(mode="compute")
def doubled(x: Any) -> Any:
    return x + x


@cs.task(mode="compute")
def nested(count: int) -> Any:
    return cs.run(doubled.map(range(count)))


@cs.task(mode="compute")
def summed(a: Any, b: Any = 10, *, c: Any = 100) -> Any:
    return (a, b, c)


@cs.task(mode="compute")
def steps(n: int) -> int:
    total = 0
    for i in range(n % 50):
        total += i & n
    return total


@cs.task(mode="compute")
def inverse(x: float) -> float:
    return 1 / x


@cs.task(mode="compute")
def named(x: int) -> str:
    return f"item {x}"


@cs.task(mode="compute")
def given_back(x: int) -> Any:
    return Unsendable() if x == 3 else x


@cs.task(mode="compute")
def continued(n: int) -> Any:
    if n % 3 == 0:
        return increment(n)
    return n if n % 3 == 1 else cs.TailCall(kwargs={"n": n - 1})


@cs.task(mode="compute")
def slow(x: int, seconds: float = 0.02, note: str = "") -> int:
    time.sleep(seconds)
    if note:
        with Path(note).open("a") as file:
            file.write(f"{x}\n")
    return x


@cs.task(mode="compute")
def exits(x: int) -> int:
    if x == 5:
        raise SystemExit(7)
    return x


@cs.task(mode="compute")
def dies_at_50(x: int, seconds: float) -> int:
    """Ends its worker at one item, whenever it comes."""
    time.sleep(seconds)
    if x == 50:
        os._exit(1)
    return x


@cs.task(mode="compute")
def dies_once(x: int, marker: str = "", at: int = 40) -> int:
    """Ends its worker at one item, the first time."""
    if x == at:
        try:
            Path(marker).touch(exist_ok=False)
        except FileExistsError:
            return x
        os._exit(3)
    return x


@cs.task(mode="compute")
def fails_first(x: int, folder: str) -> int:
    """Fails for each odd item, the first time."""
    if x % 2:
        try:
            (Path(folder) / str(x)).touch(exist_ok=False)
        except FileExistsError:
            return x
        raise ValueError(x)
    return x


class Scale:
    def __init__(self, by: int) -> None:
        self.by = by

    @cs.task(mode="compute")
    def apply(self, x: int) -> int:
        return self.by * x


@cs.task(mode="compute")
def written(row: Any) -> float:
    row[:] += 1
    return float(row.sum())
