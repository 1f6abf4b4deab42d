"""Machine code of stores into attributes: numbers and objects, in instances with and without slots, and when objects die."""

from __future__ import annotations

import copy
import sys
from collections.abc import Iterator
from typing import Any

import pytest

import cascade as cs
from cascade import _vm
from tests.support.machine_code_functions import BORDERS, assert_same, machine_code

pytestmark = pytest.mark.skipif(not _vm.has_machine_code(), reason="no machine code for this platform")


@pytest.fixture(autouse=True)
def at_once() -> Iterator[None]:
    with machine_code(0):
        yield


class Plain:
    first: Any
    second: Any

    def __init__(self, first: Any, second: Any) -> None:
        self.first = first
        self.second = second

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.first!r}, {self.second!r})"


class Slotted:
    __slots__ = ("first", "second")

    def __init__(self, first: Any, second: Any) -> None:
        self.first = first
        self.second = second

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.first!r}, {self.second!r})"


class WithDict(Plain):
    """An instance whose attributes stand in a dict."""

    def __init__(self, first: Any, second: Any) -> None:
        super().__init__(first, second)
        vars(self)["third"] = None


CLASSES = pytest.mark.parametrize("cls", [Plain, Slotted, WithDict])


def counted(holder: Any, step: Any, turns: int) -> list[Any]:
    seen = []
    for turn in range(turns):
        holder.first += step
        holder.second = turn * 40 - 100
        if turn % 5 == 0:
            seen.append(holder.first)  # from here on somebody else has it, too
            seen.append(holder.second)
    return [*seen, holder.first, holder.second]


@CLASSES
def test_ints_are_stored_at_all_borders(cls):
    calls = [(cls(start, 0), step, 40) for start in BORDERS for step in (0, 1, -1, 100) if abs(start) < 1 << 62]
    assert_same(counted, calls)


@CLASSES
def test_floats_and_bools_are_stored(cls):
    assert_same(counted, [(cls(start, 0), step, 40) for start in (0.5, -0.0, 1e300, True) for step in (0.25, 1e300, 2)])


def replaced(holder: Any, new: Any, turns: int) -> list[Any]:
    seen = []
    for turn in range(turns):
        old = holder.first
        holder.first = new
        holder.second = turn % 3 == 0
        seen.append((old, holder.first, holder.second))
        holder.first = old if turn % 2 else holder.second
    return [*seen, holder.first, holder.second]


@CLASSES
@pytest.mark.parametrize("new", [7, 300, -6, 1 << 40, 1 << 70, True, None, 0.5, "text", [1], (2, 3)], ids=repr)
def test_any_value_is_replaced_by_any_other(cls, new):
    items: list[Any] = [0, 7, 1000, 1 << 80, -3, None, "a", 2.5, True, [1]]
    assert_same(replaced, [(cls(copy.copy(first), second), new, 30) for first in items for second in (5, 1.5, "x")])


@CLASSES
def test_references_of_small_ints_are_counted(cls):
    program = cs.compile(cs.task(counted))
    program(cls(0, 0), 1, 3000)
    numbers = (*range(-5, 257, 9), 256)
    before = [sys.getrefcount(number) for number in numbers]
    for _ in range(10):
        program(cls(-50, 0), 1, 300)
    after = [sys.getrefcount(number) for number in numbers]
    assert max(abs(x - y) for x, y in zip(before, after, strict=True)) < 20


@CLASSES
def test_objects_die_where_they_are_replaced(cls):
    class Dying:
        def __init__(self, number: int) -> None:
            self.number = number

        def __del__(self) -> None:
            deaths.append((self.number, holder.second))

    def filled(holder: Any, others: list[Any], turns: int) -> int:
        for turn in range(turns):
            holder.second = turn
            holder.first = Dying(turn)
            if turn % 3 == 0:
                holder.first = turn
            elif turn % 3 == 1:
                others.append(holder.first)
                holder.first = others[-1]
            holder.second = -turn
        return turns

    found = []
    for call in (filled, cs.compile(cs.task(filled))):
        deaths: list[Any] = []
        for _ in range(3):
            holder, others = cls(None, 0), []
            assert call(holder, others, 50) == 50
            deaths.append("over")
            others.clear()
            del holder.first
        found.append(deaths)
    assert found[0] == found[1]


@CLASSES
def test_an_attribute_that_is_missing_is_set(cls):
    def set_again(holder: Any, turns: int) -> Any:
        for turn in range(turns):
            if turn % 4 == 1:
                del holder.first
            holder.first = turn
            holder.second = 0.5 * turn
        return holder.first, holder.second

    program = cs.compile(cs.task(set_again))
    for _ in range(3):
        holder = cls(1, 2.5)
        assert program(holder, 50) == (49, 24.5)
        assert (holder.first, holder.second) == (49, 24.5)
