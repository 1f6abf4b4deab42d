"""Graph and Plan: immutable data.

A graph is stored flat, so that a million nodes cost little and its shape can be compared and hashed at the speed of
a tuple. A *row* is a tuple `(operation, reference, ...)`: the operation is a task, or a container that held
LazyResults; each reference is the number of another row (0 and up) or of an input (-1 - number). The last row is
the result. Rows hold no values: constants and other arguments are inputs, so calls that differ only in these have
the same rows. The operation of a row that is not a plain call is an `Operation` (see `cascade.graph.operations`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property

from cascade.declare.sameness import is_same_value
from cascade.errors import PlanError
from cascade.graph.containers import Container
from cascade.graph.operations import role_of
from cascade.imports import TYPE_CHECKING, Any, NamedTuple
from cascade.instructions.blueprint import Frozen

if TYPE_CHECKING:
    from cascade.graph.operations import AnyTask, TaskOperation

    RowOperation = AnyTask | TaskOperation | Container

Row = tuple[Any, ...]


class Edge(NamedTuple):
    """`target` needs the value of `source`, as its argument `parameter`.

    `kind` is "data", "condition", "constraint", or "order" where `target` only comes later.
    """

    source: int
    target: int
    kind: str
    parameter: str


class Node(Frozen):
    """One row, for people and tools."""

    index: int
    operation: RowOperation
    references: tuple[int, ...]

    def __init__(self, index: int, operation: RowOperation, references: tuple[int, ...]) -> None:
        super().__init__(index=index, operation=operation, references=references)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Node):
            return NotImplemented
        return (self.index, self.operation, self.references) == (other.index, other.operation, other.references)

    def __hash__(self) -> int:
        return hash((self.index, self.operation, self.references))

    def __repr__(self) -> str:
        return f"Node(index={self.index!r}, operation={self.operation!r}, references={self.references!r})"

    @property
    def name(self) -> str:
        return self.operation.name

    @property
    def is_task(self) -> bool:
        return not isinstance(self.operation, Container)

    @property
    def label(self) -> str:
        return f"{self.name}#{self.index}"


class Graph(Frozen):
    """Nodes and edges of a target. Two graphs are equal when they have the same rows, and inputs that cannot be told apart.

    Attributes:
        rows: see the head of this module.
        inputs: the arguments that are not LazyResults, by number.
    """

    rows: tuple[Row, ...]
    inputs: tuple[object, ...]

    def __init__(self, rows: tuple[Row, ...], inputs: tuple[object, ...] = ()) -> None:
        super().__init__(rows=rows, inputs=inputs)

    def __repr__(self) -> str:
        return f"Graph(rows={self.rows!r}, inputs={self.inputs!r})"

    def __len__(self) -> int:
        return len(self.rows)

    def __eq__(self, other: object) -> bool:
        if type(other) is not Graph:
            return NotImplemented
        return self.rows == other.rows and is_same_value(self.inputs, other.inputs)

    def __hash__(self) -> int:
        return hash(self.rows)

    @cached_property
    def nodes(self) -> tuple[Node, ...]:
        return tuple(Node(index, row[0], row[1:]) for index, row in enumerate(self.rows))

    def edges(self) -> Iterator[Edge]:
        """The edges, by target and then by argument."""
        for index, row in enumerate(self.rows):
            operation = row[0]
            names = () if isinstance(operation, Container) else operation.parameters
            for position, reference in enumerate(row[1:]):
                if reference >= 0:
                    name = names[position] if position < len(names) else str(position)
                    yield Edge(reference, index, role_of(operation, position).edge, name)

    def label(self, index: int) -> str:
        return f"{self.rows[index][0].name}#{index}"


class Plan:
    """An order of execution.

    Attributes:
        stages: the tasks, in groups whose members may run side by side.
        order: every row of the graph, in the order in which they are issued, each after its operands. None leaves
            it to the stages: one after the other, containers where they are first needed.

    A solver gives the stages, or instead of them the `levels`: for each row its stage, -1 for a container.
    """

    __slots__ = ("_levels", "_stages", "order")

    order: Sequence[int] | None

    def __init__(
        self,
        stages: Iterable[Iterable[int]] | None = None,
        order: Sequence[int] | None = None,
        *,
        levels: Sequence[int] | None = None,
    ) -> None:
        self._stages = None if stages is None else tuple(tuple(stage) for stage in stages)
        self._levels = levels
        self.order = order

    @property
    def stages(self) -> tuple[tuple[int, ...], ...]:
        if self._stages is None:
            # A chain has as many stages as nodes, and only people ask for them.
            groups: dict[int, list[int]] = {}
            for index, level in enumerate(self._levels or ()):
                if level >= 0:
                    groups.setdefault(level, []).append(index)
            self._stages = tuple(tuple(groups[level]) for level in sorted(groups))
        return self._stages

    def issue_order(self, graph: Graph) -> Sequence[int]:
        """Every row of `graph` in the order of issue.

        Raises:
            PlanError: (a ValueError) the stages leave a task out, name one twice, or name one before its operands.
        """
        return _order_by_stages(graph, self.stages) if self.order is None else self.order

    def __iter__(self) -> Iterator[tuple[int, ...]]:
        return iter(self.stages)

    def __len__(self) -> int:
        return len(self.stages)

    def __repr__(self) -> str:
        return f"<Plan of {sum(map(len, self.stages))} tasks in {len(self.stages)} stages>"


def _order_by_stages(graph: Graph, stages: tuple[tuple[int, ...], ...]) -> Sequence[int]:
    rows = graph.rows
    containers = [isinstance(row[0], Container) for row in rows]
    done = [False] * len(rows)
    order: list[int] = []
    for index in (index for stage in stages for index in stage):
        if not 0 <= index < len(rows) or containers[index] or done[index]:
            raise PlanError(f"the plan names node {index} twice, or it is not a task of the graph")
        order.append(index)
        stack = [index]
        while stack:
            # A container goes right before the first task that needs it.
            needed = [reference for reference in rows[stack[-1]][1:] if reference >= 0 and not done[reference]]
            for reference in needed:
                if not containers[reference]:
                    raise PlanError(
                        f"the plan runs {graph.label(index)} before {graph.label(reference)}, which it needs"
                    )
            if needed:
                stack.extend(needed)
            else:
                container = stack.pop()
                if stack and not done[container]:
                    done[container] = True
                    order.insert(len(order) - 1, container)
        done[index] = True
    if rows and containers[-1]:
        order.extend(index for index, is_container in enumerate(containers) if is_container and not done[index])
        done = [flag or is_container for flag, is_container in zip(done, containers, strict=True)]
    if not all(done):
        raise PlanError(f"the plan leaves out {graph.label(done.index(False))}")
    return order
