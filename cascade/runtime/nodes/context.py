"""The services of a run that nodes use, for type checkers; `cascade.runtime.spine.run_context.RunContext` has them.

A protocol, because that imports the nodes.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Sequence
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from cascade._vm import Context as MachineContext
    from cascade._vm import Jump, Skipped
    from cascade.adapters.protocols import Executor
    from cascade.compiler.chains import Joining
    from cascade.compiler.code_cache import CodeCache
    from cascade.declare.lazy import LazyResult
    from cascade.declare.task import Task
    from cascade.events.silent import SilentPublisher
    from cascade.events.types import Event
    from cascade.graph.model import Row
    from cascade.graph.operations import Call, Map, PolicyOperation, StateMachine
    from cascade.runtime.nodes.capacity import Capacity
    from cascade.runtime.nodes.sink import Sink
    from cascade.runtime.run_inputs import RunInputs
    from cascade.runtime.spine.failures import Limits

    AnyTask = Task[..., object]
    Park = Callable[[], Coroutine[object, None, None]]

    class Durable(Protocol):
        """Saves the run that the nodes belong to; see `cascade.durable.effects`."""

        def call_with_effect(
            self, operation: Call, operands: Sequence[object], serial: int, node: int, origin: AnyTask | None
        ) -> object: ...
        def item_with_effect(self, item: NodeCall) -> Coroutine[object, None, object]: ...
        def attempts_made(self, call: NodeCall) -> tuple[int, float]: ...
        async def note_attempt(self, call: NodeCall, number: int, delay: float) -> None: ...
        def finished_items(self, call: NodeCall) -> dict[int, object]: ...
        def note_items(self, call: NodeCall, finished: Callable[[], dict[int, object]]) -> None: ...
        def in_transaction(self, name: str, make: Callable[[], object]) -> object: ...
        def ended(self, serial: int, node: int | str) -> None: ...
        def ended_later(self, serial: int, node: int | str) -> None: ...
        def items_ahead(self, call: NodeCall, operation: Map, count: int, limit: int | None) -> ItemsAhead | None: ...
        def is_due(self) -> bool: ...
        def ends_run(self, error: BaseException) -> bool: ...

    class ItemsAhead(Protocol):
        """The items of a map that are saved in groups; see `cascade.durable.groups`."""

        def before(self, position: int) -> None: ...
        def finish(self) -> None: ...

    class NodeCall(Protocol):
        """A call with policies, or an item of a map; see `cascade.runtime.nodes.call`."""

        operation: PolicyOperation
        serial: int
        node: int | str
        parked: bool

        def where(self) -> str: ...
        async def park(self) -> None: ...

    class NodeContext(MachineContext, Protocol):
        """The services of one run that its nodes use."""

        capacity: Capacity
        code_cache: CodeCache
        executor: Executor
        inputs: RunInputs
        limits: Limits
        max_steps: int
        nested_runs: int
        nested_steps: int
        lowers: bool
        observed: bool
        publisher: SilentPublisher
        sink: Sink | None
        failed_stage: tuple[BaseException, AnyTask, int] | None
        durable: Durable | None

        def shape_of(self, target: object, rows: Sequence[Row]) -> object: ...

        subscribed: frozenset[type[Event]]
        started: Callable[..., None]
        finished: Callable[..., None]

        @property
        def calls_inline(self) -> bool: ...
        @property
        def joining(self) -> Joining: ...

        def admit(
            self, operation: StateMachine, operands: Sequence[object], serial: int, node: int
        ) -> Skipped | None: ...
        def again(self, owner: AnyTask, slots: Sequence[object]) -> Callable[[], object]: ...
        def annotate(
            self, error: BaseException, owner: AnyTask, origin: AnyTask, serial: int, node: int, iteration: int
        ) -> None: ...
        def call(
            self,
            operation: AnyTask | PolicyOperation,
            operands: Sequence[object],
            serial: int,
            node: int,
            origin: AnyTask | None,
        ) -> object: ...
        def continued(self, deferred: LazyResult[object], park: Park) -> Coroutine[object, None, object]: ...
        def deferred(self, operation: AnyTask | PolicyOperation, slots: tuple[object, ...]) -> LazyResult[object]: ...
        def execute(self, owner: AnyTask, args: tuple[object, ...], kwargs: dict[str, object]) -> object: ...
        def jump_error(
            self, targets: Sequence[tuple[object, int, int]], jump: Jump[object], owner: AnyTask
        ) -> BaseException: ...
        def progress(self, owner: AnyTask, serial: int, node: int, iteration: int) -> None: ...
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
