"""Loops in Cascade, numba and plain CPython: the first call of a new process, and a step of a warm one.

    pip install numba numpy
    python perf/beside_numba.py

All three call the same functions. The first call is the median of several processes, each of which imports the library, compiles and calls once.
Steps are timed by the time of the processor, in turns, and the medians are shown.
"""

from __future__ import annotations

import json
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np

ROUNDS, PROCESSES, STEPS = 15, 7, 200_000


def collatz(n: int) -> int:
    steps = 0
    while n != 1:
        n = n // 2 if n % 2 == 0 else 3 * n + 1
        steps += 1
    return steps


def longest(limit: int) -> int:
    best = 0
    for start in range(1, limit):
        n = start
        steps = 0
        while n != 1:
            n = n // 2 if n % 2 == 0 else 3 * n + 1
            steps += 1
        if steps > best:
            best = steps
    return best


def roots(values: Any) -> float:
    total = 0.0
    for value in values:
        if value > 0.0:
            total += value**0.5
    return total


def smoothed(values: Any, out: Any) -> float:
    for i in range(1, len(values) - 1):
        out[i] = (values[i - 1] + values[i] + values[i + 1]) / 3.0
    return float(out[1])


def counted(words: Any) -> int:
    counts = {}
    for word in words:
        counts[word] = counts.get(word, 0) + 1
    return len(counts)


ARRAY = np.linspace(-1.0, 1.0, STEPS)
CASES: dict[str, tuple[Callable[..., Any], tuple[Any, ...], int]] = {
    "Collatz, ints": (longest, (2_000,), sum(map(collatz, range(1, 2_000)))),
    "roots of an array": (roots, (ARRAY,), STEPS),
    "a stencil over arrays": (smoothed, (ARRAY, np.zeros(STEPS)), STEPS),
    "roots of a list": (roots, (ARRAY.tolist(),), STEPS),
    "words counted in a dict": (counted, ([f"w{k % 97}" for k in range(STEPS)],), STEPS),
}


def form_of(engine: str, function: Callable[..., Any]) -> Callable[..., Any]:
    """Returns a function as an engine calls it."""
    if engine == "numba":
        import numba

        return numba.njit(function)  # type: ignore[no-any-return]
    if engine == "cascade":
        import cascade as cs

        return cs.compile(cs.task(lower=True)(function))  # type: ignore[return-value]
    return function


def first_call(engine: str, name: str) -> float:
    """Returns the seconds of importing an engine, compiling a function, and calling it once."""
    function, arguments, _ = CASES[name]
    begun = time.perf_counter()
    form_of(engine, function)(*arguments)
    return time.perf_counter() - begun


def steps(name: str) -> dict[str, float | None]:
    """Returns the seconds of a step by engine; None where it refuses the function or its arguments."""
    function, arguments, count = CASES[name]
    forms: dict[str, Callable[..., Any]] = {}
    expected = function(*arguments)
    for engine in ("cascade", "numba", "CPython"):
        form = form_of(engine, function)
        try:
            for _ in range(3):
                assert abs(form(*arguments) - expected) <= 1e-9 * abs(expected), (engine, name)
            forms[engine] = form
        except Exception as error:
            if engine != "numba":
                raise
            print(f"numba refuses {name}: {type(error).__name__}", file=sys.stderr)
    found: dict[str, list[float]] = {engine: [] for engine in forms}
    for _ in range(ROUNDS):
        for engine, form in forms.items():
            begun = time.process_time()
            form(*arguments)
            found[engine].append((time.process_time() - begun) / count)
    return {
        engine: statistics.median(found[engine]) if engine in found else None
        for engine in ("cascade", "numba", "CPython")
    }


def in_processes(engine: str, name: str) -> float | None:
    """Returns the median of the first calls of new processes; None where one fails."""
    found = []
    for _ in range(PROCESSES):
        ended = subprocess.run([sys.executable, __file__, engine, name], capture_output=True, text=True, check=False)
        if ended.returncode != 0:
            return None
        found.append(json.loads(ended.stdout))
    return statistics.median(found)


def shown(seconds: float | None) -> str:
    if seconds is None:
        return "refused"
    return f"{1e9 * seconds:.1f} ns" if seconds < 1e-6 else f"{1e3 * seconds:.1f} ms"


def main() -> None:
    import numba

    import cascade

    print(f"CPython {platform.python_version()}, cascade {cascade.__version__}, numba {numba.__version__}\n")
    print("| | first call: cascade | numba | a step: cascade | numba | CPython |")
    print("|---|---:|---:|---:|---:|---:|")
    for name in CASES:
        first = [shown(in_processes(engine, name)) for engine in ("cascade", "numba")]
        print(f"| {name} | {' | '.join([*first, *map(shown, steps(name).values())])} |", flush=True)


if __name__ == "__main__":
    if len(sys.argv) > 1:
        print(first_call(*sys.argv[1:]))
    else:
        main()
