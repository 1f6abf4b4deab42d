"""Identities and classes: numbers are no objects in typed code, and objects may say that they are of another class."""

from __future__ import annotations

import pytest

import cascade as cs
from cascade.kernels.blocks.admission import refusal_of
from tests.support import identity_functions as functions
from tests.support.block_functions import assert_same


@pytest.mark.parametrize("function", [functions.far, functions.near, functions.letters])
def test_a_number_or_text_that_a_global_names_is_not_compared_by_identity(function):
    diagnostic = refusal_of(function)
    assert diagnostic is not None and diagnostic.code == "CS136"
    program = cs.compile(cs.task(function))
    assert [program(4) for _ in range(3)] == [function(4)] * 3


def test_another_global_is_compared_by_identity():
    assert refusal_of(functions.nothing) is None
    assert_same(functions.nothing, 3)


@pytest.mark.parametrize("cls", [int, float, list, memoryview, dict, type, None])
def test_kernels_do_not_ask_an_object_for_its_class(cls):
    functions.NOTES.clear()
    proxy, other = functions.Proxy(cls), functions.Proxy(cls)
    program = cs.compile(cs.task(lower=True)(functions.uses))
    for count in (3, 3, 5):
        assert program(proxy, count) == functions.uses(other, count)
    assert functions.NOTES == []
