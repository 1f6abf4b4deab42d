"""Kernels call plain Python functions by their kernels; frames, tracebacks and recursion are as in CPython."""

from __future__ import annotations

import sys
from typing import Any

import pytest

from tests.support import block_calls_of_functions as functions
from tests.support.block_functions import assert_same, instructions


@pytest.mark.parametrize(("name", "arguments"), functions.CASES)
def test_functions_that_call_functions_do_what_cpython_does(name: str, arguments: tuple[Any, ...]):
    kernel = assert_same(getattr(functions, name), *arguments)
    if name not in COMPREHENSIONS or sys.version_info < (3, 12):
        assert "CALL_FUNCTION" in instructions(kernel)


COMPREHENSIONS = ("listed", "nested", "failing", "by_index")
"""Functions that call nothing but comprehensions, which are parts of their functions from CPython 3.12 on."""


def test_a_function_whose_call_outs_make_many_frames_is_called_by_cpython_after_some_calls():
    kernel = assert_same(functions.called_out_deep, 12, calls=6)
    assert kernel.exits_often
    assert kernel(12) == functions.called_out_deep(12)
