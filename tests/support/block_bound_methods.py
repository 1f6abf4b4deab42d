"""Functions that keep methods of built-in objects, for tests of block kernels."""

from __future__ import annotations

import weakref
from collections import deque
from typing import Any


def appends(values: Any, n: int) -> Any:
    append = values.append
    for i in range(n):
        append(i)
        append(i * 0.5)
    return values


def rotates(values: Any, n: int) -> Any:
    insert, pop = values.insert, values.pop
    for i in range(n):
        insert(i, pop(0))
    return values, pop()


def of_every_class(n: int) -> Any:
    found: list[Any] = []
    add, get, starts, left = found.append, {0: "zero", 1: "one"}.get, "text".startswith, deque([1, 2, 3]).popleft
    chosen: set[int] = set()
    choose = chosen.add
    for i in range(n):
        add(get(i))
        add(get(i, "none"))
        add(starts("te"))
        add(left())
        choose(i % 2)
    return found, chosen


def given(method: Any, argument: Any) -> list[Any]:
    return [method(argument) for _ in range(2)]


def changes(values: list[Any], others: list[Any], n: int) -> Any:
    method = values.append
    for i in range(n):
        if i == 2:
            method = others.append
        if i == 4:
            method = values.remove
        if i == 6:
            method = str
        method(i % 2)
    return values, others


def wrong(values: list[Any], case: int) -> Any:
    append, insert, pop = values.append, values.insert, values.pop
    if case == 0:
        return append()  # type: ignore[call-arg]
    if case == 1:
        return append(1, 2)  # type: ignore[call-arg]
    if case == 2:
        return insert("a", 2)  # type: ignore[arg-type]
    if case == 3:
        return pop(9)
    return values.missing  # type: ignore[attr-defined]


def kept(values: list[Any]) -> Any:
    method = values.append
    return (
        method is values.append,
        method == values.append,
        method.__self__ is values,
        method.__name__,
        repr(method)[:30],
    )


def lives(log: list[Any]) -> list[Any]:
    """The object of a method lives as long as the method."""
    values = Items()
    weakref.finalize(values, log.append, "dead")
    append = values.append
    values = None  # type: ignore[assignment]
    log.append("kept")
    append(1)
    append = None  # type: ignore[assignment]
    log.append("dropped")
    return log


class Items(list):  # type: ignore[type-arg]
    """A list that may be referred to weakly."""


class Loud(list):  # type: ignore[type-arg]
    def append(self, value: Any) -> None:
        super().append((value, "loud"))
