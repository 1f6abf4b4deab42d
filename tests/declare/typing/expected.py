"""Types that a checker must infer, and errors that it must report (each on a line marked `# error: code`)."""

import asyncio
from dataclasses import dataclass
from typing import Any, assert_type

import cascade as cs


@cs.task
def double(x: int, *, times: int = 1) -> int:
    return 2 * x * times


@dataclass
class Pair:
    x: int
    y: bytes


@cs.task
async def fetch(name: str) -> bytes:
    return name.encode()


@cs.task(name="renamed", mode="blocking")
def renamed(x: float) -> str:
    return str(x)


@cs.task
def countdown(n: int) -> str | cs.TailCall[str]:
    return "done" if n <= 0 else countdown.tail(n - 1)


@cs.task
def recurse(n: int) -> str | cs.LazyResult[str]:
    return "done" if n <= 0 else recurse(n - 1)


@cs.task
def forever(n: int) -> cs.TailCall[int]:
    return forever.tail(n + 1)


@cs.task(pure=True)
def hands_on(n: int) -> cs.LazyResult[int]:
    return double(n)


@cs.task(mode="blocking")
async def forever_later(n: int) -> cs.TailCall[int]:
    return forever.tail(n + 1)


assert_type(forever(1), cs.LazyResult[int])
assert_type(hands_on(1), cs.LazyResult[int])
assert_type(forever_later(1), cs.LazyResult[int])
assert_type(double(1), cs.LazyResult[int])
assert_type(double(double(1), times=double(2)), cs.LazyResult[int])
assert_type(fetch("a"), cs.LazyResult[bytes])
assert_type(renamed(1.0), cs.LazyResult[str])
assert_type(countdown(3), cs.LazyResult[str])
assert_type(recurse(3), cs.LazyResult[str])
assert_type(countdown.tail(3), cs.TailCall[str])
assert_type(cs.run(double(1)), int)
assert_type(cs.run([double(1), double(2)]), list[int])
assert_type(cs.compile(double(1))(), int)
assert_type(cs.compile(double)(1, times=2), int)
assert_type(cs.compile(countdown)(5), str)
assert_type(double(1).with_retry(2).with_timeout(1.0).run_if(True), cs.LazyResult[int])
assert_type(double.map([1, 2]), cs.LazyResult[list[int]])
assert_type(cs.run(double.map([1, 2]).with_concurrency(2)), list[int])
assert_type(double.map([1, 2], on_error="raise"), cs.LazyResult[list[int]])
assert_type(double.map([1, 2], on_error="collect"), cs.LazyResult[list[int | cs.Failure]])
assert_type(double.map([1, 2], on_error=10, times=[1, 2]), cs.LazyResult[list[int | cs.Failure]])
assert_type(list(cs.stream(double.map([1, 2]))), list[int])
assert_type(next(cs.stream(double.map([1, 2], on_error=3), ordered=False)), int | cs.Failure)
double.map([1, 2], on_error="ignore")  # error: call-overload
assert_type(cs.Router("a", {"a": double(1)}), cs.LazyResult[int])
assert_type(cs.bind(double(1), cs.select_jump({"end": None})), cs.LazyResult[int])


async def main() -> None:
    assert_type(await cs.arun(fetch("a")), bytes)
    assert_type(await cs.arun({1: fetch("a")}), dict[int, bytes])
    assert_type(await cs.Engine().run(double(1)), int)
    assert_type(await cs.compile(fetch).arun("a"), bytes)


asyncio.run(main())

double("x")  # error: arg-type
double()  # error: call-arg
double(1, unknown=2)  # error: call-arg
fetch(5)  # error: arg-type
countdown.tail("x")  # error: arg-type
cs.compile(double)("x")  # error: arg-type
cs.run(5)  # error: call-overload
text: str = cs.run(double(1))  # error: assignment
anything: Any = cs.run(double(1))


class Scaler:
    @cs.task
    def scale(self, x: int) -> int:
        return x

    @cs.task
    @classmethod
    def make(cls, x: int) -> int:
        return x

    @cs.task(pure=True)
    @classmethod
    def make_again(cls, x: int) -> int:
        return x

    @cs.task
    @staticmethod
    def double(x: int) -> int:
        return 2 * x

    @cs.task(pure=True)
    @staticmethod
    def double_again(x: int) -> int:
        return 2 * x

    @cs.task
    async def later(self, x: int, *, y: int = 0) -> bytes:
        return bytes(x)

    @cs.task
    def again(self, x: int) -> cs.TailCall[int]:
        return self.again.tail(x - 1)


scaler = Scaler()
assert_type(scaler.scale(1), cs.LazyResult[int])
assert_type(scaler.scale(scaler.scale(1)), cs.LazyResult[int])
assert_type(scaler.later(1, y=2), cs.LazyResult[bytes])
assert_type(scaler.again(1), cs.LazyResult[int])
assert_type(Scaler.scale(scaler, 1), cs.LazyResult[int])
assert_type(Scaler.make(1), cs.LazyResult[int])
assert_type(scaler.make(1), cs.LazyResult[int])
assert_type(scaler.make_again(1), cs.LazyResult[int])
assert_type(Scaler.double(1), cs.LazyResult[int])
assert_type(scaler.double(1), cs.LazyResult[int])
assert_type(scaler.double_again(1), cs.LazyResult[int])
assert_type(scaler.scale.map([1, 2]), cs.LazyResult[list[int]])
assert_type(scaler.scale.map([1, 2], on_error="collect"), cs.LazyResult[list[int | cs.Failure]])
assert_type(scaler.scale.tail(1), cs.TailCall[int])
assert_type(cs.run([Scaler.double(1), scaler.scale(1)]), list[int])
assert_type(cs.compile(scaler.scale)(1), int)
scaler.scale("x")  # error: call-overload
scaler.scale(1, 2)  # error: call-overload
scaler.make("x")  # error: call-overload

assert_type(double(1) + 1, cs.LazyResult[Any])
assert_type(-double(1), cs.LazyResult[Any])
assert_type(double(1) < 3, cs.LazyResult[Any])
assert_type(fetch("a")[0], cs.LazyResult[Any])
assert_type(cs.run({"a": double(1)}), dict[str, int])
assert_type(cs.run(Pair(double(1), fetch("a"))), Pair)
