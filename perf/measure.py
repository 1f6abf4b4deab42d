"""One measurement: the run, its expected value, and its clock."""

from __future__ import annotations

import asyncio
import gc
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

T = TypeVar("T")
Run = Callable[..., Any]
Clock = Callable[[Run, int], tuple[float, Any]]


def repeated(run: Run, loops: int) -> tuple[float, Any]:
    """Calls `run` repeatedly; returns the seconds of all calls and the last value."""
    value = None
    begun = time.perf_counter()
    for _ in range(loops):
        value = run()
    return time.perf_counter() - begun, value


def separately(run: Run, loops: int) -> tuple[float, Any]:
    """Clocks each call on its own, and collects garbage in between: the code of a task that was freed is cyclic."""
    seconds = 0.0
    value = None
    for _ in range(loops):
        gc.collect()
        begun = time.perf_counter()
        value = run()
        seconds += time.perf_counter() - begun
    return seconds, value


def awaited(run: Run, loops: int) -> tuple[float, Any]:
    """Awaits `run()` repeatedly, inside a running event loop."""

    async def inside() -> tuple[float, Any]:
        value = None
        begun = time.perf_counter()
        for _ in range(loops):
            value = await run()
        return time.perf_counter() - begun, value

    return asyncio.run(inside())


def by_itself(run: Run, loops: int) -> tuple[float, Any]:
    """Lets `run` do the clocking, for runs in another process: it takes `loops` and returns seconds and a value."""
    seconds, value = run(loops)
    return seconds, value


@dataclass(frozen=True)
class Measure:
    """A run to measure, under its name in the results.

    Attributes:
        name: as it stands in the results.
        prepare: returns the function to run.
        expected: returns the value that a run has to return. Like `prepare`, it is called once, where it is measured.
        steps: how many steps (nodes, calls) a run makes; the figures are per step.
        clock: how it is clocked.
        loops: how many runs are clocked together; 0 leaves that to pyperf, which tries it out in a process more.
    """

    name: str
    prepare: Callable[[], Run]
    expected: Callable[[], Any]
    steps: int
    clock: Clock = repeated
    loops: int = 0

    def sampler(self) -> Callable[[int], float]:
        """Returns a function from a number of runs to their seconds. It prepares at its first call, and checks the answer."""
        prepared: list[tuple[Run, Any]] = []

        def sample(loops: int) -> float:
            if not prepared:
                prepared.append((self.prepare(), self.expected()))
            run, expected = prepared[0]
            seconds, value = self.clock(run, loops)
            if value != expected:
                raise AssertionError(f"{self.name} gave {value!r:.200}, expected {expected!r:.200}")
            return seconds

        return sample


def always(value: T) -> Callable[[], T]:
    """Returns a function that returns `value`, for a measure without preparation."""
    return lambda: value
