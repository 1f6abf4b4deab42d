"""Maps over NumPy arrays, beside a loop of CPython over the same array and a loop inside one kernel.

    python perf/array_maps.py [--items 1000000] [--rounds 9] [name ...]

prints, for each function, nanoseconds an item of processor time, the least of the rounds, on all threads together, and the ratios to the
plain loop:

    plain       a list comprehension of CPython over the array
    kernel      the same operations in a loop of one call: what an item takes in typed code, storing its result in a new array included
    as_array    `task.map(xs).as_array()`
    over        as_array - kernel: what an item takes besides; the target is 5 ns on both cores together
    list        `task.map(xs)`, which makes an object of each result
    wall        as_array by the clock on the wall, with all cores

All ways take turns in each round, so that other load on the computer affects all of them. The results are compared to the bit.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from time import perf_counter, process_time
from typing import Any

import numpy as np

import cascade as cs


def affine(x: Any) -> Any:
    return x * 2.5 + 1.0


def affine_loop(xs: Any, out: Any) -> Any:
    for i in range(len(xs)):
        x = xs[i]
        out[i] = x * 2.5 + 1.0
    return out


def clipped(x: Any) -> Any:
    return max(0.0, x)


def clipped_loop(xs: Any, out: Any) -> Any:
    for i in range(len(xs)):
        x = xs[i]
        out[i] = max(0.0, x)
    return out


def polynomial(x: Any) -> Any:
    return ((x * 0.5 - 2.0) * x + 3.0) * x - 1.0


def polynomial_loop(xs: Any, out: Any) -> Any:
    for i in range(len(xs)):
        x = xs[i]
        out[i] = ((x * 0.5 - 2.0) * x + 3.0) * x - 1.0
    return out


def collatz(n: Any) -> Any:
    count = 0
    while n > 1:
        n = n // 2 if n % 2 == 0 else 3 * n + 1
        count += 1
    return count


def collatz_loop(xs: Any, out: Any) -> Any:
    for i in range(len(xs)):
        n = xs[i]
        count = 0
        while n > 1:
            n = n // 2 if n % 2 == 0 else 3 * n + 1
            count += 1
        out[i] = count
    return out


CASES: dict[str, tuple[Callable[..., Any], Callable[..., Any], Callable[[int], Any], float]] = {
    "affine": (affine, affine_loop, lambda n: np.linspace(-3.0, 3.0, n), 1.0),
    "clipped": (clipped, clipped_loop, lambda n: np.linspace(-3.0, 3.0, n), 1.0),
    "polynomial": (polynomial, polynomial_loop, lambda n: np.linspace(-3.0, 3.0, n), 1.0),
    "collatz": (collatz, collatz_loop, lambda n: np.arange(1, n + 1), 0.02),
}
"""The function of an item, the loop, the array of so many items, and which part of the items are taken."""


def measured(name: str, items: int, rounds: int) -> dict[str, float]:
    """Returns nanoseconds an item of each way."""
    function, loop, make, part = CASES[name]
    xs = make(int(items * part))
    task, looped = cs.task(function), cs.task(loop, lower=True)
    expected = np.array([function(x) for x in xs])
    ways: dict[str, Callable[[], Any]] = {
        "plain": lambda: [function(x) for x in xs],
        "kernel": lambda: cs.run(looped(xs, np.empty_like(expected))),
        "as_array": lambda: cs.run(task.map(xs).as_array()),
        "list": lambda: cs.run(task.map(xs)),
    }
    least = dict.fromkeys((*ways, "wall"), float("inf"))
    for number in range(rounds + 2):  # the first two make the kernels
        for way, run in ways.items():
            if way == "plain" and number not in (0, 2):
                continue
            wall, begun = perf_counter(), process_time()
            found = run()
            seconds, by_wall = process_time() - begun, perf_counter() - wall
            assert np.array(found).tobytes() == expected.tobytes(), way
            if number >= 2:
                least[way] = min(least[way], seconds / len(xs) * 1e9)
                if way == "as_array":
                    least["wall"] = min(least["wall"], by_wall / len(xs) * 1e9)
    return least


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", default=[*CASES])
    parser.add_argument("--items", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=9)
    options = parser.parse_args()
    print(
        f"{'ns an item':12}{'plain':>9}{'kernel':>9}{'as_array':>9}{'over':>9}{'list':>9}{'wall':>9}   faster than plain"
    )
    for name in options.names:
        found = measured(name, options.items, options.rounds)
        over = found["as_array"] - found["kernel"]
        figures = (found["plain"], found["kernel"], found["as_array"], over, found["list"], found["wall"])
        ratio = found["plain"] / found["as_array"]
        print(f"{name:12}" + "".join(f"{figure:9.1f}" for figure in figures) + f"   {ratio:.1f} times")


if __name__ == "__main__":
    main()
