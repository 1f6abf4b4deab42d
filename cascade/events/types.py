"""Events: the classes that a run publishes. Immutable."""

from __future__ import annotations

import itertools
import time
from dataclasses import dataclass, field
from typing import TypeVar

from cascade._vm import instance_of

next_number = itertools.count(1).__next__
now = time.time
E = TypeVar("E", bound="Event")


@dataclass(frozen=True, kw_only=True)
class Event:
    """Base of all events.

    Attributes:
        run_id: the run that it belongs to.
        event_id: a number that is unique in this process and grows.
        timestamp: seconds since the epoch.
    """

    run_id: str
    event_id: int = field(default_factory=next_number)
    timestamp: float = field(default_factory=now)


def make(kind: type[E], /, **fields: object) -> E:
    """Returns an event of these fields and the defaults, in half the time that its class would take."""
    fields["event_id"] = next_number()
    fields["timestamp"] = now()
    return instance_of(kind, fields)


@dataclass(frozen=True, kw_only=True)
class RunStarted(Event):
    """A run begins.

    `target` names the task whose value is asked for; `tasks` is how many tasks its graph has. Tasks may return more.
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
    """A task is called.

    `items` is how many items a map has, and None for anything else; `mode` how the task is called: "inline", "async", "blocking" or
    "compute".
    """

    items: int | None = None
    mode: str = "inline"


@dataclass(frozen=True, kw_only=True)
class TaskExecutionFinished(TaskEvent):
    """A task has its value, or has failed.

    `duration` is in seconds; `result_preview` is the value's repr, shortened; `error` as it prints. A task that
    returns a LazyResult finishes there; the nodes of that graph have events of their own. A task
    that returns a TailCall finishes with the last value of the loop. `abandoned` is whether it was under way when
    something else ended the run, whose `error` it then has. `failed_item` is the number of the item that a map failed with.
    `failed_items` counts those that failed and stand in the value of the map as `Failure`s, and `first_failure` is the first of them that was taken.
    """

    status: str
    duration: float
    result_preview: str | None = None
    error: str | None = None
    abandoned: bool = False
    failed_item: int | None = None
    failed_items: int = 0
    first_failure: str | None = None


@dataclass(frozen=True, kw_only=True)
class ItemStarted(TaskExecutionStarted):
    """The task of a map is called for one of its items; `task_id` is the map's with the item's number: `name#3[17]`.

    There may be very many of these and of ItemFinished. Without subscribers to them, a map of plain calls is a fast loop.
    """


@dataclass(frozen=True, kw_only=True)
class ItemFinished(TaskExecutionFinished):
    """An item of a map has its value, or has failed, and with it the map."""


@dataclass(frozen=True, kw_only=True)
class ResourceEvent(Event):
    """Base of the events of a resource. `resource_name` is the name that it was injected by."""

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
    """A loop of tail calls or a map continues: at most ten a second of each, never one for each iteration or item.

    `iteration` is how many iterations, or items, are done; `rate` is per second, since the last of these events; `elapsed` is in seconds,
    since its start.
    """

    iteration: int
    rate: float
    elapsed: float = 0.0


@dataclass(frozen=True, kw_only=True)
class RunSaved(Event):
    """A run was saved in its store.

    `name` is its name there; `snapshot` the number of the snapshot, after `step` task calls; `size` in bytes, without large values;
    `duration` in seconds.
    """

    name: str
    snapshot: int
    step: int
    size: int
    duration: float


@dataclass(frozen=True, kw_only=True)
class RunResumed(Event):
    """A saved run continues from a snapshot, at `step`; `code` is "same", "compatible" or "migrated"."""

    name: str
    snapshot: int
    step: int
    code: str


@dataclass(frozen=True, kw_only=True)
class RunParked(Event):
    """A run waits for signals or the time only, and ends in this process.

    `waits` names the signals; `due` is when it continues in any case, in seconds since the epoch.
    """

    name: str
    step: int
    waits: tuple[str, ...]
    due: float | None = None


SAVED_RUN_EVENTS = (RunSaved, RunResumed, RunParked)
"""Those that only runs with a store make."""
EVENTS = (
    RunStarted, RunFinished, TaskExecutionStarted, TaskExecutionFinished, ItemStarted, ItemFinished, TaskSkipped, TaskRetrying,
    TaskBlocked, ResourceAcquired, ResourceReleased, LoopProgress, *SAVED_RUN_EVENTS,
)  # fmt: skip
"""The classes of the events that a run makes."""
