"""Functions of two sets, for tests of block kernels."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


def operators(left: Any, right: Any) -> Any:
    return left - right, left & right, left | right, left ^ right


def comparisons(left: Any, right: Any) -> Any:
    return left < right, left <= right, left == right, left != right, left > right, left >= right


def methods(left: Any, right: Any) -> Any:
    found = [left.union(right), left.intersection(right), left.difference(right), left.symmetric_difference(right)]
    return found, left.issubset(right), left.issuperset(right), left.copy(), left.union(), left.union(right, right)


def grows(left: Any, right: Any) -> Any:
    kept = left
    left |= right
    if type(left) is set:
        left.update(right)
    return left, kept is left


def shrinks(left: Any, right: Any) -> Any:
    kept = left
    left -= right
    left &= right
    left ^= right
    return left, kept is left


def of_items(values: Any) -> Any:
    return sum(values), any(values), all(values), sorted(values), list(values), tuple(values)


def extremes(values: Any) -> Any:
    return min(values), max(values)


def made(values: Any) -> Any:
    return set(values), frozenset(values), set(), frozenset()


def cleared(values: Any, log: list[Any]) -> Any:
    values.clear()
    log.append("cleared")
    return values


def solves(free: Any, parts: Any, left: list[Any]) -> Any:
    """As in searches for covers: what fits, and what is left."""
    found = []
    for part in parts:
        if part <= free:
            rest = free - part
            if rest and len(rest & {min(rest), 1}) > 0:
                kept = left[:]
                kept.remove(1)
                found.append((rest, kept))
    return found


class Key:
    """A key with a comparison of its own."""

    log: list[str] = []

    def __init__(self, n: int, then: Callable[[], Any] | None = None) -> None:
        self.n, self.then = n, then

    def __hash__(self) -> int:
        return hash(self.n)

    def __eq__(self, other: object) -> bool:
        Key.log.append(f"{self.n} == {other!r}")
        if self.then is not None:
            self.then()
        return self.n == (other.n if isinstance(other, Key) else other)

    def __lt__(self, other: Any) -> bool:
        Key.log.append(f"{self.n} < {other!r}")
        return bool(self.n < (other.n if isinstance(other, Key) else other))

    def __repr__(self) -> str:
        return f"Key({self.n})"


class Plain:
    """A key that is compared by identity, and tells of its end."""

    def __init__(self, log: list[Any], n: int) -> None:
        self.log, self.n = log, n

    def __repr__(self) -> str:
        return f"Plain({self.n})"

    def __del__(self) -> None:
        self.log.append(self.n)
