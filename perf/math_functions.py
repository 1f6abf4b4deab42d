"""Each function of `math` in a loop, as typed code and in plain CPython, side by side.

    python perf/math_functions.py [--rounds 9] [name ...]

prints, for each call, the processor time of an iteration in nanoseconds, and the ratio typed / plain (the median of the rounds;
under 1 is faster). Both take turns in each round, so that other load on the computer affects both. The results are compared to the bit.
"""

from __future__ import annotations

import argparse
import math
import statistics
import struct
import tempfile
from collections.abc import Callable
from pathlib import Path
from time import thread_time
from typing import Any

import cascade as cs

TURNS = 20_000
UNARY = {
    "x": "sqrt cbrt exp2 expm1 log log2 log10 log1p sin cos tan atan sinh cosh tanh asinh degrees radians erf erfc gamma lgamma ulp fabs "
         "floor ceil trunc exp isnan isinf isfinite",
    "1.0 / x": "asin acos", "1.0 + x": "acosh", "0.5 / x": "atanh", "i": "isqrt", "i % 20": "factorial",
}  # fmt: skip
CALLS = [f"{name}({given})" for given, names in UNARY.items() for name in names.split()] + [
    "atan2(x, 2.0)", "copysign(x, -1.0)", "nextafter(x, 9.0)", "fmod(x, 0.7)", "remainder(x, 0.7)", "pow(x, 1.5)", "log(x, 3.0)",
    "ldexp(x, i % 9)", "isclose(x, 5.0)", "isclose(x, 5.0, rel_tol=1e-3)", "gcd(i, 360)", "gcd(i, 360, 84)", "lcm(i, 12)", "lcm(i, 12, 7)",
    "comb(20, i % 20)", "perm(12, i % 12)", "perm(i % 20)", "hypot(x)", "hypot(x, 2.0)", "hypot(x, 2.0, 3.0)", "hypot(x, 2.0, 3.0, 4.0)",
    "fma(x, 2.0, 3.0)", "nextafter(x, 9.0, steps=2)", "nextafter(x, 9.0, steps=i)", "frexp(x)", "modf(x)", "fsum((x, 2.0, 3.0))",
    "fsum([x, 2.0, 3.0])", "prod((x, 2.0, 3.0))", "prod((i, 2, 3))", "prod([x, 2.0], start=3.0)", "dist((x, 1.0), (2.0, 3.0))",
    "dist((x, 1.0, 2.0), (2.0, 3.0, 4.0))", "dist([x, 1.0], [2.0, 3.0])", "sumprod((x, 1.0), (2.0, 3.0))", "sumprod((i, 1), (2, 3))",
    "fsum(few)", "fsum(many)", "dist(few, few)", "dist(many, many)", "prod(few)", "prod(many)", "prod(ints)", "prod(few, start=2.0)",
    "sumprod(few, few)", "sumprod(many, many)", "sumprod(ints, ints)",
]  # fmt: skip
SETUP = """import math
import cascade as cs

def plain(n, few, many, ints):
    total = 0.0
    for i in range(1, n):
        x = 1.0 + i * 0.001
        {statement}
        total += {value}
    return total

typed = cs.task(lower=True)(plain)
"""
ARGUMENTS = ([1.5, 2.5, 0.75], [0.5 + i % 3 / 2 for i in range(100)], [1, 2, 3, -1])


def functions(call: str, folder: Path) -> tuple[Callable[..., float], cs.Task[..., Any]]:
    """Returns the loop as a plain function, and as a task."""
    two = call.startswith(("frexp", "modf"))
    statement, value = (f"p, q = math.{call}", "p + q") if two else ("pass", f"math.{call}")
    file = folder / f"calls_{abs(hash(call))}.py"
    file.write_text(SETUP.format(statement=statement, value=value))
    names: dict[str, Any] = {"__name__": file.stem}
    exec(compile(file.read_text(), str(file), "exec"), names)
    return names["plain"], names["typed"]


def measured(call: str, folder: Path, rounds: int) -> tuple[float, float, float]:
    """Returns the nanoseconds per iteration, typed and plain, and the ratio."""
    plain, typed = functions(call, folder)
    program = cs.compile(typed)
    arguments = (TURNS if "many" not in call else TURNS // 10, *ARGUMENTS)
    assert struct.pack("=d", program(*arguments)) == struct.pack("=d", plain(*arguments)), call
    taken: list[tuple[float, float]] = []
    for _ in range(rounds):
        times = []
        for function in (program, plain):
            begun = thread_time()
            function(*arguments)
            times.append((thread_time() - begun) / arguments[0] * 1e9)
        taken.append((times[0], times[1]))
    ratio = statistics.median(one / other for one, other in taken)
    return statistics.median(one for one, _ in taken), statistics.median(other for _, other in taken), ratio


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("names", nargs="*")
    given = parser.parse_args()
    print(f"{'call':<40} {'typed ns':>9} {'plain ns':>9} {'typed / plain':>14}")
    with tempfile.TemporaryDirectory() as folder:
        for call in CALLS:
            name = call.partition("(")[0]
            if not hasattr(math, name) or (given.names and name not in given.names):
                continue
            try:
                typed, plain, ratio = measured(call, Path(folder), given.rounds)
            except (cs.LoweringError, TypeError) as error:
                print(f"{call:<40} {str(error).splitlines()[-1][:90]}")
                continue
            print(f"{call:<40} {typed:9.1f} {plain:9.1f} {ratio:14.2f}")


if __name__ == "__main__":
    main()
