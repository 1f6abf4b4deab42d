"""Functions for kernels that are made block by block."""

from __future__ import annotations

from typing import Any


def sum_with_handler(values: Any) -> Any:
    total = 0
    for value in values:
        total += value
        try:
            total += values[value]
        except IndexError:
            total += 1000
    return total, [total]


def stored_twice(first: Any, number: int) -> Any:
    number, number = (10, number)
    return first, number


def kept_and_stored_in_itself(value: Any, count: int) -> Any:
    last = None
    for _ in range(count):
        last, value = (value, value)
    return last, value


def swapped_while_iterated(values: Any, count: int) -> Any:
    number = 0
    for number in range(count):
        number, number = (values[1], number)
    last = number
    last, last = (1, last)
    return last


def chosen_among_many_kinds(values: Any, text: Any, other: Any) -> Any:
    found = []
    before = last = None
    number, half = 7, 0.5
    for value, character in zip(values, text):
        number = None if other == 3 else number
        half = None if other == 3 else half
        character = None if other == 3 else character
        found.append((number, half, character))
        before, last = last, value
        number += 1
        half += 1.0
    return found, before, last


def half_of_pairs(count: Any) -> Any:
    seen = [count]
    for step in range(count):
        seen = divmod((step * 48271) % 2**31, 7)[0]
    return seen


def zipped_range_and_list(count: Any) -> Any:
    pairs = []
    for number, item in zip(range(count) if count else (), [5, 6, 7]):
        pairs.append(number + item)
    return pairs


def with_cells() -> Any:
    kept, gathered = 10**6, []

    def changed(first: Any, second: Any) -> Any:
        nonlocal kept
        for item in [0.5, True, 2, None, "a", 1j, (), b"b", [], {}]:
            other = item
            gathered.append((kept or kept))
        return len(gathered), other

    return changed


def exchanged(first: Any, turns: Any) -> Any:
    second = first
    for _ in turns:
        second, first = (first, second)
    return first, second


def given_name(value: Any) -> Any:
    other, value = (value, len)
    return other, value([other])
