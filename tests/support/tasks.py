"""Tasks that several tests use."""

from __future__ import annotations

import asyncio
from typing import Any

import cascade as cs


@cs.task
def one() -> int:
    return 1


@cs.task
def increment(x: int) -> int:
    return x + 1


@cs.task
def add(a: Any, b: Any) -> Any:
    return a + b


@cs.task
def identity(value: Any) -> Any:
    return value


@cs.task
def total(parts: Any, scale: int = 1) -> Any:
    return sum(parts) * scale


@cs.task
async def later(value: Any, seconds: float = 0.0) -> Any:
    await asyncio.sleep(seconds)
    return value


@cs.task
def fail(message: str) -> Any:
    raise ValueError(message)


@cs.task
async def fail_later(message: str, seconds: float = 0.0) -> Any:
    await asyncio.sleep(seconds)
    raise ValueError(message)


@cs.task
def countdown(n: int) -> Any:
    return "done" if n <= 0 else cs.TailCall(kwargs={"n": n - 1})


@cs.task(lower=False)
def spin(n: int) -> Any:
    """A loop without an end, which nothing but its run can stop."""
    return spin.tail(n + 1)


@cs.task
async def sleep(n: int) -> None:
    """Waits as good as for ever."""
    await asyncio.sleep(600)


def chain(length: int, start: Any = 0) -> cs.LazyResult[int]:
    result = increment(start)
    for _ in range(length - 1):
        result = increment(result)
    return result


@cs.task
def returns_in_four_ways(n: int) -> Any:
    """Returns a value, a LazyResult, a tail call, or an awaitable; for 0 to 7: 0, 3, 4, 3, 4, 7, 8, 7."""
    if n % 4 == 0:
        return n
    if n % 4 == 1:
        return increment(increment(n))
    if n % 4 == 2:
        return cs.TailCall((n + 2,))
    return asyncio.sleep(0, n)


@cs.task(lower=True)
def sum_to(n: int) -> int:
    total = 0
    for i in range(n):
        total += i
    return total
