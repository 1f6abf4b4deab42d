"""A LazyResult stands where its value is wanted; each line marked `# wrong` is an error for every type checker."""

from typing import assert_type

import cascade as cs


@cs.task
def inc(x: int) -> int:
    return x + 1


@cs.task
def total(numbers: list[int], *, scale: int) -> int:
    return sum(numbers) * scale


@cs.task
async def half(x: int) -> float:
    return x / 2


assert_type(inc(inc(1)), cs.LazyResult[int])
assert_type(total([inc(1), 2], scale=inc(2)), cs.LazyResult[int])
assert_type(half(inc(1)), cs.LazyResult[float])
assert_type(cs.run(inc(inc(1))), int)
assert_type(cs.run(half(inc(1)).with_retry(2)), float)
assert_type(inc.map(total.map([[1]], scale=inc(1))), cs.LazyResult[list[int]])

inc("x")  # wrong
inc()  # wrong
total([1], scale="x")  # wrong
whole: int = cs.run(half(1))  # wrong
