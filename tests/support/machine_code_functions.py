"""Functions whose loops have machine code, for tests of what it computes: made from expressions, and written out."""

from __future__ import annotations

import contextlib
import copy
import linecache
import warnings
from collections.abc import Callable, Iterator
from itertools import count
from typing import Any

import numpy as np

import cascade as cs
from cascade import _vm

INTS = (0, 1, -1, 2, 3, -3, 7, 10, -10, 255, 256, 257, 1 << 30, (1 << 31) - 1, 1 << 31, -(1 << 31), (1 << 32) + 1, 1 << 53, (1 << 53) + 1,
        (1 << 62) - 1, 1 << 62, (1 << 63) - 1, -(1 << 63), -(1 << 62) - 1)  # fmt: skip
BORDERS = (*INTS, -4, -5, -6, -7, 254, 1 << 29, (1 << 30) - 1)
FLOATS = (0.0, -0.0, 1.0, -1.0, 0.5, 2.5, -2.5, 3.0, 1e300, -1e300, 1e-300, 5e-324, 2.2250738585072014e-308, 9007199254740993.0, 9.3e18,
          -9.3e18, float("inf"), float("-inf"), float("nan"))  # fmt: skip


_numbers = count()


def made_of(text: str, has_source: bool) -> Callable[..., Any]:
    """Returns the function `f` of a text. Without a source it has no kernel of numbers, but one of any function."""
    file = f"<machine code {next(_numbers)}>"
    if has_source:
        linecache.cache[file] = (len(text), None, text.splitlines(keepends=True), file)
    names: dict[str, Any] = {}
    exec(compile(text, file, "exec"), names)
    made: Callable[..., Any] = names["f"]
    return made


def in_a_loop(expression: str, has_source: bool = True) -> Callable[..., Any]:
    """Returns a function that computes an expression in a loop: its variables have places in machine code."""
    return made_of(
        f"""
def f(x, y, z, turns):
    result = None
    for turn in range(turns):
        result = {expression}
    return result
""",
        has_source,
    )


def carried(expression: str, has_source: bool = True) -> Callable[..., Any]:
    """Returns a function that computes each value from the one before, in place, and stops where a condition holds."""
    return made_of(
        f"""
def f(x, y, z, turns):
    first = second = x
    turn = 0
    for turn in range(turns):
        first, second = {expression}, first
        x = first
        if second == z:
            break
    return first + second + turn
""",
        has_source,
    )


def sum_of_rows(table: Any, first: int, turns: int) -> Any:
    total = 0.0
    for _ in range(turns):
        for row in range(first, table.shape[0]):
            for column in range(table.shape[1]):
                total += table[row, column]
    return total


def scaled(table: Any, index: int, turns: int) -> Any:
    for _ in range(turns):
        table[index] = table[index - 1] * 2
        table[index] += 1
    return table.tolist()


def running_maximum(values: Any, turns: int) -> Any:
    best = values[0]
    for _ in range(turns):
        for value in values:
            if value > best:
                best = value
    return best


def swapped(values: list[Any], count: int, turns: int) -> list[Any]:
    for turn in range(turns):
        i, j = turn % count, (turn * 7 + 3) % count
        values[i], values[j] = values[j], values[i]
        values[i] = values[j]
    return values


def filled(values: list[Any], new: Any, turns: int) -> list[Any]:
    for turn in range(turns):
        values[turn % 3] = new
        values[-1] = values[turn % 2]
    return values


def counted_up(values: list[int], turns: int) -> list[int]:
    for turn in range(turns):
        values[turn % 4] = values[turn % 4] + turn * 1_000_003 % 4_000_000_000
    return values


def appended(values: list[Any], turns: int) -> list[Any]:
    found = []
    for turn in range(turns):
        found.append(values)
        found.append(values[turn % len(values)])
    return found


def flags(count: int) -> list[bool]:
    found = [False] * count
    for turn in range(count):
        found[turn * 3 % count] = turn % 2 == 0
        found[turn] = not found[turn - 1]
    return found


def total_of_bytes(data: bytearray, turns: int) -> int:
    total = 0
    for _ in range(turns):
        for byte in data:
            total = (total * 31 + byte) % 65521
    return total


def arrays() -> dict[str, Any]:
    """Arrays of all kinds of items, contiguous and not, read-only, empty, byte-swapped and with a descriptor of their own."""
    found = {
        kind: np.arange(12).astype(kind)
        for kind in ("bool", "uint8", "int8", "int32", "int64", "uint64", "float32", "float64")
    }
    found |= {f"{kind}, every second": value[::2] for kind, value in found.items()}
    found["backward"] = np.arange(12.0)[::-1]
    found["table"] = np.arange(12.0).reshape(3, 4)
    found["column order"] = np.asfortranarray(np.arange(12.0).reshape(3, 4))
    found["cut out"] = np.arange(60.0).reshape(6, 10)[1:5:2, 2:9:3]
    found["broadcast"] = np.broadcast_to(np.arange(3.0), (4, 3))
    found["ints in a table"] = np.arange(12).reshape(3, 4)
    found["swapped bytes"] = np.arange(12.0).astype(">f8")
    found["no items"] = np.zeros((0, 3))
    found["special"] = np.array([1.0, np.nan, np.inf, -np.inf, -0.0, 5e-324])
    read_only = np.arange(12.0)
    read_only.flags.writeable = False
    found["read-only"] = read_only
    return found


def collected(values: list[Any], turns: int) -> int:
    total = 0
    for turn in range(turns):
        total = (total + values[turn % len(values)]) % 1_000_003
        values[turn % 7] = turn % 50
    return total


def remainders(turns: int) -> int:
    total = 0
    for turn in range(turns):
        total = (total * 31 + turn) % 65_521
    return total


@contextlib.contextmanager
def machine_code(work: int | None) -> Iterator[None]:
    """Kernels are made without delay, and get machine code after so many back edges; None for the usual number."""
    _vm.use_machine_code(work)
    _vm.lower_without_delay(True)
    try:
        yield
    finally:
        _vm.lower_without_delay(False)
        _vm.use_machine_code(None)


def forms(task: cs.Task[..., Any]) -> int:
    kernels = [*task.routine.kernels, task.routine.block_kernel]
    return sum(kernel.forms_in_machine_code for kernel in kernels if kernel is not None)


def program(function: Any, *arguments: Any) -> Any:
    """A program whose kernel has machine code."""
    task = cs.task(function)
    made = cs.compile(task)
    made(*arguments)
    assert forms(task) > 0
    return made


def product(rows: list[Any], columns: list[Any], turns: int) -> Any:
    """Its temporaries are rows, items and their numbers, by turns."""
    total = 0.0
    for turn in range(turns):
        for k in range(len(columns)):
            total += rows[turn % len(rows)][k] * columns[k][turn % 3]
    return total


def mixed(values: list[Any], turns: int) -> Any:
    """Paths join on which temporaries were numbers and objects."""
    total, last = 0.0, None
    for turn in range(turns):
        found = values[turn % len(values)]
        if turn % 3 == 0:
            total = total + values[(turn + 1) % len(values)] * 0.5
        elif turn % 3 == 1:
            total = (total - found) * (total + values[turn % 2])
        else:
            last = values[turn % len(values)]
        total = total % 1000.0 + (values[0] - found) * values[-1]
    return total, last


def outcome(function: Callable[..., Any], *arguments: Any) -> tuple[Any, ...]:
    """What a call gives: the type and the exact text of its value, or of its exception; the warnings, and the arguments afterwards."""
    given = copy.deepcopy(arguments)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            value = function(*given)
            found = (type(value).__name__, repr(value))
        except Exception as error:
            found = (type(error).__name__, str(error))
    return (*found, [str(warning.message) for warning in caught], repr(given))


def assert_same(function: Callable[..., Any], calls: list[tuple[Any, ...]], expects_code: bool = True) -> None:
    task = cs.task(function)
    program = cs.compile(task)
    for arguments in calls:
        assert outcome(program, *arguments) == outcome(function, *arguments), (function.__code__.co_filename, arguments)
    if expects_code:
        assert forms(task) > 0
