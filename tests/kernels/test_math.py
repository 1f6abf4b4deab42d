"""The functions of `math` in typed code give what `math` gives, to the bit, and raise what it raises."""

from __future__ import annotations

import itertools
import math
import random
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.math_programs import FLOATS, INTS, Make, bits, maker, outcome, wild_float, wild_int

OF_FLOATS = {
    1: ["sqrt", "cbrt", "exp", "exp2", "expm1", "log", "log2", "log10", "log1p", "sin", "cos", "tan", "asin", "acos", "atan", "sinh",
        "cosh", "tanh", "asinh", "acosh", "atanh", "degrees", "radians", "erf", "erfc", "gamma", "lgamma", "ulp", "fabs", "isnan",
        "isinf", "isfinite", "floor", "ceil", "trunc", "hypot"],
    2: ["atan2", "copysign", "nextafter", "fmod", "remainder", "pow", "hypot", "log", "isclose"],
    3: ["hypot", "fma"],
}  # fmt: skip
OF_INTS = {
    1: ["isqrt", "factorial", "perm", "gcd", "lcm"], 2: ["gcd", "lcm", "comb", "perm"], 3: ["gcd", "lcm"],
}  # fmt: skip
WITHOUT_SCALARS = {"dist", "fsum", "prod", "sumprod", "frexp", "modf", "ldexp"}
"""Of containers (tests/kernels/test_math_containers.py), or with a test of their own."""


@pytest.fixture
def make(tmp_path: Path) -> Make:
    return maker(tmp_path)


def operands(
    pool: list[Any], count: int, wild: Callable[[random.Random], Any], pick: random.Random
) -> Iterator[tuple[Any, ...]]:
    yield from itertools.product(pool if count < 3 else pool[::4], repeat=count)
    for _ in range(2000):
        yield tuple(wild(pick) if pick.random() < 0.7 else pick.choice(pool) for _ in range(count))


def compare(make: Make, name: str, cases: Iterator[tuple[Any, ...]], count: int) -> int:
    """How many cases differ in nothing; the kernel has to be there, and not to be retired."""
    parameters = "abc"[:count]
    function = getattr(math, name)
    program = make(", ".join(parameters), f"math.{name}({', '.join(parameters)})")
    checked = 0
    for case in cases:
        assert outcome(program, case) == outcome(function, case), (name, case)
        checked += 1
    return checked


def is_there(name: str) -> bool:
    return hasattr(math, name)


@pytest.mark.parametrize(
    ("count", "name"), [(count, name) for count, names in OF_FLOATS.items() for name in names if is_there(name)]
)
def test_a_function_of_floats_gives_the_bits_that_math_gives(make: Make, count: int, name: str) -> None:
    assert compare(make, name, operands(FLOATS, count, wild_float, random.Random(f"{name}{count}")), count) > 2000


@pytest.mark.parametrize(
    ("count", "name"), [(count, name) for count, names in OF_FLOATS.items() for name in names if is_there(name)]
)
def test_a_function_of_floats_takes_ints_and_bools_as_math_does(make: Make, count: int, name: str) -> None:
    assert compare(make, name, operands(INTS, count, wild_int, random.Random(f"{name}{count}")), count) > 2000


@pytest.mark.parametrize(("count", "name"), [(count, name) for count, names in OF_INTS.items() for name in names])
def test_a_function_of_ints_gives_what_math_gives(make: Make, count: int, name: str) -> None:
    # A result of millions of digits would take too long.
    soon = [case for case in operands(INTS, count, wild_int, random.Random(f"{name}{count}")) if is_soon(name, case)]
    assert compare(make, name, iter(soon), count) >= min(len(soon), 500)


def is_soon(name: str, case: tuple[Any, ...]) -> bool:
    if name in ("factorial", "perm") and len(case) == 1:
        return bool(case[0] <= 1000)
    return name not in ("comb", "perm") or case[1] <= 300 or case[1] > case[0]


def test_ldexp_gives_the_bits_that_math_gives(make: Make) -> None:
    program = make("x, n", "math.ldexp(x, n)")
    for case in itertools.product(FLOATS, [*INTS, -1074, -1075, 1023, -52, 52, -(2**31), -(2**31) - 1]):
        assert outcome(program, case) == outcome(math.ldexp, case), case


@pytest.mark.parametrize("name", ["frexp", "modf"])
def test_a_function_of_two_results_gives_both(make: Make, name: str) -> None:
    first = make("x", "p", f"p, q = math.{name}(x)")
    second = make("x", "q", f"p, q = math.{name}(x)")
    pick = random.Random(name)
    for x in [*FLOATS, *(wild_float(pick) for _ in range(2000)), *INTS]:
        expected = getattr(math, name)(x)
        assert (bits(first(x)), bits(second(x))) == bits(expected), x


def test_isclose_takes_its_tolerances_by_keyword(make: Make) -> None:
    program = make("a, b, c, d", "math.isclose(a, b, abs_tol=d, rel_tol=c)")
    pick = random.Random(8)

    def expected(a: Any, b: Any, c: Any, d: Any) -> bool:
        return math.isclose(a, b, abs_tol=d, rel_tol=c)

    for _ in range(4000):
        case = tuple(pick.choice(FLOATS) if pick.random() < 0.5 else 1 + pick.random() * 1e-8 for _ in range(4))
        assert outcome(program, case) == outcome(expected, case), case


@pytest.mark.skipif(sys.version_info < (3, 12), reason="nextafter takes steps from CPython 3.12 on")
def test_nextafter_takes_any_number_of_steps(make: Make) -> None:
    program = make("x, y, n", "math.nextafter(x, y, steps=n)")
    pick = random.Random(12)
    counts = [0, 1, 2, 3, 1000, 2**52, 2**62, 2**63 - 1, -1, True]
    for case in itertools.product(FLOATS, FLOATS, counts):
        assert outcome(program, case) == outcome(stepped, case), case
    for _ in range(4000):
        x, y = wild_float(pick), wild_float(pick)
        case = (x, y if pick.random() < 0.5 else x * (1 + pick.random() * 1e-12), wild_int(pick))
        assert outcome(program, case) == outcome(stepped, case), case


@pytest.mark.skipif(sys.version_info < (3, 12), reason="nextafter takes steps from CPython 3.12 on")
def test_nextafter_takes_no_steps_as_one(make: Make) -> None:
    program = make("x, y, n", "math.nextafter(x, y, steps=n)")
    for x, y in itertools.product(FLOATS, FLOATS):
        assert bits(program(x, y, None)) == bits(math.nextafter(x, y)), (x, y)


def stepped(x: float, y: float, steps: int | None) -> float:
    return math.nextafter(x, y, steps=steps)  # type: ignore[call-arg, unused-ignore]


def test_every_function_of_math_is_compared_here() -> None:
    tested = {name for names in (*OF_FLOATS.values(), *OF_INTS.values()) for name in names} | WITHOUT_SCALARS
    functions = {name for name in dir(math) if not name.startswith("_") and callable(getattr(math, name))}
    assert functions <= tested


def test_a_loop_of_functions_without_an_instruction_is_not_left(make: Make) -> None:
    program = make(
        "n",
        "total",
        "total = 0.0\n    for i in range(1, n): total += math.hypot(i, 2.0) + math.gamma(1.0 + i % 7) - round(i / 3, 2)",
    )
    total = 0.0
    for i in range(1, 5000):
        total += math.hypot(i, 2.0) + math.gamma(1.0 + i % 7) - round(i / 3, 2)
    assert bits(program(5000)) == bits(total)
    (kernel,) = program.task.routine.kernels  # type: ignore[attr-defined]
    assert (kernel.entries, kernel.exits, kernel.retired) == (1, 0, False)
