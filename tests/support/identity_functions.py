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


# -- Of variables ------------------------------------------------------------------------------------------------------


class Node:
    def __init__(self, value, following=None):
        self.value, self.following = value, following


def chained(count):
    node = Node(count)
    for value in range(count):
        node = Node(value, node)
    return node


def count_of_same(left, right, count):
    found = 0
    for _ in range(count):
        if left is right:
            found += 1
        if left is not right:
            found -= 2
    return found


def runs(values):
    """How often an item is the very one before it."""
    found, last, others = 0, None, []
    for value in values:
        if value is last:
            found += 1
        else:
            others.append(value)
        last = value
    return found, others


def walked(first, last):
    found, node = 0, first
    while node is not last:
        found += node.value
        node = node.following
    return found


def at_the_value(values, holder):
    return [number for number, value in enumerate(values) if value is holder.value]


def copies(number):
    a = number + 1000
    b, c = a, number + 1000
    d = b
    a, b = b, a
    pair = [a, d]
    e, f = pair
    return a is b, a is c, d is a, e is f, c is e, a + c


def constants(count):
    found = []
    for _ in range(count):
        a = 100_000
        b = 1.5
        c = 100_000
        d = 1.5
        found.append((a is c, b is d, a is d))
    return found


def letters_of(text, other):
    found = []
    for a in text:
        for b in other:
            found.append(a is b)
    return found


def with_defaults_of(a, b=2000, *, c=2.5):
    found = b is c, a is b, a is c
    b += 1
    return found, a is b


def passed_on(values):
    found = []
    for value in values:
        kept = value
        value = value * 2
        found.append((value is kept, kept is value))
        kept = value
        found.append(kept is value)
        found.append([kept, value])
    (first, second), third = found[-1], kept
    return found, first is second, second is third


class Holding:
    __slots__ = ("slot", "__dict__")


def stored(values):
    items, found, holder = [None] * 2, [], Holding()
    table, gathered, last = {}, [], None
    for value in values:
        gathered.append(value)
        items[0] = value
        holder.slot = value
        holder.item = value
        table["a"] = value
        table.setdefault(len(gathered), value)
        (*_, end) = gathered
        (first, _), (own,) = items, (value,)
        largest = max(value, value) if value else value
        at_end = table[len(gathered)]
        at_a = table["a"]
        found.append(
            (end is value, first is value, holder.slot is value, holder.item is value, own is value, largest is value)
        )
        found.append((at_a is value, at_end is value, at_end is at_a, last is value, value is at_a))
        last = holder.item
    return found


def of_a_closure(values, wanted):
    found = 0
    last = None

    def is_wanted(value):
        nonlocal last
        same, last = value is last, value
        return value is wanted or same

    for value in values:
        if is_wanted(value):
            found += 1
    return found


def caught(values):
    last = None
    for value in values:
        try:
            if value is last:
                raise ValueError(value)
            last = value + 0
        except ValueError as error:
            (first,) = error.args
            return first is value, error is last, error.args is last
        except TypeError as error:
            last = error
    return last


BIG, REAL, TEXT, SHARED = 10**5, 2.75, "a text", Node(1)
TWICE = [
    BIG,
    BIG,
    int("100000"),
    REAL,
    REAL,
    float("2.75"),
    TEXT,
    TEXT,
    "".join(["a ", "text"]),
    SHARED,
    SHARED,
    Node(1),
    None,
    None,
    True,
    True,
    5,
    5,
]
OF_VARIABLES = [
    (count_of_same, (BIG, BIG, 5)), (count_of_same, (BIG, int("100000"), 5)), (count_of_same, (REAL, REAL, 5)),
    (count_of_same, (REAL, float("2.75"), 5)), (count_of_same, (SHARED, SHARED, 5)), (count_of_same, (SHARED, 5, 5)),
    (count_of_same, (5, 5, 5)), (count_of_same, (None, SHARED, 5)), (count_of_same, (TEXT, TEXT, 3)), (count_of_same, ("a", "a", 3)),
    (count_of_same, (2.5, 2, 3)), (count_of_same, (True, True, 3)), (count_of_same, (10**30, 10**30, 3)),
    (runs, (TWICE,)), (runs, ([],)), (walked, (chained(9), None)), (walked, (SHARED, SHARED)),
    (at_the_value, (TWICE, Node(BIG))), (at_the_value, (TWICE, Node(TEXT))), (at_the_value, (TWICE, SHARED)),
    (copies, (1,)), (copies, (-999,)), (copies, (0.5,)), (constants, (3,)), (letters_of, ("aλb", "bλa")), (letters_of, ("", "b")),
    (with_defaults_of, (1,)), (with_defaults_of, (BIG, BIG)), (passed_on, ([1, 2.5, BIG, "ab"],)), (of_a_closure, (TWICE, BIG)),
    (of_a_closure, (TWICE, SHARED)), (stored, (TWICE[:9],)), (stored, ([1.5, 2.5, 10**7, 10**7],)), (caught, ([1, 2.5],)), (caught, (TWICE,)), (caught, ([SHARED, 1, SHARED],)),
]  # fmt: skip
