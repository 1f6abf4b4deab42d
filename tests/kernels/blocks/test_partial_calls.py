"""Calls of `functools.partial` objects do in kernels exactly what they do in CPython."""

from __future__ import annotations

import math
from functools import partial

import pytest

from cascade.kernels.blocks.kernel import block_kernel
from tests.support import block_calls
from tests.support.block_functions import assert_same, instructions


@pytest.mark.parametrize(
    "function",
    [partial(max, 0.0), partial(max, 1), partial(min, 1.5, -1.0), partial(pow, 2), partial(math.atan2, 1), partial(max), partial(max, "a"),
     partial(round, ndigits=1), partial(sorted, key=len), partial(block_calls.escape, 0.5j), block_calls.Doubling(max, 0.0), partial(int, "10")],
    ids=repr,
)  # fmt: skip
@pytest.mark.parametrize("values", [[0.5, -2.0, 3.25], [1, 2, 3], [1, 2.5, True], ["b"], [None], []], ids=repr)
def test_an_object_of_a_function_is_called_with_what_it_holds(function, values):
    assert_same(block_calls.called_partly, function, values)


def test_an_object_of_an_extreme_of_floats_makes_no_call():
    kernel = assert_same(block_calls.called_partly, partial(max, 0.5), [0.25, 0.75, 1.0])
    assert "EXPECT_PARTIAL" in instructions(kernel)
    assert kernel.exit_count == 0


def test_other_objects_at_the_same_call_are_called():
    functions = [
        partial(max, 0.5),
        partial(max, 1),
        partial(min, 0.5),
        partial(max, 0.5, 0.75),
        abs,
        partial(max, True),
        lambda value: value,
    ]
    assert_same(block_calls.called_partly_in_turn, functions, [0.25, 0.9, 2.0])
    assert_same(block_calls.called_partly_in_turn, functions[::-1], [0.25, 0.9, 2.0])


def test_an_object_that_changes_is_called_with_what_it_holds_then():
    function = partial(max, 0.5)
    kernel = block_kernel(block_calls.called_partly)
    assert kernel(function, [0.25, 0.75]) == 1.25
    function.__setstate__((min, (0.5,), {}, None))
    assert kernel(function, [0.25, 0.75]) == 0.75
    function.__setstate__((max, (2.0,), {"key": lambda value: -value}, None))
    assert kernel(function, [0.25, 0.75]) == 1.0


@pytest.mark.parametrize("low", [0.0, 1, "a", None])
def test_an_object_that_is_made_by_the_function(low):
    assert_same(block_calls.held_partly, low, [0.5, 2.0])


def test_an_object_that_is_global():
    assert_same(block_calls.greater, [1.0, 2.0, 3])
