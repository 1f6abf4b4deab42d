"""Functions of objects that are no objects in typed code, and of objects that have another class than their own."""

from __future__ import annotations

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
