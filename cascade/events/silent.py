"""The publisher of a run without subscribers, which does nothing: the classes of events take 10 ms to import."""

from __future__ import annotations

from cascade._vm import Skipped
from cascade.events.names import label
from cascade.imports import TYPE_CHECKING

if TYPE_CHECKING:
    from cascade.declare.task import Task
    from cascade.events.types import Event

    AnyTask = Task[..., object]


PROGRESS_TIME = 0.1
"""Seconds between two events of the progress of a loop or a map."""


class SilentPublisher:
    """The methods of `cascade.events.publisher.EventPublisher`, which documents them; here they publish nothing."""

    run_id = ""
    subscribed: frozenset[type[Event]] = frozenset()
    observed = observes_items = False

    def run_started(self, target: str, tasks: int) -> None:
        pass

    def run_finished(self, duration: float, error: BaseException | None) -> None:
        pass

    def started(self, owner: AnyTask, serial: int, node: int | str, items: int | None = None) -> None:
        pass

    def finished(
        self,
        owner: AnyTask,
        serial: int,
        node: int | str,
        value: object,
        error: BaseException | None,
        abandoned: bool = False,
    ) -> None:
        pass

    def saved(self, name: str, snapshot: int, step: int, size: int, duration: float) -> None:
        pass

    def resumed(self, name: str, snapshot: int, step: int, code: str) -> None:
        pass

    def parked(self, name: str, step: int, waits: tuple[str, ...], due: float | None) -> None:
        pass

    def item_failed(self, serial: int, node: int | str, item: int) -> None:
        pass

    def item_collected(self, serial: int, node: int | str, item: int, error: BaseException) -> None:
        pass

    def progress(self, owner: AnyTask, serial: int, node: int | str, iteration: int) -> None:
        pass

    def skip(self, owner: AnyTask, serial: int, node: int | str, reason: str) -> Skipped:
        """Publishes that a node is not called, and returns the stand-in for its value."""
        task_id = label(owner, serial, node)
        self.skipped(task_id, owner.name, reason)
        return Skipped(task_id, reason)

    def skipped(self, task_id: str, name: str, reason: str) -> None:
        pass

    def retrying(
        self, task_id: str, name: str, attempt: int, max_attempts: int, delay: float, error: BaseException
    ) -> None:
        pass

    def blocked(self, task_id: str, name: str, reason: str) -> None:
        pass

    def publish_resource(self, change: str, name: str, error: BaseException | None) -> None:
        pass


SILENT = SilentPublisher()
