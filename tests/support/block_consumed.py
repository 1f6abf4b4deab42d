"""Generator functions, and functions that consume their generators at once, for tests of block kernels."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any


def upto(n: Any) -> Iterator[Any]:
    i = 0
    while i < n:
        yield i
        i += 1


def multiples(values: Any, by: Any = 2, *, _none: None = None) -> Iterator[Any]:
    for value in values:
        yield value * by


def scaled(values: Any, by: Any = 2) -> Iterator[Any]:
    for value in values:
        yield value * by
    return


def raises(n: int, error: Any) -> Iterator[Any]:
    for i in range(n):
        if i == 2:
            raise error
        yield i


def closes(n: int, log: list[Any]) -> Iterator[Any]:
    try:
        for i in range(n):
            yield i
    except ZeroDivisionError:
        yield "divided"
    finally:
        log.append("closed")


def delegates(n: int) -> Iterator[Any]:
    yield from upto(n)
    yield "last"


def sends(n: int) -> Iterator[Any]:
    for i in range(n):
        got = yield i
        yield got


def in_a_cell(n: int) -> Iterator[Any]:
    total = 0

    def add(i: int) -> int:
        nonlocal total
        total += i
        return total

    for i in range(n):
        yield add(i)


def names() -> list[str]:
    frame, found = sys._getframe(1), []
    while frame is not None and len(found) < 3:
        found.append(f"{frame.f_code.co_name}:{frame.f_lineno}")
        frame = frame.f_back  # type: ignore[assignment]
        if found[-1].startswith("looks"):
            break
    return found


def seen(n: int) -> Iterator[Any]:
    for _ in range(n):
        yield names()


def texts(n: int) -> Iterator[str]:
    for i in range(n):
        yield chr(97 + i)


def permuted(values: Any, r: int) -> Iterator[Any]:
    pool = tuple(values)
    n = len(pool)
    indices = list(range(n))
    cycles = list(range(n - r + 1, n + 1))[::-1]
    yield tuple(pool[i] for i in indices[:r])
    while n:
        for i in reversed(range(r)):
            cycles[i] -= 1
            if cycles[i] == 0:
                indices[i:] = indices[i + 1 :] + indices[i : i + 1]
                cycles[i] = n - i
            else:
                j = cycles[i]
                indices[i], indices[-j] = indices[-j], indices[i]
                yield tuple(pool[i] for i in indices[:r])
                break
        else:
            return


def queens(count: int) -> Iterator[Any]:
    columns = range(count)
    for vec in permuted(columns, count):
        if count == len(set(vec[i] + i for i in columns)) == len(set(vec[i] - i for i in columns)):
            yield vec


def consumed(n: Any) -> Any:
    return list(upto(n)), tuple(upto(n)), set(upto(n)), sum(upto(n)), sorted(upto(n)), any(upto(n)), all(upto(n))


def extremes(values: Any) -> Any:
    return min(scaled(values)), max(scaled(values, 3)), sum(scaled(values, by=4)), list(multiples(values))


def joined(n: int) -> Any:
    return "-".join(texts(n)), ",".join(upto(n))  # type: ignore[arg-type]


def raised(n: int, error: Any) -> Any:
    return list(raises(n, error))


def closed(n: int) -> Any:
    log: list[Any] = []
    return list(closes(n, log)), sum(closes(n - 1, log)), any(closes(n, log)), log


def not_summed(log: list[Any]) -> Any:
    return sum(divides(log))


def divides(log: list[Any]) -> Iterator[Any]:
    try:
        yield 1
        yield "a"
        yield 2
    finally:
        log.append("closed")


def others(n: int) -> Any:
    return list(delegates(n)), list(sends(n)), list(in_a_cell(n))


def looks(n: int) -> Any:
    return list(seen(n)), tuple(seen(n))


def callers_place() -> Any:
    """The line and columns, relative to the function's first line, at which the caller of the caller stands."""
    frame = sys._getframe(2)
    line, end, column, end_column = list(frame.f_code.co_positions())[frame.f_lasti // 2]
    first = on_two_lines.__code__.co_firstlineno
    return frame.f_lineno - first, (line or 0) - first, (end or 0) - first, column, end_column


def places(first: int, second: int = 0) -> Any:
    yield callers_place()


class Weighed:
    def __hash__(self) -> int:
        WEIGHED.append(callers_place())
        return 1

    def __radd__(self, other: Any) -> Any:
        WEIGHED.append(callers_place())
        return 1


WEIGHED: list[Any] = []


def weighed(n: int) -> Any:
    for _ in range(n):
        yield Weighed()


def on_two_lines(n: int) -> Any:
    WEIGHED.clear()
    found = list(
        places(n))  # fmt: skip
    found += tuple(
        places(n, second=n)) + tuple(
        places(n, n))  # fmt: skip
    count = len(set(
        weighed(n)))  # fmt: skip
    return found, count, sum(
        weighed(n)), list(WEIGHED)  # fmt: skip


def solved(n: int) -> Any:
    return list(queens(n)), list(permuted("abc", 2))


def wrong(case: int) -> Any:
    if case == 0:
        return list(upto())  # type: ignore[call-arg]
    if case == 1:
        return list(upto(1, 2))  # type: ignore[call-arg]
    if case == 2:
        return list(upto("a"))
    return sum(upto(3), 1.5), list(upto(1), upto(2))  # type: ignore[call-arg]
