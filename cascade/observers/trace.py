"""Traces of runs in the format of Chrome and Perfetto (the *Trace Event Format*): slices, asynchronous lanes, flows along edges, counters."""

from __future__ import annotations

import json
import os
from collections.abc import Callable

from cascade._vm import entry_point
from cascade.declare.task import Task
from cascade.events.types import (
    Event,
    LoopProgress,
    RunFinished,
    RunStarted,
    TaskExecutionFinished,
    TaskExecutionStarted,
    TaskRetrying,
    TaskSkipped,
)
from cascade.observers.each_run import EachRun, output_file
from cascade.observers.kernel_use import KernelUse, Use
from cascade.observers.memory import memory_now
from cascade.observers.target import TargetData

COUNTED, WEIGHED = 1_000.0, 50_000.0
"""Microseconds between two values of counters, at least; and of that of the memory."""
CALLS, MARKS = 1, 2
"""The lanes of calls in place, and of marks without a length."""


class Trace(EachRun["_Run"]):
    """An observer that writes a trace; the file holds the last run."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        super().__init__()
        self.path = output_file("trace", path, "run.json")

    def begin(self, event: RunStarted, target: TargetData | None) -> _Run:
        return _Run(event, target)

    def end(self, run: _Run, target: TargetData | None) -> None:
        document = {"displayTimeUnit": "ms", "traceEvents": run.events}
        # Perfetto refuses escaped surrogates, so characters are written as they are.
        text = json.dumps(document, ensure_ascii=False, separators=(",", ":"))
        self.path.write_text(text, encoding="utf-8", errors="replace")


@entry_point
def trace(path: str | os.PathLike[str]) -> Callable[[Event], object]:
    """Returns an observer that writes a trace for chrome://tracing or https://ui.perfetto.dev: `observers=[cs.trace("run.json")]`.

    Calls in place are slices of one lane; calls that are awaited, run elsewhere or have policies have lanes of their own; flows lead
    along the edges of the target's graph; skips, retries and steps of loops are marks, and counters have the calls under way and ended, the
    time in kernels, the steps a second, and the memory of the process. Where a call ran in kernels, a slice inside it is as long as that took,
    about; its place is not known, so it stands at the start. The items of maps are not listed. The trace is kept in memory, some 200 bytes a call, until the run ends.

    Args:
        path: of the file; it is written at the end of each run, and holds the last one.

    Raises:
        DeclarationError: (a TypeError) `path` is not the path of a file in a directory that is there.
    """
    return Trace(path)


trace.makes_observers = True  # type: ignore[attr-defined]


class _Run:
    def __init__(self, event: RunStarted, target: TargetData | None) -> None:
        self.events: list[dict[str, object]] = []
        self._begun = event.timestamp
        self._process = os.getpid()
        self._rows = () if target is None or target.graph is None else target.graph.rows
        self._started: dict[str, float] = {}
        self._ends: dict[int, float] = {}
        self._flows = 0
        self._counted, self._weighed = -COUNTED, -WEIGHED
        self._totals = {"succeeded": 0, "failed": 0, "retries": 0}
        self._in_kernels = 0.0
        self._kernels = KernelUse({} if target is None else target.routines())
        self._add("M", "process_name", 0.0, CALLS, args={"name": f"run of {event.target}"})
        self._add("M", "thread_name", 0.0, CALLS, args={"name": "calls in place"})
        self._add("M", "thread_name", 0.0, MARKS, args={"name": "skips, retries, steps"})

    def _add(self, phase: str, name: str, moment: float, lane: int = CALLS, **more: object) -> None:
        self.events.append(
            {"ph": phase, "name": name, "ts": round(moment, 3), "pid": self._process, "tid": lane, **more}
        )

    def _at(self, event: Event) -> float:
        return max(1e6 * (event.timestamp - self._begun), 0.0)  # microseconds

    def add(self, event: Event) -> None:
        if isinstance(event, TaskExecutionStarted):
            self._started[event.task_id] = self._at(event)
            self._kernels.begin(event.task_id, event.task_name)
            self._count(event)
        elif isinstance(event, TaskExecutionFinished):
            self._finished(event)
        elif isinstance(event, TaskSkipped):
            self._mark(event, f"{event.task_id} skipped", {"reason": event.reason})
        elif isinstance(event, TaskRetrying):
            self._totals["retries"] += 1
            self._mark(
                event, f"{event.task_id} again", {"attempt": event.attempt, "error": event.error, "delay": event.delay}
            )
        elif isinstance(event, LoopProgress):
            self._add("C", f"{event.task_id}: steps a second", self._at(event), args={"rate": round(event.rate, 3)})
        elif isinstance(event, RunFinished):
            self._counted = -COUNTED
            self._count(event)
            self._mark(event, f"run {event.status.lower()}", {"error": event.error})

    def _mark(self, event: Event, name: str, args: dict[str, object]) -> None:
        self._add("i", name, self._at(event), MARKS, s="t", args=args)

    def _count(self, event: Event) -> None:
        moment = self._at(event)
        if moment < self._counted + COUNTED:
            return
        self._counted = moment
        self._add("C", "calls under way", moment, args={"calls": len(self._started)})
        self._add("C", "calls ended", moment, args={**self._totals})
        self._add("C", "time in kernels", moment, args={"ms": round(1e3 * self._in_kernels, 3)})
        size = memory_now() if moment >= self._weighed + WEIGHED else None
        if size is not None:
            self._weighed = moment
            self._add("C", "memory", moment, args={"MB": round(size / 1e6, 1)})

    def _finished(self, event: TaskExecutionFinished) -> None:
        start, end = self._started.pop(event.task_id, self._at(event)), self._at(event)
        self._totals["succeeded" if event.status == "Succeeded" else "failed"] += 1
        args: dict[str, object] = {
            "status": event.status,
            "result": event.result_preview,
            "error": event.error,
            "task": event.task_name,
        }
        use = self._kernels.end(event.task_id, event.task_name, event.duration)
        if use is not None:
            args |= {"kernel entries": use.entries, "call-outs": use.call_outs, "side exits": use.exits}
        row = self._row_of(event)
        is_plain = row is not None and self._is_in_place(row)
        spans = [(event.task_id, end, args), *self._kernel_span(event, use, start, end)]
        if is_plain:
            for name, until, more in spans:
                self._add("X", name, start, dur=round(until - start, 3), cat="call", args=more)
        else:
            lane: dict[str, object] = {"cat": "awaited", "id": f"{event.run_id}/{event.task_id}"}
            for name, _, more in spans:
                self._add("b", name, start, CALLS, **lane, args=more)
            for name, until, _ in reversed(spans):
                self._add("e", name, until, CALLS, **lane)
        if row is not None:
            self._flow(row, start, end, is_plain)
        self._count(event)

    def _kernel_span(
        self, event: TaskExecutionFinished, use: Use | None, start: float, end: float
    ) -> list[tuple[str, float, dict[str, object]]]:
        """Returns the name of the slice of a call's kernels, its end and its arguments; none where their time is not known."""
        if use is None or use.seconds is None:
            return []
        self._in_kernels += use.seconds
        return [(f"kernel of {event.task_name}", min(start + 1e6 * use.seconds, end), {"entries": use.entries})]

    def _row_of(self, event: TaskExecutionFinished) -> int | None:
        """Returns the number of the row of the target's graph; None for a node of a graph that a task returned."""
        name, _, number = event.task_id.rpartition("#")
        if not number.isdigit() or int(number) >= len(self._rows):
            return None
        return int(number) if self._rows[int(number)][0].name == name else None

    def _is_in_place(self, row: int) -> bool:
        operation = self._rows[row][0]
        return type(operation) is Task and operation.mode == "inline" and not operation.is_async

    def _flow(self, row: int, start: float, end: float, is_plain: bool) -> None:
        """Adds flows from the calls whose values it takes, through containers; viewers draw them between slices only."""
        if is_plain:
            for source in self._sources(row):
                self._flows += 1
                flow: dict[str, object] = {"cat": "edge", "id": self._flows}
                self._add("s", "value", self._ends[source], CALLS, **flow)
                self._add("f", "value", start, CALLS, bp="e", **flow)
            # Half a microsecond before its end, where the slice is still there.
            self._ends[row] = max(start, end - 0.5)

    def _sources(self, row: int) -> set[int]:
        found: set[int] = set()
        waiting, seen = [*self._rows[row][1:]], {row}
        while waiting:
            reference = waiting.pop()
            if reference in self._ends:
                found.add(reference)
            elif reference >= 0 and reference not in seen and not hasattr(self._rows[reference][0], "task"):
                seen.add(reference)
                waiting += self._rows[reference][1:]
        return found
