"""The kernels: small functions that spend all their time in loops, each written as users would write it.

A kernel is measured as a task that has to be lowered, and beside it in plain CPython: the very same function or, where
the task is a loop of tail calls, the `while` loop that one would write for it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import cascade as cs

Number = int | float


def countdown(n: int) -> int:
    while n > 0:
        n -= 1
    return n


def add_up(n: int) -> int:
    total = 0
    for i in range(n):
        total += i * i % 7
    return total


def collatz(limit: int) -> int:
    """Returns the start below `limit` whose chain is the longest."""
    best = 1
    longest = 0
    for start in range(1, limit):
        n = start
        length = 1
        while n != 1:
            if n % 2 == 0:
                n //= 2
            else:
                n = 3 * n + 1
            length += 1
        if length > longest:
            longest = length
            best = start
    return best


def add_divisors(n: int, other: int) -> int:
    """Returns the sum of the greatest common divisors of `other` and each number below `n`, by Euclid's algorithm."""
    total = 0
    for i in range(n):
        a = i
        b = other
        while b:
            a, b = b, a % b
        total += a
    return total


def mandelbrot(width: int, height: int, limit: int) -> int:
    """Returns the sum of the escape counts of all points of a picture."""
    total = 0
    for row in range(height):
        ci = 2.0 * row / height - 1.0
        for column in range(width):
            cr = 3.0 * column / width - 2.0
            zr = 0.0
            zi = 0.0
            count = 0
            while count < limit and zr * zr + zi * zi <= 4.0:
                zr, zi = zr * zr - zi * zi + cr, 2.0 * zr * zi + ci
                count += 1
            total += count
    return total


def logistic(r: float, x: float, n: int) -> float:
    for _ in range(n):
        x = r * x * (1.0 - x)
    return x


@cs.task(lower=True)
def fibonacci(n: int, a: int, b: int) -> int | cs.TailCall[int]:
    if n == 0:
        return a
    return cs.TailCall(args=(n - 1, b, (a + b) % 1_000_000_007))


def fibonacci_loop(n: int, a: int, b: int) -> int:
    while n != 0:
        n, a, b = n - 1, b, (a + b) % 1_000_000_007
    return a


@cs.task(lower=True)
def ping(n: int) -> int | cs.TailCall[int]:
    if n == 0:
        return 0
    return pong.tail(n - 1)


@cs.task(lower=True)
def pong(n: int) -> int | cs.TailCall[int]:
    if n == 0:
        return 1
    return ping.tail(n - 1)


def ping_pong_loop(n: int) -> int:
    ping = True
    while n != 0:
        n -= 1
        ping = not ping
    return 0 if ping else 1


def primes(limit: int) -> int:
    """Returns the number of primes below `limit`, by trial division."""
    count = 0
    for n in range(2, limit):
        d = 2
        while d * d <= n:
            if n % d == 0:
                break
            d += 1
        else:
            count += 1
    return count


# -- Ping-pong by a trampoline --------------------------------------------------------------------------------------

Answer = tuple[Callable[[int], "Answer"] | None, int]


def ping_answer(n: int) -> Answer:
    return (None, 0) if n == 0 else (pong_answer, n - 1)


def pong_answer(n: int) -> Answer:
    return (None, 1) if n == 0 else (ping_answer, n - 1)


def ping_pong_trampoline(n: int) -> int:
    function: Callable[[int], Answer] | None = ping_answer
    while function is not None:
        function, n = function(n)
    return n


# -- The table ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Kernel:
    """A function to measure, with its arguments and its answer.

    Attributes:
        name: as it stands in the results, and among the functions of the peers.
        plain: for CPython.
        task: for Cascade.
        arguments: of a run.
        answer: of a run. Each implementation is checked against it, the plain function among them.
        steps: how often the innermost loop goes round in a run; the figures are per step.
        few: arguments of the same types that make a run short, for work that has to be done once.
        trampoline: for a kernel of several tasks: its functions for CPython, called by a trampoline as they return each other's calls.
    """

    name: str
    plain: Callable[..., Number]
    task: cs.Task[..., Any]
    arguments: tuple[Number, ...]
    answer: Number
    steps: int
    few: tuple[Number, ...]
    trampoline: Callable[..., Number] | None = None

    @property
    def by_tail_calls(self) -> bool:
        return self.task.func is not self.plain


def kernel(
    name: str,
    plain: Callable[..., Number],
    arguments: tuple[Number, ...],
    answer: Number,
    steps: int,
    few: tuple[Number, ...],
    task: cs.Task[..., Any] | None = None,
    trampoline: Callable[..., Number] | None = None,
) -> Kernel:
    """Returns a kernel, whose task is by default made of the plain function."""
    return Kernel(name, plain, task or cs.task(lower=True)(plain), arguments, answer, steps, few, trampoline)


KERNELS = [
    kernel("countdown", countdown, (4_000_000,), 0, 4_000_000, (9,)),
    kernel("sum", add_up, (2_000_000,), 3_999_997, 2_000_000, (9,)),
    kernel("collatz", collatz, (300_000,), 230_631, 35_669_673, (9,)),
    kernel("gcd", add_divisors, (400_000, 360_360), 28_841_652, 4_120_458, (9, 12)),
    kernel("mandelbrot", mandelbrot, (400, 400, 100), 4_856_315, 4_856_315, (3, 3, 9)),
    kernel("logistic", logistic, (3.9, 0.5, 2_000_000), 0.21716707468715907, 2_000_000, (3.9, 0.5, 9)),
    kernel("fibonacci", fibonacci_loop, (1_000_000, 0, 1), 918_091_266, 1_000_000, (9, 0, 1), fibonacci),
    kernel("ping-pong", ping_pong_loop, (1_000_001,), 1, 1_000_001, (9,), ping, ping_pong_trampoline),
    kernel("primes", primes, (100_000,), 9_592, 2_745_693, (9,)),
]
