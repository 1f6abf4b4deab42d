"""Functions over lists, tuples and iterators, for kernels that are made block by block."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any


def items(values: Any, index: Any) -> Any:
    return values[index], values[-1], values[0]


def store(values: Any, index: Any, value: Any) -> Any:
    values[index] = value
    return len(values), values[index]


def fill(values: Any, value: Any, times: int) -> Any:
    for turn in range(times):
        for place in range(len(values)):
            values[place] = value
    return values


def count_up(values: Any) -> Any:
    for _ in range(5):
        for place in range(len(values)):
            values[place] += 300
            values[-1 - place] -= 7
    return values


def swap(values: Any, first: int, second: int) -> Any:
    for _ in range(3):
        values[first], values[second] = values[second], values[first]
        first, second = second, first
    return values[first], values[second]


def rotate_rows(rows: Any) -> Any:
    for i in range(len(rows)):
        for j in range(len(rows[i])):
            rows[i][j] = rows[j % len(rows)][i % len(rows[i])] + rows[i][j]
            rows[i][j] += 1
    return rows


def replace_while_read(rows: Any) -> Any:
    found = []
    for i in range(len(rows)):
        found.append((rows[i], rows.__setitem__(i, None), rows[i]))
    return found


def total(values: Any) -> Any:
    result = 0
    for value in values:
        result += value
    return result


def collected(values: Any) -> Any:
    result = []
    for value in values:
        result.append(value)
    return result


def grow_while_iterating(values: Any) -> Any:
    seen = 0
    for value in values:
        seen += value
        if len(values) < 12:
            values.append(value + 1)
        elif value % 3 == 0:
            values.pop()
    return seen, values


def clear_while_iterating(values: Any) -> Any:
    seen = []
    for value in values:
        seen.append(value)
        if value == 3:
            values.clear()
            values.extend([7, 8, 9, 10, 11, 12])
    return seen


def numbered(values: Any, start: Any) -> Any:
    result = []
    for number, value in enumerate(values, start):
        result.append((number, value))
    for number, value in enumerate(values):
        result.append(number)
    return result


def numbered_range(count: Any) -> Any:
    result = 0
    for number, value in enumerate(range(count, 3 * count, 2), 5):
        result += number * value
    return result


def pairs(first: Any, second: Any, third: Any) -> Any:
    result = []
    for a, b in zip(first, second):
        result.append((a, b))
    for a, b, c in zip(range(4), first, third):
        result.append((c, b, a))
    for both in zip(second, first):
        result.append(both)
    return result


def over_range_object(values: range) -> Any:
    result = []
    for value in values:
        result.append(value * 2)
    for first, second in zip(values, values):
        result.append(first - second)
    return result


def backwards(count: int, step: int) -> Any:
    result = []
    for value in reversed(range(0, count, step)):
        result.append(value)
    for value in reversed(range(count)):
        result.append(value)
    return result


def backwards_over(values: Any) -> Any:
    result = []
    for value in reversed(values):
        result.append(value)
    return result


def nested_loops(rows: Any) -> Any:
    result = 0
    for row in rows:
        for value in row:
            if value is None:
                break
            result += value
        else:
            result += 100
    return result


def generator_that_fails(count: int) -> Iterator[int]:
    for number in range(count):
        if number == 5:
            raise LookupError("no five")
        yield number


def over_generator(count: int) -> Any:
    result = 0
    for value in generator_that_fails(count):
        result += value
    return result


def over_generator_with_handler(count: int) -> Any:
    result = 0
    try:
        for value in generator_that_fails(count):
            result += value
    except LookupError as error:
        return result, str(error)
    return result


class Countdown:
    def __init__(self, start: int) -> None:
        self.value = start

    def __iter__(self) -> Countdown:
        return self

    def __next__(self) -> int:
        self.value -= 1
        if self.value < 0:
            raise StopIteration(self.value)
        return self.value


def over_own_iterator(start: int) -> Any:
    result = []
    for value in Countdown(start):
        result.append(value)
    return result


def grow_dict(table: Any) -> Any:
    seen = 0
    for key in table:
        seen += 1
        if seen == 2:
            table[-1] = 0
    return seen


def over_views(table: Any) -> Any:
    result = []
    for key in table:
        result.append(key)
    for value in table.values():
        result.append(value)
    for key, value in table.items():
        result.append((key, value))
    return result


def update_global(values: Any) -> Any:
    result = 0
    for value in map(rename, values):
        result += value + len(values)
    return result


def rename(value: Any) -> Any:
    if value == 2:
        globals()["len"] = lambda values: 1000
    elif value == 4:
        globals().pop("len", None)
    return value


class Finalized:
    """Its end changes a list."""

    def __init__(self, values: Any, log: Any) -> None:
        self.values, self.log = values, log

    def __del__(self) -> None:
        self.log.append(len(self.values))
        self.values.append("dead")


def store_over_finalized(count: int) -> Any:
    values: Any = []
    log: Any = []
    for _ in range(count):
        values.append(Finalized(values, log))
    for place in range(count):
        values[place] = place
        values[place] += 0.5
    return values, log
