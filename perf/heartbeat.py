"""How late a 10 ms heartbeat comes beside loops of every speed, and how soon a timeout, a cancellation and Ctrl-C take effect.

    python perf/heartbeat.py [--seconds 2]

A late beat may be the computer's doing as well: the first row, beside no loop at all, shows that part.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import statistics
import threading
import time
from collections.abc import Callable
from typing import Any

import cascade as cs

BEAT = 0.010


@cs.task(lower=True)
def typed(n: int) -> Any:
    return cs.TailCall((n + 1,))


@cs.task(lower=True)
def typed_loop(n: int) -> Any:
    while n >= 0:
        n = (n + 1) % 1_000_000
    return n


@cs.task(lower=False)
def fast(n: int) -> Any:
    return cs.TailCall((n + 1,))


@cs.task
def slow(n: int) -> Any:
    time.sleep(0.001)
    return cs.TailCall((n + 1,))


@cs.task
def sudden(n: int) -> Any:
    # Long runs of fast steps, then slow ones, which mislead an estimate of the speed.
    if n % 100_000 > 99_900:
        time.sleep(0.001)
    return cs.TailCall((n + 1,))


@cs.task
def answering(n: int) -> Any:
    return answering(n + 1)


@cs.task
async def asynchronous(n: int) -> Any:
    return cs.TailCall((n + 1,))


@cs.task
def increment(n: int) -> int:
    return n + 1


@cs.task
def growing(n: int) -> Any:
    value: Any = n
    for _ in range(100):
        value = increment(value)
    return growing(value)


LOOPS: dict[str, Callable[[int], Any]] = {
    "2 ns steps": typed,
    "a loop in typed code": typed_loop,
    "50 ns steps": fast,
    "1 ms steps": slow,
    "50 ns, suddenly 1 ms": sudden,
    "returns a task": answering,
    "returns 100 nodes": growing,
    "async steps": asynchronous,
}


async def beat(delays: list[float]) -> None:
    while True:
        begun = time.perf_counter()
        await asyncio.sleep(BEAT)
        delays.append(time.perf_counter() - begun - BEAT)


async def delays_beside(target: Any, use_vm: bool, seconds: float) -> list[float]:
    """Returns the delays of the heartbeat, in seconds."""
    delays: list[float] = []
    heart = asyncio.ensure_future(beat(delays))
    try:
        async with asyncio.timeout(seconds):
            await (asyncio.sleep(seconds * 2) if target is None else cs.arun(target, use_vm=use_vm))
    except TimeoutError:
        pass
    heart.cancel()
    return delays


async def reaction_to_cancel(target: Any, use_vm: bool) -> float:
    run = asyncio.ensure_future(cs.arun(target, use_vm=use_vm))
    await asyncio.sleep(0.05)
    begun = time.perf_counter()
    run.cancel()
    await asyncio.wait([run])
    assert run.cancelled() and len(asyncio.all_tasks()) == 1
    return time.perf_counter() - begun


async def reaction_to_timeout(target: Any, use_vm: bool) -> float:
    begun = time.perf_counter()
    try:
        await cs.arun(target, use_vm=use_vm, timeout=0.05)
    except TimeoutError:
        return time.perf_counter() - begun - 0.05
    raise AssertionError("the loop has ended")


def reaction_to_interrupt(target: Any, use_vm: bool) -> float:
    sent: list[float] = []

    def interrupt() -> None:
        sent.append(time.perf_counter())
        os.kill(os.getpid(), signal.SIGINT)

    timer = threading.Timer(0.05, interrupt)
    timer.start()
    try:
        cs.run(target, use_vm=use_vm)
    except KeyboardInterrupt:
        return time.perf_counter() - sent[0]
    raise AssertionError("the loop has ended")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=2.0, help="how long each heartbeat is watched")
    seconds = parser.parse_args().seconds
    print("milliseconds                          late beat, median  worst   cancelled  timed out  Ctrl-C")
    idle = asyncio.run(delays_beside(None, True, seconds))
    print(f"{'nothing':<36} {statistics.median(idle) * 1e3:>18.2f} {max(idle) * 1e3:>6.2f}")
    for use_vm in (True, False):
        for name, loop in LOOPS.items():
            delays = asyncio.run(delays_beside(loop(0), use_vm, seconds))
            reactions = (
                asyncio.run(reaction_to_cancel(loop(0), use_vm)),
                asyncio.run(reaction_to_timeout(loop(0), use_vm)),
                reaction_to_interrupt(loop(0), use_vm),
            )
            row = f"{name}, {'VM' if use_vm else 'graph'} path"
            print(
                f"{row:<36} {statistics.median(delays) * 1e3:>18.2f} {max(delays) * 1e3:>6.2f}   "
                f"{reactions[0] * 1e3:>9.2f}  {reactions[1] * 1e3:>9.2f}  {reactions[2] * 1e3:>6.2f}"
            )


if __name__ == "__main__":
    main()
