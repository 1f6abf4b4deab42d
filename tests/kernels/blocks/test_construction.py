"""Instances that kernels make are those that CPython makes."""

from __future__ import annotations

import sys

import pytest

from cascade.kernels.blocks.kernel import block_kernel
from tests.support import block_construction as functions
from tests.support.block_functions import assert_same, instructions
from tests.support.machine_code_functions import machine_code

VALUES = [[1, 2, 3], [1, 2.5, 3], ["a", 2, "b"], [2**70, True]]


@pytest.mark.parametrize("values", VALUES)
def test_instances_of_plain_classes(values):
    kernel = assert_same(functions.nodes, values)
    assert "NEW_INSTANCE" in instructions(kernel)


@pytest.mark.parametrize("values", VALUES)
def test_instances_of_dataclasses_and_named_tuples(values):
    assert_same(functions.points, values)
    assert "BUILD_NAMED_TUPLE" in instructions(assert_same(functions.pairs, values))


def test_arguments_that_do_not_fit_raise_cpythons_exception():
    assert_same(functions.wrong_arguments, [0, 1, 2, 3, 4, 5])


@pytest.mark.parametrize("values", [[0, 1, 0], [0, 2, 0], [1, 2, 3, -1, -2]])
def test_an_init_that_raises_or_returns_something_is_handled(values):
    assert_same(functions.refused, values)


@pytest.mark.parametrize("values", [[0, 0, 0], [0, None, 1, 0], [2.5, "text", None, 2.5]])
def test_an_init_that_may_return_before_it_stores_makes_instances_in_hot_code(values):
    # Hot code has small functions in place; a path that cannot be makes the call, which is a part of its instruction here.
    with machine_code(0):
        assert_same(functions.made_early, values, calls=8)


@pytest.mark.parametrize("value", [1, 2, 3])
def test_the_traceback_of_an_init_is_cpythons(value):
    assert_same(functions.refused_outside, value)


def test_an_init_that_looks_at_frames_sees_its_caller():
    assert_same(functions.looked_at, [1, 2])


def test_instances_die_on_time():
    assert_same(functions.lives_of_nodes, 4)


def test_a_class_whose_construction_changes_under_way():
    try:
        assert_same(functions.changing, 11)
    finally:
        functions.restore_mutable()


def test_base_classes_are_initialised():
    assert_same(functions.derived, [1, 2.5])


def test_references_of_arguments_are_neither_lost_nor_kept():
    value = object()
    kernels = [block_kernel(function) for function in (functions.nodes, functions.points, functions.refused_outside)]
    before = None
    for _ in range(40):
        for kernel in kernels:
            kernel([value, value] if kernel is not kernels[-1] else value)
        before = before or sys.getrefcount(value)
    assert sys.getrefcount(value) == before
