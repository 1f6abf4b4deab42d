"""The walk from a result down to the results that it needs, which makes the rows and the inputs of its graph.

    total([double(x), double(x)], scale=3)     with x = load()

    rows    0  load
            1  double  0
            2  double  0
            3  list    1 2
            4  total   3 input 0
    inputs  3

Rows stand in the order in which Python would evaluate the nested calls: arguments first, left to right, a shared
one where it is first needed. The walk keeps its own stack, so depth is limited by memory only.
"""

from __future__ import annotations

import sys

from cascade._vm import Skipped, results_made
from cascade.declare.control import ONCE as ONCE_TASK
from cascade.declare.inputs import Input
from cascade.declare.lazy import LazyResult
from cascade.declare.policies import PLAIN as NO_POLICIES
from cascade.declare.policies import RouteSet
from cascade.declare.resources import Injection
from cascade.declare.task import Task
from cascade.graph.calls import call_of, in_order_of_issue
from cascade.graph.containers import CONTAINERS, PLAIN, REBUILT, Sparse, parts
from cascade.graph.cycles import ENTERED, cycle_error
from cascade.graph.inputs import Inputs
from cascade.graph.operations import AnyTask, Operation, shared_operation
from cascade.graph.route_table import Around, RouteTable
from cascade.graph.routes import EveryRoute, Routes
from cascade.graph.rows import guard, injections_read, without_repeated_calls
from cascade.graph.search import HOLDS, SEARCHED, ArgumentSearch, TooManyRows
from cascade.imports import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cascade.graph.model import Row

    Node = tuple[AnyTask | Operation, Sequence[object], Sequence[object]]
    """The operation of a result, its operands, and these in the order of issue."""


def walk(
    root: object,
    limit: int | None,
    around: Around,
    routes: Routes | EveryRoute | None = None,
    *,
    hands_on: bool = False,
    to_run: bool = False,
) -> tuple[tuple[Row, ...], list[object]]:
    """The rows and the inputs of the graph of `root`, a result or a list of results.

    Args:
        limit, hands_on, to_run: see `cascade.graph.build.flatten`.
        around: the values that are there already, or are computed elsewhere.
        routes: the treatment of the routes of Routers; by default they are graphs of their own.
    """
    made = Walk(root, around, routes, to_run)
    made.run(limit, root if hands_on else None)
    return made.finish()


class Walk:
    """One walk: a loop in which plain calls are treated in place, and a method for each kind that is rarer.

    Attributes:
        numbers: by LazyResult (compared by identity), and by the `id()` of containers: ENTERED, and in the end the number of the row,
            or, as in a reference, of the input.
        rows, inputs: as in a graph.
        known: the results that the graph around it computes, always or at most once.
        sparse: of long containers with few results, by `id()`.
        nodes: of containers, and of results that are more than plain calls: they are met more than once.
        is_open: whether anything has to be filled in before a run.
        skips: whether something may be skipped.
        is_pure: whether a pure task is called.
    """

    # Defaults of the class: most graphs that are made by loops have two rows, and a tenth of their time would go here.
    is_open = skips = is_pure = False
    search: ArgumentSearch | None = None
    sparse: dict[int, Sparse] | None = None

    def __init__(self, root: object, around: Around, routes: Routes | EveryRoute | None, to_run: bool) -> None:
        self.root = root
        self.to_run = to_run
        self.around = around
        self.routes = routes
        self.numbers: dict[object, int] = {}
        self.rows: list[Row] = []
        self.inputs: list[object] = []
        self.nodes: dict[object, Node] = {}
        self.known = {**around.values, **around.once} if around.once else around.values

    def run(self, limit: int | None, data: object) -> None:
        """Makes the rows. Two further calls of functions for each plain call would cost 8 to 10 %."""
        numbers, rows, inputs, nodes, known = self.numbers, self.rows, self.inputs, self.nodes, self.known
        number_of, made, most = numbers.get, results_made(), sys.maxsize if limit is None else limit
        search: ArgumentSearch | None = None
        stack: list[object] = [self.root]
        while stack:
            item = stack[-1]
            if (
                type(item) is not LazyResult
                or item.policies is not None
                or type(item.task) is not Task
                or (known and item in known)
            ):
                key = item if type(item) is LazyResult else id(item)
                operation, operands, ordered = nodes.get(key) or self._node_of(item)
            else:
                key, operation = item, item.task
                operands = ordered = item.slots
            number = number_of(key)
            if number is None:
                numbers[key] = ENTERED  # first sight: what it needs goes first, the leftmost on top of the stack
                if len(numbers) > most:
                    raise TooManyRows
                before, looked = len(stack), 0
                for operand in ordered:
                    kind = type(operand)
                    if kind in PLAIN:
                        continue
                    if kind is LazyResult:
                        needed = number_of(operand)
                    else:
                        if search is None:
                            search = self.search = ArgumentSearch(limit, made, data)
                        found = search.look(item, operand)
                        looked |= found
                        if not found & HOLDS:
                            continue
                        needed = number_of(id(operand))
                    if needed is None:
                        stack.append(operand)
                    elif needed == ENTERED:
                        raise cycle_error(operand, numbers)
                if looked == SEARCHED and type(item) is LazyResult:
                    item.searched = made
                if len(stack) > before:
                    stack[before:] = stack[: before - 1 : -1]
                    continue
            stack.pop()
            if number is not None and number != ENTERED:
                continue
            row: list[object] = [operation] if operation is not REBUILT else self._begin_rebuilt(item)
            for operand in operands:
                if type(operand) is LazyResult:
                    row.append(numbers[operand])
                elif type(operand) in PLAIN or (number := number_of(id(operand))) is None:
                    row.append(-1 - len(inputs))
                    inputs.append(operand)
                else:
                    row.append(number)
            if operation.pure:
                self.is_pure = True
            numbers[key] = len(rows)
            rows.append(tuple(row))

    def _begin_rebuilt(self, item: object) -> list[object]:
        """The row of a container of a user's class, or of a long one with few results: its first operand is the original."""
        self.inputs.append(item if self.sparse is None else self.sparse.get(id(item), item))
        return [REBUILT, -len(self.inputs)]

    def _node_of(self, item: object) -> Node:
        """The operation and the operands of an item that is not a plain call; of one whose value is there already, no operands."""
        if type(item) is not LazyResult:
            sparse = None if self.search is None or not self.to_run else self.search.sparse(item)
            if sparse is not None:
                self.sparse = self.sparse or {}
                self.sparse[id(item)] = sparse
                node: Node = REBUILT, sparse.parts, sparse.parts
            else:
                operands = item[:] if type(item) is list else parts(item)
                node = CONTAINERS.get(type(item), REBUILT), operands, operands
            self.nodes[id(item)] = node
            return node
        is_shared = item in self.around.once
        if item in self.around.values or not item.task.takes_policies and not is_shared:
            if item not in self.numbers:
                self._number(item, self.around.values.get(item, item))
            return item.task, (), ()
        policies = item.policies
        operation: Operation
        slots: tuple[object, ...]
        if is_shared:
            operation, slots = shared_operation(ONCE_TASK, NO_POLICIES, has_value=False), (self.around.use(item),)
        elif policies is None:  # a call of a task whose class derives from Task
            node = self.nodes[item] = item.task, item.slots, item.slots
            return node
        else:
            if self.routes is None and isinstance(policies.construct, RouteSet):
                self.routes = Routes(self.root, self.around)
            operation, slots = call_of(item, policies, self.routes)
        if operation.skippable:
            self.skips = True
        node = self.nodes[item] = operation, slots, in_order_of_issue(operation, slots)
        return node

    def _number(self, item: LazyResult[object], value: object) -> None:
        """Numbers a value that is there already, or given when the graph is run; a resource is a row of its own."""
        if type(value) is LazyResult:
            self.is_open = True
            if not isinstance(value.task, Input):
                self.numbers[item] = len(self.rows)
                self.rows.append((value.task,))
                return
        self.inputs.append(value)
        self.numbers[item] = -len(self.inputs)
        if type(value) is Skipped:
            self.skips = True

    def finish(self) -> tuple[tuple[Row, ...], list[object]]:
        """The rows and the inputs, after the passes over them."""
        inputs = self.inputs if self.routes is None and not self.is_open else self._inputs_to_fill()
        rows = tuple(guard(self.rows, inputs) if self.skips else self.rows)
        if not self.is_pure:
            return rows, inputs
        given = {-1 - self.numbers[lazy] for lazy in self.around.values if lazy in self.numbers}
        return without_repeated_calls(rows, inputs, given)

    def _inputs_to_fill(self) -> list[object]:
        """Returns the inputs as `Inputs` if any has to be filled in before a run; else as they are."""
        routes = self.routes
        shares = routes is not None and routes.share()
        declarations = () if routes is None else routes.declarations
        if not self.is_open and not shares and not declarations:
            return self.inputs
        inputs = Inputs(self.inputs)
        inputs.declared = [number for number, value in enumerate(inputs) if type(value) is LazyResult]
        if shares:
            inputs.tables = [
                number for number, value in enumerate(inputs) if type(value) is RouteTable and value.common
            ]
        inputs.elsewhere = [task for task in declarations if isinstance(task, Input)]
        inputs.injections = [row[0] for row in self.rows if isinstance(row[0], Injection)]
        inputs.injections += [task for task in declarations if isinstance(task, Injection)]
        inputs.values = injections_read(self.rows)
        return inputs
