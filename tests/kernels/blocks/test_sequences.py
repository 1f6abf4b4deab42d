"""Lists, tuples and iterators in kernels that are made block by block, compared with CPython's."""

from __future__ import annotations

import gc
import sys

import pytest

from tests.support import block_sequences
from tests.support.block_functions import assert_same, instructions

BIG = 2**70


class Index:
    def __index__(self):
        return 1

    def __repr__(self):
        return "Index()"


class Loud(list):
    def __getitem__(self, index):
        return "loud"

    def __setitem__(self, index, value):
        list.append(self, value)

    def __iter__(self):
        return iter([1, 2])


def leaves_references(function, *arguments):
    """Returns whether calls keep references of the arguments and their items."""
    kernel = assert_same(function, *arguments)
    objects = [*arguments, *(item for value in arguments if isinstance(value, list | tuple) for item in value)]
    objects = [value for value in objects if type(value) not in (int, bool, str, type(None))]  # others hold these, too
    gc.collect()
    before = [sys.getrefcount(value) for value in objects]
    for _ in range(5):
        try:
            kernel(*arguments)
        except Exception:
            pass
    gc.collect()
    return [sys.getrefcount(value) for value in objects] != before


@pytest.mark.parametrize(
    "values", [[1, 2.5, "c"], (True, None, [1]), [BIG, -1], "text", Loud([4]), {1: 2, -1: 3, 0: 4}]
)
@pytest.mark.parametrize("index", [0, 1, -1, 2, -3, 5, True, BIG, Index(), None])
def test_items_are_those_of_cpython(values, index):
    assert_same(block_sequences.items, values, index)


@pytest.mark.parametrize("value", [1, 300, BIG, 2.5, True, None, "text", [1], (1, 2)])
@pytest.mark.parametrize("values", [[1, 2.5, "c"], [1000, 2000], [0.5, 1.5], [[1], [2]], Loud([1, 2]), (1, 2), {1: 1}])
def test_stores_are_those_of_cpython(values, value):
    for index in (0, -1, 1, 7, True):
        assert_same(block_sequences.store, values, index, value)


@pytest.mark.parametrize("value", [7, 1000, -1000, BIG, 2**31, -(2**63), 0.5, False, None, "text"])
@pytest.mark.parametrize("old", [3, 1000, 2**30, 2**29, BIG, 0.25, True, None, "old", [1]])
def test_a_number_is_stored_in_place_only_where_nobody_sees_it(value, old):
    kernel = assert_same(block_sequences.fill, [old, old, [old]], value, 3)
    assert "CALL_PYTHON" not in instructions(kernel)
    kept = [12345, 0.125, 54321]
    values = [kept[0] + 1, kept[1] + 1, kept[2] + 1]
    aliases = list(values)
    kernel(values, value, 2)
    assert aliases == [12346, 1.125, 54322]


@pytest.mark.parametrize(
    "values", [[1, 2, 3], [1000, 2000, 3000.5], [BIG, 5], ["a", "b"], [None], [[1], [2]], [2**30 - 1, -5]]
)
def test_items_are_updated_in_place(values):
    assert_same(block_sequences.count_up, values)


def test_updated_numbers_are_not_boxed():
    kernel = assert_same(block_sequences.count_up, [1000, 2000, 3000])
    assert not {"CALL_PYTHON", "BOX_INT", "COPY"} & set(instructions(kernel))


@pytest.mark.parametrize("values", [[1, 2], [1000, 2000.5], ["a", [1]], [None, BIG], (1, 2), [1]])
def test_items_are_swapped(values):
    assert_same(block_sequences.swap, values, 0, 1)
    assert_same(block_sequences.swap, values, 0, -1)
    assert not leaves_references(block_sequences.swap, values, 0, 1)


@pytest.mark.parametrize(
    "rows", [[[1, 2], [3, 4]], [[1000.5, 2], [3, 4000]], [[1, "a"], [2, 3]], [[1], (2,)], [[1, 2], [3]], [[], []]]
)
def test_rows_of_nested_lists_are_changed(rows):
    assert_same(block_sequences.rotate_rows, rows)
    assert not leaves_references(block_sequences.rotate_rows, rows)


def test_an_item_that_is_removed_while_it_is_on_the_stack_lives():
    assert_same(block_sequences.replace_while_read, [[1], "text" * 3, 1000, 2.5, None])


@pytest.mark.parametrize(
    "values",
    [
        [1, 2, 3], (1.5, 2.5), [], range(10), range(10, 0, -3), {1: 2, 3: 4}, {1, 2}, frozenset((5,)), b"abc", bytearray(b"abc"),
        [1, "a"], "abc", [1, 2.5, True, BIG], Loud([3]), None, 5, range(2**63, 2**63 + 3),
    ],
)  # fmt: skip
def test_a_loop_takes_the_items_that_cpython_takes(values):
    assert_same(block_sequences.total, values)
    assert_same(block_sequences.collected, values)
    assert not leaves_references(block_sequences.collected, values)


@pytest.mark.parametrize("values", [[1, 2, 3], [3], [1, 3, 5, 7, 9]])
def test_a_list_may_change_while_it_is_iterated(values):
    assert_same(block_sequences.grow_while_iterating, values)
    assert_same(block_sequences.clear_while_iterating, values)


@pytest.mark.parametrize("values", [[5, "b", None], (1, 2.5), [], "text", {1: 2}, range(3), Loud([1])])
@pytest.mark.parametrize("start", [0, 7, -3, True, BIG, "no"])
def test_items_are_numbered(values, start):
    assert_same(block_sequences.numbered, values, start)
    assert_same(block_sequences.numbered_range, 6)


@pytest.mark.parametrize("first", [[1, 2, 3], (), (4, 5), range(5), "ab", {1: 2}])
@pytest.mark.parametrize("second", [["a", "b"], range(1, 9, 3), 5])
def test_items_are_paired(first, second):
    assert_same(block_sequences.pairs, first, second, [7.5, 8.5, 9.5])
    assert not leaves_references(block_sequences.pairs, first, second, (7, 8))


@pytest.mark.parametrize(
    "values", [range(5), range(5, -5, -2), range(0), range(2**62, 2**62 + 3), range(2**63 - 2, 2**63 + 1)]
)
def test_range_objects_are_iterated(values):
    assert_same(block_sequences.over_range_object, values)


@pytest.mark.parametrize("count", [0, 1, 7, -3])
@pytest.mark.parametrize("step", [1, 2, -2, 10])
def test_ranges_are_reversed(count, step):
    assert_same(block_sequences.backwards, count, step)


@pytest.mark.parametrize("values", [[1, 2, 3], (1, "b"), "abc", {1: 2, 3: 4}, range(4), 5, Loud([1])])
def test_sequences_are_reversed(values):
    assert_same(block_sequences.backwards_over, values)


def test_loops_are_left_and_their_iterators_die():
    rows = [[1, 2], [3, None, 4], (5,), range(3), {7: 8}]
    assert_same(block_sequences.nested_loops, rows)
    assert not leaves_references(block_sequences.nested_loops, rows)


@pytest.mark.parametrize("count", [0, 3, 8])
def test_a_generator_that_fails_has_the_traceback_of_cpython(count):
    assert_same(block_sequences.over_generator, count)
    assert_same(block_sequences.over_generator_with_handler, count)


def test_iterators_of_users_are_called_where_they_stand():
    kernel = assert_same(block_sequences.over_own_iterator, 4)
    assert "ITER_NEXT" in instructions(kernel)


@pytest.mark.parametrize("table", [{1: 2}, {1: 2, 3: 4}, {1: 2, 3: 4, 5: 6}, {}])
def test_a_dict_that_changes_while_it_is_iterated_raises_as_in_cpython(table):
    assert_same(block_sequences.grow_dict, table)
    assert_same(block_sequences.over_views, table)


def test_names_that_an_iterator_changes_have_their_new_meaning():
    assert_same(block_sequences.update_global, [1, 2, 3, 4, 5])


def test_finalizers_that_change_the_list_run_at_the_store():
    assert_same(block_sequences.store_over_finalized, 4)
