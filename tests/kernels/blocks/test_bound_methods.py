"""Methods of built-in objects that are kept in variables, in kernels that are made block by block."""

from __future__ import annotations

from array import array
from collections import deque

import pytest

from tests.support import block_bound_methods as functions
from tests.support.block_functions import assert_same, instructions


def is_native(kernel):
    return "CALL_PYTHON" not in instructions(kernel) and kernel.exit_count == 0


@pytest.mark.parametrize("values", [[], [1, "a"]], ids=repr)
def test_a_list_grows_by_its_method(values):
    assert is_native(assert_same(functions.appends, values, 5))


@pytest.mark.parametrize(
    "values",
    [deque([1]), deque([1], 2), array("d", [1.5]), functions.Items(), functions.Loud(), (1, 2), None],
    ids=repr,
)
def test_other_objects_have_methods_of_their_own(values):
    assert_same(functions.appends, values, 5)


def test_items_are_moved_by_methods():
    assert is_native(assert_same(functions.rotates, [[1], 2.5, "x", None], 3))
    assert_same(functions.rotates, [1, 2], 9)
    assert_same(functions.rotates, [], 1)
    assert_same(functions.rotates, deque([1, 2, 3]), 2)


def test_methods_of_every_class_are_called():
    kernel = assert_same(functions.of_every_class, 3)
    assert kernel.exit_count == 0
    assert_same(functions.of_every_class, 4)  # a deque without items raises


@pytest.mark.parametrize("argument", [1, "a", None, [1]], ids=repr)
@pytest.mark.parametrize("method", [len, [1].count, [1].append, "a".join, {1: 2}.get, abs, int.bit_length], ids=str)
def test_a_method_is_an_argument(method, argument):
    assert_same(functions.given, method, argument)


def test_another_method_is_called_where_there_was_one():
    kernel = assert_same(functions.given, [1].count, 1)
    assert_same(functions.given, {1: 2}.get, 1, kernel=kernel)
    assert_same(functions.given, functions.Loud().append, 1, kernel=kernel)
    assert_same(functions.changes, [1, 2], [], 8)


@pytest.mark.parametrize("case", range(5))
def test_a_wrong_call_raises_cpythons_exception(case):
    assert_same(functions.wrong, [1, 2], case)


def test_a_method_that_is_kept_is_cpythons_object():
    assert_same(functions.kept, [1, 2])


def test_an_object_lives_as_long_as_its_method():
    assert_same(functions.lives, [])
