"""Functions that are mapped over arrays of NumPy's."""

from __future__ import annotations

import math
import sys
from typing import Any

import numpy as np

TABLE = np.arange(12.0)
GRID = np.arange(12).reshape(3, 4)
SCALE = 3


def itself(x: Any) -> Any:
    return x


def affine(x: Any) -> Any:
    return x * 2.5 + 1


def clipped(x: Any) -> Any:
    return x if x > 0 else 0  # noqa: FURB136


def as_python(x: Any) -> Any:
    if x > 2:
        return 1.5
    return 7 if x < 1 else True


def squares(x: Any) -> Any:
    return x * x - x


def quotients(x: Any) -> Any:
    return 7 / x + x // 3


def rest(x: Any) -> Any:
    return x % 3


def compared(x: Any) -> Any:
    return x > 1


def inverted(x: Any) -> Any:
    return not x


def bits(x: Any) -> Any:
    return x & 3


def root(x: Any) -> Any:
    return math.sqrt(abs(x))


def whole(x: Any) -> Any:
    return int(x)


def scaled(x: Any) -> Any:
    return x * SCALE


def nothing(x: Any) -> Any:
    return None if x > 1 else x


def text(x: Any) -> Any:
    return f"<{x}>"


def pair(x: Any) -> Any:
    return (x, 1)


def powers(x: Any) -> Any:
    return x**2


def in_loop(x: Any) -> Any:
    total = x - x
    for i in range(5):
        total += x * i
    return total


def long_sum(x: Any) -> Any:
    total = x - x
    for i in range(60):
        total += x % 7 + i
    return total


def long_look_up(x: Any, table: Any = TABLE) -> Any:
    total = table[x % 12]
    for i in range(60):
        total += table[i % 12]
    return total


def long_in_grid(x: Any, grid: Any = GRID) -> Any:
    total = 0
    for i in range(60):
        total += grid[x % 3, i & 3] + grid.shape[1]
    return total


def of_two(x: Any, y: Any, scale: Any = 2, shift: float = 0.5) -> Any:
    return x * scale - y + shift


def helped(x: Any) -> Any:
    return squares(x) + 1


def called_out(x: Any) -> Any:
    return np.sin(x) + x


FUNCTIONS = [
    itself, affine, clipped, as_python, squares, quotients, rest, compared, inverted, bits, root, whole, scaled, nothing, text, pair,
    powers, in_loop, helped, called_out,
]  # fmt: skip
"""Of one item."""

DTYPES = [
    "bool", "int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64", "float16", "float32", "float64", "complex128",
    ">i8", ">f8", "datetime64[s]", "S3", "object",
]  # fmt: skip


def items(dtype: str, count: int) -> Any:
    """Returns an array of small numbers, some of them zero or extreme."""
    numbers = np.arange(count) % 7
    if dtype == "object":
        return np.array([int(number) for number in numbers], dtype=object)
    found = numbers.astype(dtype)
    kind = np.dtype(dtype).kind
    if kind in "iu":
        info = np.iinfo(dtype)
        found[100::501] = info.max
        found[200::503] = info.min
    if kind == "f":
        found[100::501] = np.inf
        found[200::503] = np.nan
        found[300::509] = -0.0
        found[50::511] = np.finfo(dtype).max
        found[60::511] = np.finfo(dtype).tiny
    return found


def divided(x: Any) -> Any:
    return 1 / (x - 5)


def appended(x: Any, seen: list[Any]) -> Any:
    seen.append(x)
    return len(seen) + x


def appended_or_raised(x: Any, seen: list[Any]) -> Any:
    seen.append(x)
    if x == 150:
        raise KeyError(x)
    return x + 1


def overwritten(x: Any, array: Any) -> Any:
    array[:] = 0
    return x + 1


def caller_names(x: Any) -> Any:
    return sys._getframe(0).f_code.co_name


def endless(n: Any) -> Any:
    while n >= 0:
        n = n * 1
    return n
