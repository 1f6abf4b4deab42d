"""Outline: all that a graph holds, for people and tools, and the way back from rows to LazyResults.

A row of a graph hides results that may not run: the routes of a Router are LazyResults inside an input of its row, and
all states of a machine are one row. An outline has an entry for each of them:

    rows     0  kind                  entries  0  kind
             1  Router  0 table                1  Router  0              routes "a": 3, "b": 4
             2  total   1                      2  total   1
                                               3  load                   which only the route needs
                                               4  ping                   jumps "go": 5, "stop": the end
                                               5  pong                   jumps "back": 4

The entries of a graph's rows have the rows' numbers; those that only routes and jumps lead to come after them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, cast

from cascade.declare import control
from cascade.declare.control import JumpSelector
from cascade.declare.lazy import LazyResult, lazy_result
from cascade.declare.policies import PLAIN, Fallback, Policies, RouteSet
from cascade.errors import CycleError
from cascade.graph.containers import EITHER, Container
from cascade.graph.description import key_words, operand_words
from cascade.graph.model import Edge, Graph
from cascade.graph.operations import DATA, Operand, PolicyOperation, Route, StateMachine, TaskOperation, operation_with
from cascade.graph.route_table import Around, RouteTable
from cascade.graph.routes import EveryRoute
from cascade.graph.walk import walk

if TYPE_CHECKING:
    from cascade.graph.model import RowOperation
    from cascade.graph.operations import AnyTask


class Entry(NamedTuple):
    """One call, container, Router or state.

    Attributes:
        operation: as in a graph's row; of a state its own.
        references: its operands, entries or inputs as in a graph's row; of a Router the selector, and the operands after the
            arguments.
        routes: of a Router, an entry or an input by key.
        jumps: of a state that is bound, the next state by key; None for the end.
        machine: of a state, the entry of its machine's first one.
    """

    operation: RowOperation
    references: tuple[int, ...]
    routes: tuple[tuple[object, int], ...] = ()
    jumps: tuple[tuple[object, int | None], ...] | None = None
    machine: int | None = None

    @property
    def is_router(self) -> bool:
        return isinstance(self.operation, Route)

    @property
    def operands(self) -> Sequence[Operand]:
        """The names and roles of the references; of a container they have none."""
        operation = self.operation
        if isinstance(operation, Container):
            return ()
        if isinstance(operation, Route):
            # Its table of routes, and the results that it shares with them, are not references here.
            return (operation.operands[0], *operation.operands[operation.arguments.stop :])
        return (
            operation.operands
            if isinstance(operation, TaskOperation)
            else [Operand(name, DATA) for name in operation.parameters]
        )

    @property
    def names(self) -> Sequence[str]:
        """The names of the references, as far as they have any."""
        return [operand.name for operand in self.operands]

    def kind_of(self, position: int) -> str:
        """The kind of the edge of the reference at `position`: "data", "constraint", "condition" or "order"."""
        operands = self.operands
        return operands[position].role.edge if position < len(operands) else DATA.edge

    def words(self, position: int, text: str) -> str:
        """The reference at `position`, shown as `text`, with its role."""
        operands = self.operands
        return operand_words(operands[position], text) if position < len(operands) else text


@dataclass(frozen=True, slots=True)
class Outline:
    """The entries of a graph.

    Attributes:
        entries: see the head of this module.
        inputs: the values that entries refer to.
        rows: how many of the entries, from the first on, are rows of the graph; the last one of these is the result.
    """

    entries: tuple[Entry, ...]
    inputs: tuple[object, ...]
    rows: int

    def label(self, number: int) -> str:
        return f"{self.entries[number].operation.name}#{number}"

    def edges(self) -> Iterator[Edge]:
        """The edges between entries: to each one in turn, and its jumps; one to the end has the target -1."""
        for number, entry in enumerate(self.entries):
            operands = entry.operands
            for position, reference in enumerate(entry.references):
                if reference >= 0:
                    operand = operands[position] if position < len(operands) else Operand(str(position), DATA)
                    yield Edge(reference, number, operand.role.edge, operand.name)
            for key, reference in entry.routes:
                if reference >= 0:
                    yield Edge(reference, number, "route", key_words(key))
            for key, state in entry.jumps or ():
                yield Edge(number, -1 if state is None else state, "jump", key_words(key))


def outline(graph: Graph) -> Outline:
    """The outline of a graph."""
    draft = _Draft()
    of_graph = draft.keeper(graph.inputs)
    draft.lay(graph, of_graph)
    nested = routes_of(graph)
    if nested is not None:
        of_routes = draft.keeper(nested.graph.inputs)
        base = len(draft.entries)

        def place(reference: int) -> int:
            if reference >= 0:
                return base + reference
            # What routes share with the graph are inputs of theirs, and entries here.
            value = nested.graph.inputs[-1 - reference]
            return of_graph(nested.shared[value.number]) if type(value) is Shared else of_routes(reference)

        *rows, (_, *ends) = nested.graph.rows
        draft.lay(Graph(tuple(rows), nested.graph.inputs), place, base)
        found = map(place, ends)
        for number, table in nested.tables:
            draft.entries[number] = draft.entries[number]._replace(
                routes=tuple((key, next(found)) for key in table.routes)
            )
    return Outline(tuple(draft.entries), tuple(draft.inputs), len(graph.rows))


class RoutesGraph(NamedTuple):
    """The routes of all Routers of a graph, as a graph that computes every route.

    Attributes:
        graph: its inputs that are `Shared` say which of `shared` they are; its result is the list of the routes.
        shared: the results that the routes share with the graph around them, as references there.
        tables: the Routers' rows, and their routes.
    """

    graph: Graph
    shared: tuple[int, ...]
    tables: tuple[tuple[int, RouteTable], ...]


def routes_of(graph: Graph) -> RoutesGraph | None:
    """The routes of the graph's Routers; None where there is no Router."""
    tables = []
    shared: dict[LazyResult[object], int] = {}
    for number, row in enumerate(graph.rows):
        if isinstance(row[0], Route):
            table = cast("RouteTable", graph.inputs[-1 - row[2]])
            tables.append((number, table))
            shared.update(zip(table.shared, row[3:], strict=False))
    if not tables:
        return None
    return RoutesGraph(graph_of_routes([table for _, table in tables]), tuple(shared.values()), tuple(tables))


class Shared(NamedTuple):
    """Stands for the value of a result that routes share with the graph around them: the one of that number."""

    number: int


def graph_of_routes(tables: Sequence[RouteTable]) -> Graph:
    """A graph that computes every route of these tables, and of the Routers in them.

    Results that the tables share with the graph around them are inputs, each a `Shared`; its result is the list of the routes.
    """
    found = dict.fromkeys(lazy for table in tables for lazy in table.shared)
    around = Around({lazy: Shared(number) for number, lazy in enumerate(found)}, {})
    rows, inputs = walk([route for table in tables for route in table.routes.values()], None, around, EveryRoute())
    return Graph(rows, tuple(inputs))


_UNKNOWN = cast("Entry", None)
"""In place of an entry that is made later."""


class _Draft:
    """An outline that is being made."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []
        self.inputs: list[object] = []

    def keeper(self, inputs: Sequence[object]) -> Callable[[int], int]:
        """Returns a function from references to `inputs` to references here, which keeps these inputs."""
        kept: dict[int, int] = {}

        def keep(reference: int) -> int:
            if reference >= 0:
                return reference
            if reference not in kept:
                self.inputs.append(inputs[-1 - reference])
                kept[reference] = -len(self.inputs)
            return kept[reference]

        return keep

    def lay(self, graph: Graph, place: Callable[[int], int], base: int = 0) -> None:
        """Adds the entries of rows; after them those of states that are not the first ones of their machines.

        Args:
            place: gives a reference its meaning here.
            base: where the rows go; from 1 up for a graph that computes every route.
        """
        self.entries += [_UNKNOWN] * len(graph.rows)
        for number, row in enumerate(graph.rows, base):
            operation = row[0]
            if isinstance(operation, StateMachine):
                self._lay_states(operation, tuple(map(place, row[1:])), number)
            elif isinstance(operation, Route):
                references = tuple(map(place, (row[1], *row[1 + operation.arguments.stop :])))
                table = cast("RouteTable", graph.inputs[-1 - row[2]])
                routes = (
                    tuple((key, place(route)) for key, route in zip(table.routes, row[3:], strict=False))
                    if base
                    else ()
                )
                self.entries[number] = Entry(operation, references, routes)
            else:
                self.entries[number] = Entry(operation, tuple(map(place, row[1:])))

    def _lay_states(self, machine: StateMachine, references: tuple[int, ...], first: int) -> None:
        numbers = [first, *range(len(self.entries), len(self.entries) + len(machine.states) - 1)]
        self.entries += [_UNKNOWN] * (len(numbers) - 1)
        for number, state in zip(numbers, machine.states, strict=True):
            operation, own = state.operation, references[state.offset : state.offset + state.width]
            if number == first:
                operation = _first_operation(machine)
                own += references[machine.arguments.stop :]
            jumps = None
            if state.routes is not None:
                jumps = tuple((key, None if target is None else numbers[target]) for key, target in state.routes)
            self.entries[number] = Entry(operation, own, (), jumps, first)


def _first_operation(machine: StateMachine) -> AnyTask | PolicyOperation:
    """The operation of a machine's first state, with the conditions and the order of the machine as a whole."""
    operation = machine.states[0].operation
    if not machine.condition_count and not machine.order_count:
        return operation
    own = operation.policies((None,) * operation.extras) if isinstance(operation, PolicyOperation) else PLAIN
    own = own._replace(conditions=(None,) * machine.condition_count, after=(None,) * machine.order_count)
    return operation_with(operation.task, own)


# -- The way back -----------------------------------------------------------------------------------------------------


def target_of(graph: Graph | Outline) -> LazyResult[object] | list[LazyResult[object]]:
    """The target that a graph was built from: a LazyResult, or a list of them.

    Raises:
        CycleError: (a ValueError) the graph depends on itself.
    """
    whole = outline(graph) if isinstance(graph, Graph) else graph
    entries, result = whole.entries, whole.rows - 1
    made: dict[int, object] = {}
    bound: list[int] = []  # states whose jumps lead to others
    wanted = [result]
    for number in wanted:  # which grows
        for each in _make(whole, number, made):
            if entries[each].jumps is not None:
                bound.append(each)
                wanted += [state for _, state in entries[each].jumps or () if state is not None]
    for each in bound:
        jumps = {
            key: None if state is None else cast("LazyResult[object]", made[state])
            for key, state in entries[each].jumps or ()
        }
        lazy = cast("LazyResult[object]", made[each])
        lazy.policies = (PLAIN if lazy.policies is None else lazy.policies)._replace(selector=JumpSelector(jumps))
    return cast("LazyResult[object] | list[LazyResult[object]]", made[result])


def _make(whole: Outline, root: int, made: dict[int, object]) -> list[int]:
    """Makes an entry and its operands; returns the numbers of those made."""
    order: list[int] = []
    path: dict[int, None] = {}  # entered and not made: in order, from the root
    stack = [root]
    while stack:
        number = stack[-1]
        entry = whole.entries[number]
        if number in made:
            stack.pop()
        elif number in path:
            # Everything that it needs is made.
            stack.pop()
            del path[number]
            order.append(number)
            values = [whole.inputs[-1 - r] if r < 0 else made[r] for r in entry.references]
            routes = {key: whole.inputs[-1 - r] if r < 0 else made[r] for key, r in entry.routes}
            made[number] = _made(entry.operation, values, routes)
        else:
            path[number] = None
            for reference in (*(route for _, route in reversed(entry.routes)), *reversed(entry.references)):
                if reference in path:
                    cycle = [*path][[*path].index(reference) :]
                    raise CycleError([whole.label(each) for each in (*cycle, reference)])
                if reference >= 0 and reference not in made:
                    stack.append(reference)
    return order


def _made(operation: RowOperation, values: list[object], routes: dict[object, object]) -> object:
    if operation is EITHER:
        return lazy_result(control.EITHER, tuple(values), Policies(construct=Fallback()))
    if isinstance(operation, Container):
        return operation.make(values)
    if not isinstance(operation, PolicyOperation):
        return lazy_result(operation.task, tuple(values))
    count = 1 if isinstance(operation, Route) else operation.arguments.stop
    policies = operation.policies(values[count:])
    if isinstance(operation, Route):
        policies = policies._replace(construct=RouteSet(routes))
    return lazy_result(operation.task, tuple(values[:count]), None if policies.is_plain else policies)
