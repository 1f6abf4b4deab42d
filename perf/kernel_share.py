"""How much of pyperformance's compute benchmarks runs in kernels: the share of plain CPython's time that their kernels take over.

    apt-get install gcc
    pip install pyperformance
    python perf/kernel_share.py                    all benchmarks of perf/corpus.py
    python perf/kernel_share.py --only richards    those with the word in their names

CPython tells us of each frame that it evaluates (PEP 523, `perf/c/frames.c`). A plain run says how long each Python function takes,
itself and what it calls of C; a run of the task, once its kernels are made, says how many of these frames are left, and their time. A
function with 1,000 frames in the plain run, and 10 in the task's, runs in kernels for 99 % of its time. The exit status is 1 where the
target is not met.
"""

from __future__ import annotations

import argparse
import ctypes
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from types import CodeType
from typing import Any, NamedTuple

from corpus import BENCHMARKS, WARM, Benchmark, load
from report import print_table, show_met

import cascade as cs

SOURCE = Path(__file__).parent / "c" / "frames.c"
RUNS = 5
"""How many runs are counted: the one with the least left is taken, as now and then a run is made without kernels, to compare them."""
TARGET = 0.9
"""The share of the time that is to be spent in kernels."""

Place = tuple[str, int, str]
"""A function: the file, line and name of its code. Both sides have a copy of the module, so code objects differ."""


class Frames(NamedTuple):
    """The frames of a function: their number, and the seconds in them alone."""

    number: int
    seconds: float


def counters() -> ctypes.PyDLL:
    """Compiles and loads what counts frames."""
    with tempfile.TemporaryDirectory() as folder:
        library = Path(folder) / "frames.so"
        include = f"-I{sysconfig.get_path('include')}"
        subprocess.run(["gcc", "-O2", "-shared", "-fPIC", include, "-o", str(library), str(SOURCE)], check=True)
        found = ctypes.PyDLL(str(library))
    found.begin.restype = found.end.restype = None
    found.counted.restype = ctypes.py_object
    return found


def frames_of(library: ctypes.PyDLL, function: Callable[..., Any], arguments: tuple[Any, ...]) -> dict[Place, Frames]:
    """Returns the frames that CPython evaluates during a call."""
    library.begin()
    try:
        function(*arguments)
    finally:
        library.end()
    rows: list[tuple[CodeType, int, float]] = library.counted()
    found: dict[Place, Frames] = {}
    for code, count, seconds in rows:
        place = code.co_filename, code.co_firstlineno, code.co_qualname
        before = found.get(place, Frames(0, 0.0))
        found[place] = Frames(before.number + count, before.seconds + seconds)
    return found


def left_of(benchmark: Benchmark, library: ctypes.PyDLL) -> tuple[float, dict[Place, float]]:
    """Returns the seconds of a plain run in Python functions, and those of them that CPython still spends in a task's run, by function."""
    module = load(benchmark.name)
    function = benchmark.entry(module)
    function(*benchmark.arguments(module))
    plain = frames_of(library, function, benchmark.arguments(module))

    module = load(benchmark.name)
    program = cs.compile(cs.task(benchmark.entry(module)))
    end = time.perf_counter() + WARM
    while time.perf_counter() < end:
        program(*benchmark.arguments(module))
    runs = []
    for _ in range(RUNS):
        left = frames_of(library, program, benchmark.arguments(module))
        runs.append({place: seconds_left(frames, left[place]) for place, frames in plain.items() if place in left})
    return sum(frames.seconds for frames in plain.values()), min(runs, key=lambda seconds: sum(seconds.values()))


def seconds_left(plain: Frames, left: Frames) -> float:
    """Returns how many of a function's seconds CPython still spends.

    Either bound can be too high: a frame may be what is left of a call after an exit, and its seconds have in them the kernels that it
    calls.
    """
    return min(plain.seconds * left.number / plain.number, left.seconds, plain.seconds)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="", metavar="WORD", help="those with the word in their names")
    options = parser.parse_args()
    chosen = [each for each in BENCHMARKS if options.only in each.name]
    if not chosen:
        parser.error(f"no benchmark has {options.only!r} in its name")
    library = counters()
    rows, shares = [], []
    for benchmark in chosen:
        whole, left = left_of(benchmark, library)
        shares.append(1.0 - sum(left.values()) / whole)
        most = sorted(left.items(), key=lambda item: -item[1])[:3]
        named = ", ".join(f"{place[2]} {seconds / whole:.1%}" for place, seconds in most if seconds / whole >= 0.001)
        rows.append([benchmark.name, f"{shares[-1]:.1%}", named])
    print_table(["benchmark", "in kernels", "in CPython, of the time"], rows)
    mean = sum(shares) / len(shares)
    print()
    met = mean >= TARGET
    print_table(
        ["share in kernels", "measured", "target", "met"],
        [["mean of the benchmarks", f"{mean:.1%}", f"at least {TARGET:.0%}", show_met(met)]],
    )
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit(main())
