"""The walk from a result down to what it needs, which makes the rows and the inputs of its graph.

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
from collections.abc import Sequence

from cascade._vm import Skipped, results_alive, results_made
from cascade.declare.control import ONCE as ONCE_TASK
from cascade.declare.inputs import Input
from cascade.declare.lazy import LazyResult
from cascade.declare.policies import PLAIN as NO_POLICIES
from cascade.declare.policies import RouteSet
from cascade.declare.resources import Injection
from cascade.declare.task import Task
from cascade.graph.calls import call_of, in_order_of_issue
from cascade.graph.cycles import ENTERED, cycle_error
from cascade.graph.inputs import Inputs, as_inputs
from cascade.graph.containers import DICT, LIST, PLAIN, REBUILT, SET, TUPLE, Container, parts
from cascade.graph.model import Row
from cascade.graph.operations import shared_operation
from cascade.graph.route_table import Around, RouteTable
from cascade.graph.routes import EveryRoute, Routes
from cascade.graph.rows import guard, injections_read, without_repeated_calls
from cascade.graph.search import TooManyRows, argument_holds_results, first_things_hold_results, search, was_searched
from cascade.imports import Any

CONTAINERS: dict[type, Container] = {list: LIST, tuple: TUPLE, set: SET, dict: DICT}


def walk(
    root: Any, limit: int | None, around: Around, routes: Routes | EveryRoute | None = None, *, hands_on: bool = False
) -> tuple[tuple[Row, ...], list[Any]]:
    """The rows and the inputs of what `root` is or holds.

    Args:
        limit, hands_on: see `flatten`.
        around: what is there already, or is computed elsewhere.
        routes: how the routes of Routers are treated; by default they are graphs of their own.
    """
    # Keys are LazyResults, compared by identity, and the id() of containers; a value is the number of the row, or, as in
    # a reference, of the input.
    numbers: dict[Any, int] = {}
    rows: list[Row] = []
    inputs: Any = []
    values, once = around.values, around.once
    expanded: dict[int, list[Any]] = {}
    # The containers that were looked into, and those of them that hold a LazyResult at any depth.
    searched: dict[int, Any] = {}
    holding: set[int] = set()
    # What a call with policies does, and its operands.
    managed: dict[Any, tuple[Any, tuple[Any, ...]]] = {}
    skips = pure = False
    unknown: set[int] = set()
    made = results_made()
    is_alone = results_alive() == 1  # no other one can stand in its arguments
    row_limit = sys.maxsize if limit is None else limit
    stack: list[Any] = [root]
    number_of = numbers.get
    while stack:
        item = stack[-1]
        if type(item) is LazyResult:
            key: Any = item
            operands: Sequence[Any] = item.slots
            if values and item in values:
                stack.pop()
                if key not in numbers:
                    value = values[item]
                    if type(value) is LazyResult and type(inputs) is list:
                        inputs = as_inputs(inputs)
                    numbers[key] = _number_given(value, rows, inputs)
                    unknown.add(-1 - numbers[key])
                    skips = skips or type(value) is Skipped
                continue
            if once and item in once:
                if key not in managed:
                    managed[key] = shared_operation(ONCE_TASK, NO_POLICIES, has_value=False), (around.use(item),)
                    skips = True
                operation, operands = managed[key]
            elif item.policies is not None:
                if key not in managed:
                    if routes is None and isinstance(item.policies.construct, RouteSet):
                        routes = Routes(root, around)
                    managed[key] = call_of(item, item.policies, routes)
                    skips = skips or managed[key][0].skippable
                operation, operands = managed[key]
        else:
            key = id(item)
            operands = expanded.get(key) or expanded.setdefault(key, parts(item))
        number = number_of(key)
        if number is None:
            # First sight: what it needs goes first, the leftmost on top of the stack.
            numbers[key] = ENTERED
            if len(numbers) > row_limit:
                raise TooManyRows
            before = len(stack)
            looked = holds = False
            is_data: bool | None = None  # found out where there is something to be searched
            for operand in operands if key not in managed else in_order_of_issue(*managed[key]):
                kind = type(operand)
                if kind in PLAIN:
                    continue
                if kind is LazyResult:
                    needed = number_of(operand)
                else:
                    if id(operand) not in searched:
                        if is_data is None:
                            is_data = type(item) is LazyResult and (hands_on and item is root or is_alone or was_searched(item, made))
                        if first_things_hold_results(item, operand) if is_data else argument_holds_results(operand, limit):
                            search(operand, searched, holding, limit)
                        elif kind in CONTAINERS and not is_data:
                            searched[id(operand)] = operand
                    looked = True
                    if id(operand) not in holding:
                        continue
                    holds = True
                    needed = number_of(id(operand))
                if needed is None:
                    stack.append(operand)
                elif needed == ENTERED:
                    raise cycle_error(operand, numbers)
            if looked and not holds and is_data is False and type(item) is LazyResult:
                item.searched = made
            if len(stack) > before:
                stack[before:] = stack[: before - 1 : -1]
                continue
        elif number != ENTERED:
            stack.pop()
            continue
        # Everything it needs has a number.
        stack.pop()
        if type(item) is LazyResult and type(item.task) is not Task and item not in once:
            if type(inputs) is list:
                inputs = as_inputs(inputs)
            if isinstance(item.task, Input):
                numbers[key] = -1 - len(inputs)
                inputs.declared.append(len(inputs))
                inputs.append(item)
                continue
        row: list[Any] = [item.task if type(item) is LazyResult else CONTAINERS.get(type(item), REBUILT)]
        pure = pure or type(item) is LazyResult and item.task.pure
        if key in managed:
            row[0] = operation
        if row[0] is REBUILT:
            row.append(-1 - len(inputs))
            inputs.append(item)
        for operand in operands:
            kind = type(operand)
            if kind is LazyResult:
                row.append(numbers[operand])
            elif kind in PLAIN or (number := number_of(id(operand))) is None:
                row.append(-1 - len(inputs))
                inputs.append(operand)
            else:
                row.append(number)
        numbers[key] = len(rows)
        rows.append(tuple(row))
    if routes is not None and routes.share():
        if type(inputs) is list:
            inputs = as_inputs(inputs)
        inputs.tables = [number for number, value in enumerate(inputs) if type(value) is RouteTable and value.common]
    if routes is not None and routes.declarations:
        if type(inputs) is list:
            inputs = as_inputs(inputs)
        inputs.elsewhere += [task for task in routes.declarations if isinstance(task, Input)]
        inputs.injections += [task for task in routes.declarations if isinstance(task, Injection)]
    if type(inputs) is Inputs:
        inputs.injections[:0] = [row[0] for row in rows if isinstance(row[0], Injection)]
        inputs.values = injections_read(rows)
    found = tuple(guard(rows, inputs) if skips else rows)
    return without_repeated_calls(found, inputs, unknown) if pure else (found, inputs)


def _number_given(value: Any, rows: list[Row], inputs: list[Any]) -> int:
    """The number of a value that is there already: an input; for a resource, which stands as a LazyResult, a row of its own."""
    if type(value) is LazyResult:
        rows.append((value.task,))
        return len(rows) - 1
    inputs.append(value)
    return -len(inputs)
