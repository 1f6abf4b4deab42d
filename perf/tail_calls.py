"""Steps of tail calls over numbers, text and lists, beside a plain loop in one task: `python perf/tail_calls.py`.

Each row is the processor time of a step, the median of several rounds of 60 calls with 120 steps each.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from typing import Any

import cascade as cs

TEXT, ITEMS, STEPS = "abc" * 40, list(range(120)), 120
CALLS, ROUNDS = 60, 15


@cs.task
def summed(n: int, total: int = 0) -> Any:
    return total if n == 0 else summed.tail(n - 1, total + n)


@cs.task
def joined(text: str, i: int, found: str) -> Any:
    return found if i >= len(text) else joined.tail(text, i + 1, found + text[i])


@cs.task
def copied(items: list[int], i: int, found: list[int]) -> Any:
    if i >= len(items):
        return found
    found.append(items[i])
    return copied.tail(items, i + 1, found)


@cs.task
def even(items: list[int], i: int, total: int) -> Any:
    return total if i >= len(items) else odd.tail(items, i + 1, total + items[i])


@cs.task
def odd(items: list[int], i: int, total: int) -> Any:
    return total if i >= len(items) else even.tail(items, i + 1, total - items[i])


@cs.task
def looped(text: str) -> str:
    found = ""
    for i in range(len(text)):
        found += text[i]
    return found


ROWS: tuple[tuple[str, cs.Task[..., Any], Callable[[], tuple[Any, ...]], object], ...] = (
    ("numbers, one task", summed, lambda: (STEPS,), STEPS * (STEPS + 1) // 2),
    ("text, one task", joined, lambda: (TEXT, 0, ""), TEXT),
    ("a list, one task", copied, lambda: (ITEMS, 0, []), ITEMS),
    ("a list, two tasks", even, lambda: (ITEMS, 0, 0), sum(ITEMS[::2]) - sum(ITEMS[1::2])),
    ("text, a plain loop in one task", looped, lambda: (TEXT,), TEXT),
)


def nanoseconds(program: Callable[..., Any], arguments: Callable[[], tuple[Any, ...]]) -> float:
    """Returns the time of a step, once kernels are made."""
    for _ in range(10 * CALLS):
        program(*arguments())
    found = []
    for _ in range(ROUNDS):
        begun = time.process_time()
        for _ in range(CALLS):
            program(*arguments())
        found.append((time.process_time() - begun) / CALLS / STEPS * 1e9)
    return statistics.median(found)


def main() -> None:
    for name, task, arguments, expected in ROWS:
        program = cs.compile(task)
        assert program(*arguments()) == expected
        print(f"{name:32} {nanoseconds(program, arguments):6.0f} ns a step")


if __name__ == "__main__":
    main()
