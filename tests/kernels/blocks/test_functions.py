"""Calls of functions of Python's own do in kernels exactly what they do in CPython."""

from __future__ import annotations

from tests.support import block_calls
from tests.support.block_functions import assert_same


def test_the_result_of_a_method_that_is_called_out_with_arguments_is_dropped():
    assert_same(block_calls.seeded_numbers, 3)
