"""The services of a run that nodes use, for type checkers; `cascade.runtime.spine.run_context.RunContext` has them.

A protocol, because that imports the nodes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from cascade._vm import Context as MachineContext
    from cascade._vm import Skipped
    from cascade.adapters.protocols import Executor
    from cascade.declare.lazy import LazyResult
    from cascade.declare.task import Task
    from cascade.events.silent import SilentPublisher
    from cascade.events.types import Event
    from cascade.graph.operations import PolicyOperation
    from cascade.runtime.nodes.capacity import Capacity
    from cascade.runtime.run_inputs import RunInputs
    from cascade.runtime.spine.failures import Limits

    AnyTask = Task[..., object]

    class NodeContext(MachineContext, Protocol):
        """The services of one run that its nodes use."""

        capacity: Capacity
        executor: Executor
        inputs: RunInputs
        limits: Limits
        lowers: bool
        observed: bool
        publisher: SilentPublisher
        subscribed: frozenset[type[Event]]
        started: Callable[..., None]
        finished: Callable[..., None]

        @property
        def calls_inline(self) -> bool: ...

        def deferred(self, operation: AnyTask | PolicyOperation, slots: tuple[object, ...]) -> LazyResult[object]: ...
        def execute(self, owner: AnyTask, args: Sequence[object], kwargs: dict[str, object]) -> object: ...
        def skip(self, owner: AnyTask, serial: int, node: int | str, reason: str) -> Skipped: ...
        def rebind(
            self,
            operation: AnyTask | PolicyOperation,
            current: tuple[object, ...],
            args: tuple[object, ...],
            kwargs: dict[str, object],
        ) -> tuple[object, ...]: ...
        def target_task(self, target: object, owner: AnyTask) -> AnyTask: ...
        def where(self, owner: AnyTask, serial: int, node: int | str, iteration: int) -> str: ...
