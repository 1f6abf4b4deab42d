"""Slices with steps, slices that are assigned, and slice objects, in kernels that are made block by block."""

from __future__ import annotations

import pytest

from tests.support import block_slices
from tests.support.block_functions import assert_same, instructions

CONTAINERS = (
    [3, 1, 2, 5, 4],
    [[1], 2.5, "x"],
    (1, 2, 3, 4),
    "text",
    "\u20ac\U0001f600ab",
    b"bytes",
    [],
    "",
    range(9),
    bytearray(b"abc"),
)


def is_native(kernel):
    return not {"CALL_PYTHON"} & {*instructions(kernel)}


@pytest.mark.parametrize("container", CONTAINERS, ids=repr)
@pytest.mark.parametrize("step", [1, 2, -1, -3, None, True, 0, 2**70, 1.5, "x"], ids=repr)
def test_every_nth_item_is_taken(container, step):
    assert_same(block_slices.every, container, step)


@pytest.mark.parametrize("k", [0, 1, 3, 9, -1, -2, True, 2**70], ids=repr)
def test_the_head_of_a_list_is_reversed(k):
    kernel = assert_same(block_slices.reversed_head, [3, 1, 2, 5, 4], k)
    if type(k) is int and k < 2**63:
        assert is_native(kernel)


def test_an_item_is_moved_to_the_front():
    assert is_native(assert_same(block_slices.moved_to_front, [1, 2, 3, 4], 2))


@pytest.mark.parametrize("values", [[7], (8, 9), [], "ab", None, 3, range(2), {1: 2}, [[1]]], ids=repr)
@pytest.mark.parametrize("bounds", [(1, 3), (None, None), (3, 1), (-2, None), (0, 2**70), (True, 2)], ids=repr)
def test_a_slice_is_replaced(bounds, values):
    assert_same(block_slices.replaced, [[0], 1, 2.5, "x"], *bounds, values)
    assert_same(block_slices.replaced, (1, 2), *bounds, values)
    assert_same(block_slices.replaced, bytearray(b"abcd"), *bounds, values)


@pytest.mark.parametrize("values", [[7, 8], (8, 9, 10), [], "ab", 3], ids=repr)
@pytest.mark.parametrize("step", [1, 2, -2, 0, None], ids=repr)
def test_every_nth_item_is_replaced(step, values):
    assert_same(block_slices.replaced_each, [1, 2, 3, 4], step, values)


@pytest.mark.parametrize("start", [0, 1, -1, None, 9], ids=repr)
def test_a_slice_object_is_kept(start):
    for container in CONTAINERS:
        assert_same(block_slices.kept, container, start)


def test_items_that_are_replaced_die_at_once():
    assert_same(block_slices.deaths, 5)
    assert_same(block_slices.deaths, 0)


def test_a_list_is_assigned_to_a_slice_of_itself():
    items = [1, 2, 3]
    assert_same(block_slices.replaced, items, 1, 2, items)
