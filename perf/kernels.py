"""Kernels: lowered tasks beside plain CPython, compilers and interpreters, and the cost of entering a kernel.

    python perf/kernels.py -o perf/kernels.json        all of it, about five minutes
    python perf/kernels.py --fast                      a quick look: one round
    python perf/kernels.py --only collatz              those with the word in their names
    python -m pyperf compare_to old.json perf/kernels.json

Every measure checks its answer. The measures take turns, in rounds, so that a change of the computer's speed affects all
alike. The tables at the end have the medians, their ratios, and the targets. The exit status is 1 where a kernel is not
lowered.
"""

from __future__ import annotations

import asyncio
import datetime
import operator
import os
import platform
import statistics
import sys
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache, partial
from typing import Any

import pyperf  # type: ignore[import-untyped]
from kernel_functions import KERNELS, Kernel, countdown
from kernel_peers import LUA, LUAJIT, NUMBA, PEERS, C, Peer, installed_peers, loops_of
from measure import Measure, Run, always, awaited
from report import (
    COMPARISON_HEAD,
    Comparison,
    Target,
    comparison_rows,
    faster,
    print_table,
    show_met,
    show_time,
    within,
)
from rounds import keep, parse_options, pass_on, run_rounds
from tco_performance import imperative_countdown, simple_countdown

import cascade as cs
from cascade.errors import CascadeError

PLAIN = "CPython"
OURS = "cascade"
TARGET_PYTHON = (3, 11)
SEED_STEPS = 10_000
NODES = 1_000
THREADED = next(kernel for kernel in KERNELS if kernel.name == "sum")
"""The kernel that is run on two threads."""


# -- The measures ----------------------------------------------------------------------------------------------------


def prepare_lowered(kernel: Kernel) -> Run:
    program = cs.compile(kernel.task)
    program(*kernel.few)  # is lowered when it first runs
    return partial(program, *kernel.arguments)


def kernel_measures(kernel: Kernel) -> list[Measure]:
    plain = always(partial(kernel.plain, *kernel.arguments))
    lowered = partial(prepare_lowered, kernel)
    answer = always(kernel.answer)
    measures = [
        Measure(f"{kernel.name}, {PLAIN}", plain, answer, kernel.steps, loops=1),
        Measure(f"{kernel.name}, {OURS}", lowered, answer, kernel.steps, loops=loops_of(kernel)),
        *(measure for peer in installed_peers() for measure in peer.measures(kernel)),
    ]
    if kernel.trampoline is not None:
        by_hand = always(partial(kernel.trampoline, *kernel.arguments))
        measures.append(Measure(f"{kernel.name} by a trampoline, {PLAIN}", by_hand, answer, kernel.steps, loops=1))
    return measures


def seed_measures() -> list[Measure]:
    """Returns measures of the seed benchmark's countdown, as declared there, and of the loops that it is compared with."""
    engine = cs.Engine()

    def seed() -> Any:
        return engine.run(simple_countdown(SEED_STEPS), use_vm=True)

    def prepare_seed() -> Run:
        asyncio.run(engine.run(simple_countdown(10 * SEED_STEPS)))  # long enough for it to be lowered
        return seed

    by_hand = always(lambda: imperative_countdown(SEED_STEPS))
    plain = always(partial(countdown, SEED_STEPS))
    done = always("done")
    return [
        Measure("seed countdown, VM path", prepare_seed, done, SEED_STEPS, awaited, loops=50),
        Measure("seed countdown, asyncio loop", by_hand, done, SEED_STEPS, awaited, loops=4),
        Measure("seed countdown, plain while", plain, always(0), SEED_STEPS, loops=200),
    ]


def negative(value: int) -> int:
    return -value


NEGATIVE = cs.task(lower=True)(negative)


def entry_measures() -> list[Measure]:
    """Returns measures of entering a kernel and returning from it, beside a task of a built-in function that does the same.

    Each takes an int and returns another; everything else is equal, so the difference is the kernel against the call.
    """
    given = 1_000_000

    def prepare_chain(task: cs.Task[..., Any]) -> Run:
        value: Any = given
        for _ in range(NODES):
            value = task(value)
        return cs.compile(value)

    def prepare_program(task: cs.Task[..., Any]) -> Run:
        return partial(cs.compile(task), given)

    def pair(name: str, prepare: Any, answer: int, steps: int) -> list[Measure]:
        loops = 100_000 // steps
        lowered, built_in = partial(prepare, NEGATIVE), partial(prepare, cs.task(operator.neg))
        return [
            Measure(f"{name}, lowered", lowered, always(answer), steps, loops=loops),
            Measure(f"{name}, built-in", built_in, always(answer), steps, loops=loops),
        ]

    return [
        *pair("a node of a chain", prepare_chain, given, NODES),
        *pair("a program of one call", prepare_program, -given, 1),
    ]


@cache
def threaded() -> Run:
    return prepare_lowered(THREADED)


def run_threaded() -> Any:
    return threaded()()


Pool = ThreadPoolExecutor | ProcessPoolExecutor
POOLS: list[Pool] = []
"""Kept as long as the process lives: a pool of processes that is collected while it ends prints an OSError."""


def thread_measures() -> list[Measure]:
    """Returns measures of one kernel on one thread, on two at once, and in two processes; the figures are per step of one of them.

    Two processes have no GIL between them: they show how much two cores can do at the moment, on a shared computer.
    """

    def prepare(kind: type[Pool], workers: int) -> Run:
        run_threaded()  # before a process is forked: lowered in both
        pool = kind(workers)
        POOLS.append(pool)

        def together() -> list[Any]:
            return [future.result() for future in [pool.submit(run_threaded) for _ in range(workers)]]

        together()  # starts the threads or processes
        return together

    def measure(where: str, kind: type[Pool], workers: int) -> Measure:
        name, answers = f"{THREADED.name} {where}", always([THREADED.answer] * workers)
        run = partial(prepare, kind, workers)
        return Measure(name, run, answers, THREADED.steps, loops=loops_of(THREADED))

    return [
        measure("on one thread", ThreadPoolExecutor, 1),
        measure("on two threads", ThreadPoolExecutor, 2),
        measure("in two processes", ProcessPoolExecutor, 2),
    ]


def all_measures() -> list[Measure]:
    return [
        *(measure for kernel in KERNELS for measure in kernel_measures(kernel)),
        *seed_measures(),
        *entry_measures(),
        *thread_measures(),
    ]


# -- The targets ----------------------------------------------------------------------------------------------------


def nanoseconds_over(limit: float) -> Target:
    return Target(f"at most {limit:g} ns over", lambda time, beside: time - beside <= limit * 1e-9)


COMPARISONS: list[Comparison] = [
    *(
        (f"{kernel.name}, {OURS}", f"{kernel.name} by a trampoline, {PLAIN}", None)
        for kernel in KERNELS
        if kernel.trampoline is not None
    ),
    *(
        (f"{kernel.name}, {OURS}", f"{kernel.name} by tail calls, {peer.name}", None)
        for kernel in KERNELS
        if kernel.by_tail_calls
        for peer in (LUA, LUAJIT)
    ),
    ("seed countdown, VM path", "seed countdown, asyncio loop", faster(300)),
    ("seed countdown, VM path", "seed countdown, plain while", faster(6)),
    ("a node of a chain, lowered", "a node of a chain, built-in", nanoseconds_over(150)),
    ("a program of one call, lowered", "a program of one call, built-in", nanoseconds_over(150)),
    (f"{THREADED.name} on two threads", f"{THREADED.name} on one thread", within(1.3)),
    (f"{THREADED.name} on two threads", f"{THREADED.name} in two processes", within(1.3)),
    (f"{THREADED.name} in two processes", f"{THREADED.name} on one thread", None),
]


NO_LOOP = 0.05e-9
"""Seconds a step: no loop is executed, as a compiler has computed where it ends; such a peer says nothing about that kernel."""


class Speeds:
    """The speed-ups of the kernels over plain CPython, in each of the columns."""

    def __init__(self, medians: dict[str, float]) -> None:
        self.of: dict[str, dict[str, float]] = {}
        for column in [OURS, *(peer.name for peer in PEERS)]:
            self.of[column] = speeds = {}
            for kernel in KERNELS:
                plain, other = (medians.get(f"{kernel.name}, {side}") for side in (PLAIN, column))
                if plain is not None and other is not None and other > NO_LOOP:
                    speeds[kernel.name] = plain / other

    def mean(self, column: str) -> str:
        return f"{statistics.geometric_mean(self.of[column].values()):.2f}" if self.of[column] else ""

    def beside(self, peer: str) -> dict[str, float]:
        """Returns the speed-ups over a peer, for the kernels that both have."""
        ours, theirs = self.of[OURS], self.of[peer]
        return {name: ours[name] / theirs[name] for name in ours if name in theirs}


def verdict_rows(speeds: Speeds, not_lowered: list[str]) -> list[list[str]]:
    """Returns the rows of the targets for all kernels together."""
    ours = speeds.of[OURS]
    rows = []
    if not_lowered:
        rows.append(["not lowered", ", ".join(not_lowered), "none", show_met(False)])
    if ours:
        mean, slowest = statistics.geometric_mean(ours.values()), min(ours, key=ours.__getitem__)
        lowest = f"{slowest} {ours[slowest]:.2f}"
        some = f" of {len(ours)} of {len(KERNELS)} kernels" if len(ours) < len(KERNELS) else ""
        rows.append([f"times CPython, geometric mean{some}", f"{mean:.2f}", "at least 35", show_met(mean >= 35)])
        rows.append(["times CPython, lowest", lowest, "at least 5", show_met(ours[slowest] >= 5)])
    for peer in PEERS:
        ratios = speeds.beside(peer.name)
        if ratios:
            mean, slowest = statistics.geometric_mean(ratios.values()), min(ratios, key=ratios.__getitem__)
            rows.append([f"times {peer.name}, geometric mean", f"{mean:.2f}", *wanted(MEANS, peer, mean)])
            rows.append(
                [
                    f"times {peer.name}, lowest",
                    f"{slowest} {ratios[slowest]:.2f}",
                    *wanted(LOWEST, peer, ratios[slowest]),
                ]
            )
    return rows


MEANS, LOWEST = {C.name: 0.8, NUMBA.name: 0.6, LUAJIT.name: 1.0}, {C.name: 0.6, LUA.name: 1.0}
"""How many times as fast as a peer the kernels are to be, as a geometric mean, and each of them."""


def wanted(targets: dict[str, float], peer: Peer, measured: float) -> list[str]:
    target = targets.get(peer.name)
    return ["", ""] if target is None else [f"at least {target:g}", show_met(measured >= target)]


# -- The tables -----------------------------------------------------------------------------------------------------


def kernel_rows(medians: dict[str, float], speeds: Speeds, not_lowered: list[str]) -> list[list[str]]:
    """Returns a row for each measured kernel, and the geometric means."""
    rows = []
    for kernel in KERNELS:
        cells = [show_time(medians[name]) if (name := f"{kernel.name}, {PLAIN}") in medians else ""]
        for column, speed in speeds.of.items():
            name = f"{kernel.name}, {column}"
            missing = "not lowered" if column == OURS and kernel.name in not_lowered else ""
            cells.append(show_time(medians[name]) if name in medians else missing)
            cells.append(f"{speed[kernel.name]:.2f}" if kernel.name in speed else "")
        if any(cells):
            rows.append([kernel.name, *cells])
    if any(speeds.of.values()):
        rows.append(["geometric mean", "", *(cell for column in speeds.of for cell in ("", speeds.mean(column)))])
    return rows


def describe(benchmark: pyperf.Benchmark) -> str:
    """Returns the date, the processor and the versions of the measurement."""
    processor = benchmark.get_metadata().get("cpu_model_name", platform.machine())
    versions = [
        f"CPython {platform.python_version()}",
        f"cascade {cs.__version__}",
        f"pyperf {pyperf.__version__}",
        *(version for peer in PEERS if (version := peer.version()) is not None),
    ]
    return f"{datetime.date.today()}. {processor}, {os.cpu_count()} cores. {', '.join(versions)}."


def print_tables(results: dict[str, pyperf.Benchmark], not_lowered: list[str], best: bool) -> None:
    medians = {name: min(benchmark.get_values()) if best else benchmark.median() for name, benchmark in results.items()}
    speeds = Speeds(medians)
    print(f"\n{describe(next(iter(results.values())))}\n")
    columns = [cell for column in speeds.of for cell in (column, "times")]
    for head, rows in (
        (["a step", PLAIN, *columns], kernel_rows(medians, speeds, not_lowered)),
        (["kernels", "measured", "target", "met"], verdict_rows(speeds, not_lowered)),
        (COMPARISON_HEAD, comparison_rows(COMPARISONS, medians)),
    ):
        if rows:
            print_table(head, rows)
            print()


# -- The command ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Lowered:
    """A task that has to be lowered, arguments for a short run, and the measures that need it."""

    name: str
    task: cs.Task[..., Any]
    few: tuple[Any, ...]
    measures: list[str]


def all_lowered() -> list[Lowered]:
    threads = [measure.name for measure in thread_measures()]
    entries = [measure.name for measure in entry_measures() if measure.name.endswith("lowered")]
    names = {kernel.name: [f"{kernel.name}, {OURS}"] for kernel in KERNELS}
    names[THREADED.name] += threads
    kernels = [Lowered(kernel.name, kernel.task, kernel.few, names[kernel.name]) for kernel in KERNELS]
    return [*kernels, Lowered("negative", NEGATIVE, (9,), entries)]


def find_not_lowered(only: str) -> list[Lowered]:
    """Returns the tasks that cannot be lowered, and prints their diagnostics."""
    found = []
    for lowered in all_lowered():
        if any(only in name for name in lowered.measures):
            try:
                cs.compile(lowered.task)(*lowered.few)
            except CascadeError as error:  # a LoweringError, or the verifier refuses the kernel
                found.append(lowered)
                print(f"not lowered: {lowered.name}: {type(error).__name__}: {error}", file=sys.stderr)
    return found


def main() -> int:
    runner = pyperf.Runner(values=3, processes=1, add_cmdline_args=pass_on)
    runner.argparser.add_argument(
        "--best",
        action="store_true",
        help="the best value of each measure, not the median: for a computer that others use",
    )
    options = parse_options(runner)
    failed = [] if options.worker else find_not_lowered(options.only)
    options.without += [name for lowered in failed for name in lowered.measures]
    chosen = [measure for measure in all_measures() if options.only in measure.name]
    if not chosen:
        runner.argparser.error(f"no measure has {options.only!r} in its name")
    results = run_rounds(runner, [measure for measure in chosen if measure.name not in options.without])
    if options.worker:
        return 0
    not_lowered = [lowered.name for lowered in failed]
    if results:
        keep(results, options)
        print_tables(results, not_lowered, options.best)
    print_notes(not_lowered)
    return 1 if not_lowered else 0


def print_notes(not_lowered: list[str]) -> None:
    """Prints the notes that the figures have to be read with."""
    for peer in PEERS:
        if peer.version() is None:
            print(f"skipped: {peer.name} is not installed ({peer.package})")
    if sys.version_info[:2] != TARGET_PYTHON:
        print("the targets are for CPython {}.{}".format(*TARGET_PYTHON))
    if (os.cpu_count() or 1) < 2:
        print("there is one core: two threads on it say nothing")
    for name in not_lowered:
        print(f"NOT LOWERED: {name}")


if __name__ == "__main__":
    sys.exit(main())
