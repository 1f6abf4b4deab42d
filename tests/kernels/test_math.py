"""The functions of `math` in typed code give what `math` gives, to the bit, and raise what it raises."""

from __future__ import annotations

import importlib.util
import itertools
import math
import random
import struct
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import cascade as cs

FLOATS = [
    0.0, -0.0, 1.0, -1.0, 0.5, -0.5, 1.5, 2.0, -2.0, 3.0, 2.5, -7.25, 1e-9, 170.6, 171.7, -171.5, 710.0, -745.2, 1024.0, 1e16, 1e300,
    math.pi, -math.pi / 2, math.inf, -math.inf, math.nan, 5e-324, -5e-324, 2.2250738585072014e-308, 1.1e-310,
    1.7976931348623157e308, -1.7976931348623157e308, 0.9999999999999999, 1.0000000000000002,
    *(struct.unpack("=d", struct.pack("=Q", bits))[0] for bits in (0xFFF8000000000000, 0x7FF8DEADBEEF0001, 0xFFFFFFFFFFFFFFFF)),
]  # fmt: skip
INTS = [
    0, 1, -1, 2, 3, 5, 12, 20, 21, 33, 61, 62, 66, 67, 68, 1000, -12, 2**31 - 1, 2**31, 2**32 + 1, 2**52 - 1, 2**53 + 1, 2**62,
    3037000499**2, 3037000499**2 - 1, 3037000500, 2**63 - 1, -(2**63), 6 * 7 * 10**15, -(10**18), True, False,
]  # fmt: skip
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
"""Of iterables, or with a test of their own."""


def bits(value: Any) -> Any:
    if type(value) is tuple:
        return tuple(map(bits, value))
    return struct.pack("=d", value) if type(value) is float else (type(value), value)


def outcome(function: Callable[..., Any], arguments: tuple[Any, ...]) -> Any:
    try:
        return bits(function(*arguments))
    except Exception as error:
        return type(error), str(error)


Make = Callable[..., Callable[..., Any]]


@pytest.fixture
def make(tmp_path: Path) -> Make:
    """Makes a program of a task that returns an expression of its parameters; `statement` stands before it."""
    numbers = itertools.count()

    def made(parameters: str, expression: str, statement: str = "pass") -> Callable[..., Any]:
        name = f"of_math_{next(numbers)}"
        file = tmp_path / f"{name}.py"
        file.write_text(
            f"import math\nimport cascade as cs\n\n@cs.task(lower=True)\ndef called({parameters}):\n    {statement}\n    return {expression}\n"
        )
        spec = importlib.util.spec_from_file_location(name, file)
        assert spec is not None and spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        program = cs.compile(module.called)

        def call(*arguments: Any) -> Any:
            return program(*arguments)

        call.task = module.called  # type: ignore[attr-defined]
        return call

    return made


def operands(pool: list[Any], count: int, wild: Callable[[random.Random], Any], pick: random.Random) -> Iterator[tuple[Any, ...]]:
    yield from itertools.product(pool if count < 3 else pool[::4], repeat=count)
    for _ in range(2000):
        yield tuple(wild(pick) if pick.random() < 0.7 else pick.choice(pool) for _ in range(count))


def wild_float(pick: random.Random) -> float:
    if pick.random() < 0.5:
        return pick.choice([1, 10, 1000, 1e15]) * (pick.random() - 0.5)
    found: float = struct.unpack("=d", pick.getrandbits(64).to_bytes(8, "little"))[0]
    return found


def wild_int(pick: random.Random) -> int:
    return pick.randrange(-(2**63), 2**63) >> pick.randrange(64)


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


@pytest.mark.parametrize(("count", "name"), [(count, name) for count, names in OF_FLOATS.items() for name in names if is_there(name)])
def test_a_function_of_floats_gives_the_bits_that_math_gives(make: Make, count: int, name: str) -> None:
    assert compare(make, name, operands(FLOATS, count, wild_float, random.Random(f"{name}{count}")), count) > 2000


@pytest.mark.parametrize(("count", "name"), [(count, name) for count, names in OF_FLOATS.items() for name in names if is_there(name)])
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


def test_every_function_of_math_is_compared_here() -> None:
    tested = {name for names in (*OF_FLOATS.values(), *OF_INTS.values()) for name in names} | WITHOUT_SCALARS
    functions = {name for name in dir(math) if not name.startswith("_") and callable(getattr(math, name))}
    assert functions <= tested


def test_a_loop_of_functions_without_an_instruction_is_not_left(make: Make) -> None:
    program = make("n", "total", "total = 0.0\n    for i in range(1, n): total += math.hypot(i, 2.0) + math.gamma(1.0 + i % 7) - round(i / 3, 2)")
    total = 0.0
    for i in range(1, 5000):
        total += math.hypot(i, 2.0) + math.gamma(1.0 + i % 7) - round(i / 3, 2)
    assert bits(program(5000)) == bits(total)
    (kernel,) = program.task.routine.kernels  # type: ignore[attr-defined]
    assert (kernel.entries, kernel.exits, kernel.retired) == (1, 0, False)
