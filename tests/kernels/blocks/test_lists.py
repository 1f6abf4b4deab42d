"""Methods, operators, slices and comprehensions of lists in kernels that are made block by block, compared with CPython's."""

from __future__ import annotations

import math
import sys

import numpy as np
import pytest

from tests.support import block_lists
from tests.support.block_functions import assert_same, instructions

BIG = 2**70


class Equal:
    """It is equal to all, and counts how often it was asked."""

    asked = 0

    def __eq__(self, other):
        Equal.asked += 1
        return True

    __hash__ = None

    def __repr__(self):
        return "Equal()"


class Own(list):
    def index(self, value):
        return "own"

    def __contains__(self, value):
        return "yes"

    def __add__(self, other):
        return "sum"


VALUES = [
    [1, 2, 3, 2],
    [1.5, True, None, "a", b"b"],
    (3, 2, "x"),
    [],
    [math.nan, 1],
    [[1], (2,)],
    [Equal(), 1],
    Own([1, 2]),
    "abc",
]


@pytest.mark.parametrize("values", VALUES, ids=repr)
@pytest.mark.parametrize("wanted", [2, 1.0, True, "a", None, BIG, [1], Equal()], ids=repr)
def test_values_are_searched_for(values, wanted):
    assert_same(block_lists.searches, values, wanted)
    assert_same(block_lists.index_of, values, wanted)
    assert_same(block_lists.removes, values, wanted)


def test_items_that_compare_by_code_of_users_are_asked_as_often_as_by_cpython():
    Equal.asked = 0
    block_lists.searches([5, Equal(), 7], 1)
    expected, Equal.asked = Equal.asked, 0
    kernel = assert_same(block_lists.searches, [5, 6, 7], 1)
    Equal.asked = 0
    kernel([5, Equal(), 7], 1)
    assert Equal.asked == expected > 0


@pytest.mark.parametrize(
    "values",
    [
        [3, 1, 2],
        [2.5, 1, True, BIG],
        ["b", "a", ""],
        [2, "a", 1],
        [(2, 1), (1, 2)],
        [None, 1],
        [],
        [math.nan, 1, 0],
        (2, 1),
    ],
)
def test_lists_are_sorted(values):
    assert_same(block_lists.sorts, values)


@pytest.mark.parametrize("values", [[1, 2, 3], [], ["a"], (1, 2), Own([5, 6])])
@pytest.mark.parametrize("more", [[4, 5], (6,), "xy", range(3), {7: 8}, 9])
@pytest.mark.parametrize("place", [0, 1, -1, 50, True, "no"])
def test_lists_are_changed_by_their_methods(values, more, place):
    assert_same(block_lists.changes, values, more, place)


@pytest.mark.parametrize("values", [[1000, 2000, 3000], ["abc" * 3, [1], 2.5], [1], []])
def test_an_item_that_is_popped_while_it_is_held_lives(values):
    assert_same(block_lists.pops_while_held, values, 0)
    assert_same(block_lists.pops_while_held, values, -1)


@pytest.mark.parametrize("first", [[1, 2], (1, 2), [], Own([1]), "ab", 3])
@pytest.mark.parametrize("second", [[3], (3, 4), [], "cd", range(2), 4])
def test_sequences_are_joined(first, second):
    assert_same(block_lists.joined, first, second)
    assert_same(block_lists.repeated, first, 3)
    assert_same(block_lists.repeated, first, -1)
    assert_same(block_lists.repeated, first, second)


@pytest.mark.parametrize("first", [[1, 2], (1, 2), [1, "a"], [], [math.nan], [[1], 2], [Equal()], Own([1])], ids=repr)
@pytest.mark.parametrize("second", [[1, 2], [1, 3], (1, 2.0), [1, 2, 3], ["a", 1], [[1], 3], None, Own([1])], ids=repr)
def test_sequences_are_compared(first, second):
    assert_same(block_lists.compared, first, second)
    assert_same(block_lists.compared_displays, first, second, first)
    assert_same(block_lists.compared_displays, 1, 2, 1.5)


@pytest.mark.parametrize("values", [[1, 2, 3, 4, 5], (1, 2, 3), [], "abcd", b"abc", range(6), Own([1, 2])])
@pytest.mark.parametrize("bounds", [(0, 2), (1, -1), (-3, None), (None, 99), (3, 1), (True, BIG), (-BIG, 2), ("a", 1)])
def test_slices_are_those_of_cpython(values, bounds):
    assert_same(block_lists.sliced, values, *bounds)
    assert_same(block_lists.assigned_slices, values, *bounds)


@pytest.mark.parametrize("values", [[1000, 2, 3], ["a" * 3, [1]], [2.5], [], (1, 2), {0: 1}])
@pytest.mark.parametrize("place", [0, -1, 1, 9])
def test_items_are_deleted(values, place):
    assert_same(block_lists.deleted, values, place)


@pytest.mark.parametrize("values", [[1, 2, 3, 4], (5, 6), range(4), [], [1, 2.5], ["a"], {1: 2}, [BIG], 7])
def test_comprehensions_make_what_cpython_makes(values):
    assert_same(block_lists.comprehended, values)
    assert_same(block_lists.comprehended_with_handler, values)


def test_an_exception_in_a_comprehension_leaves_the_variables_as_cpython_does():
    assert_same(block_lists.comprehended_with_handler, [1, 2, 0, 4])


@pytest.mark.parametrize("values", [[1, 2, 3, 4], (1, 2), "abc", range(5), [1], []])
def test_sequences_are_unpacked_with_stars(values):
    assert_same(block_lists.unpacked, values)


@pytest.mark.parametrize(
    "pairs", [[(1, 2), (3, 4)], [[1, 2.5], (3, 4)], [(1, "a")], [(1, 2, 3)], ["ab"], [{1: 2, 3: 4}], [5]]
)
def test_pairs_are_unpacked(pairs):
    assert_same(block_lists.unpacked_pairs, pairs)


@pytest.mark.parametrize(
    "values", [[0, 1, -1], [0.0, -0.0, math.nan, 2.5], [True, False], [None, "", "a", [], [0], BIG]]
)
def test_values_are_tested(values):
    assert_same(block_lists.tested, values)


def test_methods_of_lists_of_plain_items_are_no_call_outs():
    for function, *arguments in (
        (block_lists.searches, [1, 2], 2), (block_lists.sorts, [2, 1]), (block_lists.joined, [1], [2]),
        (block_lists.compared, [1], [2]), (block_lists.searches, ["a", "b"], "b"),
    ):  # fmt: skip
        assert "CALL_PYTHON" not in instructions(assert_same(function, *arguments))


@pytest.mark.parametrize("number", [7, 0.5, True, np.int8(100), np.uint64(7), np.float32(0.5), np.True_])
def test_numbers_that_are_computed_are_inserted(number):
    assert_same(block_lists.inserts_computed, [1, 2], number)


def test_classes_are_told_again_where_paths_with_many_have_joined():
    values = [3, 4.5, 7]
    kernel = assert_same(block_lists.met_again, values, list(range(40)))
    assert_same(block_lists.met_again, values, [*range(12), 2.5, *range(30)], kernel=kernel)
    assert_same(block_lists.met_again, values, [*range(12), 2**70, *range(30), "x"], kernel=kernel)
    before = sys.getrefcount(values)
    for _ in range(5):
        kernel(values, list(range(40)))
    assert sys.getrefcount(values) == before
    assert "COMPARE_OP" not in called_out(kernel)


def called_out(kernel):
    """Returns the names of CPython's instructions in the call-outs that were made."""
    translator = kernel.translator
    made = [translator.call_outs[number] for number, *_ in kernel.call_outs_made()]
    return {each.name for found in made for each in translator.text.between(found.start, found.end)}
