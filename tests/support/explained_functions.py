"""Functions whose call-outs and side exits `explain` reports; `takes` is always called out, and moves the clock."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


class Clock:
    """A clock that only `takes` moves."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


CLOCK = Clock()


def takes(seconds: float, *more: Any) -> int:
    CLOCK.now += seconds
    return 1


class Thing:
    """Its special methods have parameters for any number of arguments, so that CPython calls them."""

    def __init__(self) -> None:
        self.values: dict[Any, Any] = {}

    def __getattr__(self, name: str) -> int:
        return takes(1)

    def __setattr__(self, name: str, value: Any) -> None:
        takes(1)
        object.__setattr__(self, name, value)

    def __getitem__(self, *at: Any) -> int:
        return takes(1)

    def __setitem__(self, *at_and_value: Any) -> None:
        takes(1)

    def __delitem__(self, at: Any) -> None:
        takes(1)

    def __add__(self, *other: Any) -> Any:
        takes(1)
        return self

    def __neg__(self, *none: Any) -> int:
        return takes(1)

    def __eq__(self, *other: object) -> bool:
        return takes(1) == 1

    __hash__ = None  # type: ignore[assignment]

    def __enter__(self) -> int:
        return takes(1)

    def __exit__(self, *error: Any) -> None:
        takes(1)

    def __iter__(self) -> Any:
        return Countdown()


class Countdown:
    def __init__(self) -> None:
        self.left = 3

    def __iter__(self) -> Any:
        return self

    def __next__(self) -> int:
        takes(1)
        self.left -= 1
        if self.left < 0:
            raise StopIteration
        return self.left


def worked(n: int) -> int:
    total = 0
    for _ in range(n):
        total += takes(3)
        takes(1)
    return total


def worked_without_loop(n: int) -> int:
    return takes(3) + n


def spread(n: int) -> int:
    total = 0
    for _ in range(n):
        total += takes(
            2,
            n,
        )
    return total


def left_early(xs: list[int], at: int) -> int:
    total = takes(1)
    for _ in range(1):
        total += xs[at]
    takes(3)
    return total


def caught(text: str) -> int:
    total = 0
    for _ in range(2):
        takes(1)
    try:
        total = int(text)
    except ValueError:
        takes(2)
    return total


def raised(n: int) -> int:
    for _ in range(n):
        takes(4)
    if n > 2:
        raise ValueError(n)
    return n


def helped(n: int) -> int:
    total = 0
    for _ in range(n):
        takes(1)
        total += helper(n)
    return total


def helper(n: int) -> int:
    takes(3)
    return n


def recursive(n: int) -> int:
    for _ in range(2):
        takes(1)
    return recursive(n - 1) + 1 if n else 0


def patterned(n: int) -> int:
    total = 0
    for i in range(n):
        if i & 63:
            takes(1e-6)
        else:
            total += takes(63e-6, i)
    return total


def looks(n: int) -> list[str]:
    for _ in range(n):
        takes(1)
    return sorted(locals())


def same(a: Any, b: Any) -> int:
    total, last = 0, None
    for _ in range(3):
        total += a.real is last
        last = b
    return total


def called(thing: Thing) -> None:
    for _ in range(2):
        takes(1, thing)


def read(thing: Thing) -> None:
    for _ in range(2):
        thing.missing


def assigned(thing: Thing) -> None:
    for _ in range(2):
        thing.value = 2


def computed(thing: Thing) -> None:
    for _ in range(2):
        thing.value = takes(1, thing)


def subscripted(thing: Thing) -> int:
    total = 0
    for _ in range(2):
        total += thing["key"]
    return total


def stored(thing: Thing) -> None:
    for _ in range(2):
        thing["key"] = 2


def deleted(thing: Thing) -> None:
    for _ in range(2):
        del thing["key"]


def added(thing: Thing) -> Thing:
    for _ in range(2):
        thing = thing + 1
    return thing


def negated(thing: Thing) -> int:
    total = 0
    for _ in range(2):
        total += -thing
    return total


def compared(thing: Thing) -> bool:
    found = False
    for _ in range(2):
        found = thing == 3
    return found


def entered(thing: Thing) -> int:
    total = 0
    for _ in range(2):
        with thing as more:
            total += more
    return total


def iterated(thing: Thing) -> int:
    total = 0
    for each in thing:
        total += each
    return total


def imported(thing: Thing) -> None:
    for _ in range(2):
        import json  # noqa: F401


IN_WORDS: list[tuple[Callable[[Thing], object], str, str, str]] = [
    (called, "takes(1, thing)", "is called", "CS138"),
    (read, "thing.missing", "is looked up", "CS130"),
    (assigned, "thing.value", "is assigned", "CS113"),
    (computed, "thing.value = takes(1, thing)", "is executed", "CS138"),
    (subscripted, 'thing["key"]', "is taken out", "CS130"),
    (stored, 'thing["key"]', "is assigned", "CS113"),
    (deleted, 'thing["key"]', "is deleted", "CS113"),
    (added, "thing + 1", "is computed", "CS134"),
    (negated, "-thing", "is computed", "CS134"),
    (compared, "thing == 3", "is compared", "CS135"),
    (entered, "with thing as more:", "is entered", "CS110"),
    (entered, "with thing as more:", "is left", "CS110"),
    (iterated, "thing", "is iterated over", "CS114"),
    (imported, "import json", "is imported", "CS110"),
]
"""A function, and the source, verb and code of one of its call-outs."""
