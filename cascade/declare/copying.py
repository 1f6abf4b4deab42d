"""Copies and pickles of graphs of LazyResults, whose recursion is as deep as one call and not as the graph.

`pickle` and `copy.deepcopy` descend into the members of an object. A chain of results would take a frame of the C stack, or
several of Python's, for each of its nodes. So a graph is visited in topological order:

    c(b(a()))   ->   [a(), b(<known>), c(<known>)]

Then the members of each node are known already when it is visited. Values that several nodes share stay shared.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Collection, Container, Iterator
from dataclasses import fields
from typing import TypeVar, cast
from weakref import WeakKeyDictionary

from cascade._vm import find_in_class, holds_deferred

L = TypeVar("L")
"""LazyResult, whose methods these are: nothing else is of its type."""

STATE = ("task", "slots", "policies", "around")
"""The fields that a copy takes over."""


class _Listed:
    """Marks the nodes of a list that is being pickled: they are pickled without a list of their own.

    It is the list's last item, so it is freed with the list when the pickler is done with that, or gives up.
    """

    __slots__ = ("__weakref__", "nodes")

    def __init__(self, nodes: frozenset[int]) -> None:
        self.nodes = nodes

    def __reduce__(self) -> tuple[object, ...]:
        self.nodes = frozenset()
        return tuple, ()


_listed: WeakKeyDictionary[_Listed, None] = WeakKeyDictionary()


def reduce_result(lazy: L, new_result: Callable[..., L]) -> tuple[object, ...]:
    """Returns the parts of a result's pickle: a function, the nodes that it needs, and the node's own state."""
    if any(id(lazy) in mark.nodes for mark in list(_listed)):
        return new_result, (), _state_of(lazy)
    before = _in_order(lazy, ())[:-1]
    if not before:
        return new_result, (), _state_of(lazy)
    mark = _Listed(frozenset(map(id, before)))
    _listed[mark] = None
    return new_result, ([*before, mark],), _state_of(lazy)


def copy_result(lazy: L) -> L:
    """Returns a result of the same call that is a node of its own."""
    return _with_state(type(lazy)(), _state_of(lazy)[1])


def deepcopy_result(lazy: L, memo: dict[int, object]) -> L:
    """Returns a copy of the whole graph. Nodes that are in `memo` already are taken from there."""
    for node in _in_order(lazy, memo):
        if id(node) not in memo:  # one on a cycle can have been met by another's copy
            memo[id(node)] = copied = type(node)()
            _with_state(copied, {name: copy.deepcopy(value, memo) for name, value in _state_of(node)[1].items()})
    return cast("L", memo[id(lazy)])


def _state_of(lazy: object) -> tuple[None, dict[str, object]]:
    # As pickle has it for a class with __slots__ and no __dict__.
    return None, {name: getattr(lazy, name) for name in STATE if hasattr(lazy, name)}


def _with_state(lazy: L, state: dict[str, object]) -> L:
    for name, value in state.items():
        setattr(lazy, name, value)
    return lazy


def _in_order(lazy: L, known: Container[int]) -> list[L]:
    """Returns the nodes of its graph that are not known, in topological order, except on a cycle."""
    order: list[L] = []
    met = {id(lazy)}
    path = [(lazy, _held_by(lazy))]
    while path:
        node, held = path[-1]
        for other in held:
            if id(other) not in met and id(other) not in known:
                met.add(id(other))
                path.append((other, _held_by(other)))
                break
        else:
            order.append(node)
            path.pop()
    return order


def _held_by(lazy: L) -> Iterator[L]:
    """Iterates over the results in its arguments and policies, inside nested containers as well."""
    waiting = [value for value in _state_of(lazy)[1].values() if holds_deferred(value)]
    met = set(map(id, waiting))
    while waiting:
        value = waiting.pop()
        if type(value) is type(lazy):
            yield value
            continue
        for child in _children(value):
            if id(child) not in met:
                met.add(id(child))
                waiting.append(child)


def _children(value: object) -> Collection[object]:
    if isinstance(value, (list, tuple, set, frozenset)):
        return value
    if isinstance(value, dict):
        return [*value.keys(), *value.values()]
    if find_in_class(type(value), "__dataclass_fields__") is not None and not issubclass(type(value), type):
        return [getattr(value, field.name) for field in fields(value) if hasattr(value, field.name)]  # type: ignore[arg-type]
    return ()
