"""Outline: all that a graph holds, for people and tools, and the way back from rows to LazyResults.

A row of a graph hides what runs only perhaps: the routes of a Router are LazyResults inside an input of its row, and
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
from typing import Any, NamedTuple

from cascade.declare import control
from cascade.declare.control import JumpSelector
from cascade.declare.lazy import LazyResult, lazy_result
from cascade.declare.policies import PLAIN, EitherForm, Policies, RouteForm
from cascade.declare.task import Task
from cascade.errors import CycleError
from cascade.graph.description import key_words, operand_words
from cascade.graph.model import EITHER, Container, Edge, Graph
from cascade.graph.operations import CALL, Managed, StateMachine, interned, is_router, policies_of
from cascade.graph.route_table import Around, RouteTable
from cascade.graph.routes import EveryRoute
from cascade.graph.walk import walk


class Entry(NamedTuple):
    """One call, container, Router or state.

    Attributes:
        operation: as in a graph's row; of a state its own.
        references: its operands, entries or inputs as in a graph's row; of a Router the selector, and what follows the
            arguments.
        routes: of a Router, an entry or an input by key.
        jumps: of a state that is bound, the next state by key; None for the end.
        machine: of a state, the entry of its machine's first one.
    """

    operation: Any
    references: tuple[int, ...]
    routes: tuple[tuple[Any, int], ...] = ()
    jumps: tuple[tuple[Any, int | None], ...] | None = None
    machine: int | None = None

    @property
    def is_router(self) -> bool:
        return is_router(self.operation)

    @property
    def names(self) -> Sequence[str]:
        """What the references are for, as far as they have names."""
        if isinstance(self.operation, Container):
            return ()
        names: Sequence[str] = self.operation.parameters
        return ("selector", *names[self.operation.count :]) if self.is_router else names

    def kind_of(self, position: int) -> str:
        """What the reference at `position` is for: "data", "constraint", "condition" or "order"."""
        return str(self.operation.kind_of(self._operand(position))) if isinstance(self.operation, Managed) else "data"

    def words(self, position: int, text: str) -> str:
        """The reference at `position`, shown as `text`, with what it is for."""
        name = self.names[position] if position < len(self.names) else ""
        return operand_words(self.operation, self._operand(position), name, text)

    def _operand(self, position: int) -> int:
        # A Router's table of routes, and what it shares with them, are no references here.
        return position + (self.operation.count - 1 if self.is_router and position else 0)


@dataclass(frozen=True, slots=True)
class Outline:
    """The entries of a graph.

    Attributes:
        entries: see the head of this module.
        inputs: the values that entries refer to.
        rows: how many of the entries, from the first on, are rows of the graph; the last one of these is the result.
    """

    entries: tuple[Entry, ...]
    inputs: tuple[Any, ...]
    rows: int

    def label(self, number: int) -> str:
        return f"{self.entries[number].operation.name}#{number}"

    def edges(self) -> Iterator[Edge]:
        """The edges between entries: to each one in turn, and its jumps; one to the end has the target -1."""
        for number, entry in enumerate(self.entries):
            names = entry.names
            for position, reference in enumerate(entry.references):
                if reference >= 0:
                    name = names[position] if position < len(names) else str(position)
                    yield Edge(reference, number, entry.kind_of(position), name)
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
            draft.entries[number] = draft.entries[number]._replace(routes=tuple((key, next(found)) for key in table.routes))
    return Outline(tuple(draft.entries), tuple(draft.inputs), len(graph.rows))


class RoutesGraph(NamedTuple):
    """The routes of all Routers of a graph, as a graph that computes every route.

    Attributes:
        graph: its inputs that are `Shared` say which of `shared` they are; its result is the list of the routes.
        shared: what the routes share with the graph around them, as references there.
        tables: the Routers' rows, and their routes.
    """

    graph: Graph
    shared: tuple[int, ...]
    tables: tuple[tuple[int, RouteTable], ...]


def routes_of(graph: Graph) -> RoutesGraph | None:
    """The routes of the graph's Routers; None where there is no Router."""
    tables = []
    shared: dict[LazyResult[Any], int] = {}
    for number, row in enumerate(graph.rows):
        if is_router(row[0]):
            table = graph.inputs[-1 - row[2]]
            tables.append((number, table))
            shared.update(zip(table.shared, row[3:], strict=False))
    if not tables:
        return None
    return RoutesGraph(graph_of_routes([table for _, table in tables]), tuple(shared.values()), tuple(tables))


class Shared(NamedTuple):
    """Stands for the value of what routes share with the graph around them: the one of that number."""

    number: int


def graph_of_routes(tables: Sequence[RouteTable]) -> Graph:
    """A graph that computes every route of these tables, and of the Routers in them.

    What the tables share with the graph around them are inputs, each a `Shared`; its result is the list of the routes.
    """
    found = dict.fromkeys(lazy for table in tables for lazy in table.shared)
    around = Around({lazy: Shared(number) for number, lazy in enumerate(found)}, {})
    rows, inputs = walk([route for table in tables for route in table.routes.values()], None, around, EveryRoute())
    return Graph(rows, tuple(inputs))


class _Draft:
    """An outline that is being made."""

    def __init__(self) -> None:
        self.entries: list[Any] = []
        self.inputs: list[Any] = []

    def keeper(self, inputs: Sequence[Any]) -> Callable[[int], int]:
        """A function of references that keeps what they refer to of `inputs`, and gives its reference here."""
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
        self.entries += [None] * len(graph.rows)
        for number, row in enumerate(graph.rows, base):
            operation = row[0]
            if isinstance(operation, StateMachine):
                self._lay_states(operation, tuple(map(place, row[1:])), number)
            elif is_router(operation):
                references = tuple(map(place, (row[1], *row[1 + operation.count :])))
                table = graph.inputs[-1 - row[2]]
                routes = tuple((key, place(route)) for key, route in zip(table.routes, row[3:], strict=False)) if base else ()
                self.entries[number] = Entry(operation, references, routes)
            else:
                self.entries[number] = Entry(operation, tuple(map(place, row[1:])))

    def _lay_states(self, machine: StateMachine, references: tuple[int, ...], first: int) -> None:
        numbers = [first, *range(len(self.entries), len(self.entries) + len(machine.states) - 1)]
        self.entries += [None] * (len(numbers) - 1)
        for number, state in zip(numbers, machine.states, strict=True):
            operation, own = state.operation, references[state.offset : state.offset + state.width]
            if number == first:
                operation = _first_operation(machine)
                own += references[machine.count :]
            jumps = None
            if state.routes is not None:
                jumps = tuple((key, None if target is None else numbers[target]) for key, target in state.routes)
            self.entries[number] = Entry(operation, own, (), jumps, first)


def _first_operation(machine: StateMachine) -> Any:
    """The operation of a machine's first state, with what the machine as a whole depends on."""
    operation = machine.states[0].operation
    if not machine.conditions and not machine.after:
        return operation
    own = PLAIN if isinstance(operation, Task) else policies_of(operation, (None,) * operation.extras)
    kind = CALL if isinstance(operation, Task) else operation.kind
    own = own._replace(conditions=(None,) * machine.conditions, after=(None,) * machine.after)
    return interned(operation.task, own, kind)


# -- The way back -----------------------------------------------------------------------------------------------------


def target_of(graph: Graph | Outline) -> Any:
    """The target that a graph was built from: a LazyResult, or a list of them.

    Raises:
        CycleError: (a ValueError) the graph depends on itself.
    """
    whole = outline(graph) if isinstance(graph, Graph) else graph
    entries, result = whole.entries, whole.rows - 1
    made: dict[int, Any] = {}
    bound: list[int] = []  # states whose jumps lead to others
    wanted = [result]
    for number in wanted:  # which grows
        for each in _make(whole, number, made):
            if entries[each].jumps is not None:
                bound.append(each)
                wanted += [state for _, state in entries[each].jumps or () if state is not None]
    for each in bound:
        jumps = {key: None if state is None else made[state] for key, state in entries[each].jumps or ()}
        lazy = made[each]
        lazy.policies = (PLAIN if lazy.policies is None else lazy.policies)._replace(selector=JumpSelector(jumps))
    return made[result]


def _make(whole: Outline, root: int, made: dict[int, Any]) -> list[int]:
    """Makes an entry and what it needs; gives the numbers of what was made."""
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


def _made(operation: Any, values: list[Any], routes: dict[Any, Any]) -> Any:
    if operation is EITHER:
        return lazy_result(control.EITHER, tuple(values), Policies(form=EitherForm()))
    if isinstance(operation, Container):
        return operation.make(values)
    if isinstance(operation, Task):
        return lazy_result(operation, tuple(values))
    count = 1 if is_router(operation) else operation.count
    policies = policies_of(operation, values[count:])
    if is_router(operation):
        policies = policies._replace(form=RouteForm(routes))
    return lazy_result(operation.task, tuple(values[:count]), None if policies.is_plain else policies)
