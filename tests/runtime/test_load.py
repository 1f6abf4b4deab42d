"""Load: many runs, long maps, cancellation at random moments. Each in a process of its own, with an end in time.

What is proven here, on both paths, with warnings as errors:

- 1,000 runs at once on one engine, in one event loop and in four threads, share its system resources exactly, and give what
  they have to.
- A map of 100,000 items with a limit of 10, by `with_concurrency` and by constraints, has never more under way, reaches the
  limit, and takes memory for its values, not for tasks.
- 3,000 runs that are cancelled at random moments leave nothing behind: no asyncio task, no claim, no resource that is set up,
  no thread, no file, no objects, no memory; and none of them hangs.
- Runs with worker processes that are cancelled, time out or lose their worker leave no process and no semaphore.
"""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from typing import Any

import pytest

posix = pytest.mark.skipif(sys.platform == "win32", reason="memory is measured by POSIX means")

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

def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1024 if sys.platform == "darwin" else 1)  # kilobytes

class Limit:
    "Notes how many are inside at once."
    def __init__(self):
        self.inside = self.most = 0
        self.lock = threading.Lock()
    def __enter__(self):
        with self.lock:
            self.inside += 1
            self.most = max(self.most, self.inside)
    def __exit__(self, *_):
        with self.lock:
            self.inside -= 1
"""

THOUSAND_RUNS = """
engine = Engine(system_resources={"slot": 7})
limit = Limit()

@cs.task(constraints={"slot": 1})
async def work(x):
    with limit:
        await asyncio.sleep(0)
    return x

def target(i):
    return total([work(increment(later(i))), work(i).with_retry(2), cs.Router(i % 2, {0: later(0), 1: increment(i)})])

async def main(numbers):
    values = await asyncio.gather(*(engine.run(target(i), use_vm=use_vm) for i in numbers))
    assert values == [i + 1 + i + (i + 1 if i % 2 else 0) for i in numbers]
    assert len(asyncio.all_tasks()) == 1

def check():
    assert limit.most == 7, limit.most
    assert engine.capacity._free == {"slot": 7} and not engine.capacity._waiting

asyncio.run(main(range(1000)))
check()
failures = []
def in_thread(first):
    try:
        asyncio.run(main(range(first, first + 250)))
    except BaseException as error:
        failures.append(error)
threads = [threading.Thread(target=in_thread, args=(first,)) for first in range(0, 1000, 250)]
for thread in threads: thread.start()
for thread in threads: thread.join()
assert not failures, failures
check()
"""

LONG_MAP = """
limit = Limit()

@cs.task
async def work(x):
    with limit:
        await asyncio.sleep(0)
    return x

@cs.task
async def meet(x):
    with limit:
        while limit.most < 10:
            await asyncio.sleep(0)
    return x

items = range(100_000)
def limited(task, items, how):
    lazy = task.map(items).with_concurrency(10) if how == "concurrency" else task.map(items).with_constraints(slot=1)
    return cs.run(lazy, use_vm=use_vm, system_resources={"slot": 10}, timeout=200)

for how in ("concurrency", "constraints"):
    limit.most = 0
    assert limited(meet, range(50), how) == list(range(50))  # the limit is reached
    assert limited(work, range(1000), how) == list(range(1000))
    before = peak()
    assert limited(work, items, how) == list(items)
    assert limit.most == 10, limit.most  # and never passed
assert cs.run(increment.map(items), use_vm=use_vm) == list(range(1, 100_001))
assert peak() - before < 60_000, peak() - before  # the items are not all made tasks at once
"""

CANCELLATION = """
engine = Engine(system_resources={"slot": 3, "part": 0.3})
cache = cs.MemoryCache(max_entries=50)
held = {}

class Sometimes(Exception):
    pass

def resource_of(name, scope, is_async):
    held[name] = 0
    def sync():
        held[name] += 1
        yield 1
        held[name] -= 1
    async def later():
        await asyncio.sleep(0)
        held[name] += 1
        yield 1
        await asyncio.sleep(0)
        held[name] -= 1
    return cs.inject(cs.resource(name=name, scope=scope)(later if is_async else sync))

resources = [
    resource_of(f"{scope} {is_async}", scope, is_async) for scope in ("run", "task") for is_async in (False, True)
]

@cs.task
async def flaky(x, *given):
    await asyncio.sleep(random.choice([0, 0, 0.0005]))
    if random.random() < 0.3:
        raise Sometimes
    return x

@cs.task(mode="blocking")
def blocking(x, *given):
    return x

@cs.task
def nested(x):
    return cs.run(later(x), use_vm=use_vm)

@cs.task
def step(n, given):
    return cs.Jump("again", later(n - 1)) if n else cs.Jump("end", n)

def target():
    given = random.choice(resources)
    machine = step(random.randrange(5), given)
    cs.bind(machine, cs.select_jump({"again": machine, "end": None}))
    shared = flaky(1, given).with_retry(9)
    parts = [
        flaky(1, given).with_retry(5, delay=random.choice([0, 0.0003])).with_constraints(slot=random.choice([1, 2])),
        later(2, 0.0005).with_timeout(random.choice([0.0004, 5])).with_constraints(part=0.1),
        total(flaky.map(range(8), [given] * 8).with_retry(9).with_constraints(slot=1).with_concurrency(random.choice([None, 3]))),
        cs.Router(later(random.randrange(2)), {0: later(3), 1: increment(shared)}),
        cs.Router(later(random.randrange(2)), {0: shared, 1: later(1).run_if(True)}),
        machine, increment(later(1).with_cache(cache)),
        blocking(5, given) if random.random() < 0.1 else nested(5) if random.random() < 0.03 else increment(5),
    ]
    random.shuffle(parts)
    return total(parts[: random.randrange(1, 9)])

async def one(outcomes):
    run = asyncio.ensure_future(engine.run(target(), use_vm=use_vm))
    for _ in range(random.randrange(25)):
        await asyncio.sleep(0)
    if random.random() < 0.3:
        await asyncio.sleep(random.random() * 0.002)
    if random.random() < 0.95:
        run.cancel()
        if random.random() < 0.1:
            await asyncio.sleep(0)
            run.cancel()
    done, _ = await asyncio.wait([run], timeout=30)
    assert done, "a run hangs"
    kind = "cancelled" if run.cancelled() else type(run.exception()).__name__
    outcomes[kind] = outcomes.get(kind, 0) + 1

async def main(count):
    outcomes = {}
    while sum(outcomes.values()) < count:
        # A few at once: they wait for each other's claims.
        await asyncio.gather(*(one(outcomes) for _ in range(random.choice([1, 1, 4, 16]))))
        assert len(asyncio.all_tasks()) == 1, asyncio.all_tasks()
        assert engine.capacity._free["slot"] == 3, engine.capacity._free
        assert float(engine.capacity._free["part"]) == 0.3
        assert not engine.capacity._waiting
        assert not any(held.values()), held
    return outcomes

count = int(sys.argv[3])
asyncio.run(main(3000))  # by then all kernels have been made
gc.collect()
objects, files, threads, memory = len(gc.get_objects()), open_files(), threading.active_count(), peak()
outcomes = asyncio.run(main(count))
gc.collect()
assert outcomes.get("cancelled", 0) > count / 4, outcomes
assert {"NoneType", "Sometimes", "TaskTimeoutError"} & outcomes.keys(), outcomes
assert open_files() <= files + 2, (files, open_files())
assert threading.active_count() <= threads
assert len(gc.get_objects()) < objects + 3000, (objects, len(gc.get_objects()))
assert peak() - memory < 20_000, (memory, peak())
"""

PROCESSES = """
import faulthandler, tempfile
from pathlib import Path
from tests.support import compute_tasks as compute
from cascade.adapters.executors.local import LocalExecutor

def read(*parts):
    try:
        return Path("/proc", *parts).read_text()
    except OSError:  # it has ended
        return ") Z"

def children():
    found = []
    for process in filter(str.isdigit, os.listdir("/proc")):
        fields = read(process, "stat").rsplit(") ", 1)[1].split()
        if fields[0] != "Z" and int(fields[1]) == os.getpid():
            found.append(read(process, "cmdline").split("\\0"))
    # multiprocessing's own, which lives as long as this process does
    return [command for command in found if not any("resource_tracker" in word for word in command)]

def semaphores():
    return {name for name in os.listdir("/dev/shm") if name.startswith("sem.") and str(os.getpid()) in name}

def until(condition):
    end = time.monotonic() + 120  # loky gives its workers up to 30 seconds for an orderly end
    while condition():
        if time.monotonic() > end:
            faulthandler.dump_traceback()
            raise AssertionError((children(), semaphores()))
        gc.collect()
        time.sleep(0.01)

async def cancelled(engine, target, seconds):
    run = asyncio.ensure_future(engine.run(target, use_vm=use_vm))
    await asyncio.wait([run], timeout=seconds)
    run.cancel()
    done, _ = await asyncio.wait([run], timeout=30)
    assert done and len(asyncio.all_tasks()) == 1

with tempfile.TemporaryDirectory() as directory, LocalExecutor(processes=2) as executor:
    engine = Engine(executor=executor, system_resources={"slot": 3})
    for number in range(6):
        nap = compute.nap.map([random.random() * 0.1] * 4 + [30.0]).with_constraints(slot=1).with_retry(2)
        asyncio.run(cancelled(engine, nap, random.random() * 0.3))
        assert engine.run_now(compute.work.map(range(5)), use_vm=use_vm) == list(range(5))
    marker = os.path.join(directory, "marker")
    assert engine.run_now([compute.die_once(marker).with_retry(3), compute.work(2).with_retry(3)], use_vm=use_vm) == ["alive", 2]
    for target in (compute.nap(30.0).with_timeout(0.1), compute.die()):
        try:
            engine.run_now([target, compute.work(1).with_retry(3)], use_vm=use_vm)
        except (TimeoutError, RuntimeError):
            pass
        else:
            raise AssertionError
    assert engine.capacity._free == {"slot": 3} and not engine.capacity._waiting
until(children)
until(semaphores)
assert [thread for thread in threading.enumerate() if not thread.daemon] == [threading.main_thread()]
"""


def run_apart(script: str, path: Any, *arguments: str, seconds: float = 240, warnings: tuple[str, ...] = ()) -> None:
    seed = os.environ.get("CASCADE_SEED", "1")
    done = subprocess.run(
        [sys.executable, "-W", "error", *(f"-W{each}" for each in warnings), "-c", COMMON + script, repr(path), seed, *arguments],
        capture_output=True, text=True, timeout=seconds, check=False,
    )  # fmt: skip
    assert done.returncode == 0, f"seed {seed}: {done.stderr[-3000:]}"
    assert done.stderr == ""


def test_a_thousand_runs_at_once_on_one_engine(path):
    run_apart(THOUSAND_RUNS, path)


@posix
def test_a_map_of_a_hundred_thousand_items_with_a_limit(path):
    run_apart(LONG_MAP, path)


@posix
def test_cancellation_at_random_moments_leaves_nothing_behind(path):
    run_apart(CANCELLATION, path, os.environ.get("CASCADE_CANCELLATIONS", "3000"), seconds=1200)


@pytest.mark.skipif(
    not os.path.isdir("/proc/self") or not os.path.isdir("/dev/shm"), reason="looks at processes by Linux's means"
)
@pytest.mark.skipif(importlib.util.find_spec("loky") is None, reason="loky is not here")
def test_worker_processes_leave_nothing_behind(path):
    run_apart(PROCESSES, path, warnings=("ignore:A worker stopped:UserWarning",))
