"""Machine code of lists and of rows of arrays: what is stored, appended and popped, when objects die, and which rows a loop has."""

from __future__ import annotations

import copy
import sys
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

import cascade as cs
from cascade import _vm
from cascade.kernels.blocks.decode import decode
from tests.support.machine_code_functions import BORDERS, assert_same, forms, machine_code

pytestmark = pytest.mark.skipif(not _vm.has_machine_code(), reason="no machine code for this platform")


@pytest.fixture(autouse=True)
def at_once() -> Iterator[None]:
    with machine_code(0):
        yield


# -- Lists ------------------------------------------------------------------------------------------------------------


def stacked(start: int, step: int, turns: int) -> list[int]:
    stack: list[int] = []
    value = start
    for turn in range(turns):
        stack.append(value)
        value += step
        if turn % 3 == 2:
            value -= stack.pop() % 7
            stack[-1] = value % 1000 - 500
            stack[0] = turn
    while stack and stack[-1] != start:
        value = stack.pop()
    stack.append(value)
    return stack


def test_ints_are_appended_stored_and_popped_at_all_borders():
    assert_same(stacked, [(start, step, 40) for start in BORDERS for step in (0, 1, -1, 100) if abs(start) < 1 << 62])


def overwritten(values: list[Any], new: Any, turns: int) -> list[Any]:
    for turn in range(turns):
        values[turn % len(values)] = new
        values[-1 - turn % len(values)] = turn
    return values


@pytest.mark.parametrize("new", [*(value for value in BORDERS if abs(value) < 300), True, None, 0.5, "text"], ids=repr)
def test_any_item_is_replaced_by_a_small_int_and_by_other_objects(new):
    items: list[Any] = [0, 7, 1000, 1 << 80, -3, None, "a", 2.5, True, [1]]
    assert_same(overwritten, [([item] * count, new, 9) for item in items for count in (1, 2, 5)])
    assert_same(overwritten, [(copy.deepcopy(items), new, turns) for turns in (0, 1, 12, 30)])


def counted(turns: int) -> int:
    counts = [0, 1, 255, 256, -5]
    for turn in range(turns):
        counts[turn % 5] = turn % 300 - 20
        counts.append(turn % 300 - 20)
        counts.pop()
    return sum(counts)


def test_references_of_small_ints_are_counted():
    program = cs.compile(cs.task(counted))
    program(3000)
    numbers = (*range(-5, 257, 9), 256)
    before = [sys.getrefcount(number) for number in numbers]
    for _ in range(10):
        assert program(3000) == counted(3000)
    after = [sys.getrefcount(number) for number in numbers]
    assert max(abs(x - y) for x, y in zip(before, after, strict=True)) < 20


def test_objects_die_where_they_are_replaced_or_popped():
    class Noted:
        def __init__(self, name: int) -> None:
            self.name = name

        def __del__(self) -> None:
            deaths.append((self.name, len(living)))

    def replaced(values: list[Any], others: list[Any], turns: int) -> int:
        for turn in range(turns):
            living.append(turn)
            values[turn % 4] = others[turn % 3]
            living.append(turn)
            values[(turn + 1) % 4], values[turn % 4] = values[turn % 4], values[(turn + 1) % 4]
            if turn % 5 == 4:
                values[turn % 4] = turn
        while values:
            living.append(len(values))
            values.pop()
        return len(living)

    def run(function: Callable[..., Any]) -> tuple[int, list[tuple[int, int]]]:
        deaths.clear()
        living.clear()
        found = function([Noted(number) for number in range(4)], [Noted(number) for number in range(10, 13)], 23)
        return found, list(deaths)

    deaths: list[tuple[int, int]] = []
    living: list[int] = []
    task = cs.task(replaced)
    program = cs.compile(task)
    for _ in range(3):
        assert run(program) == run(replaced)
    assert forms(task) > 0


# -- Rows of arrays -----------------------------------------------------------------------------------------------------


def smoothed(plate: Any, new: Any, first: int, above: int, below: int) -> Any:
    for y in range(first, above):
        for x in range(1, below):
            new[y, x] = (
                plate[y - 1, x] + plate[1 + y, x] + plate[y, x - 1] + plate[y, x + 1] - plate[0, x] - plate[-1, x]
            )
    return new.tolist()


def paths(distance: Any, start: int) -> Any:
    n = distance.shape[0]
    for k in range(n):
        for i in range(start, n):
            for j in range(n):
                through = distance[i, k] + distance[k, j]
                if through < distance[i, j]:
                    distance[i, j] = through
    return distance.tolist()


def shifted(table: Any, at: int, turns: int) -> Any:
    row = at
    for turn in range(turns):
        for column in range(3):
            if column == turn % 4:
                row = at + column
            table[row, column] = table[row - 1, column] + table[at - 1, column]
    return table.tolist()


def grids() -> list[Any]:
    base = np.arange(90.0).reshape(9, 10) % 17
    made = [base, base[::-1], base[:, ::-1], base[::2, ::3], np.asfortranarray(base), base.T, base[1:8, 2:9]]
    made += [base.astype(kind) for kind in ("int64", "int32", "uint8", "bool", "float32", ">f8", "complex128")]
    apart = np.zeros(8 * 20 + 1, dtype=np.uint8)[1:].view(np.float64).reshape(4, 5)
    return [*made, apart, base[:0], base[:, :0], base.astype(object)]


def read_only() -> Any:
    array = np.ones((5, 5))
    array.flags.writeable = False
    return array


@pytest.mark.parametrize("number", range(len(grids())))
def test_rows_of_arrays_of_all_kinds(number):
    grid = grids()[number]
    height, width = grid.shape
    with np.errstate(all="ignore"):
        calls: list[tuple[Any, ...]] = [(grid, grid.copy(), 1, height - 1, width - 1)]
        calls += [
            (grid, grid.copy(), first, above, below)
            for first in (0, -2)
            for above in (height, 2)
            for below in (width, 3)
        ]
        assert_same(smoothed, [*calls, *calls])
        side = min(height, width)
        assert_same(paths, [(grid[:side, :side], 0), (grid[:side, :side], -1), (grid[:, :1], 0)])
        assert_same(
            shifted, [(grid, at, 9) for at in (0, 1, -1, -height, height - 1, height, (1 << 63) - 2, -(1 << 63))]
        )


def test_rows_of_one_array_in_another_ones_place():
    def total(one: Any, other: Any, turns: int) -> float:
        found = 0.0
        for turn in range(turns):
            for column in range(one.shape[1]):
                found += one[turn % 2, column] - other[1, column] * 0.5
            one, other = other, one
        return found

    calls = [
        (np.ones((3, 3)), np.full((4, 2), 0.5), 9),
        (np.ones((2, 5)), np.full((2, 5), 3), 9),
        (np.ones((2, 5)), read_only(), 8),
    ]
    assert_same(total, [*calls, *calls])
    assert_same(smoothed, [(read_only(), read_only(), 1, 4, 4), (np.ones((5, 5)), read_only(), 1, 4, 4)])


def test_a_row_that_is_not_there_is_an_error_only_where_it_is_read():
    def guarded(table: Any, row: int, turns: int) -> float:
        found = 0.0
        for turn in range(turns):
            for column in range(table.shape[1]):
                if -table.shape[0] <= row < table.shape[0]:
                    found += table[row, column]
                elif turn == 7:
                    found += table[row - 1, column]
        return found

    table = np.arange(12.0).reshape(3, 4)
    assert_same(guarded, [(table, row, turns) for row in (0, 2, 3, -3, -4, 99, 1 << 62) for turns in (3, 9)])


# -- Loops ----------------------------------------------------------------------------------------------------------------


def test_the_source_says_which_loops_stand_in_others():
    def nest(values: list[int]) -> int:
        total = 0
        for value in values:
            while value > 0:
                for _ in range(value):
                    total += 1
                value -= 1
            if value < 0:
                continue
            total += 2
        return total

    found = decode(nest.__code__)
    by_line: dict[int, int] = {}
    for start, end, line in nest.__code__.co_lines():
        if line is not None:
            number = line - nest.__code__.co_firstlineno
            by_line[number] = max(by_line.get(number, 0), *found.nesting[start // 2 : end // 2])
    assert [by_line[line] for line in (1, 2, 4, 5, 6, 9, 10)] == [0, 1, 3, 3, 2, 1, 0]
