"""Kernels that are made block by block do exactly what CPython does."""

from __future__ import annotations

import pytest

from tests.support import block_programs
from tests.support.block_functions import assert_same


@pytest.mark.parametrize(
    "values", [[1, 2, 3, 40], [1, 2, 3, "a"], [1, 2, 3, 2**70], [0.5], [], (1, 0, -2, True), [1, None]]
)
def test_exceptions_in_the_middle_of_a_loop_are_handled_as_by_cpython(values):
    assert_same(block_programs.sum_with_handler, values)


def test_a_variable_that_is_stored_twice_at_once_has_the_last_value():
    assert_same(block_programs.stored_twice, None, 3)
    assert_same(block_programs.swapped_while_iterated, [5, 7], 4)


def test_values_on_the_stack_keep_their_kinds_where_variables_are_boxed_to_have_fewer_versions():
    values = [1, 2.5, "a", None, True, [1], (2,), {3}, 4, b"5"] * 4
    values += values[::3] + values[::-1]
    assert_same(block_programs.chosen_among_many_kinds, values, "some text of characters " * 9, 4)


def test_a_result_that_is_not_used_leaves_other_values_alone():
    assert_same(block_programs.half_of_pairs, 5)


def test_a_range_on_the_stack_is_taken_apart_where_it_stands():
    assert_same(block_programs.zipped_range_and_list, 3)
