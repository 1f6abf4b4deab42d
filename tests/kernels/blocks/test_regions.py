"""Neighbouring instructions without a typed form are executed by one call-out, and do exactly what they do in CPython."""

from __future__ import annotations

import pytest

from tests.support import block_regions as functions
from tests.support.block_functions import assert_same, instructions
from tests.support.block_regions import Part


def call_outs(kernel) -> int:
    return instructions(kernel).count("CALL_PYTHON")


def test_a_chain_of_attributes_and_calls_is_one_call_out():
    kernel = assert_same(functions.chain, Part("x"), 2)
    assert call_outs(kernel) == 1
    assert kernel.exit_count == 0


@pytest.mark.parametrize("values", [[1, 2], [1, 2.5, "a", None], [1, 3], [2, (1,), True]])
def test_statements_over_unknown_objects_do_what_they_do_in_cpython(values):
    assert_same(functions.chains, Part("x"), values)


@pytest.mark.parametrize("values", [[1], [1, 3, 2], [3], [3, 1, "a"], ["a", None, 3]])
def test_exceptions_anywhere_in_a_region_are_handled_with_their_own_positions(values):
    assert_same(functions.handled, Part("x"), values)


@pytest.mark.parametrize("value", [1, 3, None])
@pytest.mark.parametrize("function", [functions.raised_in_a_handler, functions.raised_with_a_context], ids=str)
def test_exceptions_in_handlers_have_their_contexts_and_positions(function, value):
    assert_same(function, Part("x"), value)


@pytest.mark.parametrize("values", [[1, 0], [0, 1, 2.5], [3], ["", "a", None]])
def test_regions_end_where_paths_join(values):
    assert_same(functions.choices, Part("x"), values)


@pytest.mark.parametrize("values", [[1, 2], [2.5, "a", None]])
def test_augmented_assignments_and_formatted_strings(values):
    assert_same(functions.increments, Part("x"), values)
    assert_same(functions.formatted, Part("x"), values)


def test_a_variable_that_is_not_bound_raises():
    assert_same(functions.unbound, Part("x"), 1)
    assert_same(functions.unbound, Part("x"), 0)


def test_super_finds_its_instance():
    assert_same(functions.told, functions.Derived(3), 4)
    assert_same(functions.told, functions.Base(3), 4)


def test_objects_in_a_region_die_when_they_do_in_cpython():
    assert_same(functions.lives, 3)
