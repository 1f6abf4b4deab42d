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


def swapped_while_iterated(values: Any, count: int) -> Any:
    number = 0
    for number in range(count):
        number, number = (values[1], number)
    last = number
    last, last = (1, last)
    return last
