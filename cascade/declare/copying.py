"""Copies and pickles of graphs of LazyResults, whose depth is that of one call and not that of the graph.

`pickle` and `copy.deepcopy` go down into what an object holds. A chain of results would take a frame of the C stack, or
several of Python's, for each of its nodes. So a graph is taken in order, what is needed first:

    c(b(a()))   ->   [a(), b(<known>), c(<known>)]

Then everything that a node holds is known already when its turn comes. What several nodes share stays shared.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Collection, Container, Iterator
from dataclasses import fields, is_dataclass
from typing import Any, TypeVar
from weakref import WeakKeyDictionary

from cascade._vm import holds_deferred
L = TypeVar("L")
"""LazyResult, whose methods these are: nothing else is of its type."""

STATE = ("task", "slots", "policies", "around")
"""What a copy takes over."""


class _Listed:
    """Stands at the end of a list of nodes that is being pickled, which come without a list of their own.

    It is the list's own: when the pickler is done with that, or gives up, it is gone, and the mark with it.
    """

    __slots__ = ("__weakref__", "nodes")

    def __init__(self, nodes: frozenset[int]) -> None:
        self.nodes = nodes

    def __reduce__(self) -> tuple[Any, ...]:
        self.nodes = frozenset()
        return tuple, ()


_listed: WeakKeyDictionary[_Listed, None] = WeakKeyDictionary()


def reduce_result(lazy: L, new_result: Callable[..., L]) -> tuple[Any, ...]:
    """Returns the parts of a result's pickle: a function, the nodes that have to be there before, and the node's own state."""
    if any(id(lazy) in mark.nodes for mark in list(_listed)):
        return new_result, (), _state_of(lazy)
    before = _in_order(lazy, ())[:-1]
    if not before:
        return new_result, (), _state_of(lazy)
    mark = _Listed(frozenset(map(id, before)))
    _listed[mark] = None
    return new_result, ([*before, mark],), _state_of(lazy)


def copy_result(lazy: L) -> L:
    """A result of the same call, and a node of its own."""
    return _with_state(type(lazy)(), _state_of(lazy)[1])


def deepcopy_result(lazy: L, memo: dict[int, Any]) -> L:
    """A copy of the whole graph. Where `memo` has a node already, it is taken from there."""
    for node in _in_order(lazy, memo):
        if id(node) not in memo:  # one on a cycle can have been met by another's copy
            memo[id(node)] = copied = type(node)()
            _with_state(copied, {name: copy.deepcopy(value, memo) for name, value in _state_of(node)[1].items()})
    copied_lazy: L = memo[id(lazy)]
    return copied_lazy


def _state_of(lazy: object) -> tuple[None, dict[str, Any]]:
    # As pickle has it for a class with __slots__ and no __dict__.
    return None, {name: getattr(lazy, name) for name in STATE if hasattr(lazy, name)}


def _with_state(lazy: L, state: dict[str, Any]) -> L:
    for name, value in state.items():
        setattr(lazy, name, value)
    return lazy


def _in_order(lazy: L, known: Container[int]) -> list[L]:
    """The nodes of its graph that are not known, each after those that it holds, except on a cycle."""
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
    """The results in its arguments and policies, inside nested containers as well."""
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


def _children(value: Any) -> Collection[Any]:
    if isinstance(value, (list, tuple, set, frozenset)):
        return value
    if isinstance(value, dict):
        return [*value.keys(), *value.values()]
    if is_dataclass(value) and not isinstance(value, type):
        return [getattr(value, field.name) for field in fields(value) if hasattr(value, field.name)]
    return ()
