"""Shapes: functions as users write them, as tasks beside plain CPython and PyPy.

    python perf/shapes.py -o perf/shapes.json          all of them: some ten minutes
    python perf/shapes.py --fast                       a quick look: one round
    python perf/shapes.py --only dijkstra              those with the word in their names

Every measure checks its answer. The tables at the end have the medians, how many times faster than plain CPython each is, and the
geometric means by group, with the targets. The exit status is 1 where one is not met.
"""

from __future__ import annotations

import datetime
import math
import os
import platform
import shutil
import statistics
import subprocess
import sys
import time
from functools import cache, partial
from pathlib import Path
from typing import Any

import pyperf  # type: ignore[import-untyped]
from measure import Measure, Run, by_itself
from report import print_table, show_met, show_time
from rounds import keep, parse_options, pass_on, run_rounds
from shape_functions import SHAPES, Shape

import cascade as cs

PLAIN, OURS, PYPY = "CPython", "cascade", "PyPy"
FUNCTIONS = Path(__file__).parent / "shape_functions.py"
TARGETS = {"lists": 5.0, "arrays": 30.0, "text": 2.5, "dicts": 1.5, "objects": 1.5, "rest": 2.5}
"""How many times faster than plain CPython 3.11 a group is to be, as a geometric mean."""
LOWEST = 0.95
LOWERED = 0.95
"""The share of the functions that are to run in kernels."""
WARM = 0.4
"""Seconds in which kernels are made, compared with CPython, and get their machine code, before the clock runs."""
CLOCKED = 0.02
"""Seconds: as many runs are clocked together as take about so long in plain CPython."""


# -- The measures ----------------------------------------------------------------------------------------------------


@cache
def answer_of(shape: Shape) -> Any:
    return shape.function(*shape.arguments())


@cache
def loops_of(shape: Shape) -> int:
    run = partial(shape.function, *shape.arguments())
    begun = time.perf_counter()
    run()
    return max(round(CLOCKED / (time.perf_counter() - begun)), 1)


def prepare_plain(shape: Shape) -> Run:
    return partial(shape.function, *shape.arguments())


def prepare_ours(shape: Shape) -> Run:
    program = cs.compile(cs.task(shape.function))
    arguments = shape.arguments()
    warm_up(partial(program, *arguments))
    return partial(program, *arguments)


def warm_up(run: Run) -> None:
    begun = time.process_time()
    while time.process_time() - begun < WARM:
        run()


def run_pypy(shape: Shape, loops: int) -> tuple[float, Any]:
    command = ["pypy3", str(FUNCTIONS), shape.name, str(loops)]
    seconds, answer = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout.splitlines()
    expected = answer_of(shape)
    if type(expected) is float and math.isclose(float(answer), expected, rel_tol=1e-14):
        answer = repr(expected)  # PyPy's powers round in another way
    return float(seconds), answer


def measures_of(shape: Shape) -> list[Measure]:
    loops, expected = loops_of(shape), partial(answer_of, shape)
    measures = [
        Measure(f"{shape.name}, {PLAIN}", partial(prepare_plain, shape), expected, 1, loops=loops),
        Measure(f"{shape.name}, {OURS}", partial(prepare_ours, shape), expected, 1, loops=loops),
    ]
    if shutil.which("pypy3") is not None and shape.group != "arrays" and shape.name != "matched":
        run = partial(run_pypy, shape)
        shown = partial(lambda shape: repr(answer_of(shape)), shape)
        measures.append(Measure(f"{shape.name}, {PYPY}", lambda: run, shown, 1, by_itself, loops=5 * loops))
    return measures


def is_lowered(shape: Shape) -> bool:
    """Returns whether a call of the task runs in a kernel, as `explain` reports."""
    task, arguments = cs.task(shape.function), shape.arguments()
    target = task(*arguments)
    warm_up(partial(cs.run, target))
    return cs.explain(target).tasks[0].regime == "kernel"


# -- The tables -----------------------------------------------------------------------------------------------------


def mean(ratios: list[float]) -> str:
    return f"{statistics.geometric_mean(ratios):.2f}" if ratios else ""


def shape_rows(medians: dict[str, float], lowered: dict[str, bool]) -> list[list[str]]:
    rows = []
    for shape in SHAPES:
        plain, ours, pypy = (medians.get(f"{shape.name}, {side}") for side in (PLAIN, OURS, PYPY))
        if plain is not None and ours is not None:
            kernel = "yes" if lowered[shape.name] else "no"
            rows.append([
                shape.group, shape.name, show_time(plain), show_time(ours), f"{plain / ours:.2f}", kernel,
                f"{plain / pypy:.2f}" if pypy is not None else "",
            ])  # fmt: skip
    return rows


def verdict_rows(medians: dict[str, float], lowered: dict[str, bool]) -> list[list[str]]:
    """Returns the geometric means by group, and the target for all together."""
    times: dict[str, dict[str, float]] = {OURS: {}, PYPY: {}}
    for shape in SHAPES:
        for side, found in times.items():
            names = f"{shape.name}, {PLAIN}", f"{shape.name}, {side}"
            if all(name in medians for name in names):
                found[shape.name] = medians[names[0]] / medians[names[1]]
    ours = times[OURS]
    rows = []
    for group, wanted in TARGETS.items():
        members = [shape.name for shape in SHAPES if shape.group == group and shape.name in ours]
        if members:
            measured = statistics.geometric_mean(ours[name] for name in members)
            peer = mean([times[PYPY][name] for name in members if name in times[PYPY]])
            rows.append(
                [
                    f"{group}, geometric mean",
                    f"{measured:.2f}",
                    peer,
                    f"at least {wanted:g}",
                    show_met(measured >= wanted),
                ]
            )
    if ours:
        slowest = min(ours, key=ours.__getitem__)
        lowest = f"{slowest} {ours[slowest]:.2f}"
        rows.append(["lowest", lowest, "", f"at least {LOWEST:g}", show_met(ours[slowest] >= LOWEST)])
    share = sum(lowered.values()) / len(lowered)
    rows.append(["share in kernels", f"{share:.0%}", "", f"at least {LOWERED:.0%}", show_met(share >= LOWERED)])
    return rows


def describe(benchmark: pyperf.Benchmark) -> str:
    """Returns the date, the processor and the versions of the measurement."""
    processor = benchmark.get_metadata().get("cpu_model_name", platform.machine())
    versions = f"CPython {platform.python_version()}, cascade {cs.__version__}, pyperf {pyperf.__version__}"
    return f"{datetime.date.today()}. {processor}, {os.cpu_count()} cores. {versions}."


def main() -> int:
    runner = pyperf.Runner(values=3, processes=1, add_cmdline_args=pass_on)
    options = parse_options(runner)
    measures = [measure for shape in SHAPES for measure in measures_of(shape)]
    chosen = [measure for measure in measures if options.only in measure.name]
    if not chosen:
        runner.argparser.error(f"no measure has {options.only!r} in its name")
    results = run_rounds(runner, chosen)
    if options.worker:
        return 0
    keep(results, options)
    medians = {name: benchmark.median() for name, benchmark in results.items()}
    lowered = {shape.name: is_lowered(shape) for shape in SHAPES if f"{shape.name}, {OURS}" in medians}
    print(f"\n{describe(next(iter(results.values())))}\n")
    print_table(["group", "function", PLAIN, OURS, "times", "kernel", f"{PYPY}, times"], shape_rows(medians, lowered))
    rows = verdict_rows(medians, lowered)
    print()
    print_table(["shapes", "measured", PYPY, "target", "met"], rows)
    return 1 if any(row[-1] == show_met(False) for row in rows) else 0


if __name__ == "__main__":
    sys.exit(main())
