"""Conversions, `match` and the functions of `math` do in kernels exactly what they do in CPython."""

from __future__ import annotations

import collections
import math

import pytest

from tests.support import block_calls
from tests.support.block_functions import assert_same, instructions

NAN, INFINITY = math.nan, math.inf
TEXTS = [
    "0",
    "-7",
    "+12",
    "00012",
    "9" * 18,
    "9" * 19,
    "-" + "9" * 30,
    "1_000",
    " 5 ",
    "\t6",
    "\u0663",
    "²",
    "",
    "-",
    "+-1",
    "1.5",
    "0x10",
    "é",
    "1e5",
]


@pytest.mark.parametrize("text", TEXTS, ids=ascii)
def test_texts_become_ints_as_by_cpython(text):
    assert_same(block_calls.numbers_of, ["1", text, "2"])
    assert_same(block_calls.numbers_or_none, ["1", text, "2"])
    assert_same(block_calls.of_base, text, 16)


def test_all_kinds_of_texts_and_numbers_become_ints_in_one_loop():
    assert_same(block_calls.numbers_of, ["1", "9" * 19, 5, 2.75, True, "9" * 30, "3", b"12", 2**70, 1e30])
    kernel = assert_same(block_calls.numbers_of, ["1", "-2", "300"])
    assert "CALL_PYTHON" not in instructions(kernel)


FLOATS = ["0", "-0", "-0.0", "1.5", "-2.25", "0.1", "123456789.012345", "99999999999999.9", "3.", ".5", ".", "-", "-.", "1.2.3", "1e5", "1E-400", "inf", "nan",
          " 2.5", "1_0.5", "0.000000000000001", "1234567890123456", "+4.75", "\u0661.5", "", "x"]  # fmt: skip


@pytest.mark.parametrize("text", FLOATS, ids=ascii)
def test_texts_become_floats_as_by_cpython(text):
    assert_same(block_calls.floats_of, ["1.5", text, "2"])


def test_every_short_decimal_number_becomes_the_float_next_to_it():
    texts = [f"{n}.{m:03}" for n in (0, 7, 123, 99999, 10**10 + 1) for m in range(0, 1000, 7)] + [
        f"-0.{n}" for n in range(1000)
    ]
    assert_same(block_calls.floats_of, texts, calls=2)


@pytest.mark.parametrize(
    "value", [1, 2.5, True, -1e30, NAN, INFINITY, "12", "1.5", None, 2**70, 1j, b"3", [1]], ids=repr
)
def test_numbers_and_other_values_are_converted(value):
    assert_same(block_calls.conversions, value)


@pytest.mark.parametrize("x", [0.5, 3, 10, -1.5, 0.0, -0.0, 1e300, NAN, INFINITY, True, 171.7, 2**70, "a"], ids=repr)
@pytest.mark.parametrize("y", [2, 10.0, 1, 0, NAN], ids=repr)
def test_functions_of_floats(x, y):
    assert_same(block_calls.of_float, x, y)
    assert_same(block_calls.parts_of_float, x)


@pytest.mark.parametrize(
    "values",
    [(12, 18, 8), (0, 0, 0), (-4, 6, True), (2**62, 3, 5), (-(2**63), 0, 0), (1.5, 2, 3), (2**70, 4, 6), ("a", 1, 1)],
    ids=repr,
)
def test_divisors_and_multiples_of_any_number_of_ints(values):
    assert_same(block_calls.of_ints, *values)


LISTS = [
    [1.5, 2],
    [1, 2, 3],
    [0.1] * 10,
    [],
    [2**70, 1],
    [NAN],
    [1, "a"],
    [1j],
    (1.5, 2.5),
    [True, 0.5],
    [block_calls.Counted(2)],
]


@pytest.mark.parametrize("values", LISTS, ids=repr)
def test_functions_of_lists_of_numbers(values):
    assert_same(block_calls.of_lists, values, list(values))


def test_functions_of_lists_of_numbers_make_no_call_out():
    assert "CALL_PYTHON" not in instructions(assert_same(block_calls.of_lists, [1.5, 2.5], [0.5, 1.0]))


@pytest.mark.parametrize("a", [1, 2.5, -0.0, NAN, True, 2**60 + 1, 2**70, "a", None], ids=repr)
@pytest.mark.parametrize("b", [1, 1.0, 0, 0.0, NAN, False, 2.0**60], ids=repr)
def test_extremes_of_ints_and_floats_keep_their_types(a, b):
    assert_same(block_calls.greatest, a, b)


def test_a_clamp_of_floats_between_ints_is_typed():
    kernel = assert_same(block_calls.clamped, [0.5, -2.0, 7.25, 3, 2.0], 0, 5)
    assert "CALL_PYTHON" not in instructions(kernel)
    assert_same(block_calls.clamped, [0.5, NAN, 2.0, NAN], 0, 5, kernel=kernel)
    assert kernel.exit_count == 0


def test_subjects_are_matched_as_by_cpython():
    point = collections.namedtuple("Point", "x y")
    commands = [("move", 1, 2), ["move", 3, 4], ("move", 1), [5], (6,), {"name": 7}, {"other": 7}, (1, 2, 3, 4), (1, 2, 3), "abc", b"abc", 5, None,
                2.5, range(1), range(4), point(1, 2), collections.deque([8]), {1, 2}, ("move", "x", None), bytearray(b"a"), 2**70, (1,)]  # fmt: skip
    for _ in range(2):
        assert_same(block_calls.matched, commands)
        for command in commands:
            assert_same(block_calls.matched, [command, ("move", 1, 2)])


@pytest.mark.parametrize("pair", [(1, 2), (2, 1), ("a", 1), ((1,), 3)])
def test_a_display_is_matched_without_a_tuple(pair):
    assert_same(block_calls.matched_display, *pair)
