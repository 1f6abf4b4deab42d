"""Maps beyond one process, beside joblib, dask.bag and `ProcessPoolExecutor.map` with its best chunk size.

    python perf/scale.py [--items 1000000] [--rounds 5] [--no-dask]

prints ratios of one run, in which all ways take turns, each the least of its rounds:

    lowered     a sweep of lowered items: what an item costs over the kernel's own time on one thread, in microseconds
    speed-up    the same sweep with longer items, on two workers beside one
    called      10,000 items of 1 ms each on two processes, beside the ideal
    node        one small compute node, beside a submit of loky's: medians
    messages    items for each task of the scheduler, and the memory of the sender for one and for ten times as many items

Every way checks its answer. A peer that is not installed is left out with a line that says so.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import itertools
import multiprocessing
import statistics
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor, ThreadPoolExecutor
from importlib.util import find_spec
from typing import Any

import cascade as cs
from cascade.adapters.executors.local import LocalExecutor

WORKERS = 2


def step(n: int) -> int:
    total = 0
    for i in range(20):
        total += (n ^ i) & 7
    return total


def longer(n: int) -> int:
    total = 0
    for i in range(20_000):
        total += (n ^ i) & 7
    return total


def wait(n: int) -> int:
    end = time.perf_counter() + 0.001
    while time.perf_counter() < end:
        pass
    return n


def small(n: int) -> int:
    return n + 1


stepped, longer_stepped, waited, small_node = (
    cs.task(function, mode="compute") for function in (step, longer, wait, small)
)
here, longer_here = cs.task(step), cs.task(longer)

Way = Callable[[], Any]


def least(ways: dict[str, Way], rounds: int, expected: Any) -> dict[str, float]:
    """Returns the least seconds of each way; they take turns."""
    found: dict[str, float] = {}
    for _ in range(rounds):
        for name, way in ways.items():
            begun = time.perf_counter()
            value = way()
            seconds = time.perf_counter() - begun
            assert value == expected, name
            found[name] = min(seconds, found.get(name, seconds))
    return found


class Peers:
    """The ways to make a map, of ours and of others."""

    def __init__(self, with_dask: bool) -> None:
        self._stack = contextlib.ExitStack()
        context = multiprocessing.get_context("forkserver")
        self.pool = self._stack.enter_context(ProcessPoolExecutor(WORKERS, mp_context=context))
        self.engines = {
            "cascade, processes": cs.Engine(executor=self._stack.enter_context(LocalExecutor(processes=WORKERS))),
            "cascade, Blocks(ProcessPoolExecutor)": cs.Engine(executor=cs.Blocks(self.pool)),
        }
        self.single = cs.Engine(executor=self._stack.enter_context(LocalExecutor(processes=1)))
        self.client: Any = None
        if with_dask and find_spec("distributed") is not None:
            from distributed import Client, LocalCluster

            cluster = self._stack.enter_context(
                LocalCluster(n_workers=WORKERS, threads_per_worker=1, processes=True, dashboard_address=":0")
            )
            self.client = self._stack.enter_context(Client(cluster))
            self.engines["cascade, Dask"] = cs.Engine(executor=cs.DaskExecutor(self.client))

    def __enter__(self) -> Peers:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def ours(self, task: Any, items: Any) -> dict[str, Way]:
        return {name: lambda engine=engine: engine.run_now(task.map(items)) for name, engine in self.engines.items()}

    def others(self, function: Any, items: Any, chunks: tuple[int, ...]) -> dict[str, Way]:
        ways: dict[str, Way] = {
            f"ProcessPoolExecutor.map, chunks of {size:,}": lambda size=size: list(
                self.pool.map(function, items, chunksize=size)
            )
            for size in chunks
        }
        if find_spec("joblib") is not None:
            from joblib import Parallel, delayed

            ways["joblib"] = lambda: Parallel(n_jobs=WORKERS)(delayed(function)(item) for item in items)
        if self.client is not None and find_spec("dask.bag") is not None:
            import dask.bag

            ways["dask.bag"] = lambda: (
                dask.bag.from_sequence(items, npartitions=8 * WORKERS).map(function).compute(scheduler=self.client)
            )
        return ways


def lowered(peers: Peers, count: int, rounds: int) -> None:
    items = range(count)
    expected = [step(n) for n in items]
    one_thread = cs.Engine()
    ways: dict[str, Way] = {"kernel, one thread": lambda: one_thread.run_now(here.map(items).with_concurrency(1))}
    ways |= peers.ours(stepped, items)
    found = least(ways, rounds, expected)
    kernel = found["kernel, one thread"] / count
    print(f"lowered: {count:,} items; the kernel takes {kernel * 1e6:.3f} us an item on one thread")
    for name, seconds in found.items():
        over = seconds / count - kernel / WORKERS
        print(f"    {name:<45} {seconds / count * 1e6:8.3f} us an item, {over * 1e6:6.3f} over its share of the kernel")
    few = count // 10  # others take long
    slow = least(peers.others(step, range(few), (100, 1000, 10_000)), min(rounds, 2), expected[:few])
    for name, seconds in slow.items():
        print(f"    {name:<45} {seconds / few * 1e6:8.3f} us an item")


def speed_up(peers: Peers, rounds: int) -> None:
    items = range(500_000)
    expected = cs.run(longer_here.map(items))
    two = peers.engines["cascade, processes"]
    found = least(
        {
            "one": lambda: peers.single.run_now(longer_stepped.map(items)),
            "two": lambda: two.run_now(longer_stepped.map(items)),
        },
        rounds,
        expected,
    )
    print(f"speed-up: two workers take {found['one'] / found['two']:.2f} times as few seconds as one (target 1.8)")


def called(peers: Peers, rounds: int) -> None:
    count = 10_000
    ideal = count * 0.001 / WORKERS
    ways = peers.ours(waited, range(count))
    # Each worker imports the compiler of functions that call others: 24 ms, or 100 ms where Python may not write bytecode.
    first = least(ways, 1, list(range(count)))
    found = {f"{name}, first": seconds for name, seconds in first.items()}
    found |= least(ways, max(1, rounds // 3), list(range(count)))
    few = least(peers.others(wait, range(count), (10, 100)), 1, list(range(count)))
    print(f"called: {count:,} items of 1 ms; the ideal is {ideal:.2f} s (target 3 % over it)")
    for name, seconds in (found | few).items():
        print(f"    {name:<45} {seconds:8.3f} s   {100 * (seconds / ideal - 1):6.1f} % over the ideal")


def node(peers: Peers, rounds: int) -> None:
    """Prints the medians of single calls, which take turns in groups of 50."""
    if find_spec("loky") is None:
        print("node: loky is not installed")
        return
    import loky

    executor = loky.get_reusable_executor(WORKERS)
    engines = {
        "cascade": peers.engines["cascade, processes"],
        "cascade, Blocks(loky)": cs.Engine(executor=cs.Blocks(executor)),
    }
    seconds: dict[str, list[float]] = {}
    with asyncio.Runner() as runner:
        ways: dict[str, Callable[[int], list[float]]] = {
            "loky's submit": lambda count: _timed(count, lambda n: executor.submit(small, n).result()),
            "loky's submit, awaited": lambda count: runner.run(
                _timed_in_loop(count, lambda n: asyncio.wrap_future(executor.submit(small, n)))
            ),
        }
        for name, engine in engines.items():
            ways[name] = lambda count, engine=engine: _timed(count, lambda n: engine.run_now(small_node(n)))
            ways[f"{name}, awaited"] = lambda count, engine=engine: runner.run(
                _timed_in_loop(count, lambda n: engine.run(small_node(n)))
            )
        for way in ways.values():
            way(100)
        for _ in range(4 * max(3, rounds)):
            for name, way in ways.items():
                seconds.setdefault(name, []).extend(way(50))
    executor.shutdown(wait=True, kill_workers=True)
    medians = {name: statistics.median(each) for name, each in seconds.items()}
    print("node: one small call, beside loky's submit of its function (target 1.2)")
    for name, median in medians.items():
        peer = medians["loky's submit, awaited" if "awaited" in name else "loky's submit"]
        print(f"    {name:<45} {median * 1e6:8.0f} us {median / peer:8.2f} times")


def _timed(count: int, call: Callable[[int], Any]) -> list[float]:
    found = []
    for n in range(count):
        begun = time.perf_counter()
        value = call(n)
        found.append(time.perf_counter() - begun)
        assert value == n + 1
    return found


async def _timed_in_loop(count: int, call: Callable[[int], Awaitable[Any]]) -> list[float]:
    found = []
    for n in range(count):
        begun = time.perf_counter()
        value = await call(n)
        found.append(time.perf_counter() - begun)
        assert value == n + 1
    return found


class Counting(ThreadPoolExecutor):
    """Counts its calls."""

    count = 0

    def submit(self, function: Any, /, *arguments: Any, **options: Any) -> Future[Any]:
        self.count += 1
        return super().submit(function, *arguments, **options)


def messages(count: int) -> None:
    with Counting(WORKERS) as executor:
        engine = cs.Engine(executor=cs.Blocks(executor))
        engine.run_now(stepped.map(range(count)))
        print(f"messages: {count / executor.count:,.0f} items for each task of the scheduler (target 1,000)")
    few, many = (_peak(factor * count) for factor in (1, 10))
    print(f"    a stream of {count:,} items takes {few} MB in the sender, of ten times as many {many} MB")


def _peak(count: int) -> int:
    done = subprocess.run([sys.executable, __file__, "--peak", str(count)], capture_output=True, text=True, check=True)
    return int(done.stdout)


def stream_and_print_peak(count: int) -> None:
    def numbers() -> Iterator[int]:
        yield from itertools.islice(itertools.count(), count)

    with LocalExecutor(processes=WORKERS) as executor:
        total = sum(cs.Engine(executor=executor).stream(stepped.map(numbers())))
    assert total > 0
    with open("/proc/self/status") as status:  # the peak that `resource` knows includes that of the parent
        peak = next(line for line in status if line.startswith("VmHWM"))
    print(int(peak.split()[1]) // 1024)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--items", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--no-dask", action="store_true")
    parser.add_argument("--peak", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.peak is not None:
        stream_and_print_peak(options.peak)
        return
    for package in ("joblib", "dask", "distributed"):
        if find_spec(package) is None:
            print(f"{package} is not installed, and left out")
    with Peers(not options.no_dask) as peers:
        lowered(peers, options.items, options.rounds)
        speed_up(peers, options.rounds)
        called(peers, options.rounds)
        node(peers, options.rounds)
    messages(options.items)


if __name__ == "__main__":
    main()
