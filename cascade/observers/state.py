"""What is known of runs from their events."""

from __future__ import annotations

from typing import Any, NamedTuple

from cascade.runtime.events import (
    Event,
    LoopProgress,
    RunFinished,
    RunStarted,
    TaskEvent,
    TaskExecutionFinished,
    TaskExecutionStarted,
)


class Loop(NamedTuple):
    iteration: int
    rate: float


class Group:
    """The tasks of one name: the items of a map, a fan-out, or a single one."""

    __slots__ = ("failed", "finished", "started")

    def __init__(self) -> None:
        self.started = 0
        self.finished = 0
        self.failed = 0


class RunState:
    """One run. What it keeps grows with what is under way and with the number of different tasks, not with the run."""

    def __init__(self, event: RunStarted) -> None:
        self.target = event.target
        self.begun = event.timestamp
        self.planned = event.tasks
        self.started = 0
        self.finished = 0
        self.failed = 0
        self.skipped = 0
        self.groups: dict[str, Group] = {}
        self.running: dict[str, tuple[str, float]] = {}  # by task_id: name, begun
        self.loops: dict[str, Loop] = {}
        self.end: RunFinished | None = None

    @property
    def total(self) -> int:
        """How many tasks there are, as far as is known: tasks may answer with more."""
        return max(self.planned, self.started + self.skipped)

    @property
    def done(self) -> int:
        return self.finished + self.failed + self.skipped

    def hear(self, event: Event) -> None:
        if isinstance(event, TaskExecutionStarted):
            self.started += 1
            self.running[event.task_id] = (event.task_name, event.timestamp)
            self._group(event).started += 1
        elif isinstance(event, TaskExecutionFinished):
            self.running.pop(event.task_id, None)
            self.loops.pop(event.task_id, None)
            group = self._group(event)
            if event.status == "Succeeded":
                self.finished += 1
                group.finished += 1
            else:
                self.failed += 1
                group.failed += 1
        elif isinstance(event, LoopProgress):
            self.loops[event.task_id] = Loop(event.iteration, event.rate)
        elif isinstance(event, RunFinished):
            self.end = event
        elif type(event).__name__ == "TaskSkipped":
            self.skipped += 1

    def _group(self, event: TaskEvent) -> Group:
        group = self.groups.get(event.task_name)
        if group is None:
            group = self.groups[event.task_name] = Group()
        return group


class States:
    """The runs that are under way, by their ids."""

    def __init__(self) -> None:
        self.runs: dict[str, RunState] = {}

    def hear(self, event: Event) -> RunState | None:
        """Takes note of an event; returns its run, or None if its start was not heard."""
        if isinstance(event, RunStarted):
            self.runs[event.run_id] = RunState(event)
        run = self.runs.get(event.run_id)
        if run is not None:
            run.hear(event)
            if isinstance(event, RunFinished):
                del self.runs[event.run_id]
        return run


def is_terminal(file: Any) -> bool:
    try:
        return bool(file.isatty())
    except (AttributeError, ValueError):  # something that only looks like a file, or is closed
        return False


def duration(seconds: float) -> str:
    """A length of time for people: `1.2 ms`, `3.4 s`, `2:05:10`."""
    if seconds < 0.0995:
        return f"{seconds * 1000:.1f} ms"
    if seconds < 99.5:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def count(number: int, word: str) -> str:
    return f"{number:,} {word}{'' if number == 1 else 's'}"


def one_line(text: str) -> str:
    """A text without line ends and control characters, which could do things to a terminal."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def summary(run: RunState, end: RunFinished) -> str:
    """How a run ended, in one line."""
    parts = [count(run.finished, "task")]
    if run.failed:
        parts.append(f"{run.failed:,} failed")
    if run.skipped:
        parts.append(f"{run.skipped:,} skipped")
    text = f"{', '.join(parts)} in {duration(end.duration)}"
    return text if end.error is None else f"{text}: {one_line(end.error)}"
