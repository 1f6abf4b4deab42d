"""Functions of objects that are no objects in typed code, and of objects that have another class than their own."""

from __future__ import annotations

import enum
import types

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
    OTHER = value
    return value is OTHER


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
