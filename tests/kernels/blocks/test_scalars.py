"""NumPy's scalars in kernels keep their types, bits, warnings and errors."""

from __future__ import annotations

import struct

import numpy as np
import pytest

from cascade.kernels.blocks.kernel import block_kernel
from tests.support import block_arrays
from tests.support.block_arrays import ARITHMETIC, COMPARISONS, KINDS, assert_same, binary, numbers_of
from tests.support.block_functions import instructions

PLAIN = ("plain bool", "plain int", "plain float")


@pytest.mark.parametrize("sign", (*ARITHMETIC, *COMPARISONS))
def test_operators_have_the_types_bits_and_warnings_of_numpy(sign):
    function = binary(sign)
    for one in (*PLAIN, *KINDS):
        for other in (*PLAIN, *KINDS):
            if one in PLAIN and other in PLAIN:
                continue
            kernel = block_kernel(function)
            for left in numbers_of(one)[::2]:
                for right in numbers_of(other)[1::2]:
                    assert_same(function, left, right, kernel=kernel, calls=1)


@pytest.mark.parametrize("second", ["+", "-", "*", "//", "%", "&", ">>"])
@pytest.mark.parametrize("first", ["+", "-", "*", "&", "<<", ">>"])
def test_two_operators_one_after_the_other_wrap_and_warn_as_those_of_numpy(first, second):
    # A superinstruction for both knows nothing of numbers that wrap.
    namespace: dict[str, object] = {}
    exec(
        f"def left(x, y, z):\n    return (x {first} y) {second} z\n"
        f"def right(x, y, z):\n    return z {second} (x {first} y)\n"
        f"def updated(x, y, z):\n    x {first}= y\n    x {second}= z\n    return x\n"
        f"def added(x, y, z):\n    return (x {first} y) {second} z + 5, (x {first} y) {second} z == 3\n",
        namespace,
    )
    for name in ("left", "right", "updated", "added"):
        function = namespace[name]
        for kinds in (
            ("int64",) * 3,
            ("int64", "plain int", "plain int"),
            ("plain int", "plain int", "int64"),
            ("uint64",) * 3,
        ):
            kernel = block_kernel(function)
            for x in numbers_of(kinds[0]):
                for y in numbers_of(kinds[1])[::2]:
                    for z in numbers_of(kinds[2])[1::2]:
                        assert_same(function, x, y, z, kernel=kernel, calls=1)


@pytest.mark.parametrize("kind", ["int64", "int32", "uint8", "float32", "float64"])
@pytest.mark.parametrize("sign", ["+", "*", "/", "//", "%", "<", "=="])
def test_operators_are_native(kind, sign):
    kernel = assert_same(binary(sign), np.dtype(kind).type(7), np.dtype(kind).type(3))
    assert_same(binary(sign), np.dtype(kind).type(7), 3, kernel=kernel)
    assert "CALL_PYTHON" not in instructions(kernel)
    assert kernel.exit_count == 0


@pytest.mark.parametrize("kind", KINDS)
def test_builtins_and_tests_of_scalars_are_those_of_numpy(kind):
    for left in numbers_of(kind):
        for right in numbers_of(kind):
            array = np.array([left, right])
            if abs(float(left)) < 1e6 and abs(float(right)) < 1e6 and left + 0.0 > right - 9.0:
                assert_same(block_arrays.one_of_each, array, 0, 1, calls=1)
            assert_same(block_arrays.tests, array, 0, 1, calls=1)


@pytest.mark.parametrize("setting", ["ignore", "raise", "warn"])
def test_settings_of_floating_point_errors_hold(setting):
    for sign in ("+", "*", "/", "//", "%", "**"):
        for kind in ("float32", "float64"):
            kernel = block_kernel(binary(sign))
            with np.errstate(all=setting):
                for left in numbers_of(kind):
                    for right in (*numbers_of(kind), 3, 0.1):
                        assert_same(binary(sign), left, right, kernel=kernel, calls=1)
    with np.errstate(all=setting):
        for value in (1e-40, 1e300, 1e-320, -0.0, float("nan"), np.float64(1e-40), np.float64(1e300)):
            assert_same(block_arrays.store, np.zeros(3, "float32"), 1, value, calls=1)


@pytest.mark.parametrize("bits", [0x7FF8000000000001, 0xFFF800000000BEEF, 0x7FF0000000000001, 0x8000000000000000])
def test_the_bits_of_a_number_that_is_none_are_kept(bits):
    array = np.array([bits, bits], dtype="uint64").view("float64")
    assert_same(block_arrays.item, array, 1)
    assert_same(block_arrays.iterated, array)
    single = np.array([bits >> 32, bits >> 32], dtype="uint32").view("float32")
    assert_same(block_arrays.item, single, 1)
    assert_same(block_arrays.store, single, 1, array[0])
    assert_same(block_arrays.store, array, 1, single[0])
    for sign in ARITHMETIC[:7]:
        for other in (1.0, np.float64(2.0), array[0], np.float32(1.0), single[0], 3):
            assert_same(binary(sign), array[1], other)
            assert_same(binary(sign), other, single[1])
    assert struct.pack("d", float(array[0])) == struct.pack("d", block_kernel(block_arrays.item)(array, 0))


@pytest.mark.parametrize("kind", KINDS)
def test_sums_over_arrays_are_those_of_numpy(kind):
    array = np.arange(50).astype(kind)
    kernel = assert_same(block_arrays.sums, array)
    assert "CALL_PYTHON" not in instructions(kernel) or kind == "bool"
    assert_same(block_arrays.sums, np.arange(50.0), kernel=kernel)


@pytest.mark.parametrize("kind", KINDS)
def test_functions_of_math_and_methods_take_scalars(kind):
    for value in numbers_of(kind):
        for function in block_arrays.OF_ONE:
            assert_same(function, value)
