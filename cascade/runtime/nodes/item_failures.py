"""The failures of a map's items, up to the number that is tolerated."""

from __future__ import annotations

from cascade.declare.failed import add_note, user_part
from cascade.declare.failure import Failure
from cascade.errors import RunTimeoutError, StepLimitError
from cascade.graph.operations import Map, PolicyOperation
from cascade.imports import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from cascade.runtime.nodes.call import Call, ItemCall
    from cascade.runtime.nodes.context import NodeContext


class Item(NamedTuple):
    """An item that was called plainly, as far as its failure shows it; an `ItemCall` has the same attributes."""

    position: int
    row: list[object]
    operation: PolicyOperation
    operands: tuple[object, ...]


class ItemFailures:
    """Makes the values of items that have failed.

    Attributes:
        may_take: whether there may be a value for one.
        count: how many there are.
    """

    def __init__(self, call: Call, operation: Map) -> None:
        self._call = call
        self._context: NodeContext = call.context
        self._tolerated = operation.signature.tolerated
        self.may_take = self._tolerated != 0
        self.count = 0

    def take(self, error: BaseException, item: Item | ItemCall, text: str | None = None) -> Failure | None:
        """Returns the value of an item that has failed; None where its error ends the map.

        Args:
            text: the traceback of the error, where its frames are in another process.
        """
        if not self.may_take or not isinstance(error, Exception) or self._ends_run(error):
            return None
        if self.count == self._tolerated:
            add_note(error, f"after {self.count:,} tolerated failures")
            return None
        self.count += 1
        if self._call.is_published:
            self._context.publisher.item_collected(self._call.serial, self._call.node, item.position, error)
        error.with_traceback(user_part(error.__traceback__))  # never refused, as setting the attribute may be
        row = item.row
        again = self._context.again(item.operation.task, item.operands[item.operation.arguments])
        return Failure(item.position, row[0] if len(row) == 1 else tuple(row), error, item.operation.name, again, text)

    def _ends_run(self, error: Exception) -> bool:
        # Errors of limits that are this run's: they are raised in the continuations of items, too. And those of saving it.
        if self._context.durable is not None and self._context.durable.ends_run(error):
            return True
        if type(error) is StepLimitError:
            return self._context.max_steps >= 0
        return type(error) is RunTimeoutError and bool(self._context.limits.deadline)
