"""What a run has in place of a `EventPublisher` when nobody hears it: the events take 10 ms to import."""

from __future__ import annotations

from cascade._vm import Skipped
from cascade.events.names import label
from cascade.imports import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cascade.declare.task import Task
    from cascade.events.bus import MessageBus
    from cascade.events.types import Event

    AnyTask = Task[..., Any]


PROGRESS_TIME = 0.1
"""Seconds between two events of the progress of a loop or a map."""


class Silent:
    """The methods of `cascade.events.publisher.EventPublisher`, which see there; they tell nobody."""

    run_id = ""
    subscribed: frozenset[type[Event]] = frozenset()
    observed = observes_items = False

    def publish_on(self, bus: MessageBus, run_id: str) -> None:
        raise NotImplementedError  # only a EventPublisher does

    def run_started(self, target: str, tasks: int) -> None:
        pass

    def run_finished(self, duration: float, error: BaseException | None) -> None:
        pass

    def started(self, owner: AnyTask, serial: int, node: int | str, items: int | None = None) -> None:
        pass

    def finished(
        self, owner: AnyTask, serial: int, node: int | str, value: Any, error: BaseException | None, abandoned: bool = False
    ) -> None:
        pass

    def item_failed(self, serial: int, node: int | str, item: int) -> None:
        pass

    def progress(self, owner: AnyTask, serial: int, node: int | str, iteration: int) -> None:
        pass

    def skip(self, owner: AnyTask, serial: int, node: int | str, reason: str) -> Skipped:
        """The node is not called; what stands for its value."""
        task_id = label(owner, serial, node)
        self.skipped(task_id, owner.name, reason)
        return Skipped(task_id, reason)

    def skipped(self, task_id: str, name: str, reason: str) -> None:
        pass

    def retrying(self, task_id: str, name: str, attempt: int, max_attempts: int, delay: float, error: BaseException) -> None:
        pass

    def blocked(self, task_id: str, name: str, reason: str) -> None:
        pass

    def publish_resource(self, what: str, name: str, error: BaseException | None) -> None:
        pass
