"""Functions that call plain Python functions, for kernels that are made block by block."""

from __future__ import annotations

import traceback
from typing import Any

from tests.support.frames import callers

SEEN: list[Any] = []


def square(x: Any) -> Any:
    return x * x


def half(values: Any, index: Any) -> Any:
    return values[index] / 2


def raises(x: Any) -> Any:
    if x > 2:
        raise ValueError(x)
    return x


def looks(x: Any) -> Any:
    y = x + 1
    return (y, callers())


def stack_of(x: Any) -> Any:
    return [(entry.name, entry.lineno) for entry in traceback.extract_stack() if entry.filename == __file__]


def sum_of_squares(count: Any) -> Any:
    total = 0
    for i in range(count):
        total += square(i)
    return total


def halves(values: Any) -> Any:
    made = []
    for i in range(len(values) + 1):
        made.append(half(values, i))
    return made


def caught(values: Any) -> Any:
    made = []
    for value in values:
        try:
            made.append(raises(value))
        except ValueError as error:
            made.append(str(error))
            made.append([entry.name for entry in traceback.extract_tb(error.__traceback__)])
    return made


def seen_from_below(count: Any) -> Any:
    made = []
    for i in range(count):
        made.append(looks(i))
        made.append(stack_of(i))
    return made


def factorial(n: Any) -> Any:
    if n < 2:
        return 1
    return n * factorial(n - 1)


def fib(n: Any) -> Any:
    if n < 2:
        return n
    return fib(n - 1) + fib(n - 2)


def permutations(items: Any) -> Any:
    if len(items) < 2:
        return [items]
    made = []
    for i in range(len(items)):
        for rest in permutations(items[:i] + items[i + 1 :]):
            made.append([items[i]] + rest)
    return made


def listed(values: Any, factor: Any) -> Any:
    return [value * factor for value in values if value]


def nested(values: Any) -> Any:
    return [[x + y for x in values] for y in values]


def failing(values: Any) -> Any:
    return [10 // value for value in values]


def by_index(values: Any) -> Any:
    return {i: value for i, value in enumerate(values)}, {value for value in values}


def deep(n: Any) -> Any:
    if n == 0:
        return callers()[:3]
    return deep(n - 1)


def endless(n: Any) -> Any:
    try:
        return without_end(n)
    except RecursionError:
        return "too deep"


def without_end(n: Any) -> Any:
    return without_end(n + 1)


CASES = [
    ("sum_of_squares", (30,)), ("halves", ([1, 2.5, 3],)), ("halves", ([1, "a"],)), ("caught", ([1, 2, 3, 4],)),
    ("seen_from_below", (3,)), ("factorial", (10,)), ("factorial", (30,)), ("fib", (12,)), ("permutations", ([1, 2, 3, 4],)),
    ("listed", ([1, 0, 2.5, "a"], 2)), ("listed", ([1, 2, 3], 2**62)), ("nested", ([1, 2, 3],)), ("failing", ([1, 2, 0],)),
    ("by_index", ([1, 2, 1],)), ("deep", (5,)), ("deep", (300,)), ("endless", (0,)), ("caught", ([1, "a"],)),
]  # fmt: skip


def called_out_deep(depth: Any) -> Any:
    """Each call has call-outs in a loop, under the frames of those that have led to it."""
    found = []
    for number in range(3):
        found.append({number: 1}.keys() <= {depth: 1, number: 2}.keys())
        found.append({number: depth}.items())
    return found if depth == 0 else [found[0], called_out_deep(depth - 1)]


COUNT = 0


def reads_count(x: Any) -> Any:
    return x + COUNT if COUNT != x else 0


def counts(turns: Any) -> Any:
    """A global of the function that is called changes under way."""
    global COUNT
    COUNT = 0
    total = 0
    for number in range(turns):
        total += reads_count(number)
        if number % 3 == 0:
            COUNT += 1
    return total


def scale(x: Any) -> Any:
    return 2 * x


def scaled(x: Any) -> Any:
    return scale(x) + 1


def replaced(turns: Any) -> Any:
    """A function that the one that is called calls is another one under way."""
    global scale
    kept, total = scale, 0
    for number in range(turns):
        total += scaled(number)
        if number % 4 == 3:
            factor = number
            scale = lambda x: factor * x
    scale = kept
    return total


def defaults(turns: Any) -> Any:
    found = []
    for number in range(turns):
        found.append((given(number), given(number, c=2.5), given(b=number, a="x")))
    return found


def given(a: Any, b: Any = 3, c: Any = 2**70, d: Any = (), e: Any = None, f: Any = False) -> Any:
    return a, b, c, d, e, f


def returned(x: Any) -> Any:
    """What is returned may be a variable, which passes its reference on, an alias of one, or something else."""
    y = x
    for z in (y, [x], x):
        if z is None:
            return z
    if x == 1:
        return (lambda: z)()
    return y if x else z


# -- Deep recursion ---------------------------------------------------------------------------------------------------


def goes_down(count):
    return 0 if count == 0 else 1 + goes_down(count - 1)


class Step:
    def __init__(self, count):
        self.count = count

    def method(self):
        return 0 if self.count == 0 else 1 + Step(self.count - 1).method()

    @property
    def value(self):
        return 0 if self.count == 0 else 1 + Step(self.count - 1).value

    def __add__(self, other):
        return 0 if self.count == 0 else 1 + (Step(self.count - 1) + other)

    def __getitem__(self, index):
        return 0 if self.count == 0 else 1 + Step(self.count - 1)[index]


def by_a_function(count):
    return goes_down(count)


def by_a_method(count):
    return Step(count).method()


def by_a_property(count):
    return Step(count).value


def by_an_operator(count):
    return Step(count) + 1


def by_an_index(count):
    return Step(count)[0]


GOING_DOWN = [by_a_function, by_a_method, by_a_property, by_an_operator, by_an_index]
