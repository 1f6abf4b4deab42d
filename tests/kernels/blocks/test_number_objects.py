"""Complex numbers and ints of any size are computed in kernels exactly as by CPython."""

from __future__ import annotations

import math
import struct

import pytest

from cascade.kernels.blocks.kernel import block_kernel
from tests.support import block_calls
from tests.support.block_functions import assert_same, instructions

NUMBERS = [
    1j,
    2 + 3j,
    -0.0 + 0j,
    complex(0.0, -0.0),
    complex(math.nan, 1),
    complex(math.inf, -math.inf),
    1e308 + 1e308j,
    2,
    -1.5,
    True,
    2**70,
    10**400,
]


@pytest.mark.parametrize("right", NUMBERS, ids=lambda value: repr(value)[:20])
@pytest.mark.parametrize(
    "left", [1j, 2 + 3j, complex(0.0, -0.0), complex(math.inf, math.nan), 2.5, 3, 1e308 + 1e308j], ids=repr
)
def test_complex_numbers_are_added_subtracted_multiplied_and_compared(left, right):
    assert_same(block_calls.complex_arithmetic, left, right)


SPECIAL = (0.0, -0.0, 1.5, math.inf, -math.inf, math.nan, -math.nan)


def test_nans_of_complex_products_have_cpythons_signs():
    numbers = [complex(real, imaginary) for real in SPECIAL for imaginary in SPECIAL]
    kernel = block_kernel(block_calls.complex_arithmetic)
    for left in numbers:
        for right in numbers:
            expected, found = block_calls.complex_arithmetic(left, right), kernel(left, right)
            assert [bits(each) for each in found[:4]] == [bits(each) for each in expected[:4]], (left, right)


def bits(number: complex) -> bytes:
    return struct.pack("2d", number.real, number.imag)


@pytest.mark.parametrize(
    "pair",
    [(1j, 2 + 1j), (3 + 4j, 0j), (1e308 + 1e308j, 2j), (0j, 1j), (1 + 1j, -1 + 0j), (0j, -1j), (1 + 2j, 3)],
    ids=repr,
)
def test_parts_quotients_and_powers_of_complex_numbers(pair):
    assert_same(block_calls.complex_parts, *pair)


def test_a_number_that_is_kept_elsewhere_is_not_changed_in_place():
    assert_same(block_calls.complex_chain, 0.1 + 0.2j, 0.3 - 0.1j, 5)
    assert_same(block_calls.complex_chain, 1, 0.3 - 0.1j, 5)


def test_the_loop_of_a_fractal_makes_no_call():
    kernel = assert_same(block_calls.escape, -0.5 + 0.5j, 50)
    assert_same(block_calls.escape, 0.5 + 0.5j, 50, kernel=kernel)
    assert "CALL_PYTHON" not in instructions(kernel)


WIDE = [2**70, -(2**70), 2**200 + 1, 10**30]


@pytest.mark.parametrize(
    "pair",
    [
        *((wide, other) for wide in WIDE for other in (3, -7, 2.5, True, 2**70, 0, 0.0)),
        (3, 2**70),
        (1.5, 2**70),
        (10**400, 1.5),
    ],
    ids=lambda pair: repr(pair)[:30],
)
@pytest.mark.parametrize("name", ["wide_arithmetic", "wide_division", "wide_bits"])
def test_ints_of_any_size_have_the_operators_of_numbers(name, pair):
    assert_same(getattr(block_calls, name), *pair)


def test_a_loop_over_long_ints_makes_no_call():
    kernel = assert_same(block_calls.spigot, 1000)
    assert kernel.exit_count == 0
    assert "OPERATE" in instructions(kernel)
