"""Calls of functions of Python's own do in kernels exactly what they do in CPython."""

from __future__ import annotations

import math
import sys

import pytest

from tests.support import block_calls
from tests.support.block_calls import Counted, Derived, Plain, Pretender
from tests.support.block_functions import assert_same, instructions

NAN, INFINITY = math.nan, math.inf
LEAST = -(2**63)


def test_the_result_of_a_method_that_is_called_out_with_arguments_is_dropped():
    assert_same(block_calls.seeded_numbers, 3)


@pytest.mark.parametrize(
    "pair",
    [(7, 2), (-7, 2), (7, -2), (7.5, 2), (-7.5, 2.0), (True, 2), (True, True), (7, 0), (7.5, 0.0), (2**62, -1), (LEAST, -1),
     (NAN, 1.0), (-0.0, 3.0), (INFINITY, 2.0), (2**70, 3), (3, 2**70), ("a", 1)],
)  # fmt: skip
def test_divmod_is_the_pair_of_quotient_and_rest(pair):
    assert_same(block_calls.divided, *pair)


@pytest.mark.parametrize("pair", [(2500, 1.5), (1, 1.5), (2, 2.0), (-3, 4.0)])
def test_the_greater_of_two_kinds_of_numbers_is_used_with_other_values(pair):
    assert_same(block_calls.rest_of_greater, *pair, [1, 5, 7, 9])


def test_divmod_of_numbers_makes_no_call():
    assert "CALL_PYTHON" not in instructions(assert_same(block_calls.divided, 17, 5))


@pytest.mark.parametrize("digits", [0, 1, 2, -1, 15, 16, 20, 400, True, 2.0, 2**70])
@pytest.mark.parametrize(
    "value",
    [2.5, -2.5, 0.5, 1.5, 2.675, 1.005, 0.125, 5e-324, 1e300, 1e15, 123456789012345.6, NAN, INFINITY, -0.0, -0.04, 5, -5, True, 2**70],
)  # fmt: skip
def test_numbers_are_rounded_to_digits_as_by_cpython(value, digits):
    assert_same(block_calls.rounded, value, digits)


def test_halves_at_every_digit_are_rounded_as_by_cpython():
    values = [n / 10**k for k in range(6) for n in range(5, 4000, 37)] + [
        n / 2**k for k in range(12) for n in range(1, 400, 7)
    ]
    kernel = assert_same(block_calls.all_rounded, values, 2)
    assert "ROUND_DIGITS" in instructions(kernel)
    for digits in (1, 3, 5, 10, 15):
        assert_same(block_calls.all_rounded, values, digits, calls=1, kernel=kernel)


@pytest.mark.parametrize(
    "values", [(2, 3, 5), (2, -1, 7), (2.0, 3, 5), (2, 3, 0), (2**40, 3, 7), (-3, 3, 5), (3, True, 2), (0, -1, 3), (2, 70, 2**70)]
)  # fmt: skip
def test_powers_of_two_and_three_arguments(values):
    assert_same(block_calls.powers, *values)


def test_ints_have_their_hashes():
    assert_same(
        block_calls.hashes, [1, -1, 0, 2**61 - 1, -(2**61) + 1, 2**61 - 2, -(2**61), 2**62, LEAST, 2**63 - 1, True]
    )
    assert_same(block_calls.hashes, [1.5, "a", (1, 2), [1]])


@pytest.mark.parametrize(
    "value",
    [1, True, 2.0, "a", None, Plain(), Derived(), Pretender(), [1], (1,), int, Plain, 2**70, NotImplemented, len],
)
def test_classes_of_values_are_told_as_by_cpython(value):
    assert_same(block_calls.classes, value)


def test_classes_of_instances_are_tested_without_a_call():
    values = [Plain(), Derived(), 3, Plain(), "a", None, 1.5, Derived()]
    assert_same(block_calls.classes_of_all, values)
    assert_same(block_calls.classes_of_all, [*values, Pretender(), Pretender()])
    kernel = assert_same(block_calls.classes_of_all, [Plain(), Derived()] * 4)
    assert "CALL_PYTHON" not in instructions(kernel)


def test_a_metaclass_decides_about_instances():
    assert_same(block_calls.watched, [1, 3, "a", 3])


WHOLE = [
    [1, 2, 3], [], [0.1] * 10, [0.1, 0.2, 0.3, -0.6, 1e100, 1.0, -1e100], [1, 2.5, 3], [2.5, 1, True], (1, 2), (1.5,), [True, False],
    [2**62, 2**62], [2**70, 1], [1, "a"], ["b", "a", "c"], ["b", ""], [NAN, 1.0], [1.0, NAN, 0.0], [-0.0, 0.0], [0.0, -0.0], [-0.0], [None],
    [INFINITY, -INFINITY], [1e308, 1e308, -1e308], [(1, 2), (1, 1)], [(1, "a"), (1, None)], [[2], [1]], [1j, 2], [1, 1.0], ["é", "z", "\U0001f600"],
    [Counted(1), Counted(3), Counted(2)], [1, Counted(0), 2], [b"b", b"a"],
]  # fmt: skip


@pytest.mark.parametrize("values", WHOLE, ids=repr)
@pytest.mark.parametrize("name", ["totals", "extremes", "truths", "ordered", "copies"])
def test_functions_of_whole_lists(name, values):
    assert_same(getattr(block_calls, name), values)


@pytest.mark.parametrize("values", [range(5), "abc", {1: 2}, {3}, b"ab", None], ids=repr)
def test_lists_and_tuples_are_made_of_what_is_iterated_over(values):
    assert_same(block_calls.copies, values, calls=1)


def test_functions_of_lists_of_numbers_make_no_call():
    for function in (
        block_calls.totals,
        block_calls.extremes,
        block_calls.truths,
        block_calls.ordered,
        block_calls.copies,
    ):
        assert "CALL_PYTHON" not in instructions(assert_same(function, [3, 1, 2]))


def test_a_list_with_other_items_is_given_to_the_function_and_typed_code_continues():
    kernel = assert_same(block_calls.total_of_each, [[1, 2], [0.5], [3, 1.5], [1], [2**70], [True]])
    assert kernel.exit_count == 0


@pytest.mark.parametrize("pair", [(1, 2), (2.5, 1), ("a", "b"), (None, 1), (2**70, 1), (0, 0.0)])
def test_functions_of_displays(pair):
    assert_same(block_calls.total_of_display, *pair)


def test_no_reference_is_kept_by_functions_of_lists():
    values = [1.5, 2.5, 1e10]
    kernel = assert_same(block_calls.extremes, values)
    before = [sys.getrefcount(value) for value in values]
    for _ in range(10):
        kernel(values)
    assert [sys.getrefcount(value) for value in values] == before
