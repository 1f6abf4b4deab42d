"""Loops over arrays in Cascade, C, numba and plain CPython, side by side: how fast their machine code could be.

    apt-get install gcc
    pip install numba numpy
    python perf/array_loops.py

The functions are those of the group `arrays` in shape_functions.py. In C (`perf/c/arrays.c`) only their loops are written, once with the exits of
typed code and once without any check; what they call of NumPy is called from Python as well, and what ctypes takes for an empty
function is subtracted. numba refuses functions that return lists. All take
turns, by the time of the processor; the best values of many rounds are shown, as others use the computer. Every answer is that of CPython, but
sums of numba, which adds in another order, only nearly.
"""

from __future__ import annotations

import ctypes
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from shape_functions import SHAPES

ROUNDS, CLOCKED = 60, 0.0004
ENOUGH_FUEL = ctypes.c_int64(1 << 60)
C_OPTIONS = ("-O2", "-shared", "-fPIC")
WAYS = ("cascade", "gcc -O2", "without exits", "numba")


class Array(ctypes.Structure):
    _fields_ = [("data", ctypes.c_void_p)] + [(name, ctypes.c_int64) for name in ("n", "stride", "n2", "stride2")]


def c_library(folder: str, *options: str) -> ctypes.CDLL:
    library = Path(folder, f"arrays{len(options)}.so")
    source = Path(__file__).resolve().parent / "c" / "arrays.c"
    subprocess.run(["gcc", *C_OPTIONS, *options, "-o", str(library), str(source)], check=True)
    return ctypes.CDLL(str(library))


def in_c(library: ctypes.CDLL | None) -> dict[str, Callable[..., Any]]:
    """Returns the functions of the group by name, whose loops are in C; without a library they have none."""

    def run(name: str, *given: Any) -> None:
        if library is not None and getattr(library, name)(ENOUGH_FUEL, *map(passed, given)) != 0:
            raise RuntimeError(f"{name} in C would have left its loop")

    def passed(value: Any) -> Any:
        if type(value) is np.ndarray:
            sizes = [size for axis in zip(value.shape, value.strides, strict=True) for size in axis]
            return ctypes.byref(Array(value.ctypes.data, *sizes))
        return (
            ctypes.c_int64(value) if type(value) is int else ctypes.c_double(value) if type(value) is float else value
        )

    def heat(plate: Any) -> float:
        new = plate.copy()
        run("heat", plate, new)
        return float(new.sum())

    def sum_of_squares(values: Any) -> float:
        answer = ctypes.c_double()
        run("sum_of_squares", values, ctypes.byref(answer))
        return answer.value

    def cumulative_maximum(values: Any) -> Any:
        result = np.empty_like(values)
        run("cumulative_maximum", values, result)
        return result.tolist()

    def histogram(values: Any) -> Any:
        counts = np.zeros(20, dtype=np.int64)
        run("histogram", values, counts)
        return counts.tolist()

    def closest_pair(points: Any) -> tuple[int, int]:
        answer = (ctypes.c_int64 * 2)()
        run("closest_pair", points, answer)
        return answer[0], answer[1]

    def exponential_smoothing(values: Any, alpha: float) -> float:
        answer = ctypes.c_double()
        run("exponential_smoothing", values, alpha, ctypes.byref(answer))
        return answer.value

    def floyd_warshall(weights: Any) -> float:
        distance = weights.copy()
        run("floyd_warshall", distance)
        return float(distance.sum())

    def checksum(data: bytearray) -> int:
        answer = ctypes.c_int64()
        run("checksum", (ctypes.c_uint8 * len(data)).from_buffer(data), len(data), ctypes.byref(answer))
        return answer.value

    def euler(steps: int) -> list[float]:
        state = np.zeros(2)
        state[0] = 1.0
        run("euler", state, steps)
        return list(map(float, state))

    return {name: value for name, value in locals().items() if name not in ("library", "run", "passed")}


def with_numba(function: Callable[..., Any], arguments: tuple[Any, ...]) -> Callable[..., Any] | None:
    """Returns a function compiled by numba; None where it refuses it."""
    import numba  # type: ignore[import-not-found]

    made: Callable[..., Any] = numba.njit(function)
    try:
        made(*arguments)
    except numba.core.errors.NumbaError:
        return None
    return made


def clocked(run: Callable[..., Any], arguments: tuple[Any, ...], times: int) -> float:
    begin = time.process_time()
    for _ in range(times):
        run(*arguments)
    return (time.process_time() - begin) / times


def best_of(runs: dict[str, Callable[..., Any]], arguments: tuple[Any, ...]) -> dict[str, float]:
    """Returns the best time of a call by each way, in seconds."""
    times = {name: max(1, round(CLOCKED / clocked(run, arguments, 3))) for name, run in runs.items()}
    rounds = [{name: clocked(run, arguments, times[name]) for name, run in runs.items()} for _ in range(ROUNDS)]
    return {name: min(each[name] for each in rounds) for name in runs}


def main() -> int:
    import cascade as cs

    print(
        f"{platform.processor() or platform.machine()}, CPython {platform.python_version()}, cascade {cs.__version__}\n"
    )
    print(f"| times CPython | CPython | {' | '.join(WAYS)} |\n| --- | ---: |{' ---: |' * len(WAYS)}")
    ratios: dict[str, list[float]] = {name: [] for name in WAYS}
    with tempfile.TemporaryDirectory() as folder:
        checked, unchecked = in_c(c_library(folder)), in_c(c_library(folder, "-DNO_EXITS"))
        called, none = in_c(c_library(folder, "-DNO_EXITS", "-DNO_LOOPS")), in_c(None)
        for shape in SHAPES:
            if shape.group != "arrays":
                continue
            arguments = shape.arguments()
            runs = {
                "CPython": shape.function,
                "cascade": cs.compile(cs.task(lower=True)(shape.function)),
                "gcc -O2": checked[shape.name],
                "without exits": unchecked[shape.name],
            }
            by_numba = with_numba(shape.function, arguments)
            if by_numba is not None:
                runs["numba"] = by_numba
            expected = shape.function(*arguments)
            for name, run in runs.items():
                answers = [run(*arguments) for _ in range(20)]
                if not all(
                    np.allclose(answer, expected, 1e-12, 0) if name == "numba" else answer == expected
                    for answer in answers
                ):
                    raise SystemExit(f"{shape.name}, {name}: another answer than CPython's")
            empty = {"called": called[shape.name], "none": none[shape.name]}
            found = best_of(runs | empty, arguments)
            for name in ("gcc -O2", "without exits"):
                found[name] -= found["called"] - found["none"]
            for name in runs.keys() & ratios.keys():
                ratios[name].append(found["CPython"] / found[name])
            shown = [f"{found['CPython'] / found[name]:.1f}" if name in found else "" for name in WAYS]
            print(f"| {shape.name} | {found['CPython'] * 1e6:.0f} us | {' | '.join(shown)} |", flush=True)
    means = [
        f"{statistics.geometric_mean(ratios[name]):.1f}" if len(ratios[name]) == len(ratios["cascade"]) else ""
        for name in WAYS
    ]
    print(f"| geometric mean | | {' | '.join(means)} |")
    return 0


if __name__ == "__main__":
    sys.exit(main())
