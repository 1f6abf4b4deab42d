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
