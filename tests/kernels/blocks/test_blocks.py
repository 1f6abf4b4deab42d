"""Kernels that are made block by block do exactly what CPython does."""

from __future__ import annotations

import sys
from fractions import Fraction

import pytest

from cascade.kernels.blocks.kernel import block_kernel
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


def test_a_variable_that_is_stored_in_itself_and_in_another_one_keeps_its_references():
    value = Fraction(1, 2)
    kernel = block_kernel(block_programs.kept_and_stored_in_itself)
    before = sys.getrefcount(value)
    for count in (1, 2, 3):
        assert kernel(value, count) == (value, value)
    assert sys.getrefcount(value) == before


def test_values_on_the_stack_keep_their_kinds_where_variables_are_boxed_to_have_fewer_versions():
    values = [1, 2.5, "a", None, True, [1], (2,), {3}, 4, b"5"] * 4
    values += values[::3] + values[::-1]
    assert_same(block_programs.chosen_among_many_kinds, values, "some text of characters " * 9, 4)


def test_a_result_that_is_not_used_leaves_other_values_alone():
    assert_same(block_programs.half_of_pairs, 5)


def test_a_range_on_the_stack_is_taken_apart_where_it_stands():
    assert_same(block_programs.zipped_range_and_list, 3)


def test_cells_of_free_variables_stay_the_function_s_where_there_are_many_versions():
    changed = block_programs.with_cells()
    cells = changed.__closure__
    kernel = block_kernel(changed)
    before = [sys.getrefcount(cell) for cell in cells]
    for number in range(3):
        for first in (1, 0.5, None, "a", [], {}, set(), (), 1j, b""):
            assert kernel(first, number)[0] == len(cells[0].cell_contents)
    assert [sys.getrefcount(cell) for cell in cells] == before


@pytest.mark.parametrize("first", [5, Fraction(1, 3), 2**70, "text", [1], None])
def test_two_variables_are_exchanged_whatever_they_hold(first):
    assert_same(block_programs.exchanged, first, [3, "42", 0.0, None])


@pytest.mark.parametrize("value", [2**63, "a", 1, None])
def test_a_variable_gets_another_value_while_its_own_goes_to_a_second_one(value):
    assert_same(block_programs.given_name, value)
