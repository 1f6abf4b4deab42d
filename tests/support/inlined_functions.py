"""Loops that call small functions, whose code is put in place of the calls when they are hot."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

SCALE = 3


def weight(i: Any, j: Any) -> Any:
    return 1.0 / ((i + j) * (i + j + 1) // 2 + i + 1)


def weights(i: Any, values: Any) -> Any:
    total = 0
    for j, value in enumerate(values):
        total += weight(i, j) * value
    return total


def scaled(x: Any) -> Any:
    return x * SCALE


def sum_scaled(values: Any) -> Any:
    total = 0
    for value in values:
        total = total + scaled(value)
    return total


class Grid:
    def __init__(self, width: int, height: int, value: Any = 0.5) -> None:
        self.width, self.height = width, height
        self.data = [value] * (width * height)

    def index(self, x: Any, y: Any) -> Any:
        if 0 <= x < self.width and 0 <= y < self.height:
            return y * self.width + x
        raise IndexError(f"{x}, {y}")

    def __getitem__(self, place: Any) -> Any:
        x, y = place
        return self.data[self.index(x, y)]

    def __setitem__(self, place: Any, value: Any) -> None:
        x, y = place
        self.data[self.index(x, y)] = value


def relax(width: int, height: int, rounds: int, value: Any) -> Any:
    grid = Grid(width, height, value)
    for _ in range(rounds):
        for y in range(1, height - 1):
            for x in range(1, width - 1):
                grid[x, y] = (grid[x - 1, y] + grid[x + 1, y] + grid[x, y - 1]) / 3 + grid[x, y + 1]
    return grid.data


def diagonal(width: int, height: int) -> Any:
    grid, total = Grid(width, height), 0.0
    for place in range(width):
        total += grid[place, place]
    return total


class Shape:
    sides = 0

    def __init__(self, size: Any) -> None:
        self.size = size

    @property
    def area(self) -> Any:
        return self.size * self.sides

    def is_larger(self, other: Any) -> Any:
        return self.size > other.size

    def __eq__(self, other: Any) -> Any:
        return self.size == other.size

    def __hash__(self) -> int:
        return 1

    def __contains__(self, size: Any) -> Any:
        return size == self.size


class Square(Shape):
    sides = 4


def compare(sizes: Any) -> Any:
    shapes = [Square(size) for size in sizes]
    first, found = shapes[0], []
    for shape in shapes:
        found.append((shape.is_larger(first), shape == first, shape != first, shape.area, 2 in shape, 2 not in shape))
    return found


def sign(x: Any) -> Any:
    if x > 0:
        return 1
    if x < 0:
        return -1
    return 0


def kind(x: Any) -> Any:
    return None if x == 0 else "some" if x > 0 else x


def signs(values: Any) -> Any:
    found = []
    for value in values:
        found.append((sign(value), kind(value)))
    return found


def split(x: Any, y: Any) -> Any:
    return x - y, x + y


def sums_and_differences(values: Any) -> Any:
    total = 0
    for value in values:
        less, more = split(value, 2)
        total += less * more
    return total


def pushed(log: list[Any], x: Any) -> Any:
    log.append(x)
    return 10 // x


def push_all(values: Any) -> Any:
    log: list[Any] = []
    try:
        for value in values:
            pushed(log, value)
    except ZeroDivisionError:
        log.append("zero")
    return log


def put_first(values: list[Any], value: Any) -> Any:
    values[0] = value


def taken_before_a_store(count: int) -> Any:
    """An item stands on the stack, borrowed, while a store drops it from its list."""
    found = []
    for number in range(count):
        values = [f"item {number}", 1.5]
        found.append((values[0], put_first(values, number)))
    return found


def swapped(a: Any, b: Any) -> Any:
    a, b = b, a
    c = a
    a = 2.5
    return c * 2 + b + a


def swap_all(values: Any) -> Any:
    total = 0
    for value in values:
        total += swapped(value, total)
    return total


def by_argument(function: Callable[[Any], Any], values: Any) -> Any:
    total = 0
    for value in values:
        total += function(value)
    return total


def doubled(x: Any) -> Any:
    return x + x


def negated(x: Any) -> Any:
    return -x


def by_several(values: Any) -> Any:
    total = 0
    for value in values:
        for function in (doubled, negated, scaled, doubled):
            total += function(value)
    return total


def names_under_way(values: Any) -> Any:
    """A global that an inlined function reads changes in the loop."""
    global SCALE
    total = 0
    try:
        for number, value in enumerate(values):
            total += scaled(value)
            if number == len(values) // 2:
                SCALE = 100
    finally:
        SCALE = 3
    return total


def code_under_way(values: Any) -> Any:
    """The code of an inlined function changes in the loop."""
    code, total = doubled.__code__, 0
    try:
        for number, value in enumerate(values):
            total += doubled(value)
            if number == len(values) // 2:
                doubled.__code__ = negated.__code__
    finally:
        doubled.__code__ = code
    return total


def class_under_way(sizes: Any) -> Any:
    """A method that is inlined is replaced in the loop."""
    method, found = Shape.is_larger, []
    shapes = [Square(size) for size in sizes]
    try:
        for number, shape in enumerate(shapes):
            found.append(shape.is_larger(shapes[0]))
            if number == len(shapes) // 2:
                Shape.is_larger = lambda self, other: "replaced"  # type: ignore[method-assign]
    finally:
        Shape.is_larger = method  # type: ignore[method-assign]
    return found


def deep(depth: Any, limit: Any) -> Any:
    """As deep as the interpreter allows, where each call makes another one that may be in its place."""
    count = scaled(depth)
    return count if depth == limit else deep(depth + 1, limit)


def profiled(values: Any, switch: Callable[[], None]) -> Any:
    total = 0
    for number, value in enumerate(values):
        total += scaled(value)
        if number == len(values) // 2:
            switch()
    return total


def replaced(values: list[Any], value: Any) -> Any:
    old = values[0]
    values[0] = value
    return old


def replace_texts(count: int) -> Any:
    """A function returns the item that its store drops from the list."""
    values, found = ["start"], []
    for number in range(count):
        found.append(replaced(values, f"item {number}"))
    return found


def replace_numbers(count: int) -> Any:
    values: list[Any] = [0.5]
    found = []
    for number in range(count):
        found.append(replaced(values, (number * 0.3, number << 40, f"item {number}")[number % 3]))
    return found


def kept(x: Any, values: list[Any], value: Any) -> Any:
    values[0] = value
    return x


def keep_items(count: int) -> Any:
    """An argument is an item that nobody has but the list that it is dropped from."""
    values, found = ["start"], []
    for number in range(count):
        found.append(kept(values[0], values, f"item {number}"))
    return found


class Watcher:
    """Takes note of what stands in a list when it dies."""

    def __init__(self, values: list[Any], log: list[Any]) -> None:
        self.values, self.log = values, log

    def __del__(self) -> None:
        self.log.append(self.values[0])


def forget_and_put(x: Any, values: list[Any], value: Any) -> Any:
    x = None  # noqa: F841
    values[0] = value


def forget_and_take(x: Any, log: list[Any]) -> Any:
    x = None  # noqa: F841
    return len(log)


def forget_watchers(count: int) -> Any:
    """An argument dies where its parameter gets another value: before a store, and before what it has changed is read."""
    values: list[Any] = [0]
    log: list[Any] = []
    for number in range(count):
        forget_and_put(Watcher(values, log), values, number)
        log.append((forget_and_take(Watcher(values, log), log), number))
    return log


def put_and_forget(values: list[Any], value: Any) -> Any:
    old = values[0]  # noqa: F841
    values[0] = value


def drop_watchers(count: int) -> Any:
    """What a store has dropped from a list dies after the arguments."""
    log: list[Any] = []
    for number in range(count):
        put_and_forget([Watcher([number], log)], Watcher([-number], log))
    return log


def of_many_paths(a: Any, b: Any, c: Any) -> Any:
    t = a
    t = b if a else t
    t = c if b else t
    t = a if c else t
    t = b if a else t
    t = c if b else t
    t = a if c else t
    t = b if a else t
    t = c if b else t
    t = a if c else t
    t = b if a else t
    t = c if b else t
    t = a if c else t
    return t


def take_many_paths(count: int) -> Any:
    """Each path of a function is translated on its own: 4096 of them."""
    found = []
    for number in range(count):
        found.append(of_many_paths(number & 1, number & 2, number & 4))
    return found


# -- Classes that are met again ---------------------------------------------------------------------------------------


def weighed_by_view(values: Any, buffer: Any) -> Any:
    total = 0
    view = memoryview(buffer)
    for i in range(len(values)):
        total += view[i % len(view)] * weight(i, 2)
    return total


class Named:
    WEIGHT = 3

    def __repr__(self) -> str:
        return "one of the named"


class Heavier(Named):
    WEIGHT = 5


def weight_of(kind: Any) -> Any:
    return kind.WEIGHT


def sum_of_weights(kinds: Any) -> Any:
    total = 0
    for kind in kinds:
        total += weight_of(kind)
    return total


def looked_up(get: Any, key: Any) -> Any:
    return get(key)


def sum_looked_up(get: Any, keys: Any) -> Any:
    total = 0
    for key in keys:
        total += looked_up(get, key)
    return total


# -- Results of several kinds -----------------------------------------------------------------------------------------


class Level:
    def __init__(self, value: Any) -> None:
        self.value = value

    def raised(self, least: Any) -> Any:
        if self.value > least:
            return self.value
        return self.value + least

    def found(self, wanted: Any) -> Any:
        if self.value == wanted:
            return None
        return wanted - self.value

    def halved(self, most: Any) -> Any:
        if self.value < most:
            return 0
        if self.value == most:
            return self.value / 2
        return self.value < 9


def raise_levels(values: Any, count: int) -> Any:
    """An attribute, or a sum; attributes change under way."""
    levels = [Level(value) for value in values]
    found = []
    for number in range(count):
        total = 0
        for level in levels:
            total += level.raised(number % 100)
        found.append((total, type(total).__name__))
        if number % 50 == 0:
            levels[number % len(levels)].value = values[number // 50 % len(values)]
    return found


def keep_raised(values: Any, count: int) -> Any:
    """What an attribute is returns as that very object."""
    levels = [Level(value) for value in values]
    found: list[Any] = []
    for number in range(count):
        for level in levels:
            raised = level.raised(number % 100)
            found.append((raised, type(raised).__name__))
    return found


def find_levels(values: Any, count: int) -> Any:
    """None, or a number."""
    levels = [Level(value) for value in values]
    total, missing = 0, 0
    for number in range(count):
        for level in levels:
            found = level.found(number % 7)
            if found is None:
                missing += 1
            else:
                total += found
    return total, missing


def halve_levels(values: Any, count: int) -> Any:
    """An int, a float or a bool."""
    levels = [Level(value) for value in values]
    found = []
    for number in range(count):
        for level in levels:
            halved = level.halved(number % 7)
            found.append((halved, type(halved).__name__))
    return found
