"""One call under way: a node that is more than a call of its function, or an item of a map.

Such a call is a coroutine, and most of them never have to wait. So the coroutine is begun in place (`begin`), and only if it
wants to await something it parks (`Call.park`) and is returned, to be awaited in an event loop, like any awaitable that a
task returns.

An error of the task travels as a value, `Failed`: a coroutine cannot raise StopIteration.
"""

from __future__ import annotations

import types
from collections.abc import Awaitable, Callable, Coroutine, Generator, Sequence

from cascade._vm import is_awaitable, results_made
from cascade.declare.failed import Failed, KeptContext
from cascade.declare.lazy import LazyResult
from cascade.events.names import label
from cascade.graph.operations import operation_of
from cascade.imports import TYPE_CHECKING

if TYPE_CHECKING:
    from cascade._vm import TailCall
    from cascade.declare.task import Task
    from cascade.graph.operations import PolicyOperation
    from cascade.runtime.nodes.context import NodeContext


class Parking:
    """A coroutine that was begun in place, and whether it runs in an event loop by now."""

    __slots__ = ("parked",)

    def __init__(self) -> None:
        self.parked = False

    async def park(self) -> None:
        """Has to be awaited before anything else is: everything after it runs in an event loop."""
        if not self.parked:
            self.parked = True
            await _point()

    async def park_with(self, awaitable: Awaitable[object]) -> None:
        """As `park`, with an awaitable at hand, which is closed if the coroutine is not continued."""
        try:
            await self.park()
        except BaseException:
            close_awaitable(awaitable)
            raise

    async def result_of(self, value: object) -> object:
        """Returns a value, or the result of an awaitable."""
        if not is_awaitable(value):
            return value
        await self.park_with(value)
        return await value


class Call(Parking):
    """One call under way."""

    __slots__ = (
        "_task_id", "again", "blocked", "context", "is_published", "made", "node", "on_granted", "operands", "operation", "serial",
    )  # fmt: skip

    def __init__(
        self,
        context: NodeContext,
        operation: PolicyOperation,
        operands: Sequence[object],
        serial: int,
        node: int | str,
        origin: Task[..., object] | None = None,
    ) -> None:
        super().__init__()
        self.context = context
        self.operation = operation
        self.operands = operands
        self.serial = serial
        self.node = node
        self.made = results_made()  # before it began
        # An iteration of a loop, or a state of a state machine, is part of a node whose start was published, as that of `origin`.
        self.again = origin is not None
        self.is_published = origin is None
        self._task_id = None if origin is None else label(origin, serial, node)
        self.blocked = False  # while it waits for capacity; then `on_granted` is called
        self.on_granted: Callable[[], None] | None = None

    def where(self) -> str:
        """Names the call, for messages."""
        if self.again:
            return f"task {self.operation.name!r}, node {self.task_id()}"
        return self.context.where(self.operation.task, self.serial, self.node, 0)

    def task_id(self) -> str:
        """Returns the name of the node that it is, or is part of."""
        return self._task_id or label(self.operation.task, self.serial, self.node)

    def belongs_to(self, call: Call) -> None:
        """Makes this call a part of another one: it has no events of its own."""
        self.is_published = False
        self._task_id = call.task_id()

    def continuation(self, result: TailCall[object] | LazyResult[object]) -> LazyResult[object]:
        """Returns the continuation of the call, which returned a tail call or a LazyResult, as a LazyResult."""
        if isinstance(result, LazyResult):
            return result
        operation, context = self.operation, self.context
        task = operation.task
        target = task if result.target is None else context.target_task(result.target, task)
        if target is not task:
            return context.deferred(operation_of(target), target.bind(*result.args, **result.kwargs))
        lazy = context.deferred(operation, context.rebind(operation, tuple(self.operands), result.args, result.kwargs))
        return lazy.with_cache(None)


class ItemCall(Call):
    """The call of one item.

    Attributes:
        position: the number of the item.
        row: the item of each input.
    """

    __slots__ = ("position", "row")

    def __init__(
        self,
        context: NodeContext,
        operation: PolicyOperation,
        operands: Sequence[object],
        call: Call,
        position: int,
        row: list[object],
    ) -> None:
        super().__init__(context, operation, operands, call.serial, f"{call.node}[{position}]")
        if not call.is_published:
            self.belongs_to(call)
        self.position = position
        self.row = row


@types.coroutine
def _point() -> Generator[None, None, None]:
    yield


def begin(coroutine: Coroutine[object, None, object]) -> object:
    """Runs a coroutine until it parks. Returns its value, or itself, to be awaited; raises the error of a Failed."""
    try:
        coroutine.send(None)
    except StopIteration as done:
        result: object = done.value
    else:
        return coroutine
    if type(result) is Failed:
        try:
            with KeptContext(result.error):
                raise result.error
        finally:
            del result  # the traceback holds this frame
    return result


def close_awaitable(awaitable: object) -> None:
    """Closes an awaitable that nobody will await, so that it does not warn; one that is not a coroutine may have no `close`."""
    close: Callable[[], object] | None = getattr(awaitable, "close", None)
    if close is not None:
        close()
