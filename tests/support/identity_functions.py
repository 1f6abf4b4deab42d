"""Functions of objects that are no objects in typed code, and of objects that have another class than their own."""

from __future__ import annotations

import enum
import types

import numpy as np

FAR = float("inf")
NEAR = 2
LETTER = "\u03c0"
NOTHING = object()
NOTES: list[str] = []


def far(count):
    distances = [FAR, 0.5, float(count), FAR]
    return [value is FAR for value in distances] + [distances[0] is not FAR]


def near(count):
    return [number is NEAR for number in range(count)]


def letters(count):
    return [letter is LETTER for letter in LETTER * count]


def nothing(count):
    values = {1: 2.5}
    return [values.get(number, NOTHING) is NOTHING for number in range(count)]


class Proxy:
    """Stands for another object, as mocks and proxies do."""

    def __init__(self, cls):
        self.cls, self.value = cls, 1

    @property
    def __class__(self):
        NOTES.append("looked")
        if self.cls is None:
            raise RuntimeError("there is no object")
        return self.cls

    def __iter__(self):
        return iter((1, 2))

    def __getitem__(self, index):
        return index

    def __call__(self, value):
        return value

    def __add__(self, other):
        return other

    def method(self):
        return self.value


def first(value):
    return value


def uses(proxy, count):
    total = 0
    for number in range(count):
        total += proxy.value + proxy.method() + proxy[number] + proxy(number) + (proxy + number) + first(proxy).value
        proxy.value = number
        for item in proxy:
            total += item
        total += [proxy][0].value
    return total, GLOBAL.method(), GLOBAL(total)


GLOBAL = Proxy(int)


class Colour(enum.Enum):
    RED = 1
    GREEN = 2


class Holder:
    MISSING = object()
    FAR = 2.5
    LATER = object()

    class Inner:
        NONE = object()


class Plain:
    """Its instances have no part in arithmetic."""


PLAIN = Plain()
VALUES = [
    2.5,
    7,
    Colour.RED,
    Holder.MISSING,
    NOTHING,
    PLAIN,
    Colour.GREEN,
    None,
    Holder.Inner.NONE,
    types.NoneType,
    Holder.LATER,
]


def member(values):
    return [value is Colour.RED for value in values], [value is not Colour.GREEN for value in values]


def member_on_the_left(values):
    found = 0
    for value in values:
        if Colour.RED is value:
            found += 1
    return found


def of_a_class(values):
    return [value is Holder.MISSING for value in values], [value is Holder.Inner.NONE for value in values]


def of_a_module(values):
    return [value is types.NoneType for value in values], [value is enum.Enum for value in values]


def plain(values):
    return [value is PLAIN for value in values]


def number_of_a_class(values):
    return [value is Holder.FAR for value in values]


def either(values, is_other):
    found = 0
    for value in values:
        if value is (FAR if is_other else NOTHING):
            found += 1
    return found


def assigned(value):
    global OTHER
    OTHER = other = value
    return other is OTHER


OTHER: object = None


def named_later(values):
    found, total = 0, 0.0
    for value in values:
        total += value * 2
        if value is LATER:
            found += 1
    return found


def of_a_class_later(values):
    found, total = 0, 0.0
    for value in values:
        total += value * 2
        if value is Holder.LATER:
            found += 1
    return found


LATER: object = PLAIN


def enclosing(sentinel):
    def compares(values):
        found, total = 0, 0.0
        for value in values:
            total += value * 2
            if value is sentinel:
                found += 1
        return found

    def becomes(value):
        nonlocal sentinel
        sentinel = value

    return compares, becomes


# -- With parameters ---------------------------------------------------------------------------------------------------


class Node:
    def __init__(self, value, following=None):
        self.value, self.following = value, following


def chained(count):
    node = Node(count)
    for value in range(count):
        node = Node(value, node)
    return node


def walked(first, last):
    found, node = 0, first
    while node is not last:
        found += node.value
        node = node.following
    return found


def count_of(values, wanted):
    found = 0
    for value in values:
        if value is wanted:
            found += 1
    return found


def count_of_same(left, right, count):
    found = 0
    for _ in range(count):
        if left is right:
            found += 1
        if left is not right:
            found -= 2
    return found


def with_defaults(values, wanted=2.5, *rest, other=10**6):
    found = []
    for value in (*values, rest):
        found.append((value is wanted, value is rest, value is other))
    return found


def with_gathered(*values, **named):
    found = 0
    for value in values:
        found += (value is values) + 2 * (value is named)
    return found


def calls_with_numbers(values):
    found = []
    for value in values:
        found.append((count_of([value, value], value), count_of_same(value, value, 2), count_of([value], values)))
    return found


def copied_items(values, wanted):
    x = values[0]
    values.append(x)
    y, z = values[-1], max(values) if len(values) > 99 else x
    table = {1: values[0]}
    return x is wanted, y is wanted, z is wanted, table[1] is wanted, values.pop() is wanted, values[0] is not wanted


BIG, REAL, TEXT, SHARED = 10**5, 2.75, "a text", Node(1)
VARIOUS = [
    BIG,
    int("100000"),
    REAL,
    float("2.75"),
    TEXT,
    "".join(["a ", "text"]),
    SHARED,
    SHARED,
    Node(1),
    None,
    True,
    5,
    10**30,
    1j,
]
WITH_PARAMETERS = [
    (walked, (chained(9), None)), (walked, (SHARED, SHARED)), (walked, (chained(3), 5)),
    *((count_of, ([*VARIOUS, "a", "\u4e00"], each)) for each in (*VARIOUS, "a", "\u4e00", np.float64(2.5))),
    *((count_of_same, (each, other, 3)) for each in VARIOUS for other in (each, SHARED, REAL, BIG, None)),
    (with_gathered, (1, 2.5, SHARED)), (calls_with_numbers, ([1, SHARED, None],)),
    *((copied_items, ([each], each)) for each in VARIOUS),
]  # fmt: skip
