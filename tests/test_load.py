"""Load: many runs, long maps, cancellation at random moments. Each in a process of its own, with an end in time."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Any

import pytest

COMMON = """
import asyncio, gc, os, random, resource, sys, threading, time
import cascade as cs
from cascade.runtime import Engine

use_vm, seed = sys.argv[1] == "vm", int(sys.argv[2])
random.seed(seed)

@cs.task
def increment(x): return x + 1

@cs.task
async def later(x, seconds=0.0):
    await asyncio.sleep(seconds)
    return x

@cs.task
def total(parts): return sum(parts)

def open_files():
    return len(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else 0
"""

THOUSAND_RUNS = """
engine = Engine(system_resources={"slot": 7})
running = most = 0

@cs.task(constraints={"slot": 1})
async def work(x):
    global running, most
    running += 1
    most = max(most, running)
    await asyncio.sleep(0)
    running -= 1
    return x

def target(i):
    state = increment(i)
    return total([work(increment(later(i))), work(i).with_retry(2), cs.Router(i % 2, {0: later(0), 1: increment(i)})])

async def main():
    values = await asyncio.gather(*(engine.run(target(i), use_vm=use_vm) for i in range(1000)))
    assert values == [i + 1 + i + (i + 1 if i % 2 else 0) for i in range(1000)]
    assert len(asyncio.all_tasks()) == 1

asyncio.run(main())
assert most == 7, most
assert engine.ledger._free == {"slot": 7} and not engine.ledger._waiting
"""

LONG_MAP = """
running = most = 0

@cs.task
async def work(x):
    global running, most
    running += 1
    most = max(most, running)
    await asyncio.sleep(0)
    running -= 1
    return x

def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

items = range(100_000)
assert cs.run(work.map(range(1000)).with_concurrency(10), use_vm=use_vm) == list(range(1000))
before = peak()
assert cs.run(work.map(items).with_concurrency(10), use_vm=use_vm) == list(items)
assert most == 10, most
most = 0
assert cs.run(work.map(items).with_constraints(slot=1), use_vm=use_vm, system_resources={"slot": 10}) == list(items)
assert most == 10, most
assert cs.run(increment.map(items), use_vm=use_vm) == list(range(1, 100_001))
assert peak() - before < 60_000, peak() - before  # kilobytes: the items are not all made tasks at once
"""

CANCELLATION = """
engine = Engine(system_resources={"slot": 3, "part": 0.3})
cache = cs.MemoryCache(max_entries=50)

class Sometimes(Exception):
    pass

@cs.task
async def flaky(x):
    await asyncio.sleep(random.choice([0, 0, 0.0005]))
    if random.random() < 0.3:
        raise Sometimes
    return x

@cs.task(mode="blocking")
def blocking(x):
    return x

@cs.task
def step(n):
    return cs.Jump("again", later(n - 1)) if n else cs.Jump("end", n)

def target():
    machine = step(random.randrange(5))
    cs.bind(machine, cs.select_jump({"again": machine, "end": None}))
    parts = [
        flaky(1).with_retry(5, delay=random.choice([0, 0.0003])).with_constraints(slot=random.choice([1, 2])),
        later(2, 0.0005).with_timeout(random.choice([0.0004, 5])).with_constraints(part=0.1),
        total(flaky.map(range(8)).with_retry(9).with_constraints(slot=1).with_concurrency(random.choice([None, 3]))),
        cs.Router(later(random.randrange(2)), {0: later(3), 1: increment(flaky(1).with_retry(9))}),
        machine, increment(later(1).with_cache(cache)), blocking(5) if random.random() < 0.05 else increment(5),
    ]
    random.shuffle(parts)
    return total(parts)

async def main(count):
    outcomes = {}
    for _ in range(count):
        run = asyncio.ensure_future(engine.run(target(), use_vm=use_vm))
        for _ in range(random.randrange(25)):
            await asyncio.sleep(0)
        if random.random() < 0.3:
            await asyncio.sleep(random.random() * 0.002)
        if random.random() < 0.9:
            run.cancel()
        done, _ = await asyncio.wait([run], timeout=20)
        assert done, "a run hangs"
        kind = "cancelled" if run.cancelled() else type(run.exception()).__name__
        outcomes[kind] = outcomes.get(kind, 0) + 1
        assert len(asyncio.all_tasks()) == 1, asyncio.all_tasks()
        assert engine.ledger._free["slot"] == 3, engine.ledger._free
        assert float(engine.ledger._free["part"]) == 0.3
        assert not engine.ledger._waiting
    return outcomes

count = int(sys.argv[3])
asyncio.run(main(50))
gc.collect()
objects, files, threads = len(gc.get_objects()), open_files(), threading.active_count()
outcomes = asyncio.run(main(count))
gc.collect()
assert outcomes.get("cancelled", 0) > count / 10, outcomes
assert open_files() <= files + 2, (files, open_files())
assert threading.active_count() <= threads
assert len(gc.get_objects()) < objects + 3000, (objects, len(gc.get_objects()))
"""


def run_apart(script: str, path: Any, *arguments: str, seconds: float = 240) -> None:
    seed = os.environ.get("CASCADE_SEED", "1")
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", COMMON + script, repr(path), seed, *arguments],
        capture_output=True, text=True, timeout=seconds, check=False,
    )  # fmt: skip
    assert done.returncode == 0, f"seed {seed}: {done.stderr[-3000:]}"
    assert done.stderr == ""


def test_a_thousand_runs_at_once_on_one_engine(path):
    run_apart(THOUSAND_RUNS, path)


@pytest.mark.skipif(sys.platform == "win32", reason="memory is measured by POSIX means")
def test_a_map_of_a_hundred_thousand_items_with_a_limit(path):
    run_apart(LONG_MAP, path)


def test_cancellation_at_random_moments_leaves_nothing_behind(path):
    # CASCADE_CANCELLATIONS=10000 for the long way.
    run_apart(CANCELLATION, path, os.environ.get("CASCADE_CANCELLATIONS", "600"), seconds=1200)
