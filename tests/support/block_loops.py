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


def firsts_of_ranges(keys: Any, count: int) -> Any:
    """The inner loop is left in its first turn: nothing jumps back to its head."""
    found: list[Any] = []
    for key in keys:
        for number in range(count):
            found.append((key, number))
            break
        else:
            found.append(None)
    return found, key, number


def nothing() -> None:
    pass


NOTES: list[int] = []
TABLE = (4, 5)


def note(number: int) -> None:
    NOTES.append(number)


def notes_of_firsts(keys: Any) -> list[int]:
    NOTES.clear()
    for _ in keys:
        nothing()
        for _number in range(2):
            try:
                break
            finally:
                note(7)
    return [*NOTES]


def firsts_while(count: int, size: int) -> Any:
    found, turns, number = [], 0, 0
    while turns < count:
        turns += 1
        for number in range(turns % size, size):
            found.append(number)
            break
    return found, number


def firsts_of_lists(rows: Any) -> Any:
    found, item = 0, 0
    for row in rows:
        for item in row:
            found += item
            break
    return found, item


def first_of_all(count: int, values: Any) -> Any:
    while count > 0:
        count -= 1
        for number, value in enumerate(values):
            if count % 7 == 3:
                return number, value, count
            break
    return None
