"""The data of a run, collected from its events. Its size has limits, whatever the number of nodes."""

from __future__ import annotations

import heapq
import math
import time
from collections import Counter
from collections.abc import Callable
from typing import Any, NamedTuple

from cascade.events.names import map_of
from cascade.events.types import (
    Event,
    LoopProgress,
    ResourceAcquired,
    ResourceReleased,
    RunFinished,
    RunStarted,
    TaskBlocked,
    TaskEvent,
    TaskExecutionFinished,
    TaskExecutionStarted,
    TaskRetrying,
    TaskSkipped,
)
from cascade.observers.kernel_use import KernelUse, Use
from cascade.observers.memory import memory_now
from cascade.observers.state import CACHED, is_news

BARS = 400
"""Calls in the timeline: the longest ones."""
STATES = 5_000
"""Nodes whose state is kept for the picture of the graph."""
FAILURES, LOOPS, TASKS, SAMPLES = 20, 60, 2_000, 300
STEPS = 8.0
"""Buckets of durations for each doubling: percentiles are exact to 5 %."""
SHORTEST = 1e-9


class Bar(NamedTuple):
    """A call in the timeline; times in seconds since the start of the run."""

    seconds: float
    start: float
    task_id: str
    name: str
    status: str
    mode: str


class Durations:
    """A histogram of durations, of which percentiles can be read."""

    def __init__(self) -> None:
        self.count = 0
        self.total = 0.0
        self.longest = 0.0
        self._buckets: Counter[int] = Counter()

    def add(self, seconds: float) -> None:
        self.count += 1
        self.total += seconds
        self.longest = max(self.longest, seconds)
        self._buckets[math.floor(STEPS * math.log2(max(seconds, SHORTEST)))] += 1

    def percentile(self, share: float) -> float:
        """Returns the duration below which that share of them lies."""
        missing = share * self.count
        for bucket in sorted(self._buckets):
            missing -= self._buckets[bucket]
            if missing <= 0:
                return min(float(2.0 ** ((bucket + 0.5) / STEPS)), self.longest)
        return self.longest


class TaskData:
    """The calls of the tasks of one name.

    Attributes:
        own: seconds in which they were under way, each moment divided among all calls under way: the sum over all tasks is the time
            in which anything was.
        items: of maps.
        failed_items: those of them that failed and are values of their maps.
        first_failure: the first of these.
        in_kernels: seconds in kernels, about.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.durations = Durations()
        self.own = self.in_kernels = 0.0
        self.failed = self.abandoned = self.retries = self.blocked = self.items = self.failed_items = 0
        self.first_failure: str | None = None
        self.skipped: Counter[str] = Counter()

    @property
    def cached(self) -> int:
        return self.skipped[CACHED]


def in_kernels(task: TaskData) -> str:
    """Returns the share of the time of a task's calls that was spent in kernels; empty where there was none."""
    return share_of(task.in_kernels, task.durations.total) if task.in_kernels else ""


def share_of(part: float, whole: float) -> str:
    """Returns a share in words: `12 %`; empty where the whole is nothing."""
    if not whole > 0:
        return ""
    return f"{min(100 * part / whole, 100):.0f} %" if part >= whole / 100 else "under 1 %"


class LoopData(NamedTuple):
    """A loop or a map.

    Attributes:
        iterations: at the last event of its progress; of a map that has succeeded, the number of its items.
        seconds: until then.
        whole: its whole time, if it has ended.
        use: of kernels; None as long as it has not ended, and where it has used none.
    """

    task_id: str
    iterations: int
    seconds: float
    is_map: bool
    whole: float | None = None
    use: Use | None = None

    @property
    def steps(self) -> str:
        """The number of iterations: at least those of the last event, in a loop."""
        return f"{self.iterations:,}" if self.is_map else f"≥ {self.iterations:,}"


class FailureData(NamedTuple):
    task_id: str
    name: str
    error: str
    seconds: float
    item: int | None


class _Call(NamedTuple):
    begun: float
    share: float
    items: int | None
    mode: str


class Collected:
    """The data of one run.

    Args:
        memory: whether the memory of the process is noted.
        kernels: reads how much of a call is spent in kernels; none where that is not known.

    Attributes:
        states: of nodes, by their names: "done", "failed", "abandoned", "skipped" or "under-way", and the seconds, if it was called.
        bars: the longest calls.
        dropped: how many calls are in none.
    """

    def __init__(self, event: RunStarted, *, memory: bool = False, kernels: KernelUse | None = None) -> None:
        self._kernels = KernelUse({}) if kernels is None else kernels
        self.run_id, self.name, self.planned = event.run_id, event.target, event.tasks
        self.begun = event.timestamp
        self.end: RunFinished | None = None
        self.tasks: dict[str, TaskData] = {}
        self.states: dict[str, tuple[str, float | None]] = {}
        self.bars: list[Bar] = []
        self.dropped = 0
        self.failures: list[FailureData] = []
        self.failure_count = 0
        self.loops: dict[str, LoopData] = {}
        self.resources: list[str] = []
        self.memory: list[tuple[float, int]] = []
        self._reads_memory = memory
        self._memory_read = 0.0
        self._under_way: dict[str, _Call] = {}
        self._share = 0.0  # the integral of 1 / (number of calls under way)
        self._moment = event.timestamp

    @property
    def seconds(self) -> float:
        return self.end.duration if self.end is not None else self._moment - self.begun

    @property
    def calls(self) -> int:
        return sum(task.durations.count for task in self.tasks.values())

    def add(self, event: Event) -> None:
        if self._reads_memory:
            self._read_memory(event.timestamp)
        handler = _HANDLERS.get(type(event))
        if handler is not None:
            handler(self, event)

    def _was_skipped(self, event: TaskSkipped) -> None:
        self._task(event).skipped[event.reason] += 1
        if event.reason != CACHED or map_of(event.task_id) is None:
            self._set_state(event.task_id, "done" if event.reason == CACHED else "skipped", None)

    def _retrying(self, event: TaskRetrying) -> None:
        self._task(event).retries += 1

    def _blocked(self, event: TaskBlocked) -> None:
        self._task(event).blocked += 1

    def _ended(self, event: RunFinished) -> None:
        self.end = event

    def _task(self, event: TaskEvent) -> TaskData:
        name = event.task_name if event.task_name in self.tasks or len(self.tasks) < TASKS else "(other tasks)"
        task = self.tasks.get(name)
        if task is None:
            task = self.tasks[name] = TaskData(name)
        return task

    def _advance(self, moment: float) -> None:
        if self._under_way and moment > self._moment:
            self._share += (moment - self._moment) / len(self._under_way)
        self._moment = max(moment, self._moment)

    def _started(self, event: TaskExecutionStarted) -> None:
        self._advance(event.timestamp)
        self._under_way[event.task_id] = _Call(event.timestamp, self._share, event.items, event.mode)
        self._kernels.begin(event.task_id, event.task_name)
        self._set_state(event.task_id, "under-way", None)

    def _finished(self, event: TaskExecutionFinished) -> None:
        self._advance(event.timestamp)
        task, call = self._task(event), self._under_way.pop(event.task_id, None)
        task.durations.add(event.duration)
        use = self._kernels.end(event.task_id, event.task_name, event.duration)
        task.in_kernels += (use.seconds or 0.0) if use is not None else 0.0
        if call is not None:
            task.own += self._share - call.share
            task.items += call.items or 0
        task.failed_items += event.failed_items
        task.first_failure = task.first_failure or event.first_failure
        good = event.status == "Succeeded"
        task.abandoned += event.abandoned
        task.failed += not good and not event.abandoned
        self._set_state(event.task_id, _status_of(event), event.duration)
        if is_news(event):
            self._note_failure(event)
        start = (event.timestamp - event.duration if call is None else call.begun) - self.begun
        mode = "inline" if call is None else call.mode
        self._add_bar(Bar(event.duration, start, event.task_id, event.task_name, _status_of(event), mode))
        loop = self.loops.get(event.task_id)
        if loop is not None:
            loop = loop._replace(whole=event.duration, use=use)
            if good and call is not None and call.items is not None:
                loop = loop._replace(iterations=call.items, seconds=event.duration)
            self.loops[event.task_id] = loop

    def _note_failure(self, event: TaskExecutionFinished) -> None:
        self.failure_count += 1
        if len(self.failures) < FAILURES:
            self.failures.append(
                FailureData(event.task_id, event.task_name, str(event.error), event.duration, event.failed_item)
            )

    def _add_bar(self, bar: Bar) -> None:
        if len(self.bars) < BARS:
            heapq.heappush(self.bars, bar)
            return
        self.dropped += 1
        if bar > self.bars[0]:
            heapq.heapreplace(self.bars, bar)

    def _progressed(self, event: LoopProgress) -> None:
        call = self._under_way.get(event.task_id)
        if event.task_id in self.loops or len(self.loops) < LOOPS:
            seconds = event.elapsed or event.timestamp - (self.begun if call is None else call.begun)
            is_map = call is not None and call.items is not None
            self.loops[event.task_id] = LoopData(event.task_id, event.iteration, seconds, is_map)

    def _set_state(self, task_id: str, state: str, seconds: float | None) -> None:
        if task_id in self.states or len(self.states) < STATES:
            self.states[task_id] = (state, seconds)

    def _resource(self, event: ResourceAcquired | ResourceReleased) -> None:
        if len(self.resources) < LOOPS:
            released = isinstance(event, ResourceReleased)
            error = event.error if isinstance(event, ResourceReleased) else None
            at = f"{event.timestamp - self.begun:.3f} s: {event.resource_name} {'released' if released else 'acquired'}"
            self.resources.append(at + (f", its tear-down failed: {error}" if error is not None else ""))

    def _read_memory(self, moment: float) -> None:
        now = time.monotonic()
        if now - self._memory_read < 0.05:
            return
        self._memory_read = now
        size = memory_now()
        if size is not None:
            self.memory.append((moment - self.begun, size))
            if len(self.memory) > SAMPLES:
                self.memory = self.memory[::2]


def _status_of(event: TaskExecutionFinished) -> str:
    return "done" if event.status == "Succeeded" else "abandoned" if event.abandoned else "failed"


_HANDLERS: dict[type[Event], Callable[[Collected, Any], None]] = {
    TaskExecutionStarted: Collected._started,
    TaskExecutionFinished: Collected._finished,
    TaskSkipped: Collected._was_skipped,
    TaskRetrying: Collected._retrying,
    TaskBlocked: Collected._blocked,
    LoopProgress: Collected._progressed,
    ResourceAcquired: Collected._resource,
    ResourceReleased: Collected._resource,
    RunFinished: Collected._ended,
}
"""Events of items are not among them: a file of events may hold some, and a map is one call."""
