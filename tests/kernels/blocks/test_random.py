"""Random numbers are drawn in kernels exactly as by the methods of random.Random, and leave the same state."""

from __future__ import annotations

import random

import pytest

from cascade.kernels.blocks.kernel import block_kernel
from tests.support import block_calls
from tests.support.block_functions import assert_same, instructions


def test_the_methods_of_this_version_are_known():
    assert "RANDOM_RANGE" in instructions(assert_same(block_calls.drawn, 5))


def test_methods_of_an_object_are_typed():
    kernel = block_kernel(block_calls.drawn_by)
    assert kernel(random.Random(3), 20) == block_calls.drawn_by(random.Random(3), 20)
    assert {"RANDOM", "RANDOM_RANGE"} <= set(instructions(kernel))
    assert kernel.exit_count == 0


def test_every_method_of_the_module_draws_the_same_numbers_and_leaves_the_same_state():
    assert_same(block_calls.drawn, 400)


@pytest.mark.parametrize("make", [random.Random, block_calls.Loaded, random.SystemRandom])
def test_objects_of_the_class_and_of_subclasses_draw_their_own_numbers(make):
    for seed in (1, 2):
        plain, other = make(seed), make(seed)
        kernel = block_kernel(block_calls.drawn_from)
        if make is random.SystemRandom:
            with pytest.raises(NotImplementedError):
                kernel(plain, 3)
            return
        assert repr(kernel(plain, 30)) == repr(block_calls.drawn_from(other, 30))


def test_an_attribute_in_place_of_a_method_is_called():
    source = random.Random(3)
    kernel = block_kernel(block_calls.drawn_by)
    kernel(source, 3)
    source.randint = lambda low, high: 100
    assert 300 <= kernel(source, 3) < 304
    del source.randint
    assert kernel(source, 3) < 13


@pytest.mark.parametrize("name", ["random", "randint", "_randbelow", "randrange", "getrandbits"])
def test_a_method_that_is_replaced_in_the_class_is_called(name, monkeypatch):
    source = random.Random(3)
    kernel = block_kernel(block_calls.drawn_by)
    kernel(source, 3)
    monkeypatch.setattr(random.Random, name, lambda self, *arguments: 0.25 if name == "random" else 1, raising=False)
    expected, found = random.Random(4), random.Random(4)
    assert kernel(found, 5) == block_calls.drawn_by(expected, 5)


def test_a_method_whose_code_is_replaced_is_called(monkeypatch):
    kernel = block_kernel(block_calls.drawn_by)
    kernel(random.Random(3), 3)
    monkeypatch.setattr(random.Random.randint, "__code__", (lambda self, a, b: 7).__code__)
    assert kernel(random.Random(4), 2) == block_calls.drawn_by(random.Random(4), 2)


@pytest.mark.parametrize("limit", [0, -1, True, 2**70, 2**63 - 1, 2**40, "x", None, 1])
def test_numbers_below_a_limit(limit):
    assert_same(block_calls.drawn_once, limit)


@pytest.mark.parametrize(
    "limits",
    [
        (1, 0),
        (1, 2**63 - 1),
        (-(2**63), 2**63 - 1),
        (True, 3),
        (2**60, 2**62),
        ("a", 1),
        (5, 5),
        (-3, 7),
        (0, 2**53 + 1),
    ],
)
def test_numbers_between_limits(limits):
    assert_same(block_calls.drawn_between, *limits)


@pytest.mark.parametrize(
    "values", [[], (), "abc", [1], (1, 2), range(4), {1: 2}, [1, "a", None, 2.5], list(range(1000))], ids=repr
)
def test_items_are_chosen_and_shuffled(values):
    assert_same(block_calls.chosen, values)


def test_the_second_number_of_gauss_is_kept_in_the_object():
    def both(source):
        return source.gauss(0.0, 1.0)

    kernel, plain, other = block_kernel(both), random.Random(5), random.Random(5)
    for _ in range(4):
        assert kernel(plain) == both(other)
        assert plain.gauss(1.0, 2.0) == other.gauss(1.0, 2.0)
        assert vars(plain) == vars(other)
    plain.gauss_next = other.gauss_next = 3
    assert kernel(plain) == both(other)
