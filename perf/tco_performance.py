"""A countdown by tail calls: on the VM path, on the graph path, and as an imperative asyncio loop.

python perf/tco_performance.py            medians of five rounds of 10,000 steps, side by side
python perf/tco_performance.py --long     also 10,000,000 steps, and how much memory they take
"""

from __future__ import annotations

import argparse
import asyncio
import resource
import statistics
import sys
import time
from collections.abc import Awaitable, Callable

import cascade as cs
from cascade.adapters.executors.local import LocalExecutor
from cascade.adapters.solvers.native import NativeSolver
from cascade.runtime import Engine, MessageBus
from cascade.runtime.blueprint import TailCall

LONG = 10_000_000
GROWTH_LIMIT = 1_000_000
"""Bytes that the long loop may add to the peak: allocator noise, a hundred times less than a byte a step would be."""

Way = Callable[[int], Awaitable[str]]


@cs.task
def noop(_dummy: object = None) -> None:
    """Does nothing; makes the graph larger."""


@cs.task
def simple_countdown(n: int) -> str | TailCall[str]:
    """A loop: each step is a tail call."""
    if n <= 0:
        return "done"
    return TailCall(kwargs={"n": n - 1})


@cs.task
def heavy_complex_countdown(n: int, _dummy: object = None) -> str | cs.LazyResult[str]:
    """A loop whose steps each return a new graph of twelve nodes."""
    if n <= 0:
        return "done"
    dependency = noop()
    for _ in range(10):
        dependency = noop(_dummy=dependency)
    return heavy_complex_countdown(n - 1, _dummy=dependency)


async def imperative_countdown(n: int) -> str:
    """The same loop by hand; each step yields to the event loop, as a long-running coroutine has to."""
    i = n
    while i > 0:
        i -= 1
        await asyncio.sleep(0)
    return "done"


def ways(engine: Engine) -> dict[str, Way]:
    """Returns the functions to measure, by name."""
    return {
        "VM path": lambda n: engine.run(simple_countdown(n), use_vm=True),
        "graph path": lambda n: engine.run(simple_countdown(n), use_vm=False),
        "heavy, VM path": lambda n: engine.run(heavy_complex_countdown(n), use_vm=True),
        "heavy, graph path": lambda n: engine.run(heavy_complex_countdown(n), use_vm=False),
        "imperative asyncio loop": imperative_countdown,
    }


async def seconds_a_step(way: Way, steps: int) -> float:
    """Runs the countdown one way and returns its time."""
    begun = time.perf_counter()
    answer = await way(steps)
    seconds = time.perf_counter() - begun
    if answer != "done":
        raise AssertionError(f"the countdown gave {answer!r}, expected 'done'")
    return seconds / steps


async def compare(engine: Engine, steps: int, rounds: int) -> None:
    """Measures all the ways, in turn so that noise hits all alike, and prints the medians and their ratios."""
    times: dict[str, list[float]] = {name: [] for name in ways(engine)}
    for _ in range(rounds):
        for name, way in ways(engine).items():
            times[name].append(await seconds_a_step(way, steps))
    medians = {name: statistics.median(values) for name, values in times.items()}
    print(f"{steps:,} steps, median of {rounds} rounds:\n")
    for name, median in medians.items():
        print(f"  {name:24} {median * 1e9:10,.0f} ns a step {1 / median:14,.0f} steps a second")
    print()
    for quick, slow in (
        ("VM path", "imperative asyncio loop"),
        ("VM path", "graph path"),
        ("VM path", "heavy, graph path"),
        ("heavy, VM path", "heavy, graph path"),
    ):
        print_ratio(quick, slow, medians[slow] / medians[quick])


def print_ratio(quick: str, slow: str, ratio: float) -> None:
    comparison = f"{ratio:.1f} times faster" if ratio >= 1 else f"{1 / ratio:.1f} times slower"
    print(f"{quick} is {comparison} than {slow}")


def peak_memory() -> int:
    """Returns the peak memory of the process, in bytes."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


async def check_memory(engine: Engine) -> bool:
    """Runs the long loop and prints whether memory stayed as it was after a short one."""
    vm_path = ways(engine)["VM path"]
    await seconds_a_step(vm_path, 10_000)
    before = peak_memory()
    median = await seconds_a_step(vm_path, LONG)
    growth = peak_memory() - before
    print(f"{LONG:,} steps on the VM path: {median * LONG:.2f} s, {median * 1e9:,.0f} ns a step")
    print(f"  peak memory {before / 1e6:.1f} MB before, {growth / 1e6:.1f} MB more after\n")
    return growth <= GROWTH_LIMIT


async def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("--iterations", type=int, default=10_000, help="steps of each countdown")
    parser.add_argument("--rounds", type=int, default=5, help="how often each is measured")
    parser.add_argument("--long", action="store_true", help=f"also {LONG:,} steps, with their memory")
    options = parser.parse_args()
    engine = Engine(solver=NativeSolver(), executor=LocalExecutor(), bus=MessageBus())
    # First of all: a peak that something else has reached before would hide growth.
    constant = await check_memory(engine) if options.long else True
    await compare(engine, options.iterations, options.rounds)
    if not constant:
        print("memory grew with the number of steps", file=sys.stderr)
    return 0 if constant else 1


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
