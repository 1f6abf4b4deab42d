"""EventPublisher: makes the events of a run that has subscribers, on both paths."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from cascade._vm import instance_of
from cascade.events.bus import MessageBus, hears_calls, subscribed_types
from cascade.events.names import label
from cascade.events.preview import preview
from cascade.events.silent import SilentPublisher
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
    TaskExecutionFinished,
    TaskExecutionStarted,
    TaskRetrying,
    TaskSkipped,
    make,
    next_number,
    now,
)

if TYPE_CHECKING:
    from cascade.declare.task import Task

    AnyTask = Task[..., object]

Key = int | str | tuple[int, int | str]
NONE_COLLECTED: tuple[int, str | None] = (0, None)
Call = tuple["AnyTask", int, int | str, str, float]
"""(task, serial, node, task_id, start)"""
clock = time.perf_counter


class EventPublisher(SilentPublisher):
    """Makes those events of one run that have subscribers, and publishes them on a bus.

    A node is named by its task, the number of its graph in the run, and its own.

    Attributes:
        subscribed: the classes of events that have subscribers.
        observed: whether starts and ends of calls have to be noted.
        observes_items: whether those of the items of maps have to be, too.
        observes_calls: whether starts and ends of plain calls in place are published; without, only the moment of their start is noted.
    """

    def __init__(self, bus: MessageBus, run_id: str) -> None:
        self.run_id = run_id
        self._publish: Callable[[Event], None] = bus.publish
        self.subscribed = subscribed_types(bus)
        self._start, self._end = TaskExecutionStarted in self.subscribed, TaskExecutionFinished in self.subscribed
        self._item_start, self._item_end = ItemStarted in self.subscribed, ItemFinished in self.subscribed
        self.observes_items = self._item_start or self._item_end
        self.observed = self._start or self._end or self.observes_items or LoopProgress in self.subscribed
        self.observes_calls = hears_calls(bus)
        # Calls under way; nodes of the target's graph by their numbers alone, which is faster. Of calls that are not published, their start.
        self._running: dict[Key, Call | float] = {}
        self._progress: dict[Key, tuple[float, int]] = {}
        self._failed_items: dict[Key, int] = {}
        self._collected: dict[Key, tuple[int, str | None]] = {}

    # -- The run ----------------------------------------------------------------------------------------------------

    def run_started(self, target: str, tasks: int) -> None:
        if RunStarted in self.subscribed:
            self._publish(make(RunStarted, run_id=self.run_id, target=target, tasks=tasks))

    def run_finished(self, duration: float, error: BaseException | None) -> None:
        if error is not None and self.observed:
            self._abandon(error)
        if RunFinished in self.subscribed:
            status, shown = _outcome(error)
            self._publish(make(RunFinished, run_id=self.run_id, status=status, duration=duration, error=shown))

    def _abandon(self, error: BaseException) -> None:
        """Publishes the ends of tasks that were under way when the run ended: they have failed, too."""
        for call in reversed(list(self._running.values())):
            if not isinstance(call, float):
                self.finished(call[0], call[1], call[2], None, error, True)

    # -- Saved runs -------------------------------------------------------------------------------------------------

    def saved(self, name: str, snapshot: int, step: int, size: int, duration: float) -> None:
        if RunSaved in self.subscribed:
            self._publish(
                make(
                    RunSaved, run_id=self.run_id, name=name, snapshot=snapshot, step=step, size=size, duration=duration
                )
            )

    def resumed(self, name: str, snapshot: int, step: int, code: str) -> None:
        if RunResumed in self.subscribed:
            self._publish(make(RunResumed, run_id=self.run_id, name=name, snapshot=snapshot, step=step, code=code))

    def parked(self, name: str, step: int, waits: tuple[str, ...], due: float | None) -> None:
        if RunParked in self.subscribed:
            self._publish(make(RunParked, run_id=self.run_id, name=name, step=step, waits=waits, due=due))

    # -- Calls of tasks: only if `observed` -------------------------------------------------------------------------

    # These two are called with every call, and so make their events without another function. The number of an item is a text.

    def started(self, owner: AnyTask, serial: int, node: int | str, items: int | None = None) -> None:
        if type(node) is int:
            if not self.observes_calls and items is None and owner.mode == "inline" and not owner.is_async:
                self._running[(serial, node) if serial else node] = clock()
                return
            kind, is_published = TaskExecutionStarted, self._start
        elif self.observes_items:
            kind, is_published = ItemStarted, self._item_start
        else:
            return
        name = owner.name
        task_id = f"{name}#{serial}.{node}" if serial else f"{name}#{node}"  # as `label` writes it
        self._running[(serial, node) if serial else node] = (owner, serial, node, task_id, clock())
        if is_published:
            self._publish(
                instance_of(
                    kind,
                    {
                        "run_id": self.run_id, "event_id": next_number(), "timestamp": now(), "task_id": task_id,
                        "task_name": name, "items": items,
                        "mode": "async" if owner.is_async else owner.mode,
                    },
                )
            )  # fmt: skip

    def finished(
        self,
        owner: AnyTask,
        serial: int,
        node: int | str,
        value: object,
        error: BaseException | None,
        abandoned: bool = False,
    ) -> None:
        key = (serial, node) if serial else node
        begun = self._running.pop(key, None)
        if begun is None or isinstance(begun, float):
            return  # it was skipped, or failed before its start, or is not a task but a resource, or an item or a call without subscribers
        if self._progress:
            self._progress.pop(key, None)
        failed_items, first_failure = self._collected.pop(key, NONE_COLLECTED)
        if self._end if type(node) is int else self._item_end:
            self._publish(
                instance_of(
                    TaskExecutionFinished if type(node) is int else ItemFinished,
                    {
                        "run_id": self.run_id, "event_id": next_number(), "timestamp": now(), "task_id": begun[3],
                        "task_name": owner.name, "status": "Succeeded" if error is None else "Failed",
                        "duration": clock() - begun[4], "result_preview": preview(value) if error is None else None,
                        "error": None if error is None else preview(error), "abandoned": abandoned,
                        "failed_item": None if error is None or abandoned else self._failed_items.pop(key, None),
                        "failed_items": failed_items, "first_failure": first_failure,
                    },
                )
            )  # fmt: skip

    def item_failed(self, serial: int, node: int | str, item: int) -> None:
        """Notes that a map fails with that item."""
        if self.observed:
            self._failed_items[(serial, node) if serial else node] = item

    def item_collected(self, serial: int, node: int | str, item: int, error: BaseException) -> None:
        """Notes that an item of a map has failed, and becomes a value."""
        if self.observed:
            key = (serial, node) if serial else node
            count, first = self._collected.get(key, NONE_COLLECTED)
            self._collected[key] = count + 1, first or f"item {item:,}: {preview(error)}"

    def progress(self, owner: AnyTask, serial: int, node: int | str, iteration: int) -> None:
        if LoopProgress not in self.subscribed or iteration == 0:
            return  # a call that is made once, and had to wait, is not a loop
        moment = clock()
        key = (serial, node) if serial else node
        begun = self._running.get(key)
        if isinstance(begun, float):  # a loop is not a plain call: its end is published
            begun = self._running[key] = owner, serial, node, label(owner, serial, node), begun
        start = moment if begun is None else begun[4]
        before, counted = self._progress.get(key, (start, 0))
        self._progress[key] = (moment, iteration)
        rate = (iteration - counted) / max(moment - before, 1e-9)
        self._publish(
            make(
                LoopProgress, run_id=self.run_id, task_id=label(owner, serial, node), task_name=owner.name,
                iteration=iteration, rate=rate, elapsed=moment - start,
            )
        )  # fmt: skip

    # -- Besides calls ----------------------------------------------------------------------------------------------

    def skipped(self, task_id: str, name: str, reason: str) -> None:
        if TaskSkipped in self.subscribed:
            self._publish(make(TaskSkipped, run_id=self.run_id, task_id=task_id, task_name=name, reason=reason))

    def retrying(
        self, task_id: str, name: str, attempt: int, max_attempts: int, delay: float, error: BaseException
    ) -> None:
        if TaskRetrying in self.subscribed:
            self._publish(
                make(
                    TaskRetrying, run_id=self.run_id, task_id=task_id, task_name=name, attempt=attempt,
                    max_attempts=max_attempts, delay=delay, error=preview(error),
                )
            )  # fmt: skip

    def blocked(self, task_id: str, name: str, reason: str) -> None:
        if TaskBlocked in self.subscribed:
            self._publish(make(TaskBlocked, run_id=self.run_id, task_id=task_id, task_name=name, reason=reason))

    def publish_resource(self, change: str, name: str, error: BaseException | None) -> None:
        """Publishes that a resource was "acquired" or "released"."""
        if change == "acquired":
            if ResourceAcquired in self.subscribed:
                self._publish(make(ResourceAcquired, run_id=self.run_id, resource_name=name))
        elif ResourceReleased in self.subscribed:
            self._publish(make(ResourceReleased, run_id=self.run_id, resource_name=name, error=_outcome(error)[1]))


def _outcome(error: BaseException | None) -> tuple[str, str | None]:
    return ("Succeeded", None) if error is None else ("Failed", preview(error))
