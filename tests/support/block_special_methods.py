"""Functions with operators, items, comparisons and calls of instances of classes of users, for kernels that are made block by block."""

from __future__ import annotations

import sys
import weakref
from typing import Any


def where() -> Any:
    frames = []
    frame = sys._getframe(1)
    while frame is not None and frame.f_code.co_filename == __file__:
        frames.append((frame.f_code.co_name, frame.f_lineno))
        frame = frame.f_back
    return frames


class Number:
    """All operators; with anything else than numbers and itself they return NotImplemented."""

    def __init__(self, x: Any) -> None:
        self.x = x

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.x!r})"

    def of(self, other: Any) -> Any:
        return other.x if isinstance(other, Number) else other if isinstance(other, int | float) else None

    def __add__(self, other: Any) -> Any:
        x = self.of(other)
        return NotImplemented if x is None else Number(self.x + x)

    def __radd__(self, other: Any) -> Any:
        x = self.of(other)
        return NotImplemented if x is None else Number(x + self.x)

    def __sub__(self, other: Any) -> Any:
        x = self.of(other)
        return NotImplemented if x is None else Number(self.x - x)

    def __mul__(self, other: Any) -> Any:
        x = self.of(other)
        return NotImplemented if x is None else Number(self.x * x)

    def __truediv__(self, other: Any) -> Any:
        return self.x / self.of(other)

    def __floordiv__(self, other: Any) -> Any:
        return self.x // self.of(other)

    def __mod__(self, other: Any) -> Any:
        return NotImplemented

    def __pow__(self, other: Any) -> Any:
        return NotImplemented if other == 3 else Number(self.x**2)

    def __rpow__(self, other: Any) -> Any:
        return ("rpow", other)

    def __matmul__(self, other: Any) -> Any:
        return where()

    def __lshift__(self, other: Any) -> Any:
        return NotImplemented

    def __rshift__(self, other: Any) -> Any:
        return other

    def __and__(self, other: Any) -> Any:
        return self

    def __or__(self, other: Any) -> Any:
        return other

    def __xor__(self, other: Any) -> Any:
        return None

    def __neg__(self) -> Any:
        return Number(-self.x)

    def __pos__(self) -> Any:
        return where()

    def __invert__(self) -> Any:
        return NotImplemented

    def __lt__(self, other: Any) -> Any:
        x = self.of(other)
        return NotImplemented if x is None else self.x < x

    def __gt__(self, other: Any) -> Any:
        return ("gt", self.x)

    def __le__(self, other: Any) -> Any:
        return NotImplemented

    def __eq__(self, other: Any) -> Any:
        x = self.of(other)
        return NotImplemented if x is None else self.x == x

    __hash__ = None  # type: ignore[assignment]


class Greater(Number):
    """A subclass, whose reflected methods come first."""

    def __radd__(self, other: Any) -> Any:
        return ("greater", other.x)

    def __gt__(self, other: Any) -> Any:
        return ("greater", other.x)


class Plain:
    """Without a method that decides on anything."""

    def __repr__(self) -> str:
        return "Plain()"


class Other(Plain):
    def __rmul__(self, other: Any) -> Any:
        return ("other", other.x)

    def __gt__(self, other: Any) -> Any:
        return where()


class Inplace(Number):
    def __iadd__(self, other: Any) -> Any:
        self.x += 100
        return self


def operators(a: Any, b: Any, n: Any) -> Any:
    return (
        a + b, a - b, a * n, n + a, a / b, a // n, a**n, n**a, a @ b, a >> n, a & b, a | n, a ^ b, -a, +a, ~a is NotImplemented,
    )  # fmt: skip


def added(values: Any) -> Any:
    total = values[0]
    for value in values:
        total = total + value
        total += 1
        total = -total * 2
    return total


def compared(a: Any, b: Any) -> Any:
    found = [a < b, a > b, a == b, a != b, a < 1, a == 1, a != 1, 1 == a, a == None, a != "x", a == [a]]  # noqa: E711
    if a < b:
        found.append("less")
    if not a == b:  # noqa: SIM201
        found.append("unequal")
    return found


def refused(a: Any, b: Any) -> Any:
    """Each operator whose method returns NotImplemented, or that has no method."""
    found = []
    for number in range(9):
        try:
            if number == 0:
                a % b
            elif number == 1:
                a + b
            elif number == 2:
                a << b
            elif number == 3:
                a <= b
            elif number == 4:
                a **= b
            elif number == 5:
                a *= b
            elif number == 6:
                found.append(a < b)
            elif number == 7:
                found.append(a == b)
            else:
                found.append(a != b)
        except TypeError as error:
            found.append((str(error), error.__traceback__.tb_lineno))  # type: ignore[union-attr]
    return found


def failing(a: Any, b: Any) -> Any:
    return (
        a
        %
        b
    )  # fmt: skip


def failing_inside(a: Any, b: Any) -> Any:
    c = a // b
    return c


def comparing_fails(a: Any, b: Any) -> Any:
    return [1, a <= b]


def reflected_looks(a: Any, b: Any) -> Any:
    found = []
    for _ in range(3):
        found.append(a < b)
    return found


class Grid:
    """A container."""

    def __init__(self, width: Any) -> None:
        self.width = width
        self.values = [0] * width * width

    def __getitem__(self, key: Any) -> Any:
        x, y = key
        if x >= self.width:
            raise IndexError(x)
        return self.values[x * self.width + y]

    def __setitem__(self, key: Any, value: Any) -> Any:
        x, y = key
        self.values[x * self.width + y] = value
        return where()

    def __len__(self) -> Any:
        return self.width

    def __contains__(self, value: Any) -> Any:
        return value in self.values or value == self.width

    def __call__(self, x: Any, y: Any = 5) -> Any:
        return self.width, x, y, where()


def filled(width: Any) -> Any:
    grid = Grid(width)
    for x in range(width):
        for y in range(width):
            grid[x, y] = x * y
            grid[x, y] += 0.5
    total = 0.0
    for x in range(width):
        total += grid[x, x] * len(grid)
    return total, grid.values, 0.5 in grid, 7 not in grid, grid(1), grid(1, 2), grid(x, y=3)


def beyond(width: Any) -> Any:
    grid = Grid(width)
    total = 0
    for x in range(width + 1):
        total += grid[x, 0]
    return total


def called_wrongly(width: Any) -> Any:
    grid = Grid(width)
    try:
        return grid()  # type: ignore[call-arg]
    except TypeError as error:
        return str(error)


class Answer:
    """What a method returns in place of a bool or an int."""

    def __init__(self, found: Any) -> None:
        self.found = found

    def __bool__(self) -> Any:
        if self.found == "fails":
            raise ValueError(where())
        self.found = where()
        return True

    def __index__(self) -> Any:
        return 4

    def __repr__(self) -> str:
        return f"Answer({self.found})"


class Answers:
    def __init__(self, found: Any) -> None:
        self.found = found

    def __len__(self) -> Any:
        return self.found

    def __contains__(self, value: Any) -> Any:
        return self.found

    def __eq__(self, other: Any) -> Any:
        return self.found


def lengths(found: Any) -> Any:
    return [len(Answers(found)), len(Answers(found))]


def holds(found: Any) -> Any:
    answers = Answers(found)
    return [1 in answers, 1 not in answers, "yes" if 1 in answers else "no", found]


def unequal(found: Any) -> Any:
    answers = Answers(found)
    return [answers != 1, answers == 1, found]


class Mortal:
    """Says when it dies."""

    seen: Any = []

    def __init__(self, name: Any) -> None:
        self.name = name
        weakref.finalize(self, Mortal.seen.append, name)

    def __add__(self, other: Any) -> Any:
        name = self.name
        del self, other
        Mortal.seen.append("inside")
        return name

    def __lt__(self, other: Any) -> Any:
        del self, other
        Mortal.seen.append("inside")
        return True

    def __contains__(self, value: Any) -> Any:
        del self, value
        Mortal.seen.append("inside")
        return True

    def __setitem__(self, key: Any, value: Any) -> Any:
        del self, key, value
        Mortal.seen.append("inside")

    def __call__(self, value: Any) -> Any:
        del self, value
        Mortal.seen.append("inside")

    def __neg__(self) -> Any:
        del self
        Mortal.seen.append("inside")

    def __len__(self) -> Any:
        del self
        Mortal.seen.append("inside")
        return 3


def deaths(name: Any) -> Any:
    Mortal.seen = []
    for _ in range(3):
        Mortal(name) + Mortal("right")  # type: ignore[unused-ignore]
        Mortal.seen.append("between")
        if Mortal(name) < Mortal("right"):
            Mortal.seen.append("then")
        Mortal("value") in Mortal(name)  # noqa: B015
        Mortal(name)[Mortal("key")] = Mortal("value")
        Mortal(name)(Mortal("argument"))
        -Mortal(name)
        len(Mortal(name))
        Mortal.seen.append("end")
    return Mortal.seen


class Changing:
    def __add__(self, other: Any) -> Any:
        return 1


def changed(kinds: Any) -> Any:
    """The class gets another method, and loses it, under way."""
    value, found = Changing(), []
    for kind in kinds:
        if kind == "other":
            Changing.__add__ = lambda self, other: 2  # type: ignore[assignment]
        elif kind == "reflected":
            Plain.__radd__ = lambda self, other: 3  # type: ignore[attr-defined]
            Changing.__add__ = lambda self, other: NotImplemented  # type: ignore[assignment]
        elif kind == "none":
            Changing.__add__ = None  # type: ignore[assignment]
        try:
            found.append(value + Plain())
        except TypeError as error:
            found.append(str(error))
    return found


def identical(a: Any, b: Any, others: Any) -> Any:
    found = []
    for other in others:
        found.append((a == other, a != other, other == b, b == a, a == a, a != a))  # noqa: PLR0124
    return found


class Matrix:
    """Methods that call operators of another class."""

    def __init__(self, values: Any) -> None:
        self.values = [Number(value) for value in values]

    def __mul__(self, other: Any) -> Any:
        total = Number(0)
        for mine, its in zip(self.values, other.values, strict=True):
            total = total + mine * its
        return total

    def __matmul__(self, other: Any) -> Any:
        return self.values[0] @ other.values[0]


def product(values: Any) -> Any:
    a, b = Matrix(values), Matrix(values[::-1])
    return a * b, a @ b, [a * b for _ in range(2)]


CASES: list[tuple[str, tuple[Any, ...]]] = [
    ("operators", (Number(3), Number(4), 2)),
    ("operators", (Number(3.5), Number(4), True)),
    ("operators", (Greater(3), Number(4), 2.0)),
    ("operators", (Number(3), Greater(4), 2)),
    ("operators", (Number(3), Number(0), 2)),
    ("operators", (Number(3), Number(4), 3)),
    ("operators", (Number("x"), Number(4), 2)),
    ("added", ([Number(n) for n in range(5)],)),
    ("added", ([Number(n) for n in range(3)] + [Greater(3), 4, 2.5, Number(1)],)),
    ("added", ([Inplace(2), Number(1), 3],)),
    ("added", ([Number(1), None],)),
    ("compared", (Number(1), Number(2))),
    ("compared", (Number(1), Greater(2))),
    ("compared", (Greater(1), Number(2))),
    ("compared", (Number(1), Plain())),
    ("compared", (Number(1), Other())),
    ("compared", (Number("x"), Number(1))),
    ("refused", (Number(1), Plain())),
    ("refused", (Number(1), "text")),
    ("refused", (Number(1), [2])),
    ("refused", (Number(1), None)),
    ("refused", (Number(1), 3)),
    ("refused", (Number(1), Number(3))),
    ("refused", (Number(1), Other())),
    ("refused", (Number(1), (1, 2))),
    ("failing", (Number(1), Number(2))),
    ("failing", (Number(1), 2)),
    ("failing_inside", (Number(1), Number(0))),
    ("failing_inside", (Number(1), None)),
    ("comparing_fails", (Number(1), Number(2))),
    ("comparing_fails", (Number(1), 2)),
    ("reflected_looks", (Number(1), Other())),
    ("filled", (4,)),
    ("beyond", (3,)),
    ("called_wrongly", (3,)),
    *(("lengths", (found,)) for found in (0, 3, -1, True, 2**62, 2**63, 2**70, -(2**70), "x", None, 2.5, Answer(1))),
    *(
        ("holds", (found,))
        for found in (0, 3, True, None, "x", "", 2.5, Answer(1), Answer("fails"), NotImplemented, [])
    ),
    *(("unequal", (found,)) for found in (True, False, 1, "", Answer(1), Answer("fails"), NotImplemented, None)),
    ("deaths", ("left",)),
    ("product", ([1, 2, 3],)),
    ("product", ([1.5, 2, 3],)),
]
