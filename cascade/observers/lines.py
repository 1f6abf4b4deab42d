"""Observers that write lines: text for pipes and log files, JSON for programs."""

from __future__ import annotations

import dataclasses
import json
import logging
import threading
import time
from collections import Counter
from collections.abc import Callable
from itertools import islice
from typing import TextIO, TypeVar, cast

from cascade.events.names import map_of
from cascade.events.preview import preview
from cascade.events.types import (
    Event,
    ItemFinished,
    ItemStarted,
    LoopProgress,
    ResourceAcquired,
    ResourceReleased,
    RunFinished,
    RunParked,
    RunResumed,
    RunSaved,
    RunStarted,
    TaskBlocked,
    TaskEvent,
    TaskExecutionFinished,
    TaskExecutionStarted,
    TaskRetrying,
    TaskSkipped,
)
from cascade.graph.description import counted, printable, write_line
from cascade.observers.state import (
    CACHED,
    REASONS,
    Node,
    RunState,
    States,
    besides,
    duration,
    is_news,
    of_items,
    pace_of,
    speed,
    summary,
    who,
)

logger = logging.getLogger("cascade")
E = TypeVar("E", bound=Event)
SHOWN = 3
"""How many of each kind a line of progress names, and how many are written one by one between two of them."""
PATIENCE = 0.05
"""The interval between lines of progress, as a fraction of the run's time so far: long runs write fewer."""
OF_ALL_EVENTS = frozenset(field.name for field in dataclasses.fields(Event)) | {"task_id", "task_name"}


class _Lines:
    def __init__(self, file: TextIO) -> None:
        self._file = file
        self._lock = threading.Lock()  # an engine may be shared by threads
        self._open = True

    def write(self, line: str) -> None:
        """Writes a line at once. A failure to write is reported once, and nothing is written from then on."""
        if not self._open:
            return
        try:
            write_line(self._file, line)
            self._file.flush()
        except (OSError, ValueError) as error:  # a broken pipe, a full disk, a closed file
            self._open = False
            logger.warning("events are no longer written to %s: %s", getattr(self._file, "name", self._file), error)


def _fields_of(kind: type[Event]) -> tuple[str, ...]:
    known = _FIELDS.get(kind)
    if known is None:
        known = _FIELDS[kind] = tuple(field.name for field in dataclasses.fields(kind))
    return known


_FIELDS: dict[type[Event], tuple[str, ...]] = {}


# -- For programs -------------------------------------------------------------------------------------------------------


class JsonLines(_Lines):
    """Each event as one JSON object on a line of its own, in the order in which they were published.

    `event` is the name of the event's class; the other keys are its attributes, all of them (docs/events.md lists both).
    Numbers that JSON does not have are the texts "NaN", "Infinity" and "-Infinity". Of events of one's own, lists, tuples
    and dicts are kept as far as JSON can; anything else is its repr, shortened.
    """

    def __call__(self, event: Event) -> None:
        fields = {name: _plain(getattr(event, name)) for name in _fields_of(type(event))}
        line = json.dumps({"event": type(event).__name__, **fields})
        with self._lock:
            self.write(line)


def _plain(value: object) -> object:
    kind = type(value)
    if value is None or kind is str or kind is bool or kind is int:
        return value
    if type(value) is float:
        return value if value - value == 0 else {"inf": "Infinity", "-inf": "-Infinity"}.get(repr(value), "NaN")
    if type(value) is list or type(value) is tuple:
        return [_plain(item) for item in value]
    if type(value) is dict and all(type(key) is str for key in value):
        return {key: _plain(item) for key, item in value.items()}
    return preview(value)


# -- For people ---------------------------------------------------------------------------------------------------------


class _Written:
    """The lines that a log has written about a run since its last line of progress."""

    def __init__(self, begun: float) -> None:
        self.progress = begun  # when its last line of progress was written
        self.lines: Counter[str] = Counter()  # how many of each kind since then

    def takes(self, kind: str) -> bool:
        """Counts a line of that kind; returns whether it is to be written."""
        self.lines[kind] += 1
        return self.lines[kind] <= SHOWN


class Log(_Lines):
    """Writes events as lines of text.

    Starts and ends of runs and failures are always written. Of skipped nodes, attempts that failed, and maps that are done,
    a few are written one by one between two lines of progress, which have the counts: a log grows with the logarithm of a
    run's time, not with the number of its tasks. A verbose log has a line for every event.
    """

    def __init__(self, file: TextIO, *, verbose: bool = False, interval: float = 1.0) -> None:
        super().__init__(file)
        self.wants_items = self._verbose = verbose
        self._interval = interval
        self._states = States()
        self._written: dict[str, _Written] = {}

    def __call__(self, event: Event) -> None:
        with self._lock:
            run, node = self._states.update(event)
            if isinstance(event, RunStarted):
                self._written[event.run_id] = _Written(event.timestamp)
            written = self._written.get(event.run_id)
            kind = ALWAYS if self._verbose else kind_of(event, node)
            if kind == ALWAYS or (kind is not None and (written is None or written.takes(kind))):
                self._write_line(event, describe(event, run, node))
            elif run is not None and written is not None and self._is_due(event, run, written):
                written.progress = event.timestamp
                written.lines.clear()
                self._write_line(event, progress(run, event.timestamp))
            if isinstance(event, RunFinished):
                self._written.pop(event.run_id, None)

    def _is_due(self, event: Event, run: RunState, written: _Written) -> bool:
        if isinstance(event, TaskExecutionFinished) and event.abandoned:
            return False  # the run is over
        return event.timestamp - written.progress >= max(self._interval, PATIENCE * (event.timestamp - run.begun))

    def _write_line(self, event: Event, text: str) -> None:
        clock = time.strftime("%H:%M:%S", time.localtime(event.timestamp))
        self.write(f"{clock}.{int(event.timestamp % 1 * 1000):03} [{event.run_id[:6]}] {text}")


ALWAYS = "always"
COUNTED = (TaskExecutionStarted, LoopProgress, ResourceAcquired, TaskBlocked, RunSaved)


def kind_of(event: Event, node: Node | None) -> str | None:
    """Returns the kind of an event's line: a few of each kind are written, all of ALWAYS, and none for None, which is only counted."""
    if isinstance(event, TaskExecutionFinished):
        if is_news(event):
            return ALWAYS
        return None if event.status != "Succeeded" or node is None or node.items is None else "map"
    if isinstance(event, TaskSkipped):
        return None if event.reason == CACHED and map_of(event.task_id) is not None else event.reason
    if isinstance(event, TaskRetrying):
        return "retry"
    if isinstance(event, ResourceReleased):
        return ALWAYS if event.error is not None else None
    return None if isinstance(event, COUNTED) else ALWAYS


def describe(event: Event, run: RunState | None, node: Node | None) -> str:
    """Returns the description of an event in one line."""
    describe_kind = _DESCRIPTIONS.get(type(event))
    if describe_kind is not None:
        return describe_kind(event, node)
    if isinstance(event, RunFinished):
        ended = "succeeded" if event.status == "Succeeded" else "FAILED"
        return f"run {ended}" + ("" if run is None else f": {summary(run, event)}")
    # An event type of the user: its attributes, without those of every event.
    names = [name for name in _fields_of(type(event)) if name not in OF_ALL_EVENTS]
    values = ", ".join(f"{name}={printable(preview(getattr(event, name)))}" for name in names)
    name = printable(event.task_id) + " " if isinstance(event, TaskEvent) else ""
    return f"{name}{type(event).__name__}({values})"


def _run_started(event: RunStarted, node: Node | None) -> str:
    return f"run of {printable(event.target)} started, {counted(event.tasks, 'task')}"


def _started(event: TaskExecutionStarted, node: Node | None) -> str:
    return f"{printable(event.task_id)} started" + ("" if event.items is None else f", {counted(event.items, 'item')}")


def _finished(event: TaskExecutionFinished, node: Node | None) -> str:
    took = duration(event.duration)
    if event.status != "Succeeded":
        how = "abandoned" if event.abandoned else "FAILED"
        return f"{who(event)} {how} after {took}: {printable(str(event.error))}"
    if node is None or node.items is None:
        return f"{printable(event.task_id)} = {printable(str(event.result_preview))} in {took}"
    items = node.items
    rate = f" ({speed(items.total / event.duration)} a second)" if items.total > 1 and event.duration > 0 else ""
    parts = [f"{printable(event.task_id)}: {counted(items.total, 'item')} in {took}{rate}", *of_items(items)]
    if event.failed_items:
        parts.append(f"{event.failed_items:,} failed, the first: {printable(str(event.first_failure))}")
    return ", ".join(parts)


def _skipped(event: TaskSkipped, node: Node | None) -> str:
    return f"{printable(event.task_id)} skipped: {REASONS.get(event.reason, printable(event.reason))}"


def _retrying(event: TaskRetrying, node: Node | None) -> str:
    again = f"again in {duration(event.delay)}" if event.delay else "again at once"
    attempt = f"attempt {event.attempt} of {event.max_attempts} failed"
    return f"{printable(event.task_id)}: {attempt}, {again}: {printable(event.error)}"


def _blocked(event: TaskBlocked, node: Node | None) -> str:
    return f"{printable(event.task_id)} {printable(event.reason)}"


def _progressed(event: LoopProgress, node: Node | None) -> str:
    position = "in iteration" if node is None or node.items is None else "after item"
    return f"{printable(event.task_id)} {position} {event.iteration:,}, {speed(event.rate)} a second"


def _acquired(event: ResourceAcquired, node: Node | None) -> str:
    return f"resource {printable(event.resource_name)} acquired"


def _released(event: ResourceReleased, node: Node | None) -> str:
    error = "" if event.error is None else f", its tear-down FAILED: {printable(event.error)}"
    return f"resource {printable(event.resource_name)} released{error}"


def _saved(event: RunSaved, node: Node | None) -> str:
    return (
        f"saved at step {event.step:,}: snapshot {event.snapshot:,}, {event.size:,} bytes in {duration(event.duration)}"
    )


def _resumed(event: RunResumed, node: Node | None) -> str:
    code = "" if event.code == "same" else ", with code that has changed"
    return f"{printable(event.name)} resumed at step {event.step:,}{code}"


def _parked(event: RunParked, node: Node | None) -> str:
    return f"{printable(event.name)} parked at step {event.step:,}: waits for {printable(', '.join(event.waits))}"


def _row(
    kind: type[E], describe: Callable[[E, Node | None], str]
) -> tuple[type[Event], Callable[[Event, Node | None], str]]:
    return kind, cast("Callable[[Event, Node | None], str]", describe)  # it is called with events of that type only


_DESCRIPTIONS: dict[type[Event], Callable[[Event, Node | None], str]] = dict(
    [
        _row(RunStarted, _run_started),
        _row(TaskExecutionStarted, _started),
        _row(TaskExecutionFinished, _finished),
        _row(ItemStarted, _started),
        _row(ItemFinished, _finished),
        _row(TaskSkipped, _skipped),
        _row(TaskRetrying, _retrying),
        _row(TaskBlocked, _blocked),
        _row(LoopProgress, _progressed),
        _row(ResourceAcquired, _acquired),
        _row(ResourceReleased, _released),
        _row(RunSaved, _saved),
        _row(RunResumed, _resumed),
        _row(RunParked, _parked),
    ]
)


def progress(run: RunState, now: float) -> str:
    """Returns the progress of a run in one line."""
    parts = [f"{run.done:,} of {run.total:,} tasks done"]
    alone = list(run.maps_and_loops.values())
    parts += [_alone(node, now) for node in alone[:SHOWN]]
    if len(alone) > SHOWN:
        parts.append(f"{len(alone) - SHOWN:,} more maps and loops")
    running = sum(len(group.nodes) - group.blocked for group in run.groups.values())
    blocked = sum(group.blocked for group in run.groups.values())
    if running:
        nodes = (node for group in run.groups.values() for node in group.nodes.values() if node.blocked is None)
        names = ", ".join(printable(node.task_id) for node in islice(nodes, SHOWN))
        parts.append(f"running: {names}" + (f" and {running - SHOWN:,} more" if running > SHOWN else ""))
    if blocked:
        parts.append(f"waiting for resources: {blocked:,}")
    return "; ".join([*parts, ", ".join(besides(run))] if besides(run) else parts)


def _alone(node: Node, now: float) -> str:
    name, items, loop = printable(node.task_id), node.items, node.loop
    if items is not None:
        return ", ".join([f"{name}: {items.done:,} of {counted(items.total, 'item')}", *pace_of(items, now)])
    assert loop is not None
    return f"{name} in iteration {loop.iteration:,}, {speed(loop.rate)} a second"
