"""Functions whose kernels must not keep objects alive."""

from __future__ import annotations

import sys
import weakref
from types import ModuleType

MADE: list[weakref.ref[object]] = []


class Thing:
    """An object with an address and an end."""

    size = 3


class Things(list[int]):
    pass


class Holder:
    """A class whose attributes are objects that may die, and others."""

    step = Thing()
    items = Things([1, 2, 3])
    limit = 5


def makes_a_class(count):
    class Local:
        step = Thing()
        items = Things([1, 2])
        limit = 3

        def grown(self, by):
            return by + len(self.items)

    MADE.extend(map(weakref.ref, (Local, Local.step, Local.items, Local.grown)))
    made, total = Local(), 0
    for number in range(count):
        total += made.limit + made.step.size + made.grown(number) + len(Local.items)
    return total


def attributes_of_classes(count):
    holder, total = Holder(), 0
    for number in range(count):
        total += holder.items[number % 2] + len(Holder.items) + holder.limit + holder.step.size
    return total


def replaces_an_attribute(holder, count):
    found = []
    for number in range(count):
        items = holder.items
        if number == 2:
            type(holder).items = Things([number])
        found.append((len(items), len(holder.items)))
    return found


def global_values(count):
    total = 0
    for number in range(count):
        total += TABLE[number] + len(TABLE) + THING.size
    return total


def returns_a_global(n):
    for i in range(n):
        n += i
        if n > 1000:
            return THING
    return n


def replaces_a_global(count):
    global TABLE
    found = []
    for number in range(count):
        items = TABLE
        if number == 2:
            TABLE = Things([number] * 9)
        found.append((len(items), TABLE[number]))
    return found


def values_of_modules(count):
    total = 0
    for number in range(count):
        total += len(options.table) + number
    return total


TABLE = Things(range(10))
THING = Thing()
options = ModuleType("options")


# -- Exceptions -------------------------------------------------------------------------------------------------------

NOTES: list[object] = []


class Noted(Exception):
    def __del__(self):
        NOTES.append("dead")


class Opened:
    def __del__(self):
        NOTES.append("closed")


def fails(value):
    opened = Opened()
    if value % 2:
        raise Noted(opened)
    return value


def catches(count, call):
    for number in range(count):
        try:
            call(number)
        except Noted as error:
            NOTES.append(len(error.args))
        NOTES.append(number)
    return NOTES


def catches_without_a_name(count, call):
    for number in range(count):
        try:
            NOTES.append(call(number))
        except Noted:
            NOTES.append("caught")
        finally:
            NOTES.append(number)
    return NOTES


def catches_in_the_end(count, call):
    try:
        for number in range(count):
            call(number)
    except Noted:
        NOTES.append("caught")
    NOTES.append("behind")
    return NOTES


def sorts(value):
    return sorted([value, 1, 2], key=fails)


# -- Arguments --------------------------------------------------------------------------------------------------------


def drops_several(*values, note=None):
    del values
    NOTES.append("dropped")


def drops_a_keyword(first, **named):
    del named, first
    NOTES.append("dropped")


def drops_and_looks(value, note=None):
    id(note)
    del value
    NOTES.append("dropped")


def drops_before(value, *, note=None):
    del value
    NOTES.append("dropped")


DROPPING = [drops_several, drops_a_keyword, drops_and_looks, drops_before]


def passes(count, call):
    for number in range(count):
        value = [number]
        call(Opened(), note=value)
        NOTES.append(number)
    return NOTES


def takes_one(value):
    return value


def fails_with_more(*values):
    raise ValueError(len(values))


def passes_to_one_that_fails(count, call):
    for _ in range(count):
        try:
            call(Opened(), Opened())
        except (ValueError, TypeError):
            pass
        NOTES.append("caught")
    return NOTES


def counts_references(count):
    value = object()
    return sys.getrefcount(value) + count


def resizes(count):
    import numpy

    array = numpy.zeros(2)
    array.resize(count)
    return array.tolist()


def replaces_what_it_reads(turns: int) -> list[object]:
    for number in range(turns):
        holder: list[object] = [Opened()]
        try:
            NOTES.append(holder[0].missing)  # type: ignore[attr-defined]
        except AttributeError:
            NOTES.append("caught")
        holder[0] = None
        NOTES.append(number)
    return NOTES


# -- The order in which operands die -----------------------------------------------------------------------------------


class Dying:
    """Notes its number when it dies."""

    def __init__(self, number):
        self.number = number

    def __del__(self):
        NOTES.append(self.number)

    def of_two(self, a, b):
        return a.number

    def __contains__(self, other):
        return other.number == self.number

    def __setitem__(self, key, value):
        return None


def of_three(a, b, c):
    return a.number


def aliases(a, b):
    c = b
    d = a
    return c.number + d.number


def unpacked(pair):
    a, b = pair
    return a.number + b.number


OPERANDS = (
    "aliases(Dying(1), Dying(2))", "unpacked([Dying(1), Dying(2)])", "Dying(1) in Dying(2)", "Dying(1) not in Dying(2)",
    "(Dying(1), Dying(2), Dying(3))", "Dying(1) == Dying(2)", "[Dying(1)] == [Dying(2)]", "(Dying(1),) != (Dying(2),)",
    "{Dying(1)} & {Dying(2)}", "{Dying(1)} <= {Dying(2)}", "{Dying(1)}.issubset({Dying(2)})", "Dying(1) in [Dying(2)]",
    "Dying(1) not in (Dying(2),)", "[Dying(1)].count(Dying(2))", "[Dying(1)].extend([Dying(2)])", "[Dying(1)] + [Dying(2)]",
    "of_three(c=Dying(1), b=Dying(2), a=Dying(3))", "of_three(Dying(1), c=Dying(2), b=Dying(3))",
    "Dying(5).of_two(b=Dying(1), a=Dying(2))",
    "[1 for x, y in zip([Dying(1)], [Dying(2), Dying(3)])]",
    "next(zip([Dying(1), Dying(2)], [Dying(3), Dying(4)]))",
)  # fmt: skip


def stored_and_dropped():
    Dying(1)[Dying(2)] = Dying(3)
    NOTES.append("over")


def zipped_to_the_end():
    for x, y in zip([Dying(1), Dying(2)], [Dying(3), Dying(4)]):
        NOTES.append((x.number, y.number))
    for x, y, z in zip([Dying(1), Dying(2)], [Dying(3)], (Dying(5), Dying(6))):
        NOTES.append((x.number, y.number, z.number))
    for i, (x, y) in enumerate(zip([Dying(1)], [Dying(3), Dying(4)])):
        NOTES.append((i, x.number, y.number))
    NOTES.append("over")


def zipped_and_left():
    for x, y in zip([Dying(1), Dying(2)], [Dying(3), Dying(4)]):
        if x.number < y.number:
            break
    NOTES.append("left")


TWO, MORE = "[Dying(1), Dying(2)]", "(Dying(3), Dying(4), Dying(5))"
HELD_BY_THE_ITERATOR = (
    f"for x, x in zip({TWO}, {MORE}): NOTES.append(0)",
    f"for x, y in zip({TWO}, {MORE}):\n        x = None\n        NOTES.append(0)",
    f"for x, y in zip({MORE}, reversed({TWO})):\n        del x, y\n        NOTES.append(0)",
    f"for i, x in enumerate({TWO}):\n        x = i\n        NOTES.append(x)",
    f"for i, x in enumerate(reversed({TWO})):\n        x = None",
    f"for i, x in enumerate([1, 'a', *{MORE}]):\n        x = None\n        NOTES.append(i)",
    f"for i, x in enumerate({TWO}):\n        try:\n            raise Noted\n        except Noted as x:\n            NOTES.append(i)",
    f"for i, x in enumerate({TWO}):\n        held = lambda: x\n        x = held().number\n        NOTES.append(x)",
    f"for i, (x, x) in enumerate(zip({TWO}, {MORE})): NOTES.append(i)",
    f"[0 for x, x in zip({TWO}, {MORE})]",
    f"xs = {TWO}\n    for i, x in enumerate(xs):\n        x = xs[i] = None\n        NOTES.append(i)",
    f"xs = {TWO}\n    for x, y in zip(xs, {MORE}):\n        x = y = None\n        xs.pop()\n        NOTES.append(0)",
    f"for pair in zip({MORE}, {MORE}): NOTES.append(pair[0].number)",
    f"for pair in enumerate({MORE}): NOTES.append(pair[0])",
    f"found = []\n    for pair in enumerate({MORE}): found.append(pair)",
    f"for pair in enumerate({MORE}):\n        i, x = pair\n        x = pair = None",
    f"n = 1\n    for i, x in enumerate({MORE}):\n        x = None\n        n *= 2**40\n        NOTES.append(i)",
    f"n = 1\n    for x, y in zip({MORE}, {TWO}):\n        del x\n        n *= 2**62\n        NOTES.append(y.number)",
    f"xs = {TWO}\n    sum(x.number for x, x in zip([0, *xs], (*xs, 0)) if x)",
    f"for x in range(2):\n        for i, x in enumerate({TWO}):\n            if i == 1:\n                break\n            x = None",
)
"""Statements in loops over zip() and enumerate() in which nothing but the tuple that these keep has an item at times."""
