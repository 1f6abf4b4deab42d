"""Machine code of loops that take arrays for granted, with items side by side or at any distance; and of choices without jumps."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from cascade import _vm
from cascade.kernels.blocks.kernel import block_kernel
from tests.support.machine_code_functions import INTS, assert_same, machine_code, made_of

pytestmark = pytest.mark.skipif(not _vm.has_machine_code(), reason="no machine code for this platform")


@pytest.fixture(autouse=True)
def at_once() -> Iterator[None]:
    with machine_code(0), np.errstate(all="ignore"):
        yield


# -- Arrays -----------------------------------------------------------------------------------------------------------


KINDS = ("float64", "float32", "int64", "int32", "uint8", "bool")


def copied(source: Any, target: Any, first: int, above: int) -> Any:
    for i in range(first, above):
        target[i] = source[i]
        target[-1 - i] = source[1]
    return target.tolist()


def ends(source: Any, target: Any, turns: int) -> Any:
    for turn in range(turns):
        target[turn] = source[0]
        target[0] = source[-1]
        target[-2] = source[turn]
        target[3] = source[3]
    return target.tolist()


def collected(source: Any, target: Any, first: int) -> Any:
    i = first
    for item in source:
        target[i] = item
        i += 1
    return target.tolist()


def exchanged(one: Any, other: Any, turns: int) -> Any:
    total = one[0]
    for turn in range(turns):
        for i in range(len(one)):
            total = total + one[i] * other[-1 - i]
        one, other = other, one
    return total


def followed(links: Any, start: int, turns: int) -> int:
    at = start
    for _ in range(turns):
        at = links[at]
    return int(at)


def added(table: Any, other: Any, first: int, above: int) -> Any:
    for y in range(first, above):
        for x in range(first, above):
            table[y, x] = table[x, y - 1] + other[y, x + 1] + other[x, 0]
    return table.tolist()


def rows_of(kind: str) -> list[Any]:
    base = (np.arange(24) * 37 % 101 - 50).astype(kind)
    apart = np.zeros(8 * 24 + 1, dtype=np.uint8)[1 : 1 + 24 * base.itemsize].view(base.dtype)
    apart[:] = base
    return [base, base[::2], base[::-1], base[5:6], apart[:7], base[:0], np.broadcast_to(base[:1], 6)]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("number", range(len(rows_of("bool"))))
def test_items_side_by_side_and_at_any_distance(kind, number):
    source, targets = rows_of(kind)[number], rows_of(kind)[:4]
    count = len(source)
    borders = [(0, count), (-count, count), (-count - 1, 1), (1, count + 1), (0, 0)]
    assert_same(copied, [(source, target, *border) for target in targets for border in borders])
    assert_same(ends, [(source, target, turns) for target in targets for turns in (count, count + 1)])
    assert_same(collected, [(source, target, first) for target in targets for first in (0, -3, 20)])
    assert_same(collected, [(source, rows_of("int64")[0], 0), (source, rows_of("uint8")[1], 0)])


@pytest.mark.parametrize("kind", KINDS)
def test_arrays_change_places_between_loops(kind):
    rows = [row for row in rows_of(kind) if len(row)]
    assert_same(exchanged, [(one, other, turns) for one in rows for other in rows for turns in (1, 4)])


@pytest.mark.parametrize("kind", ["int64", "int32", "uint8"])
def test_an_item_is_the_next_index(kind):
    links = ((np.arange(40) * 7 + 3) % 20).astype(kind)
    calls = [(row, start, 50) for row in (links, links[::2], links[::-1], links[:20]) for start in (0, -1, 19, -20, 45)]
    assert_same(followed, calls)
    if kind != "uint8":
        assert_same(followed, [(row - 10, start, 50) for row, start, _ in calls])


@pytest.mark.parametrize("kind", KINDS)
def test_tables_side_by_side_and_at_any_distance(kind):
    base = (np.arange(64) % 11).astype(kind).reshape(8, 8)
    tables = [base, base[:, ::-1], base[::2, ::2], base.T, np.asfortranarray(base), base[:, :5]]
    calls = [(one, other, first, 3) for one in tables for other in tables for first in (0, -2, 1)]
    assert_same(added, [*calls, (base, base, 0, 9), (base, base, -9, 1)])


def nearest(points: Any, others: Any, limit: float) -> Any:
    best, pair, found = limit, (-1, -1), []
    for i in range(points.shape[0]):
        for j in range(others.shape[0]):
            distance = 0.0
            for axis in range(points.shape[1]):
                difference = points[i, axis] - others[j, axis]
                distance += difference * difference
            if distance < best:
                best, pair = distance, (i, j)
                found.append(pair)
    return best, pair, found


def maybe_there(table: Any, numbers: Any, turns: int) -> Any:
    total = 0.0
    for turn in range(turns):
        for number in range(len(numbers)):
            total += numbers[number]
            if table is not None:
                total += table[number, turn]
        if turn % 5 == 3:
            total += len(str(turn))
    return total


def scaled_rows(table: Any, factors: Any, turns: int) -> Any:
    last = 0
    for turn in range(turns):
        factor = factors[turn]
        for x in range(table.shape[1]):
            table[turn, x] = table[turn, x] * factor
            last = last + x
        factors[turn - 1] = factor + last
    return table.tolist(), factors.tolist(), last


@pytest.mark.parametrize("kind", KINDS)
def test_loops_around_short_ones_keep_their_registers_and_arrays(kind):
    base = (np.arange(48) * 29 % 17).astype(kind).reshape(12, 4)
    tables = [base, base[:, :3], base[::-1, ::2], np.asfortranarray(base), base[:, :1], base[:0], base[:, :0]]
    assert_same(nearest, [(one, other, limit) for one in tables for other in tables for limit in (1e9, 5.0)])
    numbers = [base[0], base[::3, 0], base[0][::-1], [1, 2.5, 3]]
    assert_same(maybe_there, [(table, row, 4) for table in (*tables, None, 7) for row in numbers])
    factors = [base[:, 1], base[:, 1].copy(), base[::-1, 0], base[:4, 0]]
    assert_same(scaled_rows, [(table, row, turns) for table in tables for row in factors for turns in (4, 12, 13)])


CHANGES = {
    "read-only": "a.flags.writeable = turn != 1",
    "other strides": "a.strides = (8, 80) if turn == 1 else (80, 8)",
    "other rows": "a.shape = (20, 5) if turn == 1 else (10, 10)",
    "other items": "a.dtype = 'int64' if turn == 1 else 'float64'",
}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("statement", ["a[i, k] = value", "a[i, k] = a[k, i] + value", "total += a[i, k] * value"])
@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_an_array_that_is_changed_between_two_turns_of_the_loops_around(change, statement):
    # What is no longer so is noticed where an inner loop is entered, with the loop's variables in machine registers.
    function = made_of(
        f"""
def change(a, turn):
    {change}


def f(a, n):
    total = value = 0.0
    for turn in range(4):
        value += 1.0
        for i in range(n):
            for k in range(n):
                {statement}
        change(a, turn)
    return total, value
""",
        True,
    )
    for n in (5, 8):
        outcomes = []
        for called in (function, block_kernel(function)):
            for _ in range(3):
                array = np.arange(100.0).reshape(10, 10)
                try:
                    result = called(array, n)
                except (ValueError, IndexError) as error:
                    result = repr(error)
                array.flags.writeable = True
                outcomes.append((result, array.tobytes()))
        assert outcomes == outcomes[:1] * 6


# -- Choices ----------------------------------------------------------------------------------------------------------


CONDITIONS = ("n % 2 == 0", "n & 4", "n < 10", "n <= k", "n == 5", "n != k", "k < n")
VALUES = [
    ("n // 2", "3 * n + 1"),
    ("n + k", "n - k"),
    ("n * 5", "n >> 1"),
    ("n - 1", "n * n"),
    ("k - n", "(n + k) * 3"),
    ("n ^ k", "n | 12"),
]


@pytest.mark.parametrize("has_source", [True, False], ids=["numbers", "blocks"])
@pytest.mark.parametrize("condition", CONDITIONS)
@pytest.mark.parametrize("values", VALUES, ids=str)
def test_one_of_two_values_at_all_borders(condition, values, has_source):
    function = made_of(
        f"""
def f(n, k, turns):
    count = 0
    while count < turns:
        if {condition}:
            n = {values[0]}
        else:
            n = {values[1]}
        count += 1
    return n, count
""",
        has_source,
    )
    in_loop = made_of(
        f"""
def f(n, k, turns):
    total = 0
    length = {(1 << 63) - 30}
    for turn in range(turns):
        n = {values[0]} if {condition} else {values[1]}
        length += 1
        total ^= n
    return total + length
""",
        has_source,
    )
    calls = [
        (n, k, turns)
        for n in INTS
        for k in (0, 1, 7, -3, 1 << 62, -(1 << 63))
        for turns in (1, 8 if "n * n" in values else 60)
    ]
    assert_same(function, calls)
    assert_same(in_loop, calls)
