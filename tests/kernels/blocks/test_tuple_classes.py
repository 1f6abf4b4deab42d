"""Items, unpacking and `len` of objects whose classes inherit `tuple`: native where the methods are tuple's own, and tuple's behaviour in any case."""

from __future__ import annotations

import weakref
from typing import Any, NamedTuple

import pytest

from cascade.kernels.blocks.kernel import block_kernel
from tests.support.block_functions import assert_same, instructions


class Edge(NamedTuple):
    to: Any
    cost: Any


class Plain(tuple):
    pass


class Indexed(tuple):
    def __getitem__(self, index: Any) -> Any:
        return 7


class Iterated(tuple):
    def __iter__(self) -> Any:
        return iter((8, 9))


class Sized(tuple):
    def __len__(self) -> int:
        return 5


class Dies:
    pass


def indexed(edges: list[Any]) -> Any:
    total = 0
    for edge in edges:
        total += edge[0] * edge[-1]
    return total


def unpacked(edges: list[Any]) -> Any:
    total = 0
    for to, cost in edges:
        total += to * cost
    return total


def sized(edges: list[Any]) -> int:
    total = 0
    for edge in edges:
        total += len(edge)
    return total


def beyond(edges: list[Any]) -> list[str]:
    found = []
    for edge in edges:
        try:
            found.append(edge[2])
        except IndexError as error:
            found.append(str(error))
    return found


def of_three(edges: list[Any]) -> Any:
    total = 0
    for edge in edges:
        a, b, c = edge
        total += a + b + c
    return total


def pairs(make: Any) -> list[Any]:
    return [make(i, i + 0.5) for i in range(4)]


def of(cls: type) -> Any:
    return lambda *items: cls(items)


@pytest.mark.parametrize("function", [indexed, unpacked, sized])
@pytest.mark.parametrize("make", [Edge, of(Plain)], ids=["named tuple", "class"])
def test_classes_with_the_methods_of_tuple_are_native(function, make):
    kernel = assert_same(function, pairs(make))
    assert "CALL_PYTHON" not in instructions(kernel) and kernel.exit_count == 0


@pytest.mark.parametrize("function", [indexed, unpacked, sized, beyond, of_three])
@pytest.mark.parametrize(
    "make",
    [Edge, of(Plain), of(Indexed), of(Iterated), of(Sized)],
    ids=["named", "plain", "indexed", "iterated", "sized"],
)
def test_own_methods_and_exceptions_are_those_of_the_class(function, make):
    assert_same(function, pairs(make))
    assert_same(function, [*pairs(make), (1, 2), [3, 4], *pairs(of(Plain)), *pairs(make)])


@pytest.mark.parametrize("items", [(), (1,), (1, 2, 3)], ids=len)
def test_another_number_of_items_is_unpacked_as_by_cpython(items):
    kernel = assert_same(unpacked, pairs(of(Plain)))
    assert_same(unpacked, [*pairs(of(Plain)), Plain(items)], kernel=kernel)


def test_a_class_that_gets_a_method_under_way_is_asked():
    class Changing(tuple):
        pass

    edges = pairs(of(Changing))
    kernel = block_kernel(indexed)
    assert kernel(edges) == indexed(edges) == 0 * 0.5 + 1 * 1.5 + 2 * 2.5 + 3 * 3.5
    Changing.__getitem__ = lambda self, index: 2
    assert kernel(edges) == indexed(edges) == 16
    del Changing.__getitem__
    assert kernel(edges) == indexed(edges) == 17.0


def dropped(made: Any) -> Any:
    first, second = made()
    del first
    return second


def test_items_of_an_unpacked_instance_die_on_time():
    for call in (dropped, block_kernel(dropped)):
        for _ in range(3):
            seen: list[Any] = []

            def made(seen: list[Any] = seen) -> Any:
                first = Dies()
                seen.append(weakref.ref(first))
                return Edge(first, 2)

            assert call(made) == 2
            assert seen[0]() is None
