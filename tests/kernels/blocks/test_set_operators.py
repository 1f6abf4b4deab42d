"""Operators, comparisons and methods of sets in kernels that are made block by block."""

from __future__ import annotations

from fractions import Fraction

import pytest

from cascade.kernels.blocks.kernel import block_kernel
from tests.support import block_set_operators as functions
from tests.support.block_functions import assert_same, instructions
from tests.support.block_set_operators import Key, Plain

NAN = float("nan")
SETS = [
    set(),
    {1, 2, 3},
    frozenset({2, 3}),
    {2.0, 3.5, True},
    {"a", "b", 1},
    frozenset(range(100)),
    set(range(0, 200, 3)),
    {(1, 2), (3, "x"), None},
    {2**80, -1, -2},
    {NAN, 1.0},
    {b"a", b"b"},
    {Fraction(1), 2},
    {Key(1), Key(3)},
    frozenset({Key(2), "a"}),
]


def is_native(kernel):
    return "CALL_PYTHON" not in instructions(kernel) and kernel.exit_count == 0


def ordered(value):
    """Sets are equal if they also have one order."""
    if isinstance(value, set | frozenset):
        return [type(value).__name__, *map(repr, value)]
    return list(map(ordered, value)) if isinstance(value, list | tuple) else repr(value)


def assert_same_order(function, *arguments):
    """Calls it with equal arguments, some of which it may change, and returns the kernel."""
    kernel = block_kernel(function)
    for _ in range(3):
        found = []
        for call in (function, kernel):
            Key.log.clear()
            given = [value.copy() if isinstance(value, set) else value for value in arguments]
            try:
                result = ordered(call(*given))
            except Exception as error:
                result = type(error), str(error)
            found.append((result, ordered(given), Key.log[:]))
        assert found[0] == found[1]
    return kernel


@pytest.mark.parametrize("right", SETS, ids=repr)
@pytest.mark.parametrize("left", SETS, ids=repr)
@pytest.mark.parametrize(
    "function", [functions.operators, functions.comparisons, functions.methods, functions.grows, functions.shrinks]
)
def test_two_sets_give_what_they_give_in_cpython(function, left, right):
    assert_same_order(function, left, right)


@pytest.mark.parametrize("function", [functions.operators, functions.comparisons])
@pytest.mark.parametrize("left", [{1, 2, 3}, frozenset("ab")], ids=repr)
def test_sets_of_numbers_and_texts_stay_in_the_kernel(function, left):
    assert is_native(assert_same_order(function, left, {2, "a"}))


@pytest.mark.parametrize("right", [[1], "ab", None, {1: 2}, {1: 2}.keys(), 3, range(3)], ids=repr)
def test_what_is_no_set_is_left_to_cpython(right):
    for function in (functions.operators, functions.comparisons, functions.methods, functions.grows):
        assert_same_order(function, {1, 2}, right)
        assert_same_order(function, frozenset({1, 2}), right)


@pytest.mark.parametrize(
    "values", [{3, 1, 2}, frozenset({2.5, 1.5}), {"b", "a"}, set(), {1, "a"}, {Key(2), Key(1)}, {1, NAN}], ids=repr
)
@pytest.mark.parametrize("function", [functions.of_items, functions.extremes, functions.made])
def test_functions_of_the_items_of_a_set(function, values):
    assert_same_order(function, values)


@pytest.mark.parametrize(
    "values",
    [[1, 2, 1], (2.0, 2), [NAN, NAN], "abca", b"ab", range(5), [[1]], [Key(1), Key(1)], {1: 2}, 3, None],
    ids=repr,
)
def test_sets_are_made_of_containers(values):
    assert_same_order(functions.made, values)


def test_a_comparison_that_changes_a_set_is_cpythons():
    def run(call):
        left = {Key(1, lambda: left.add(5)), 2}
        try:
            return call(left, {1, 2, Key(2)})
        except Exception as error:
            return type(error), str(error)

    for function in (functions.operators, functions.comparisons):
        kernel = block_kernel(function)
        for _ in range(3):
            assert ordered(run(function)) == ordered(run(kernel))


def test_a_search_for_covers_stays_in_the_kernel():
    parts = [frozenset({1, 2}), frozenset({2, 9}), frozenset({0, 4}), frozenset({7})]
    kernel = assert_same(functions.solves, frozenset(range(8)), parts, [3, 1])
    assert kernel.exit_count == 0
    assert_same(functions.solves, frozenset(range(8)), parts, [3])  # nothing to remove


@pytest.mark.parametrize("make", [list, set, lambda items: dict.fromkeys(items)])
def test_what_a_container_held_dies_when_it_is_cleared(make):
    def run(call):
        log = []
        return ordered(list(call(make([Plain(log, 1), 2, "a"]), log))), log

    kernel = block_kernel(functions.cleared)
    for _ in range(3):
        assert run(functions.cleared) == run(kernel)
    assert "CALL_PYTHON" not in instructions(kernel)
