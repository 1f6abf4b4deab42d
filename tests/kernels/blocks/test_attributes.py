"""Attributes and methods in kernels that are made block by block do exactly what they do in CPython."""

from __future__ import annotations

import pytest

from tests.support import block_attributes as functions
from tests.support.block_attributes import Plain
from tests.support.block_functions import assert_same


def test_methods_of_instances_are_called_as_by_cpython():
    kernel = assert_same(functions.methods_of_every_kind, Plain(3), 5)
    assert kernel.exit_count == 0


def test_methods_of_built_in_classes_are_called_as_by_cpython():
    kernel = assert_same(functions.methods_of_built_in_classes, [1], " text ", 5, 2.0)
    assert kernel.exit_count == 0


@pytest.mark.parametrize("value", [Plain(1), 3, 2.5, None, "text", [1]])
def test_a_method_that_is_missing_raises_cpythons_exception(value):
    assert_same(functions.missing_methods, value)


@pytest.mark.parametrize("values", [[1, 2, 3], [1, "a"], [1, 2**70], [1, None]])
def test_arguments_that_exit_or_raise_behind_the_load_of_a_method_continue_in_cpython(values):
    assert_same(functions.method_and_exit, Plain(3), values)
