"""A NaN is the same object in kernels as in CPython, which every container shows: it is equal to nothing, and known by its identity."""

from __future__ import annotations

import math
from functools import partial

import pytest

import cascade as cs
from tests.support import nan_functions as functions
from tests.support.block_functions import assert_same

NAN, OTHER = float("nan"), float("nan")


@pytest.mark.parametrize("function", [functions.among_constants, functions.hashed])
def test_a_nan_of_a_module_is_one_object(function):
    assert_same(function, 4)


@pytest.mark.parametrize("function", [functions.as_key, functions.stored])
def test_an_argument_is_one_object(function):
    assert_same(function, NAN, 5)
    assert_same(function, 1.5, 5)


@pytest.mark.parametrize(
    "values", [[NAN, NAN, 1.0], [1.0, NAN, OTHER, NAN], [NAN, 2, 3.0], [2, NAN], [1.0, 2.0]], ids=repr
)
@pytest.mark.parametrize(
    "function",
    [functions.distinct, functions.looked_for, functions.in_displays, functions.largest, functions.summed],
)
def test_items_of_lists_are_the_same_objects(function, values):
    assert_same(function, values)


@pytest.mark.parametrize("values", [[1.0, 2.0, 3.0], [NAN, 1.0, NAN]], ids=repr)
def test_code_that_was_made_for_numbers_meets_a_nan(values):
    kernel = assert_same(functions.looked_for, [1.0, 2.0, 1.0])
    assert_same(functions.looked_for, values, kernel=kernel)


@pytest.mark.parametrize(
    "function",
    [
        functions.computed_twice_stored,
        functions.computed_least,
        functions.computed_argument,
        functions.computed_key,
        functions.computed_attribute,
        functions.computed_items,
        functions.computed_for_closure,
        functions.computed_choice,
        functions.computed_aliases,
    ],
)
def test_a_nan_that_is_computed_becomes_one_object(function):
    assert_same(function, math.inf, 3)
    assert_same(function, 2.0, 3)


@pytest.mark.parametrize("lower", [True, False])
def test_a_nan_is_handed_through_a_task(run, lower):
    task = cs.task(lower=lower)(functions.given_back)
    for _ in range(3):
        assert run(task(NAN, 5)) is NAN


def test_a_nan_is_handed_through_a_map(run):
    values = [NAN, 1.0, OTHER] * 20
    mapped = cs.task(functions.given_back).map(values, [2] * len(values))
    for _ in range(3):
        assert all(found is value or found == value for found, value in zip(run(mapped), values, strict=True))


class Holder:
    def __init__(self, number, more=()):
        self.number = number


def three(a, b, c):
    return [a, b, c]


PARTIAL = partial(three, 1, 2.5)


def holds_a_nan(text):
    number = float(text)
    found = [1, Holder(number), 2, Holder(number, more=number), PARTIAL(number)]
    for item in [1, 2, 3]:
        found.append(item)
    return [each.number if type(each) is Holder else each for each in found]


@pytest.mark.parametrize("text", ["nan", "1.5"])
def test_a_nan_is_passed_to_a_class_and_to_a_partial_object(text):
    assert_same(holds_a_nan, text)
    assert_same(holds_a_nan, "nan")
