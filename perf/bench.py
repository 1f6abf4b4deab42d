"""The suite: every figure beside a floor or a peer of the same run.

    python perf/bench.py -o perf/result.json           all of it, about ten minutes
    python perf/bench.py --fast --largest 100000       a quick look
    python perf/bench.py --only countdown              those with the word in their names
    python -m pyperf compare_to old.json perf/result.json

Every benchmark checks its answer. The table at the end has the medians, their ratios, and the targets.
"""

from __future__ import annotations

import argparse
import asyncio
from functools import partial

import pyperf  # type: ignore[import-untyped]
from measure import Measure, Run, always, awaited, separately
from memory import measure_apart
from peers import PIPELINE_NODES, missing, peer_measures
from policies import policy_measures
from report import (
    COMPARISON_HEAD,
    Comparison,
    comparison_rows,
    faster,
    microseconds,
    microseconds_over,
    print_table,
    show_met,
    within,
)
from tco_performance import heavy_complex_countdown, imperative_countdown, simple_countdown
from workloads import (
    BARE,
    DECLARATIONS,
    add,
    chain,
    countdown,
    distinct,
    double,
    heavy_calls,
    increment,
    pause,
    three_calls,
    three_nodes,
    trampoline,
)

import cascade as cs

STEPS = 10_000
HEAVY_STEPS = 200
SIZES = (10_000, 100_000, 1_000_000)
LARGE = 1_000_000
"""From so many steps on, few runs are made: each takes seconds."""


# -- The measures ----------------------------------------------------------------------------------------------------


def loops() -> list[Measure]:
    engine = cs.Engine()
    done = always("done")

    def prepare_program() -> Run:
        # In the call regime: perf/kernels.py has the same as typed code.
        return partial(cs.compile(cs.task(lower=False)(countdown)), STEPS)

    def seed(use_vm: bool) -> Run:
        return lambda: engine.run(simple_countdown(STEPS), use_vm=use_vm)

    def heavy(use_vm: bool) -> Run:
        return lambda: cs.run(heavy_complex_countdown(HEAVY_STEPS), use_vm=use_vm)

    by_hand = partial(trampoline, countdown, n=STEPS)
    return [
        Measure("seed countdown, VM path", always(seed(True)), done, STEPS, awaited),
        Measure("seed countdown, asyncio loop", always(lambda: imperative_countdown(STEPS)), done, STEPS, awaited),
        Measure("seed countdown, graph path", always(seed(False)), done, STEPS, awaited),
        Measure("countdown program", prepare_program, done, STEPS),
        Measure("countdown by hand", always(by_hand), done, STEPS),
        Measure("heavy countdown, graph path", always(heavy(False)), done, HEAVY_STEPS),
        Measure("heavy countdown, VM path", always(heavy(True)), done, HEAVY_STEPS),
        Measure("heavy countdown, bare calls", always(lambda: heavy_calls(HEAVY_STEPS)), done, HEAVY_STEPS),
    ]


def again() -> list[Measure]:
    """Compiled once, run many times."""

    def prepare_distinct() -> Run:
        return cs.compile(chain([cs.task(function) for function in distinct(increment, STEPS)]))

    def prepare_distinct_calls() -> Run:
        return partial(chain, distinct(increment, STEPS))

    def prepare_three() -> Run:
        return cs.compile(three_nodes(cs.task(double), cs.task(increment), cs.task(add)))

    def prepare_small() -> Run:
        return cs.compile(DECLARATIONS["chain"](PIPELINE_NODES))

    return [
        *(measure for shape in DECLARATIONS for measure in program_and_calls(shape)),
        Measure("chain of distinct functions, program", prepare_distinct, always(STEPS), STEPS),
        Measure("chain of distinct functions, bare calls", prepare_distinct_calls, always(STEPS), STEPS),
        Measure("three nodes, program", prepare_three, three_calls, 1),
        Measure("three nodes, bare calls", always(three_calls), three_calls, 1),
        Measure("one task, program", lambda: partial(cs.compile(cs.task(double)), 3), always(6), 1),
        Measure("one task, bare call", lambda: partial(double, 3), always(6), 1),
        Measure("small chain, program", prepare_small, always(PIPELINE_NODES), PIPELINE_NODES),
    ]


def program_and_calls(shape: str) -> list[Measure]:
    calls = partial(BARE[shape], STEPS)

    def prepare_program() -> Run:
        return cs.compile(DECLARATIONS[shape](STEPS))

    return [
        Measure(f"{shape} {STEPS:,}, program", prepare_program, calls, STEPS),
        Measure(f"{shape} {STEPS:,}, bare calls", always(calls), calls, STEPS),
    ]


def from_the_start(shape: str, nodes: int, use_vm: bool) -> Measure:
    """Everything included: declare, build, solve, compile, run, free."""

    def run() -> int:
        return cs.run(DECLARATIONS[shape](nodes), use_vm=use_vm)

    name = f"{shape} {nodes:,}, {'first run' if use_vm else 'graph path'}"
    return Measure(name, always(run), partial(BARE[shape], nodes), nodes, separately)


def fan_outs() -> list[Measure]:
    pause_task = cs.task(pause)
    numbers = list(range(STEPS))
    name = f"fan-out of {STEPS:,}"

    def declare() -> list[cs.LazyResult[int]]:
        return [pause_task(number) for number in numbers]

    def prepare_program() -> Run:
        return cs.compile(declare()).arun

    async def gather() -> list[int]:
        return await asyncio.gather(*[pause(number) for number in numbers])

    return [
        Measure(f"{name}, declared anew", always(lambda: cs.arun(declare())), always(numbers), STEPS, awaited),
        Measure(f"{name}, program", prepare_program, always(numbers), STEPS, awaited),
        Measure(f"{name}, asyncio.gather", always(gather), always(numbers), STEPS, awaited),
    ]


def all_measures(largest: int) -> list[Measure]:
    return [
        *loops(),
        *again(),
        *fan_outs(),
        *policy_measures(),
        *(from_the_start(shape, STEPS, use_vm=False) for shape in DECLARATIONS),
        *peer_measures(STEPS),
        *(from_the_start(shape, nodes, use_vm=True) for nodes in SIZES if nodes <= largest for shape in DECLARATIONS),
    ]


# -- The targets ----------------------------------------------------------------------------------------------------


BYTES_TARGET = 1_536

COMPARISONS: list[Comparison] = [
    ("seed countdown, VM path", "seed countdown, asyncio loop", faster(10)),
    ("seed countdown, graph path", "seed countdown, asyncio loop", None),
    ("countdown program", "countdown by hand", faster(1.3)),
    ("countdown program", "one-node loop, langgraph", None),
    ("heavy countdown, graph path", "heavy countdown, bare calls", microseconds(150)),
    ("heavy countdown, VM path", "heavy countdown, bare calls", microseconds(40)),
    ("chain 10,000, program", "chain 10,000, bare calls", within(1.6)),
    ("chain of distinct functions, program", "chain of distinct functions, bare calls", within(1.6)),
    ("layered 10,000, program", "layered 10,000, bare calls", within(2)),
    ("three nodes, program", "three nodes, bare calls", microseconds_over(1)),
    ("one task, program", "one task, bare call", microseconds_over(0.1)),
    ("small chain, program", "small chain, pipefunc", None),
    ("fan-out of 10,000, declared anew", "fan-out of 10,000, asyncio.gather", within(1.3)),
    ("fan-out of 10,000, program", "fan-out of 10,000, asyncio.gather", within(1.3)),
    *((f"{shape} 10,000, graph path", f"{shape} 10,000, bare calls", microseconds(15)) for shape in DECLARATIONS),
    *(
        (f"{shape} {nodes:,}, first run", f"{shape} 10,000, bare calls", microseconds(8))
        for nodes in SIZES
        for shape in DECLARATIONS
    ),
    *(
        (f"{policy} nodes, {way}", f"plain nodes, {way}", microseconds_over(5))
        for policy in ("retry", "constraint")
        for way in ("program", "graph path")
    ),
    ("map of a called task", "list comprehension", within(2)),
    ("map of a called task, graph path", "list comprehension", within(2)),
    ("map of a lowered task, one thread", "list comprehension, Collatz", faster(5)),
    ("map of a lowered task, two threads", "map of a lowered task, one thread", None),
    ("map of a small lowered task", "list comprehension", None),
    ("map of a called task, watched", "list comprehension", None),
    ("nodes with a subscriber", "nodes without a subscriber", microseconds_over(3)),
    ("nodes with a subscriber, graph path", "nodes without a subscriber, graph path", microseconds_over(3)),
    ("hit in memory", "plain nodes, program", microseconds(5)),
    ("hit on disk", "plain nodes, program", microseconds(60)),
    ("loop by Jump", "loop by TailCall", within(2)),
    ("loop by Jump", "loop by hand", None),
    ("loop by Jump, lowered", "loop by TailCall, lowered", within(2)),
    ("loop by Jump", "one-node loop, langgraph", faster(100)),
    ("loop by Jump", "one-node loop, pydantic-graph", faster(100)),
    ("a request, by a Router", "a request, by hand", None),
    ("a request, by a Router", "a request, two calls", microseconds_over(2)),
    # Linear: a node of a large graph costs as much as one of a small graph, apart from the processor's caches.
    *((f"{shape} 1,000,000, first run", f"{shape} 10,000, first run", within(2.0)) for shape in DECLARATIONS),
    *(
        (f"{shape} 10,000, first run", f"{shape} 10,000, {peer}", None)
        for shape in DECLARATIONS
        for peer in ("graphlib", "dask")
    ),
]


# -- The table ------------------------------------------------------------------------------------------------------


def memory_rows(only: str, largest: int) -> list[list[str]]:
    rows = []
    for nodes in SIZES:
        for shape in DECLARATIONS:
            name = f"{shape} {nodes:,}, memory of a first run"
            if nodes <= largest and only in name:
                size = measure_apart(shape, nodes)
                wanted = [f"at most {BYTES_TARGET:,} bytes", show_met(size <= BYTES_TARGET)]
                rows.append([name, f"{size:,.0f} bytes", "", "", "", *wanted])
    return rows


# -- The command ----------------------------------------------------------------------------------------------------


def pass_on(command: list[str], options: argparse.Namespace) -> None:
    """Passes a worker process the options that select the benchmarks, and thereby number them."""
    command.extend(("--largest", str(options.largest), "--only", options.only))


def run_one(runner: pyperf.Runner, measure: Measure) -> pyperf.Benchmark | None:
    """Measures in worker processes; in a worker, measures only if it is the worker of this benchmark."""
    options = runner.args
    kept = dict(vars(options))
    if measure.steps >= LARGE and not options.worker:
        options.processes, options.values, options.warmups, options.loops = 2, 2, 0, 1
    try:
        return runner.bench_time_func(measure.name, measure.sampler(), inner_loops=measure.steps)
    finally:
        vars(options).update(kept)


def main() -> None:
    runner = pyperf.Runner(values=5, processes=6, add_cmdline_args=pass_on)
    runner.argparser.add_argument("--largest", type=int, default=SIZES[-1], help="nodes of the largest graph")
    runner.argparser.add_argument("--only", default="", help="only benchmarks with this text in their names")
    options = runner.parse_args()
    medians: dict[str, float] = {}
    for measure in all_measures(options.largest):
        if options.only in measure.name:
            benchmark = run_one(runner, measure)
            if benchmark is not None and not options.worker:
                medians[measure.name] = benchmark.median()
    if not medians:
        return  # a worker process, or only a comparison was requested
    for peer in missing():
        print(f"skipped: {peer} is not installed")
    print()
    rows = [*comparison_rows(COMPARISONS, medians), *memory_rows(options.only, options.largest)]
    print_table(COMPARISON_HEAD, rows)


if __name__ == "__main__":
    main()
