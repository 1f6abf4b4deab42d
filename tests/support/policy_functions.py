"""Functions that are called under policies. In a module of their own, so that their source, lines and names do not change."""

from __future__ import annotations

import contextvars
import sys
import threading
import warnings
from typing import Any

import cascade as cs

RUNNING = True
LIMIT = 1_000_003
variable = contextvars.ContextVar("variable", default=0)
seen: list[Any] = []


def total(n, start=0):
    """A kernel of numbers: it has no objects, and releases the GIL when it takes long."""
    s = start
    i = 0
    while i < n:
        s = (s * 3 + i) % LIMIT
        i += 1
    return s


def collected(n, start=0):
    """A kernel of blocks: it has a list."""
    found = [start]
    for i in range(n):
        found.append((found[i] * 3 + i) % LIMIT)
    return found


def divided(n):
    s = 0
    for i in range(n, -2, -1):
        s += 100 // i
    return s


def looked_up(n):
    found = []
    for i in range(n):
        found.append([10, 20, 30][i])
    return found


def warned(n):
    s = 0
    for i in range(n):
        s += i
    warnings.warn(f"total {s}", stacklevel=1)
    warnings.warn(f"caller of total {s}", stacklevel=2)
    return s


def context_total(n):
    found = []
    for i in range(n):
        found.append(variable.get() + i)
    variable.set(variable.get() + 1)
    return found


def fails_twice(n):
    seen.append(n)
    s = 0
    for i in range(n):
        s += i
    if len(seen) < 3:
        raise ValueError(s)
    return s


def tail_total(n, s=0):
    i = 0
    while i < n:
        s += i
        i += 1
    return s if n == 0 else cs.TailCall((n - 1, s))


def until_stopped(n):
    """Runs until RUNNING is false."""
    while RUNNING:
        n = (n + 1) % 1000
    return n


def until_stopped_with_list(n):
    found = [n]
    while RUNNING:
        found[0] = (found[0] + 1) % 1000
    return found


def visits(counts, depth):
    """Visits a tree so large that it never ends: there is no loop in it."""
    counts[0] += 1
    if depth == 0:
        return counts[0]
    visits(counts, depth - 1)
    return visits(counts, depth - 1)


def leaves(counts, depth, path):
    """Visits a tree so large that it never ends, unless RUNNING gets false; returns a list of the leaves."""
    counts[0] += 1
    if not RUNNING or depth == 0:
        return [path]
    return leaves(counts, depth - 1, path + "a") + leaves(counts, depth - 1, path + "b")


def cleaned_up(n):
    found = [n]
    try:
        while RUNNING:
            found[0] = (found[0] + 1) % 1000
    finally:
        seen.append("cleaned up")
    return found


def names_of_callers(n):
    names = []
    for _ in range(n):
        frame = sys._getframe()
        names.append(frame.f_code.co_name)
    return names


def thread_total(n, start=0):
    s = start
    for i in range(n):
        s = (s * 3 + i) % LIMIT
    return s, threading.current_thread().name


def with_object(n, value):
    s = 0
    for i in range(n):
        s += i
    return [s, value]


def nested(n):
    found = [n]
    for i in range(3):
        found.append(i)
    return found if n == 0 else found + cs.run(nested_task(n - 1).with_retry(2))


nested_task = cs.task(nested)
