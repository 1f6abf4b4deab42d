"""Measures that take turns, in rounds, so that a change of the computer's speed affects all alike."""

from __future__ import annotations

import argparse

import pyperf  # type: ignore[import-untyped]
from measure import Measure, by_itself

LONG = 1.0
"""Seconds: a run that takes longer is made once in each round but the first, without one to warm up."""


def pass_on(command: list[str], options: argparse.Namespace) -> None:
    """Passes a worker process the options that select the benchmarks, and thereby number them."""
    command.extend(("--rounds", str(options.rounds), "--only", options.only))
    for name in options.without:
        command.extend(("--without", name))


def run_one(runner: pyperf.Runner, measure: Measure, turn: int, is_long: bool) -> pyperf.Benchmark | None:
    """Measures in a worker process; in a worker, measures only if it is the worker of this benchmark."""
    options = runner.args
    kept = dict(vars(options))
    name = f"{measure.name}, round {turn}"
    options.output = options.append = None  # the rounds are put together first
    options.loops = options.loops or measure.loops
    options.quiet = not options.verbose  # one round alone is no reason for a warning
    if not options.worker:
        if is_long:
            options.values, options.warmups = 1, 0
        elif measure.clock is by_itself:
            options.warmups = 0  # each value is a process of its own
    try:
        benchmark = runner.bench_time_func(name, measure.sampler(), inner_loops=measure.steps)
    finally:
        vars(options).update(kept)
    if benchmark is None or options.worker:
        return None
    if benchmark.get_name() != name:
        raise AssertionError(f"the worker process measured {benchmark.get_name()!r}, expected {name!r}")
    benchmark.update_metadata({"name": measure.name})
    return benchmark


def run_rounds(runner: pyperf.Runner, measures: list[Measure]) -> dict[str, pyperf.Benchmark]:
    """Runs all measures, round after round, and returns their benchmarks by name."""
    results: dict[str, pyperf.Benchmark] = {}
    longs: set[str] = set()
    for turn in range(1, runner.args.rounds + 1):
        for measure in measures:
            benchmark = run_one(runner, measure, turn, measure.name in longs)
            if benchmark is None:
                continue
            if benchmark.median() * measure.steps > LONG:
                longs.add(measure.name)
            if measure.name in results:
                results[measure.name].add_runs(benchmark)
            else:
                results[measure.name] = benchmark
    return results


def keep(results: dict[str, pyperf.Benchmark], options: argparse.Namespace) -> None:
    if options.output:
        pyperf.BenchmarkSuite(list(results.values())).dump(options.output)
    if options.append:
        for benchmark in results.values():
            pyperf.add_runs(options.append, benchmark)


def parse_options(runner: pyperf.Runner) -> argparse.Namespace:
    add = runner.argparser.add_argument
    add("--rounds", type=int, default=4, help="how often all measures are taken in turn (default: 4; with --fast: 1)")
    add("--only", default="", help="only measures with this text in their names")
    add("--without", action="append", default=[], help="no measure of this name")
    options: argparse.Namespace = runner.parse_args()
    if options.fast:
        options.rounds, options.processes, options.warmups = 1, 1, 0
    return options
