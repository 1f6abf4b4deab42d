"""The search for LazyResults in values that hold what was searched before."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

import cascade as cs
from tests.support.searched_values import Noisy, Pair, events
from tests.support.tasks import identity


@dataclasses.dataclass(frozen=True)
class Node:
    position: Any
    parent: Any


@dataclasses.dataclass
class Open:
    position: Any
    parent: Any


@pytest.mark.parametrize("kind", [Pair, Node, Open, lambda *items: items])
def test_a_path_with_links_to_what_was_before_arrives_whole(run, kind):
    @cs.task
    def walk(node: Any, n: int) -> Any:
        return walk.tail(kind([n], node), n - 1) if n else node

    expected = None
    for n in range(50, 0, -1):
        expected = kind([n], expected)
    assert run(walk(None, 50)) == expected


@pytest.mark.parametrize("kind", [Pair, Node, Open, lambda *items: items])
def test_a_result_beside_what_was_before_is_found(run, kind):
    @cs.task
    def walk(node: Any, n: int) -> Any:
        return walk.tail(kind([identity(n)], node), n - 1) if n else node

    assert run(walk(None, 3)) == kind([1], kind([2], kind([3], None)))


@pytest.mark.parametrize(("kind", "searches"), [(Pair, 1), (Node, 1), (lambda *items: items, 1), (Open, 20)])
def test_an_immutable_value_is_not_searched_again_inside_of_a_new_one(path, kind, searches):
    @cs.task
    def walk(node: Any, n: int) -> Any:
        return walk.tail(kind(n, node), n - 1) if n else None

    noisy = Noisy([1])
    events.clear()
    path.run(walk(kind(noisy, None), 20))
    assert len(events) - searches <= 2  # the target itself is searched as well


def test_a_list_that_was_changed_is_searched_inside_of_a_new_value(run):
    @cs.task
    def walk(items: Any, n: int) -> Any:
        if n == 0:
            return items
        items.append(identity(n))
        return walk.tail([items], n - 1)

    assert run(walk([], 2)) == [[[2], 1]]


def test_values_that_change_places_are_searched(run):
    @cs.task
    def swap(left: Any, right: Any, n: int) -> Any:
        if n == 0:
            return left, right
        left.append(identity(n))
        return swap.tail(right, left, n - 1)

    assert run(swap([], [], 2)) == ([2], [1])
