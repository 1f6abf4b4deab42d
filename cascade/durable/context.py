"""The run context of a run that is saved: it notes the shapes of graphs, so that their frames can be found again."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from cascade._vm import Code
from cascade.declare.lazy import LazyResult
from cascade.durable.frames import Shape, Shapes, operations_in
from cascade.graph.model import Row
from cascade.runtime.engine import Session
from cascade.runtime.spine.run_context import RunContext

if TYPE_CHECKING:
    from cascade.compiler.chains import Joining


class SavedContext(RunContext):
    """The services of a run that is saved.

    Attributes:
        shapes: those of its graphs.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401  # those of a RunContext
        super().__init__(*args, **kwargs)
        self.shapes = Shapes()

    def expand(self, deferred: LazyResult[object], hands_on: bool = False) -> tuple[Code, Sequence[object]]:
        """As `RunContext.expand`; notes the shape of the graph."""
        code, inputs = super().expand(deferred, hands_on)
        self.shapes.note_code(code, inputs, deferred)
        return code, inputs

    def shape_of(self, target: object, rows: Sequence[Row]) -> Shape:
        operations = operations_in(tuple(rows))
        if target is self.root:
            return self.shapes.root(operations)
        assert isinstance(target, LazyResult)
        return self.shapes.made(target, operations)

    @property
    def joining(self) -> Joining:
        return "none"  # each call has a place of its own

    def holds_resources(self) -> bool:
        return True  # a Router's route goes by `expand`, too


class SavedSession(Session):
    """The set-up of a run that is saved."""

    make_context = SavedContext
    calls_singly = False

    def __init__(self, *args: Any, elapsed: float = 0.0, **kwargs: Any) -> None:  # noqa: ANN401  # those of a Session
        self.elapsed = elapsed
        super().__init__(*args, **kwargs)
