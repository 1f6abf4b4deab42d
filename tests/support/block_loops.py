"""Loops whose ends, side exits and fuel are tested."""

from __future__ import annotations

from typing import Any

NAMED = 0


def last_of_some(count: Any) -> Any:
    found = None
    for number in range(count):
        if number % 7 == 3:
            found = number
    return found


def sum_of_some(count: Any) -> Any:
    total = 0
    for number in range(count):
        if number % 7 == 3:
            total += number
    return total


def counted_by_while(count: Any) -> Any:
    number, found = 0, None
    while number < count:
        number += 1
        if number % 7 == 3:
            found = number
    return found


def last_of_items(values: Any) -> Any:
    found = None
    for value in values:
        if value % 7 == 3:
            found = value
    return found


def sum_of_numbered(values: Any) -> Any:
    total = 0
    for number, value in enumerate(values):
        total += value + number + 0 * NAMED
    return total


def sum_of_pairs(values: Any) -> Any:
    total = 0
    for left, right in zip(values, values):  # noqa: B905
        total += left + right + 0 * NAMED
    return total


def sum_of_items(values: Any) -> Any:
    total = 0
    for value in values:
        total += value + 0 * NAMED
    return total


def sum_of_range(count: Any) -> Any:
    total = 0
    for value in range(count):
        total += value + 0 * NAMED
    return total


def first_of_range(start: Any, last: Any) -> Any:
    for number in range(start, last + 1):
        return number, start
    return None


def numbered_from(values: Any, start: Any) -> Any:
    return [pair for pair in enumerate(values, start)]  # noqa: C416


def pairs_from(values: Any, start: Any) -> Any:
    found = []
    for number, value in enumerate(values, start):
        found.append((number, value))
    return found


def pairs_of(left: Any, right: Any) -> Any:
    found = []
    for pair in zip(left, right):  # noqa: B905
        found.append(pair)
    return found
