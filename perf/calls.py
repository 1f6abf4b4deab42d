"""Calls under policies, in threads and in workers, beside plain Python: `python perf/calls.py`.

Each row is a call of a function by one way, as often as fills some tenths of a second, and the same calls of the function by plain
Python right before. A ratio of 2 says that the way takes half the time of plain Python. The best of several rounds counts.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from io import StringIO
from typing import Any

import cascade as cs

ROUNDS = 7
N = 200_000


def numbers(n: int) -> int:
    s = 0
    i = 0
    while i < n:
        s = (s * 3 + i) % 1_000_003
        i += 1
    return s


def lists(n: int) -> int:
    found = [0] * 1000
    for i in range(n):
        found[i % 1000] += i
    return sum(found)


def fib_plain(n: int) -> int:
    return n if n < 2 else fib_plain(n - 1) + fib_plain(n - 2)


@cs.task
def add(a: int, b: int) -> int:
    return a + b


@cs.task
def fib(n: int) -> Any:
    return n if n < 2 else add(fib(n - 1), fib(n - 2))


def ways(function: Callable[[int], int]) -> dict[str, Callable[[], Any]]:
    """Returns the targets, made before they are timed."""
    task = cs.task(function)
    log = [cs.console("log", file=StringIO())]
    call = task(N)
    return {
        "plain call": lambda: cs.run(call),
        "retry": run(task(N).with_retry(3)),
        "timeout": run(task(N).with_timeout(60)),
        "constraint": run(task(N).with_constraints(cpu=1), system_resources={"cpu": 1}),
        "condition": run(task(N).run_if(True)),
        "map with a policy": run(task.map([N]).with_retry(2)),
        "observed map": run(task.map([N]), observers=log),
        "observed Router": run(cs.Router("a", {"a": task(N)}), observers=log),
        "thread": run(cs.task(function, mode="blocking")(N)),
        "worker process": run(cs.task(function, mode="compute")(N)),
        "retry, graph path": run(task(N).with_retry(3), use_vm=False),
    }


def run(target: Any, **options: Any) -> Callable[[], Any]:
    return lambda: cs.run(target, **options)


def seconds(call: Callable[[], Any]) -> tuple[float, Any]:
    begun = time.perf_counter()
    value = call()
    return time.perf_counter() - begun, value


def ratio(call: Callable[[], Any], plain: Callable[[], Any]) -> tuple[float, float]:
    """Returns the seconds of a call, and how many times as long plain Python takes."""
    best = [float("inf"), float("inf")]
    for _ in range(ROUNDS):
        expected_seconds, expected = seconds(plain)
        own_seconds, found = seconds(call)
        found = found[0] if isinstance(found, list) else found
        assert found == expected, (found, expected)
        best = [min(best[0], own_seconds), min(best[1], expected_seconds)]
    return best[0], best[1] / best[0]


def main() -> None:
    print(sys.version)
    for function in (numbers, lists):
        for name, call in ways(function).items():
            for _ in range(12):
                call()  # its kernels are made, and compared with CPython
            took, times = ratio(call, lambda function=function: function(N))
            print(f"{function.__name__:8} {name:20} {1e3 * took:8.2f} ms  {times:6.2f} times plain Python's speed")
    took, times = ratio(lambda: cs.run(fib(20)), lambda: fib_plain(20))
    print(f"fib(20)  a graph a call       {1e3 * took:8.2f} ms  {times:6.4f} times plain Python's speed")


if __name__ == "__main__":
    main()
