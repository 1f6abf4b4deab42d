"""Events: what a run tells its observers. Immutable."""

from __future__ import annotations

import itertools
import time
from dataclasses import dataclass, field
from typing import Any, TypeVar

_numbers = itertools.count(1)
_next_number = _numbers.__next__
E = TypeVar("E", bound="TaskEvent")


@dataclass(frozen=True, kw_only=True)
class Event:
    """Base of all events.

    Attributes:
        run_id: the run that it belongs to.
        event_id: a number that is unique in this process and grows.
        timestamp: seconds since the epoch.
    """

    run_id: str
    event_id: int = field(default_factory=_numbers.__next__)
    timestamp: float = field(default_factory=time.time)


def make(kind: type[E], run_id: str, task_id: str, task_name: str, **fields: Any) -> E:
    """An event of a task, made faster than by calling its class, which sets the fields one by one."""
    event = object.__new__(kind)
    event.__dict__.update(
        fields, run_id=run_id, event_id=_next_number(), timestamp=time.time(), task_id=task_id, task_name=task_name
    )
    return event


@dataclass(frozen=True, kw_only=True)
class RunStarted(Event):
    """A run begins.

    `target` names the task whose value is asked for; `tasks` is how many tasks its graph has. Tasks may answer with more.
    """

    target: str
    tasks: int = 0


@dataclass(frozen=True, kw_only=True)
class RunFinished(Event):
    """A run has ended. `status` is "Succeeded" or "Failed"; `duration` in seconds; `error` as it prints."""

    status: str
    duration: float
    error: str | None = None


@dataclass(frozen=True, kw_only=True)
class TaskEvent(Event):
    """Base of the events of one task in a run. `task_id` is unique in the run."""

    task_id: str
    task_name: str


@dataclass(frozen=True, kw_only=True)
class TaskExecutionStarted(TaskEvent):
    """A task is called."""


@dataclass(frozen=True, kw_only=True)
class TaskExecutionFinished(TaskEvent):
    """A task has its value, or has failed.

    `duration` is in seconds; `result_preview` is the value's repr, shortened; `error` as it prints. A task that
    answers with a LazyResult finishes there; the nodes of what it answered with have events of their own. A task
    that answers with a TailCall finishes with the last value of the loop.
    """

    status: str
    duration: float
    result_preview: str | None = None
    error: str | None = None


@dataclass(frozen=True, kw_only=True)
class ResourceEvent(Event):
    """Base of the events of a resource. `resource_name` is what it was injected by."""

    resource_name: str


@dataclass(frozen=True, kw_only=True)
class ResourceAcquired(ResourceEvent):
    """A resource has been set up."""


@dataclass(frozen=True, kw_only=True)
class ResourceReleased(ResourceEvent):
    """A resource has been torn down; `error` as it prints, if the tear-down failed."""

    error: str | None = None


@dataclass(frozen=True, kw_only=True)
class TaskSkipped(TaskEvent):
    """A task is not called.

    `reason` is "ConditionFalse"; "UpstreamSkipped_Data" or "UpstreamSkipped_Sequence", where one that it needs, or comes
    after, was skipped; "CacheHit", where it has a value all the same; or "Pruned", where a Router chose another route.
    """

    reason: str


@dataclass(frozen=True, kw_only=True)
class TaskRetrying(TaskEvent):
    """A call has failed with `error` and is made again after `delay` seconds; `attempt` is the number of the one that failed."""

    attempt: int
    max_attempts: int
    delay: float
    error: str


@dataclass(frozen=True, kw_only=True)
class TaskBlocked(TaskEvent):
    """A task waits, as `reason` says, for system resources that others hold."""

    reason: str


@dataclass(frozen=True, kw_only=True)
class LoopProgress(TaskEvent):
    """A loop of tail calls goes on: at most ten a second, never one for each iteration. `rate` is per second."""

    iteration: int
    rate: float
