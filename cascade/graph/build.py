"""LazyResult -> Graph.

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
from typing import Any

from cascade._vm import holds_deferred
from cascade.errors import CycleError, TargetError
from cascade.graph.model import DICT, LIST, REBUILT, SET, TUPLE, Container, Graph, Row, is_container, parts
from cascade.spec.lazy import LazyResult
from cascade.spec.operation import MAP, CALL, Managed, extras_of, interned
from cascade.spec.policies import PLAIN as NO_POLICIES
from cascade.spec.policies import Policies
from cascade.spec.task import Task

PLAIN = frozenset({int, str, float, bool, bytes, complex, type(None)})
CONTAINERS: dict[type, Container] = {list: LIST, tuple: TUPLE, set: SET, dict: DICT}
ENTERED = -1


def build_graph(target: Any) -> Graph:
    """Builds the graph of a LazyResult, or of a list or tuple of LazyResults (whose value is a list).

    Raises:
        TargetError: (a TypeError) `target` is something else.
        CycleError: (a ValueError) a container that was changed after the call makes a task depend on itself.
    """
    rows, inputs = flatten(target)
    return Graph(rows, tuple(inputs))


class TooManyRows(Exception):
    """A graph has more rows than its builder was allowed."""


def flatten(target: Any, limit: int | None = None) -> tuple[tuple[Row, ...], list[Any]]:
    """The rows and the inputs of a target's graph.

    Raises:
        TooManyRows: there are more than `limit`.
    """
    if type(target) is not LazyResult:
        _check_target(target)
        target = list(target)
    return _walk(target, sys.maxsize if limit is None else limit)


def _walk(root: Any, limit: int) -> tuple[tuple[Row, ...], list[Any]]:
    # Keys are LazyResults, compared by identity, and the id() of containers; a value is the number of the row.
    numbers: dict[Any, int] = {}
    rows: list[Row] = []
    inputs: list[Any] = []
    expanded: dict[int, list[Any]] = {}
    # The containers that were looked into, and those of them that hold a LazyResult at any depth.
    searched: dict[int, Any] = {}
    holding: set[int] = set()
    # What a call with policies does, and its operands.
    managed: dict[Any, tuple[Any, tuple[Any, ...]]] = {}
    skips = False
    stack: list[Any] = [root]
    number_of = numbers.get
    while stack:
        item = stack[-1]
        if type(item) is LazyResult:
            key: Any = item
            operands: Sequence[Any] = item.slots
            if item.policies is not None:
                operation, operands = managed.get(key) or managed.setdefault(key, _manage(item, item.policies))
                skips = skips or operation.skippable
        else:
            key = id(item)
            operands = expanded.get(key) or expanded.setdefault(key, parts(item))
        number = number_of(key)
        if number is None:
            # First sight: what it needs goes first, the leftmost on top of the stack.
            numbers[key] = ENTERED
            if len(numbers) > limit:
                raise TooManyRows
            before = len(stack)
            for operand in operands if key not in managed else _in_order_of_issue(*managed[key]):
                kind = type(operand)
                if kind in PLAIN:
                    continue
                if kind is LazyResult:
                    needed = number_of(operand)
                else:
                    if id(operand) not in searched:
                        if holds_deferred(operand):
                            _search(operand, searched, holding)
                        elif kind in CONTAINERS:
                            searched[id(operand)] = operand
                    if id(operand) not in holding:
                        continue
                    needed = number_of(id(operand))
                if needed is None:
                    stack.append(operand)
                elif needed == ENTERED:
                    raise _cycle(operand, numbers)
            if len(stack) > before:
                stack[before:] = stack[: before - 1 : -1]
                continue
        elif number != ENTERED:
            stack.pop()
            continue
        # Everything it needs has a number.
        stack.pop()
        row: list[Any] = [item.task if type(item) is LazyResult else CONTAINERS.get(type(item), REBUILT)]
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
    return tuple(_guard(rows) if skips else rows), inputs


def _manage(lazy: LazyResult[Any], policies: Policies) -> tuple[Any, tuple[Any, ...]]:
    """What a call with policies does, and its operands."""
    return interned(lazy.task, policies, CALL if policies.form is None else MAP), (*lazy.slots, *extras_of(policies))


def _in_order_of_issue(operation: Managed, operands: tuple[Any, ...]) -> tuple[Any, ...]:
    # What comes before in order goes first, then the conditions; as one would write it in Python.
    ordered, conditions = len(operands) - operation.after, len(operands) - operation.after - operation.conditions
    return (*operands[ordered:], *operands[conditions:ordered], *operands[:conditions])


def _guard(rows: list[Row]) -> list[Row]:
    """The rows, with a managed call wherever an operand may be missing: it is skipped then, and not called."""
    missing = [False] * len(rows)
    result = []
    for index, row in enumerate(rows):
        operation = row[0]
        if any(missing[reference] for reference in row[1:] if reference >= 0):
            missing[index] = True
            if isinstance(operation, Task):
                row = (interned(operation, NO_POLICIES), *row[1:])
        if isinstance(operation, Managed) and operation.skippable:
            missing[index] = True
        result.append(row)
    return result


def _search(root: Any, searched: dict[int, Any], holding: set[int]) -> None:
    # Once for a whole nest of containers: asking at every level would take time quadratic in the depth.
    searched[id(root)] = root
    parents: dict[int, list[int]] = {}
    stack = [root]
    found = []
    while stack:
        container = stack.pop()
        for part in parts(container):
            if type(part) is LazyResult:
                found.append(id(container))
            elif type(part) not in PLAIN and is_container(part):
                parents.setdefault(id(part), []).append(id(container))
                if id(part) not in searched:
                    searched[id(part)] = part
                    stack.append(part)
                elif id(part) in holding:
                    found.append(id(container))
    while found:
        number = found.pop()
        if number not in holding:
            holding.add(number)
            found.extend(parents.get(number, ()))


def _cycle(again: Any, numbers: dict[Any, int]) -> CycleError:
    # What is entered and not numbered is the path from the root, in the order in which it was entered.
    path = [key for key, number in numbers.items() if number == ENTERED]
    path = path[path.index(again if type(again) is LazyResult else id(again)) :]
    names = [key.task.name for key in path if type(key) is LazyResult]
    return CycleError([*names, *names[:1]], where="a container that was changed after it was passed to a task")


def _check_target(target: Any) -> None:
    if isinstance(target, Task):
        raise TargetError(
            f"task {target.name!r} was given where its result is expected",
            expected="a LazyResult",
            hint=f"call it: {target.name}(...)",
        )
    if not isinstance(target, (list, tuple)):
        raise TargetError(
            f"the target is {target!r}, of type {type(target).__name__}",
            expected="a LazyResult, or a list or tuple of LazyResults",
            hint="decorate the function with @task and pass the result of calling it",
        )
    for index, item in enumerate(target):
        if type(item) is not LazyResult:
            raise TargetError(
                f"target[{index}] is {item!r}, of type {type(item).__name__}", expected="a LazyResult in every place"
            )
