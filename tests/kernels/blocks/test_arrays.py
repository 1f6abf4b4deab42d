"""Kernels read and write arrays and buffers as NumPy and CPython do."""

from __future__ import annotations

import array as arrays
import itertools
import sys
import warnings

import numpy as np
import pytest

from cascade.kernels.blocks.kernel import block_kernel
from tests.support import block_arrays
from tests.support.block_arrays import KINDS, assert_same
from tests.support.block_functions import instructions


def filled(kind: str, *shape: int) -> np.ndarray:
    count = int(np.prod(shape))
    return (np.arange(count) % 2 == 0 if kind == "bool" else np.arange(count).astype(kind)).reshape(shape)


def laid_out(kind: str, *shape: int) -> list[np.ndarray]:
    """Returns equal arrays with their items in other places: strided, transposed, backwards, not aligned."""
    plain = filled(kind, *shape)
    wide = np.zeros([2 * count for count in shape], kind)[tuple(slice(None, None, 2) for _ in shape)]
    wide[...] = plain
    backwards = plain[::-1].copy()[::-1]
    fortran = np.asfortranarray(plain)
    skewed = np.zeros(plain.nbytes + 1, "uint8")[1:].view(kind).reshape(shape)
    skewed[...] = plain
    return [plain, wide, backwards, fortran, skewed]


INDEXES = (0, 1, -1, 2, -3, 3, -4, 10**6, -(2**62), True, None, 1.0, np.int64(1), np.uint8(2), np.True_, slice(None))


@pytest.mark.parametrize("kind", KINDS)
def test_items_of_arrays_are_read_as_numpy_reads_them(kind):
    for array in laid_out(kind, 3):
        for i in INDEXES:
            assert_same(block_arrays.item, array, i)
    for array in laid_out(kind, 3, 3):
        for i, j in itertools.product((0, -1, 3, -4, True, np.int32(2)), repeat=2):
            assert_same(block_arrays.item_of_two, array, i, j)
    for array in laid_out(kind, 2, 3, 2):
        for i, j, k in itertools.product((0, -2, 2), repeat=3):
            assert_same(block_arrays.item_of_three, array, i, j, k)
    for array in laid_out(kind, 2, 1, 2, 3):
        for i, k, m in itertools.product((0, 1, -3), repeat=3):
            assert_same(block_arrays.item_of_four, array, i, 0, k, m)


@pytest.mark.parametrize("kind", KINDS)
def test_items_are_read_natively(kind):
    for function, shape in (
        (block_arrays.item, (3,)),
        (block_arrays.item_of_two, (3, 3)),
        (block_arrays.item_of_four, (2, 2, 2, 2)),
    ):
        kernel = assert_same(function, filled(kind, *shape), *[1] * len(shape))
        assert "CALL_PYTHON" not in instructions(kernel)
        assert "ARRAY_ROW" not in instructions(kernel)
        assert kernel.exit_count == 0


VALUES = [
    *[value for kind in ("plain bool", "plain int", "plain float", *KINDS) for value in block_arrays.numbers_of(kind)],
    None, "1", 2**70, 1j, [1],
]  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
def test_stores_cast_as_numpy_casts(kind):
    for value in VALUES:
        assert_same(block_arrays.store, filled(kind, 4), 1, value, calls=1)
    for array in laid_out(kind, 2, 2):
        for value in (1, 2.5, np.float32(0.25), np.int64(3), np.True_, -1):
            assert_same(block_arrays.store_of_two, array, 1, -2, value)
    for value in (1, np.float64(2.5)):
        assert_same(block_arrays.store_of_three, filled(kind, 2, 2, 2), 1, 0, -1, value)
        assert_same(block_arrays.store_of_four, filled(kind, 2, 2, 2, 2), 1, 0, -1, 1, value)


@pytest.mark.parametrize("kind", ["float64", "int64", "bool", "uint16"])
def test_stores_are_native(kind):
    kernel = assert_same(block_arrays.store, filled(kind, 4), 1, filled(kind, 4)[1])
    assert "CALL_PYTHON" not in instructions(kernel)
    assert kernel.exit_count == 0


def read_only():
    array = np.arange(4.0)
    array.flags.writeable = False
    return array


ODD_ARRAYS = {
    "read-only": read_only,
    "big-endian": lambda: np.arange(4.0).astype(">f8"),
    "objects": lambda: np.array([1, "a", None, 2.5], dtype=object),
    "a subclass": lambda: np.arange(4.0).view(
        type("Sub", (np.ndarray,), {"__getitem__": lambda self, i: ["mine", np.ndarray.__getitem__(self, i)]})
    ),
    "complex": lambda: np.arange(4.0) + 1j,
    "half": lambda: np.arange(4).astype("float16"),
    "longlong": lambda: np.arange(4).astype("longlong"),
    "dates": lambda: np.arange(4).astype("datetime64[s]"),
    "structured": lambda: np.zeros(4, dtype=[("x", "f8")]),
    "masked": lambda: np.ma.array([1.0, 2.0, 3.0, 4.0], mask=[0, 1, 0, 0]),
    "broadcast": lambda: np.broadcast_to(np.float64(2.0), (4,)),
    "empty": lambda: np.zeros(0),
    "zero-dimensional": lambda: np.array(2.0),
    "five dimensions": lambda: np.zeros((1, 1, 1, 1, 1)),
    "with metadata": lambda: np.zeros(4, dtype=np.dtype("f8", metadata={"a": 1})),
    "from a pickle": lambda: __import__("pickle").loads(__import__("pickle").dumps(np.arange(4.0))),
}


@pytest.mark.parametrize("name", ODD_ARRAYS)
def test_arrays_of_other_kinds_are_left_to_numpy(name):
    make = ODD_ARRAYS[name]
    for function, more in (
        (block_arrays.item, (1,)), (block_arrays.store, (1, 2.0)), (block_arrays.shapes, ()), (block_arrays.iterated, ()),
    ):  # fmt: skip
        kernel = assert_same(function, np.arange(4.0), *more)
        assert_same(function, make(), *more)
        assert_same(function, make(), *more, kernel=kernel)
        assert_same(function, np.arange(4), *more, kernel=kernel)


class Change:
    def __init__(self, change):
        self.change = change

    def __deepcopy__(self, memo):
        return self


def resized(array):
    array.resize((2,), refcheck=False)


CHANGES = {
    "its shape": lambda array: setattr(array, "shape", (2, 3)),
    "its dtype": lambda array: setattr(array, "dtype", "int64"),
    "its flags": lambda array: setattr(array.flags, "writeable", False),
    "its strides": lambda array: setattr(array, "strides", (0,)),
    "its size": resized,
    "nothing": lambda array: None,
}


@pytest.mark.parametrize("name", CHANGES)
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_arrays_that_a_call_changes_are_read_as_they_are_then(name):
    for function, arguments in (
        (block_arrays.reads_after_change, (5, Change(CHANGES[name]))), (block_arrays.changes_while_iterated, (Change(CHANGES[name]),)),
    ):  # fmt: skip
        kernel = block_kernel(function)
        for _ in range(3):
            expected = block_arrays.outcome(function, (np.arange(6.0), *arguments))
            assert block_arrays.outcome(kernel, (np.arange(6.0), *arguments))[:2] == expected[:2]


@pytest.mark.parametrize("kind", ["float64", "int16"])
def test_rows_and_shapes_are_those_of_numpy(kind):
    for shape in ((3, 2), (2, 3, 2), (4,), (2, 0)):
        assert_same(block_arrays.shapes, filled(kind, *shape))
        assert_same(block_arrays.iterated, filled(kind, *shape))
        assert_same(block_arrays.rows_that_are_used, filled(kind, *shape), 1)
    assert_same(block_arrays.rows_that_are_used, filled(kind, 3, 2), 7)
    kernel = assert_same(block_arrays.unpacked_shape, filled(kind, 3, 4))
    assert_same(block_arrays.unpacked_shape, filled(kind, 3), kernel=kernel)
    assert_same(block_arrays.unpacked_shape, filled(kind, 3, 2, 2), kernel=kernel)


def test_a_row_that_is_only_indexed_is_not_made():
    kernel = assert_same(block_arrays.item_of_two, filled("float64", 3, 3), 1, 2)
    assert not {"ARRAY_ROW", "CALL_PYTHON"} & set(instructions(kernel))


def test_items_are_indexes_of_lists_and_ends_of_ranges():
    for kind in ("int64", "uint8", "bool", "float64"):
        assert_same(block_arrays.index_by_scalars, filled(kind, 3), ["a", "b", "c"])
        assert_same(block_arrays.index_by_scalars, filled(kind, 3), np.arange(3.0))
        assert_same(block_arrays.index_by_scalars, filled(kind, 3), b"abc")


@pytest.mark.filterwarnings("ignore:The 'u' type code:DeprecationWarning")
@pytest.mark.parametrize("code", "bBhHiIlLqQfdu")
def test_array_array_is_read_and_written_as_by_cpython(code):
    array = arrays.array(code, "abc" if code == "u" else [1, 2, 3])
    for i in INDEXES:
        assert_same(block_arrays.item, array, i)
    for value in (*VALUES, 255, 256, -1, 0.5, "x"):
        assert_same(block_arrays.store, array, 1, value, calls=1)
    assert_same(block_arrays.iterated, array)


@pytest.mark.parametrize("code", ["b", "B", "h", "H", "i", "I", "l", "L", "q", "Q", "f", "d", "?", "c", "n", "<d"])
def test_memoryviews_are_read_and_written_as_by_cpython(code):
    def view():
        bare = memoryview(bytearray(range(48)))
        return bare.cast(code) if code[0] != "<" else memoryview(np.arange(6.0).astype("<f8")).cast("B").cast("d")

    for i in INDEXES:
        assert_same(block_arrays.item, view(), i)
    for value in (*VALUES, 255, 0.5, b"x"):
        expected = block_arrays.outcome(block_arrays.store, (view(), 1, value))
        assert block_arrays.outcome(block_kernel(block_arrays.store), (view(), 1, value)) == expected
    assert_same(block_arrays.iterated, view())


def test_memoryviews_of_two_dimensions_and_released_ones():
    view = memoryview(bytearray(range(48))).cast("B").cast("h", [4, 6])
    for i, j in itertools.product((0, 3, -4, 4, 6), repeat=2):
        assert_same(block_arrays.item_of_two, view, i, j)
        assert_same(block_arrays.item, view, (i, j))
    released = memoryview(b"abc")
    kernel = assert_same(block_arrays.item, memoryview(b"abc"), 1)
    released.release()
    assert_same(block_arrays.item, released, 1, kernel=kernel)
    for make in (function_of_released, block_kernel(function_of_released)):
        with pytest.raises(ValueError, match="released"):
            make(memoryview(bytearray(b"abc")), 1)
    assert_same(block_arrays.store, memoryview(b"abc"), 1, 5)


def function_of_released(view, i):
    first = view[i]
    view.release()
    return first, view[i]


@pytest.mark.parametrize("made", [bytes, bytearray])
def test_bytes_are_read_and_written_as_by_cpython(made):
    for i in INDEXES:
        assert_same(block_arrays.item, made(b"abc"), i)
    for value in VALUES:
        assert_same(block_arrays.store, made(b"abc"), 1, value, calls=1)
    assert_same(block_arrays.iterated, made(b"abc"))
    assert_same(block_arrays.reads_after_change, made(b"abcdef"), 5, Change(lambda text: text.clear()))


def test_no_reference_to_an_array_is_kept():
    array = np.arange(12.0).reshape(3, 4)
    for function, arguments in (
        (block_arrays.item_of_two, (array, 1, 2)),
        (block_arrays.item_of_two, (array, 1, 9)),
        (block_arrays.iterated, (array,)),
        (block_arrays.rows_that_are_used, (array, 1)),
        (block_arrays.rows_that_are_used, (array, 5)),
        (block_arrays.unpacked_shape, (array,)),
        (block_arrays.store_of_two, (array, 1, 2, "a")),
        (block_arrays.store_of_two, (array, 1, 2, 3)),
    ):
        kernel = block_kernel(function)
        block_arrays.outcome(kernel, arguments)
        before = sys.getrefcount(array)
        for _ in range(10):
            block_arrays.outcome(kernel, arguments)
        assert sys.getrefcount(array) == before, function.__name__


HARD_TO_HOLD = [
    np.array([1, 2**63, 3], dtype=np.uint64),
    np.array([2**63], dtype=np.uint64),
    arrays.array("Q", [1, 2**64 - 1, 3]),
    arrays.array("L", [2**63, 1]),
    np.frombuffer(b"\x01\x00\xa0\x7f\x00\x00\x80\x3f", np.float32),
]


@pytest.mark.parametrize("items", HARD_TO_HOLD)
def test_items_that_no_register_holds_are_visited_once(items):
    assert_same(block_arrays.visited, items)
    assert_same(block_arrays.visited_with_numbers, items, 7)
    assert_same(block_arrays.visited_side_by_side, [1, 2, 3], range(3), items)
    assert_same(block_arrays.visited_side_by_side, [1, 2, 3], items, items)
    assert_same(block_arrays.visited_side_by_side, items, [1, 2, 3], items)


def test_items_are_visited_once_where_their_numbers_grow_too_large():
    assert_same(block_arrays.visited_with_numbers, [5, 6, 7], 2**63 - 2)
    assert_same(block_arrays.visited_with_numbers, HARD_TO_HOLD[0], 2**63 - 2)


def test_a_constant_beyond_single_precision_warns_each_time():
    function = block_arrays.less_a_constant_beyond_single_precision
    kernel = assert_same(function, np.ones(3, "f4"))
    counts = []
    for call in (function, kernel):
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            call(np.ones(3, "f4"))
        counts.append([str(each.message) for each in caught])
    assert counts[0] == counts[1] != []


def test_an_array_is_compared_with_none_item_by_item():
    items = [
        1,
        np.arange(3),
        np.array(2.5),
        np.zeros((2, 2), "f4"),
        None,
        [None],
        arrays.array("i", [1]),
        b"ab",
    ]
    for chosen in (items, items[::-1], [items[1]] * 3):
        kernel = assert_same(block_arrays.beside_none, chosen, None)
    assert kernel.entries > 0


@pytest.mark.parametrize("shape", [(3, 3, 3), (3, 3, 3, 2)], ids=str)
def test_a_row_is_that_of_the_index_before_it_is_rebound(shape):
    array = np.arange(27.0 * (len(shape) > 3) + 27).reshape(shape)
    kernel = assert_same(block_arrays.rows_of_rebound_indices, array, 0, 2)
    before = sys.getrefcount(array)
    for _ in range(5):
        kernel(array, 0, 2)
    assert sys.getrefcount(array) == before


def test_powers_of_numbers_of_several_kinds_round_as_numpy_rounds():
    numbers = [2.5, -2.5, 0.3, 7, -3, True]
    for kind in KINDS:
        if kind != "bool":
            numbers += [np.dtype(kind).type(3), np.dtype(kind).type(101)]
    with np.errstate(all="ignore"):
        kernel = assert_same(block_arrays.powers, [np.uint32(100)], [-2.5])
        for left in numbers:
            for right in numbers:
                try:
                    left**right
                except (ValueError, OverflowError):
                    continue
                assert_same(block_arrays.powers, [left], [right], kernel=kernel)
