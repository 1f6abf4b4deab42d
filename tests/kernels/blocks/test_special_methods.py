"""Special methods of classes of users are called from kernel to kernel; what decides on an operator is what decides in CPython."""

from __future__ import annotations

import gc
import sys
import warnings
from collections.abc import Iterator
from typing import Any

import pytest

from cascade.kernels.blocks.kernel import block_kernel
from tests.support import block_special_methods as functions
from tests.support.block_functions import assert_same, instructions


@pytest.fixture(autouse=True)
def without_warnings() -> Iterator[None]:
    """NotImplemented has a truth, with a warning."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        yield


@pytest.mark.parametrize(("name", "arguments"), functions.CASES)
def test_functions_with_special_methods_do_what_cpython_does(name: str, arguments: tuple[Any, ...]):
    assert_same(getattr(functions, name), *arguments)


def test_kernels_meet_operands_of_other_classes_after_the_first_ones():
    for name in ("operators", "compared", "refused", "failing", "holds", "unequal", "lengths"):
        function = getattr(functions, name)
        kernel = block_kernel(function)
        for _ in range(2):
            for other, arguments in functions.CASES:
                if other == name:
                    assert_same(function, *arguments, kernel=kernel)


def test_operators_are_called_without_frames():
    kernel = assert_same(functions.added, [functions.Number(n) for n in range(5)])
    assert "CALL_FUNCTION" in instructions(kernel)
    assert "CALL_PYTHON" not in instructions(kernel)
    assert block_kernel(functions.Number.__add__).entries > 0


def test_items_and_tests_are_called_without_frames():
    kernel = assert_same(functions.beyond, 3)
    assert "CALL_PYTHON" not in instructions(kernel)
    assert block_kernel(functions.Grid.__getitem__).entries > 0
    kernel = assert_same(functions.filled, 3)  # which holds the others
    for name in ("__setitem__", "__len__", "__contains__", "__call__"):
        assert block_kernel(getattr(functions.Grid, name)).entries > 0, name


def test_operands_live_as_long_as_in_cpython():
    kernel = assert_same(functions.deaths, "left")
    assert "CALL_FUNCTION" in instructions(kernel)
    for name in ("__add__", "__lt__", "__contains__", "__setitem__", "__call__", "__neg__", "__len__"):
        assert block_kernel(getattr(functions.Mortal, name)).entries > 0, name


@pytest.mark.parametrize(
    "kinds", [["", "other", "", "none"], ["", "", "reflected", "", "other"], ["none", "", "other", "", ""]]
)
def test_classes_that_change_under_way_are_seen(kinds: list[str]):
    kernel = block_kernel(functions.changed)
    for _ in range(2):
        found = []
        for call in (functions.changed, kernel):
            first = functions.Changing.__add__
            try:
                found.append(call(kinds))
            finally:
                functions.Changing.__add__ = first
                if "__radd__" in vars(functions.Plain):
                    del functions.Plain.__radd__
        assert found[0] == found[1]


def test_classes_without_an_eq_are_compared_by_identity():
    class Equal:
        def __eq__(self, other: object) -> bool:
            return True

        __hash__ = None  # type: ignore[assignment]

    a, b = functions.Plain(), functions.Plain()
    kernel = block_kernel(functions.identical)
    first: list[Any] = [a, b]
    for others in (first, [None, 1, "x", 2.5, [], (1, 2), functions.Other(), int], [Equal(), a], [functions, first]):
        for _ in range(2):
            assert kernel(a, b, others) == functions.identical(a, b, others)
    made = block_kernel(functions.identical)
    assert made(a, b, first) == functions.identical(a, b, first)


def test_references_do_not_leak():
    left, right = functions.Number(1), functions.Number(2)
    kernels = [block_kernel(each) for each in (functions.failing, functions.failing_inside, functions.refused)]
    for kernel in kernels:
        for _ in range(4):
            try:
                kernel(left, right)
            except TypeError:
                pass
    gc.collect()
    assert (sys.getrefcount(left), sys.getrefcount(right)) == (2, 2)
