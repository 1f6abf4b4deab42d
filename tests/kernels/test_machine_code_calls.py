"""Machine code of calls of helpers in kernels of numbers: recursion, loops around and within calls, exits, fuel, and the recursion limit."""

from __future__ import annotations

import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

import cascade as cs
from cascade import _vm
from tests.support.machine_code_functions import assert_same, machine_code

pytestmark = pytest.mark.skipif(not _vm.has_machine_code(), reason="no machine code for this platform")


@pytest.fixture(autouse=True)
def at_once() -> Iterator[None]:
    with machine_code(0):
        yield


def fibonacci(n: int) -> int:
    return n if n < 2 else fibonacci(n - 1) + fibonacci(n - 2)


def ackermann(m: int, n: int) -> int:
    if m == 0:
        return n + 1
    return ackermann(m - 1, 1) if n == 0 else ackermann(m - 1, ackermann(m, n - 1))


def is_even(n: int) -> bool:
    return True if n == 0 else is_odd(n - 1)


def is_odd(n: int) -> bool:
    return False if n == 0 else is_even(n - 1)


def rest(n: int) -> int:
    """A loop in a helper: the caller's loop and this one keep their values in the same registers."""
    total = 0
    for i in range(n % 7):
        total = (total * 31 + i * n) % 65521
    while total > 40_000:
        total -= n % 13 + 1
    return total


def in_loops(n: int, start: int) -> int:
    total = start
    for i in range(n):
        for j in range(i % 4):
            total = total + rest(i * j) - rest(total % 11) % 3
        total += rest(i)
    return total


def product(n: int, factor: int) -> int:
    return 1 if n == 0 else factor * product(n - 1, factor)


def quotients(depth: int, x: float) -> float:
    return x if depth == 0 else 1.0 / quotients(depth - 1, x - depth)


def floats(n: int, x: float) -> float:
    total = x
    for i in range(n):
        total = total * 0.5 + quotients(i % 5, total + i)
    return total


@pytest.mark.parametrize(
    "function, calls",
    [
        (fibonacci, [(n,) for n in range(18)]),
        (ackermann, [(m, n) for m in range(3) for n in range(9)]),
        (is_even, [(n,) for n in range(9)] + [(300,)]),
        (in_loops, [(n, start) for n in (0, 1, 5, 60) for start in (0, -7, 1 << 40)]),
        (
            product,
            [(n, factor) for n in (0, 5, 40, 70) for factor in (0, 1, -3, 10, 1 << 31)],
        ),  # it leaves 64 bits at any depth
        (
            floats,
            [(n, x) for n in (0, 1, 40) for x in (0.25, -3.5, 1.0, 10.0)],
        ),  # 1.0 and 10.0 divide by zero, at a depth
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_calls_of_helpers(function: Callable[..., Any], calls: list[tuple[Any, ...]]) -> None:
    assert_same(function, calls)


def test_the_code_of_recursion_has_a_form_for_all_that_it_does() -> None:
    program = cs.compile(cs.task(fibonacci))
    program(9)
    (kernel,) = cs.explain(program)["fibonacci"].kernels
    assert kernel.in_machine_code == kernel.instructions - 2 > 4  # those that return to CPython have none


def test_recursion_ends_at_the_limit_as_it_does_without_machine_code() -> None:
    def depth_of(n: int) -> str:
        try:
            return str(cs.compile(cs.task(product, lower=True))(n, 1))
        except RecursionError as error:
            return type(error).__name__

    limit = sys.getrecursionlimit()
    assert depth_of(limit // 2) == "1"
    assert depth_of(limit * 3) == "RecursionError"
    assert depth_of(limit // 2) == "1"


def test_long_recursion_can_be_interrupted_where_fuel_is_out() -> None:
    program = cs.compile(cs.task(fibonacci, lower=True))
    program(10)
    main = threading.main_thread().ident
    assert main is not None
    timer = threading.Timer(0.3, signal.pthread_kill, (main, signal.SIGINT))
    timer.start()
    begun = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        program(90)
    assert time.monotonic() - begun < 60
    timer.join()
    assert program(15) == 610
