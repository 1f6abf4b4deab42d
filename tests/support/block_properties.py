"""Functions that load properties, and call functions with defaults, keywords and closures, for kernels that are made block by block."""

from __future__ import annotations

from typing import Any

from tests.support.frames import callers


class Part:
    def __init__(self, x: Any, y: Any = 2) -> None:
        self.x = x
        self.y = y

    @property
    def total(self) -> Any:
        return self.x + self.y

    @property
    def frames(self) -> Any:
        return callers()

    @property
    def wrong(self) -> Any:
        return self.x / 0

    @property
    def both(self) -> Any:
        return self.total, self.frames

    @property
    def changed(self) -> Any:
        return self.x

    @changed.setter
    def changed(self, value: Any) -> None:
        self.x = value + 1

    @property
    def scaling(self) -> Any:
        return self.scaled

    def scaled(self, k: Any = 3, m: Any = 1) -> Any:
        return self.x * k + m


class Hidden(Part):
    def __init__(self, x: Any) -> None:
        super().__init__(x)
        self.__dict__["total"] = "hidden"


def loaded(count: Any) -> Any:
    part = Part(count)
    total = 0
    for _ in range(count):
        total += part.total
        part.changed = part.changed + 1
    return total, part.frames, part.both, part.scaling(2), Hidden(1).total


def failing(count: Any) -> Any:
    part = Part(count)
    return part.total + part.wrong


def caught(count: Any) -> Any:
    found = []
    for value in (Part(1), Part("a"), Part(count), 5):
        try:
            found.append(value.total)
        except (TypeError, AttributeError) as error:
            found.append(str(error))
    return found


def of_class(cls: Any) -> Any:
    return [cls(2).total for _ in range(3)]


def given(a: Any, b: Any = 10, c: Any = "x", d: Any = 2**70) -> Any:
    return a, b, c, d, callers()


def with_keywords(count: Any) -> Any:
    part = Part(count, y=4)
    scaled = [part.scaled(), part.scaled(2), part.scaled(m=5), part.scaled(m=7, k=1)]
    return scaled, given(1), given(1, c=5.5), given(b=2, a=count), given(1, 2, 3, 4), Part(y=1, x=2).total


def with_wrong_keywords(count: Any) -> Any:
    found = []
    for call in (lambda: given(1, a=2), lambda: given(), lambda: given(1, e=2), lambda: given(1, 2, 3, 4, 5)):
        try:
            found.append(call())
        except TypeError as error:
            found.append(str(error))
    return found, given(b=1)


def raising_with_keywords(count: Any) -> Any:
    part = Part(None, y=count)
    return [
        given(1, c=count),
        part
        .scaled(
            m=count,
        ),
    ]  # fmt: skip


def closed_over(count: Any) -> Any:
    def inner(x: Any) -> Any:
        return x * count

    more = lambda x: x + count
    total = 0
    for i in range(count):
        total += inner(i) + more(i)
    return total, [each(count) for each in (inner, more, abs, str)], applied(inner, count), applied(more, count)


def applied(function: Any, count: Any) -> Any:
    return function(count), function(count + 1 if count else 2)


def counter(count: Any) -> Any:
    def step() -> Any:
        nonlocal count
        count += 1
        return count, callers()

    return [step() for _ in range(3)], step(), count


def failing_inside(count: Any) -> Any:
    def inner(x: Any) -> Any:
        return callers(), x / (x - 2)

    found = []
    for i in range(count):
        found.append(inner(i))
    return found


def chosen(which: Any, count: Any) -> Any:
    functions = [lambda x: x + 1, lambda x: x * 2.5, given, len]
    found = []
    for i in range(count):
        found.append(functions[which if i < 2 else i % 3]((3, 4) if which == 3 else i))
    return found


def backward(values: Any) -> Any:
    found = []
    for value in reversed(values):
        found.append(value)
    return found, [value for value in reversed(values)], sum(1 for value in reversed(values))


def backward_while_it_shrinks(values: Any) -> Any:
    found = []
    for value in reversed(values):
        found.append(value)
        if len(values) > 2:
            values.pop()
            values.pop()
    return found, values


def backward_with_exits(values: Any) -> Any:
    found = []
    for value in reversed(list(values)):
        found.append(10 // value)
    for value in reversed(values):
        if value == 2:
            del values[:]
        found.append(value * 2**62)
    return found


class Asking:
    """Asks a method of its own for what a property does not find."""

    @property
    def found(self) -> Any:
        return self.x

    def __getattr__(self, name: str) -> Any:
        if name == "x":
            raise AttributeError("there is no x")
        return f"no {name}"


def ask_for_found(count: int) -> Any:
    part, seen = Asking(), []
    for number in range(count):
        if number % 3 == 0:
            part.x = number
        seen.append(part.found)
        if number % 3 == 1:
            del part.x
    return seen


CASES: list[tuple[str, tuple[Any, ...]]] = [
    *((name, (count,)) for name in ("loaded", "with_keywords", "closed_over", "counter") for count in (0, 4, 1.5)),
    *((name, (count,)) for name in ("failing", "caught", "raising_with_keywords", "with_wrong_keywords", "failing_inside") for count in (2, 5)),
    ("of_class", (Part,)), ("ask_for_found", (10,)), *(("chosen", (which, 5)) for which in range(4)),
    *((name, (values,)) for name in ("backward", "backward_while_it_shrinks", "backward_with_exits")
      for values in ([1, 2, 3, 4, 5], [], [1], [1, 2, 0, 3], (1, 2), [1.5, 2], [3, "a"], [2**70, 1, 2, 3])),
]  # fmt: skip
