"""The events of a run, and a short form of them that tests compare."""

from __future__ import annotations

from typing import Any

from cascade.runtime import Engine, MessageBus
from cascade.runtime.events import (
    Event,
    RunFinished,
    RunStarted,
    TaskBlocked,
    TaskEvent,
    TaskExecutionFinished,
    TaskExecutionStarted,
    TaskRetrying,
    TaskSkipped,
)
from tests.conftest import Path


def events_of(path: Path, target: Any, **options: Any) -> list[Event]:
    bus = MessageBus()
    heard: list[Event] = []
    bus.subscribe(Event, heard.append)
    try:
        path.run_with(Engine(bus=bus), target, **options)
    except Exception:
        pass
    return heard


def brief(events: list[Event]) -> list[Any]:
    result: list[Any] = []
    for event in events:
        if isinstance(event, TaskExecutionStarted):
            result.append(("start", event.task_id))
        elif isinstance(event, TaskExecutionFinished):
            result.append((event.status, event.task_id, event.result_preview or event.error))
        elif isinstance(event, RunStarted):
            result.append(("run", event.target))
        elif isinstance(event, RunFinished):
            result.append((event.status, event.error))
    return result


def heard_from(path: Path, target: Any, **options: Any) -> tuple[Any, list[Event]]:
    """The outcome of a run and its events."""
    bus = MessageBus()
    heard: list[Event] = []
    bus.subscribe(Event, heard.append)
    engine = Engine(bus=bus, **options)
    try:
        return path.run_with(engine, target), heard
    except Exception as error:
        return error, heard


def story(events: list[Event]) -> list[Any]:
    """The events of tasks, in short."""
    result = []
    for event in events:
        if isinstance(event, TaskSkipped):
            result.append(("skipped", event.task_id, event.reason))
        elif isinstance(event, TaskRetrying):
            result.append(("retrying", event.task_id, event.attempt, event.max_attempts, event.delay, event.error))
        elif isinstance(event, TaskBlocked):
            result.append(("blocked", event.task_id, event.reason))
        elif isinstance(event, TaskEvent):
            result.extend(brief([event]))
    return result
