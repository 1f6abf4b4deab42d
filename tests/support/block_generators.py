"""Functions that consume generator expressions, for kernels that are made block by block."""

from __future__ import annotations

import sys
import traceback
import weakref
from typing import Any

from tests.support.frames import callers

LOG: list[Any] = []


def note(x: Any) -> Any:
    LOG.append(x)
    return x


def summed(values: Any) -> Any:
    return sum(value * value for value in values)


def summed_if(values: Any, limit: Any) -> Any:
    return sum(value for value in values if value < limit), limit


def summed_of_range(count: Any) -> Any:
    return sum(i * i for i in range(count)), sum(i for i in range(count, 0, -2))


def summed_of_pairs(values: Any) -> Any:
    first = sum(i * value for i, value in enumerate(values, 1))
    return first, sum(x - y for x, y in zip(values, reversed(range(3))))


def any_and_all(values: Any, limit: Any) -> Any:
    return any(value > limit for value in values), all(value > limit for value in values), any(v for v in values)


def searched_with_calls(values: Any) -> Any:
    del LOG[:]
    return any(note(value) for value in values), all(note(value) for value in values), list(LOG)


def extremes(values: Any) -> Any:
    return min(value * 2 for value in values), max(-value for value in values)


def containers(values: Any) -> Any:
    made = list(value for value in values), tuple(value for value in values), set(str(value) for value in values)
    return made[0], made[1], sorted(made[2]), sorted((value for value in values)), len(set(value for value in values))


def joined(values: Any) -> Any:
    return ",".join(str(value) for value in values) + "".join(c.upper() for c in "abc" if c != "b")


def joined_wrongly(values: Any) -> Any:
    return "-".join(value for value in values)


def nested(rows: Any) -> Any:
    return sum(x * y for row in rows for x in row for y in range(x) if y % 2), [
        [a + b for a in rows[0]] for b in rows[0]
    ]


def with_closures(values: Any, factor: Any) -> Any:
    def scaled(value: Any) -> Any:
        return value * factor

    return sum(scaled(value) + factor for value in values), [scaled(value) for value in values]


def closed_over(values: Any, factor: Any) -> Any:
    return sum(value * factor for value in values), [value + factor for value in values]


def inner_expressions(rows: Any) -> Any:
    return max(sum(x for x in row) for row in rows), [any(x > 1 for x in row) for row in rows]


def divided(values: Any) -> Any:
    made = []
    try:
        made.append(sum(1 / value for value in values))
    except ZeroDivisionError as error:
        made.append([(entry.name, entry.lineno) for entry in traceback.extract_tb(error.__traceback__)])
    return made, sum(
        10
        // value
        for value in values
    )  # fmt: skip


def stopped(values: Any) -> Any:
    iterator = iter(values)
    return sum(next(iterator) + value for value in values for _ in range(2))


def looking(values: Any) -> Any:
    return sum(value + where() for value in values), LOG[-1]


def where() -> Any:
    frames = callers()[1:]
    LOG.append(frames)
    return len(frames)


class Watched:
    def __init__(self, number: int) -> None:
        self.number = number
        self.alive = [number]
        weakref.finalize(self, LOG.append, f"end of {number}")


def lifetimes(count: Any) -> Any:
    del LOG[:]
    found = any(note(watched.number) > 1 for watched in map(Watched, range(count)))
    LOG.append("found")
    made = list(watched.number for watched in map(Watched, range(count)))
    LOG.append("made")
    least = min(note(watched.number) for watched in [Watched(i) for i in range(count)])
    return found, made, least, list(LOG)


class Odd:
    """Its comparisons and sums run code of users."""

    def __init__(self, number: int) -> None:
        self.number = number

    def __lt__(self, other: Any) -> Any:
        LOG.append(("lt", sys._getframe(1).f_code.co_name))
        return self.number < other.number

    def __radd__(self, other: Any) -> Any:
        LOG.append(("radd", sys._getframe(1).f_code.co_name))
        return other + self.number

    def __hash__(self) -> int:
        LOG.append(("hash", sys._getframe(1).f_code.co_name))
        return self.number % 2

    def __eq__(self, other: Any) -> Any:
        LOG.append(("eq", sys._getframe(1).f_code.co_name))
        return self.number == other.number

    def __bool__(self) -> bool:
        LOG.append(("bool", sys._getframe(1).f_code.co_name))
        return self.number > 1


def odd(count: Any) -> Any:
    del LOG[:]
    values = [Odd(i) for i in range(count)]
    total = sum(value for value in values)
    least = min(value for value in values).number
    ordered = [each.number for each in sorted(value for value in reversed(values))]
    kept = len(set(value for value in values + values))
    return total, least, ordered, kept, any(value for value in values), all(value for value in values), list(LOG)


def changing(values: Any) -> Any:
    values = list(values)
    first = sum(values.pop() for _ in values)
    return first, values, [values.append(x) for x in values if len(values) < 9], list(x for x in values if values.pop())


def shadowed(values: Any, sum: Any) -> Any:
    return sum(value for value in values)


def in_handler(values: Any) -> Any:
    try:
        raise KeyError(1)
    except KeyError:
        return sum(value // (value - 2) for value in values)


def wide(values: Any) -> Any:
    return (
        sum(value << 61 for value in values),
        sum(0.1 * value for value in values),
        sum(v for v in (1e308, 1e308, 1, -1e308)),
    )


def kinds(count: Any) -> Any:
    made = []
    for values in ([1, 2], [0.5, 1], [1, 0.5, 2**80], ["a"], (), range(3), {1: 2}, {3}, "ab", b"ab", iter([1, 2])):
        for call in (list, tuple, len):
            made.append(call([value for value in values]))
            try:
                made.append(max(value for value in values))
                made.append(sum(value for value in values))
            except (TypeError, ValueError) as error:
                made.append(str(error))
    return made[:count]


CASES: list[tuple[str, tuple[Any, ...]]] = [
    *(("summed", (values,)) for values in ([1, 2, 3], [0.5, 1, 2.25], [], (1, True), [1, 2**70, 3], [1, 2.5, 1j], range(4), b"ab", [1, "a"], 3)),
    ("summed_if", ([1, 5, 2], 3)), ("summed_if", ([1.5, None], 3)), ("summed_of_range", (9,)), ("summed_of_range", (0,)),
    ("summed_of_pairs", ([1, 2, 3],)), ("summed_of_pairs", ((1.5, 2),)),
    *(("any_and_all", arguments) for arguments in (([1, 2, 3], 2), ([], 0), ((0.5, 0.0), 1), ([1, "a"], 5), ("abc", "b"), ([[1], []], [0]))),
    ("searched_with_calls", ([0, 0.0, "a", 5],)), ("searched_with_calls", ([[], (), {}],)),
    *(("extremes", (values,)) for values in ([3, 1, 2], [], [0.5, -0.0, 0.0], [1, 0.5], [True, False], [1, "a"], [float("nan"), 1.0])),
    *(("containers", (values,)) for values in ([3, 1, 2], [], (0.5, 2), "hello", [True, 2], ["b", "a"], [[2], [1]], [2**70, 1])),
    ("joined", ([1, 2],)), ("joined", ([],)), ("joined_wrongly", (["a", "b"],)), ("joined_wrongly", (["a", 1],)), ("joined_wrongly", ("xyz",)),
    ("nested", ([[1, 2], [3, 4]],)), ("nested", ([[]],)), ("with_closures", ([1, 2], 3)), ("with_closures", ((1.5,), 2)),
    ("closed_over", ([1, 2], 3)), ("closed_over", ((1.5,), [])),
    ("inner_expressions", ([[1, 2], [3], []],)), ("divided", ([1, 2],)), ("divided", ([1, 0],)), ("divided", ([2, "a"],)), ("stopped", ([1, 2, 3],)), ("stopped", ([1],)),
    ("looking", ([1, 2],)), ("lifetimes", (4,)), ("lifetimes", (1,)), ("odd", (4,)), ("changing", ([1, 2, 3, 4],)), ("in_handler", ([1, 3],)), ("in_handler", ([1, 2],)),
    ("wide", ([1, 2, 3],)), ("wide", ([1, 9],)), ("kinds", (99,)),
]  # fmt: skip
