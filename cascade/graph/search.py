"""The search for results in containers that are arguments of calls."""

from __future__ import annotations

from cascade._vm import hands_on_deferred, holds_deferred, look_for_deferred
from cascade.declare.lazy import LazyResult
from cascade.graph.containers import PLAIN, is_container, parts
from cascade.imports import Any


class TooManyRows(Exception):
    """A graph has more rows than its builder was allowed, or its arguments hold too much."""

THINGS = 10
"""How many things may be searched for each row that a graph may have."""


def was_searched(lazy: LazyResult[Any], made: int) -> bool:
    """Whether the arguments were searched, held no results, and none was made since: there are `made` of them."""
    return getattr(lazy, "searched", None) == made


def argument_holds_results(value: Any, limit: int | None) -> bool:
    """Whether a LazyResult stands in an argument.

    Raises:
        TooManyRows: it holds so much that the search would take long; see `flatten`.
    """
    if limit is None:
        return holds_deferred(value)
    found = look_for_deferred(value, THINGS * limit)
    if found is None:
        raise TooManyRows
    return found


def first_things_hold_results(lazy: LazyResult[Any], operand: Any) -> bool:
    """Whether a LazyResult stands among the first things of an operand of a call whose arguments are data."""
    slots, gathered = lazy.slots, lazy.task.binder.gathered
    return hands_on_deferred((operand,), (0,) if any(slots[slot] is operand for slot in gathered) else ())


def search(root: Any, searched: dict[int, Any], holding: set[int], limit: int | None) -> None:
    # Once for a whole nest of containers: asking at every level would take time quadratic in the depth.
    searched[id(root)] = root
    parents: dict[int, list[int]] = {}
    stack = [root]
    found = []
    things = 0
    while stack:
        container = stack.pop()
        if limit is not None:
            things += len(container) if hasattr(container, "__len__") else 0
            if things > THINGS * limit:
                raise TooManyRows
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
