"""Observers that write lines: text for pipes and log files, JSON for machines."""

from __future__ import annotations

import dataclasses
import json
import logging
import threading
import time
from typing import Any, TextIO

from cascade.observers.state import RunState, States, count, duration, one_line, summary
from cascade.runtime.events import Event, LoopProgress, RunFinished, RunStarted, TaskExecutionFinished, TaskExecutionStarted
from cascade.runtime.preview import preview

logger = logging.getLogger("cascade")
SHOWN = 3
QUIET = ("TaskExecutionStarted", "LoopProgress", "ResourceAcquired", "TaskBlocked")
"""Events that are told only by a verbose log, and in the lines of progress."""


class _Lines:
    def __init__(self, file: TextIO) -> None:
        self._file = file
        self._lock = threading.Lock()  # an engine may be shared by threads
        self._open = True

    def write(self, line: str) -> None:
        """Writes a line at once. When nobody reads any more, that is reported, and nothing is written from then on."""
        if not self._open:
            return
        try:
            self._file.write(line + "\n")
            self._file.flush()
        except UnicodeEncodeError:
            self._file.write(line.encode("ascii", "backslashreplace").decode() + "\n")
            self._file.flush()
        except (OSError, ValueError) as error:  # a broken pipe, a full disk, a closed file
            self._open = False
            logger.warning("events are no longer written to %s: %s", getattr(self._file, "name", self._file), error)


class JsonLines(_Lines):
    """One JSON object a line: `event`, the name of the event's class, and its attributes."""

    def __call__(self, event: Event) -> None:
        fields: dict[str, Any] = {"event": type(event).__name__}
        for field in dataclasses.fields(event):
            fields[field.name] = _plain(getattr(event, field.name))
        line = json.dumps(fields)
        with self._lock:
            self.write(line)


def _plain(value: Any) -> Any:
    if value is None or isinstance(value, (str, bool, int)):
        return value
    if isinstance(value, float):
        return value if value - value == 0 else None  # JSON knows neither infinity nor nan
    return preview(value)


class Log(_Lines):
    """Lines of text: the start and the end of a run, failures, and how far it is now and then."""

    def __init__(self, file: TextIO, *, verbose: bool = False, interval: float = 1.0) -> None:
        super().__init__(file)
        self._verbose = verbose
        self._interval = interval
        self._states = States()
        self._told: dict[str, float] = {}

    def __call__(self, event: Event) -> None:
        with self._lock:
            run = self._states.hear(event)
            line = self._line(event, run)
            if line is not None and (self._verbose or type(event).__name__ not in QUIET):
                clock = time.strftime("%H:%M:%S", time.localtime(event.timestamp))
                self.write(f"{clock}.{int(event.timestamp % 1 * 1000):03} [{event.run_id[:6]}] {line}")
            elif run is not None and event.timestamp - self._told.get(event.run_id, run.begun) >= self._interval:
                self._told[event.run_id] = event.timestamp
                clock = time.strftime("%H:%M:%S", time.localtime(event.timestamp))
                self.write(f"{clock}.{int(event.timestamp % 1 * 1000):03} [{event.run_id[:6]}] {_progress(run)}")
            if isinstance(event, RunFinished):
                self._told.pop(event.run_id, None)

    def _line(self, event: Event, run: RunState | None) -> str | None:
        if isinstance(event, RunStarted):
            return f"run of {one_line(event.target)} started, {count(event.tasks, 'task')}"
        if isinstance(event, RunFinished):
            ended = "succeeded" if event.status == "Succeeded" else "FAILED"
            return f"run {ended}" + ("" if run is None else f": {summary(run, event)}")
        if isinstance(event, TaskExecutionStarted):
            return f"{one_line(event.task_id)} started"
        if isinstance(event, TaskExecutionFinished):
            if event.status != "Succeeded":
                return f"{one_line(event.task_id)} FAILED after {duration(event.duration)}: {one_line(str(event.error))}"
            return f"{one_line(event.task_id)} = {event.result_preview} in {duration(event.duration)}" if self._verbose else None
        if isinstance(event, LoopProgress):
            return f"{one_line(event.task_id)} in iteration {event.iteration:,}, {event.rate:,.0f} a second"
        # Any other: what it says, without what every event has.
        fields = [field.name for field in dataclasses.fields(event)]
        told = [name for name in fields if name not in ("run_id", "event_id", "timestamp", "task_name", "task_id")]
        who = one_line(getattr(event, "task_id", "")) + " " if hasattr(event, "task_id") else ""
        if type(event).__name__ == "ResourceReleased" and getattr(event, "error", None) is None and not self._verbose:
            return None
        values = ", ".join(f"{name}={one_line(preview(getattr(event, name)))}" for name in told)
        return f"{who}{type(event).__name__}({values})"


def _progress(run: RunState) -> str:
    text = f"{run.done:,} of {run.total:,} tasks done"
    names = [one_line(name) for name in list(run.running)[:SHOWN]]
    if names:
        more = len(run.running) - len(names)
        text += f"; running: {', '.join(names)}" + (f" and {more:,} more" if more else "")
    for task_id, loop in list(run.loops.items())[:SHOWN]:
        text += f"; {one_line(task_id)} in iteration {loop.iteration:,}, {loop.rate:,.0f} a second"
    return text
