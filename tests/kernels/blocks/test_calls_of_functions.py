"""Kernels call plain Python functions by their kernels; frames, tracebacks and recursion are as in CPython."""

from __future__ import annotations

import sys
from typing import Any

import pytest

from cascade.kernels.blocks.kernel import block_kernel
from tests.support import block_calls_of_functions as functions
from tests.support.block_functions import assert_same, instructions
from tests.support.machine_code_functions import machine_code


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


def test_a_callee_has_another_kernel_when_a_name_has_another_meaning():
    assert_same(functions.replaced, 40)
    with machine_code(None):
        kernel = assert_same(functions.counts, 40)
    assert kernel.called_out < 10
    assert block_kernel(functions.reads_count).entries > 30


def test_defaults_of_every_kind_are_passed():
    kernel = assert_same(functions.defaults, 4)
    assert "CALL_FUNCTION" in instructions(kernel)
    assert block_kernel(functions.given).entries > 10


@pytest.mark.parametrize("value", [None, 1, 0, "text", 2**70, [3], ()])
def test_a_variable_that_is_returned_passes_its_reference_on(value: Any):
    assert_same(functions.returned, value)
    held = [value]
    kernel = block_kernel(functions.returned)
    before = sys.getrefcount(held)
    for _ in range(5):
        kernel(held)
    assert sys.getrefcount(held) == before


def reaches(call, count):
    try:
        return call(count) == count
    except RecursionError:
        return False


@pytest.mark.parametrize("warm", [(), (50, 50, 300)], ids=["at once", "after short calls"])
@pytest.mark.parametrize("function", functions.GOING_DOWN)
def test_recursion_goes_as_deep_as_in_cpython(function, warm):
    kernel = block_kernel(function)
    assert [kernel(count) for count in warm] == list(warm)
    deepest = max(count for count in range(300, sys.getrecursionlimit(), 10) if reaches(function, count))
    assert [reaches(kernel, deepest - 10) for _ in range(3)] == [True] * 3
    assert not reaches(kernel, 2 * deepest)
    assert reaches(kernel, deepest - 10)
