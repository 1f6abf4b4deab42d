"""Programs with classes of their own."""

from __future__ import annotations

import weakref
from dataclasses import dataclass, field
from typing import NamedTuple

LOG: list = []

# == accounts


class Account:
    interest = 0.05
    opened = 0

    def __init__(self, owner, balance=0):
        self.owner = owner
        self.balance = balance
        self.history = []
        Account.opened += 1

    def deposit(self, amount):
        if amount <= 0:
            raise ValueError(f"cannot deposit {amount}")
        self.balance += amount
        self.history.append(("deposit", amount))

    def withdraw(self, amount):
        if amount > self.balance:
            raise ArithmeticError("too little", self.owner, self.balance)
        self.balance -= amount
        self.history.append(("withdraw", amount))

    @property
    def value(self):
        return self.balance * (1 + self.interest)


class Savings(Account):
    interest = 0.5

    def withdraw(self, amount):
        self.history.append("tried")
        if len(self.history) > 3:
            raise PermissionError(self.owner)
        super().withdraw(amount)


def ledger(entries):
    Account.opened = 0
    accounts = {}
    failures = []
    for name, kind, amount in entries:
        if name not in accounts:
            accounts[name] = (Savings if name.startswith("s") else Account)(name)
        account = accounts[name]
        try:
            if kind == "+":
                account.deposit(amount)
            else:
                account.withdraw(amount)
        except ValueError as error:
            failures.append(str(error))
        except ArithmeticError as error:
            failures.append(error.args)
        else:
            continue
        finally:
            LOG.append((name, account.balance))
        account.interest = account.interest / 2
    return (
        {name: (account.balance, account.value, account.history) for name, account in accounts.items()},
        failures,
        Account.opened,
    )


CALLS = {
    "ledger": [
        "([('a', '+', 10), ('a', '-', 3), ('sue', '+', 5), ('sue', '-', 9), ('sue', '-', 1), ('a', '+', 0)],)",
        "([('a', '+', 0.1)] * 5 + [('a', '-', 0.2)],)",
        "([('s', '+', 1 << 62)] * 3 + [('s', '-', 1)] * 3,)",
        "([('x', '-', 1), ('x', '+', -1), ('x', '+', 'y')],)",
        "([(1, '+', 1)],)",
    ]
}

# == vectors


class Vector:
    __slots__ = ("x", "y")

    def __init__(self, x, y):
        self.x = x
        self.y = y

    def __add__(self, other):
        return Vector(self.x + other.x, self.y + other.y)

    def __sub__(self, other):
        return Vector(self.x - other.x, self.y - other.y)

    def __mul__(self, factor):
        if isinstance(factor, Vector):
            return self.x * factor.x + self.y * factor.y
        return Vector(self.x * factor, self.y * factor)

    def __rmul__(self, factor):
        return Vector(factor * self.x, factor * self.y)

    def __eq__(self, other):
        if type(other) is not Vector:
            return NotImplemented
        return self.x == other.x and self.y == other.y

    def __hash__(self):
        return hash((self.x, self.y))

    def __neg__(self):
        return Vector(-self.x, -self.y)

    def __bool__(self):
        return bool(self.x or self.y)

    def __repr__(self):
        return f"Vector({self.x!r}, {self.y!r})"

    @property
    def square(self):
        return self * self


def travel(start, step, turns):
    place = Vector(*start)
    way = Vector(*step)
    seen = {place: 0}
    for turn in range(1, turns + 1):
        place = place + way * turn
        way = -way if place.square > 100 else 0.5 * way
        if place in seen:
            return "again", place, seen[place]
        seen[place] = turn
        if not way:
            break
    else:
        return "end", place, len(seen)
    return "stopped", place - way, way == place


def centre(points):
    total = Vector(0, 0)
    for x, y in points:
        total += Vector(x, y)
    count = len(points)
    try:
        total.z = count
    except AttributeError as error:
        print("no z:", type(error).__name__)
    del total.x
    return total.y / count, total.x


CALLS = {
    "travel": [
        "((0, 0), (1, 2), 10)",
        "((0.0, 1.0), (2.5, -1.5), 6)",
        "((0, 0), (0, 0), 3)",
        "((1, 'a'), (1, 'b'), 2)",
        "((1,), (2, 3), 1)",
    ],
    "centre": ["([(1, 2), (3, 4)],)", "([],)", "([(1.0, True)],)", "(['ab'],)"],
}

# == shapes


class Shape:
    count = 0

    def __init__(self):
        type(self).count += 1
        self.name = type(self).__name__

    def area(self):
        raise NotImplementedError(self.name)

    def describe(self):
        return f"{self.name}: {self.area():.3f}"

    @classmethod
    def made(cls, *values):
        return cls(*values)

    @staticmethod
    def scale(value, by=2):
        return value * by


class Square(Shape):
    def __init__(self, side):
        super().__init__()
        self.side = side

    def area(self):
        return self.side**2


class Circle(Shape):
    def __init__(self, radius):
        super().__init__()
        self.radius = radius

    def area(self):
        return 3 * self.scale(self.radius, self.radius) / 2


def total_area(sizes):
    Shape.count = Square.count = Circle.count = 0
    shapes = []
    for number, size in enumerate(sizes):
        shapes.append(Square(size) if number % 2 else Circle.made(size))
    total = 0
    for shape in shapes:
        total += shape.area()
        if total > 1000:
            shape.area = lambda: -1
        print(shape.describe())
    return total, Square.count, Circle.count, [shape.area() for shape in shapes]


CALLS = {
    "total_area": [
        "([1, 2, 3],)",
        "([1.5, True, 40, 7],)",
        "(['a'],)",
        "([],)",
        "([1 << 40, 3, 1 << 33],)",
        "([None, 1],)",
    ]
}

# == inventory


@dataclass
class Item:
    name: str
    price: float
    count: int = 0
    tags: list = field(default_factory=list)

    def worth(self):
        return self.price * self.count


@dataclass(frozen=True, order=True)
class Key:
    shelf: int
    place: int = 0


class Point(NamedTuple):
    x: int
    y: int = 0

    def moved(self, by):
        return self._replace(x=self.x + by)


def stock(rows):
    items = {}
    for name, price, count in rows:
        item = items.get(name)
        if item is None:
            item = items[name] = Item(name, price)
        item.count += count
        item.tags.append(price)
        if item.price != price:
            item.price = (item.price + price) / 2
    worth = 0.0
    for item in items.values():
        worth += item.worth()
    return items, worth


def shelves(keys):
    found = {}
    last = Point(0)
    for shelf, place in keys:
        key = Key(shelf, place)
        found[key] = found.get(key, 0) + 1
        last = Point(shelf, place).moved(last.x)
        x, y = last
        if y < 0:
            key.shelf = x
    return sorted(found), last, max(found.values(), default=None)


CALLS = {
    "stock": [
        "([('nut', 1.5, 3), ('bolt', 2, 4), ('nut', 2.5, 1)],)",
        "([],)",
        "([('a', '1', 2), ('a', 1, 2)],)",
        "([('a', 1 << 62, 4)],)",
        "([(None, 1, None)],)",
    ],
    "shelves": [
        "([(1, 2), (0, 5), (1, 2)],)",
        "([(1, -1)],)",
        "([],)",
        "([(1.5, 'a'), (1.5, 'b')],)",
        "([(1, 2), ('a', 3)],)",
    ],
}

# == nodes


class Node:
    def __init__(self, value, after=None):
        self.value = value
        self.after = after


class Chain:
    def __init__(self):
        self.head = None
        self.size = 0

    def push(self, value):
        self.head = Node(value, self.head)
        self.size += 1

    def reverse(self):
        before = None
        node = self.head
        while node is not None:
            node.after, before, node = before, node, node.after
        self.head = before

    def __iter__(self):
        node = self.head
        while node:
            yield node.value
            node = node.after

    def __len__(self):
        return self.size

    def __getitem__(self, index):
        if not -self.size <= index < self.size:
            raise IndexError(index)
        node = self.head
        for _ in range(index % self.size):
            node = node.after
        return node.value

    def __contains__(self, value):
        return any(value == other for other in self)


def chained(values, wanted):
    chain = Chain()
    for value in values:
        chain.push(value)
    total = 0
    for i in range(len(chain)):
        if chain[i] in chain:
            total += chain[i]
    chain.reverse()
    return list(chain), total, wanted in chain, chain[-1], chain[len(values)]


class Tree:
    def __init__(self, key):
        self.key = key
        self.left = self.right = None

    def insert(self, key):
        node = self
        while True:
            if key == node.key:
                return False
            if key < node.key:
                if node.left is None:
                    node.left = Tree(key)
                    return True
                node = node.left
            else:
                if node.right is None:
                    node.right = Tree(key)
                    return True
                node = node.right

    def depth(self):
        return 1 + max(self.left.depth() if self.left else 0, self.right.depth() if self.right else 0)


def walk(tree, found):
    if tree is None:
        return 0
    count = walk(tree.left, found)
    found.append(tree.key)
    return count + 1 + walk(tree.right, found)


def planted(keys):
    root = None
    repeated = []
    for key in keys:
        if root is None:
            root = Tree(key)
        elif not root.insert(key):
            repeated.append(key)
    found = []
    return walk(root, found), found, repeated, root.depth()


CALLS = {
    "chained": [
        "([1, 2, 3], 2)",
        "([], 1)",
        "(['a', 'b'], 'z')",
        "([1.5, float('nan')], 0)",
        "([True, 1, 1 << 64], 1)",
    ],
    "planted": [
        "([5, 2, 8, 1, 9, 2],)",
        "([0.5, 3, True],)",
        "([],)",
        "(['b', 'a', 'c'],)",
        "([1, 'a'],)",
        "([float('nan'), 1],)",
    ],
}

# == lifetimes


class Tracked:
    def __init__(self, name):
        self.name = name

    def __del__(self):
        LOG.append(f"end of {self.name}")


def replaced(count):
    del LOG[:]
    current = Tracked("first")
    kept = []
    for i in range(count):
        current = Tracked(i)
        if i % 3 == 0:
            kept.append(current)
        elif kept and i % 4 == 0:
            kept.pop()
        LOG.append(i)
    reference = weakref.ref(current)
    del current
    LOG.append(reference() is None)
    return len(kept), [tracked.name for tracked in kept]


def passed(names, fails_at):
    del LOG[:]
    table = {}
    for number, name in enumerate(names):
        table[name] = Tracked(name), Tracked(number)
        first, second = table.pop(name)
        if number == fails_at:
            raise LookupError(first.name)
        second = first
        LOG.append(second.name)
    return len(table)


CALLS = {
    "replaced": ["(7,)", "(0,)", "(1,)", "(13,)", "(2.0,)"],
    "passed": ["('abc', -1)", "(['x', 'y'], 1)", "([1, [2]], 5)", "([], 0)"],
}

# == special


class Celsius:
    def __get__(self, instance, owner):
        return self if instance is None else instance.kelvin - 273

    def __set__(self, instance, value):
        if value < -273:
            raise ValueError(value)
        instance.kelvin = value + 273


class Sensor:
    celsius = Celsius()
    default = 0

    def __init__(self, kelvin):
        self.kelvin = kelvin

    def __getattr__(self, name):
        if name.startswith("get_"):
            return lambda: name[4:]
        raise AttributeError(name)

    def __setattr__(self, name, value):
        LOG.append(name)
        object.__setattr__(self, name, value)

    def __call__(self, by):
        self.celsius += by
        return self.kelvin

    def __lt__(self, other):
        return self.kelvin < other.kelvin


def measured(values, by):
    del LOG[:]
    sensors = [Sensor(value) for value in values]
    for sensor in sensors:
        try:
            sensor(by)
        except ValueError as error:
            sensor.default = error.args[0]
        LOG.append(sensor.get_name())
    warmest = max(sensors) if sensors else Sensor(0)
    Sensor.default = 0
    coldest = sorted(sensors)
    return coldest[0].celsius if sensors else None, warmest.default, warmest.missing


CALLS = {
    "measured": [
        "([300, 250], 5)",
        "([0, 10], -20)",
        "([], 1)",
        "([1.5, 280], 0.5)",
        "(['a'], 1)",
        "([300, 1 << 63], 1)",
    ]
}
