"""What the functions of a random graph do, in the engine and in the model alike: values, calls, failures."""

from __future__ import annotations

import logging
import zlib
from collections import Counter
from typing import Any


class Failure(Exception):
    pass


class World:
    """What is written down during a run.

    Attributes:
        use_vm: the path of the runs that tasks make themselves.
        log: the calls, with their arguments, and the set-ups and tear-downs of resources, in order.
        failed: how often each function has failed.
    """

    def __init__(self, use_vm: bool = True) -> None:
        self.use_vm = use_vm
        self.log: list[Any] = []
        self.failed: Counter[str] = Counter()

    def call(self, name: str, args: tuple[Any, ...], failures: int) -> int:
        """A call of a function: it is noted, fails as long as it has to, and gives a number made of it all."""
        self.log.append((name, repr(args)))
        if self.failed[name] < failures:
            self.failed[name] += 1
            raise Failure(f"{name} for the {self.failed[name]}. time")
        return mix(name, args)

    def set_up(self, name: str, need: Any, failures: int) -> int:
        """The set-up of a resource, which likewise fails as long as it has to."""
        if self.failed[f"+{name}"] < failures:
            self.failed[f"+{name}"] += 1
            raise Failure(f"set-up of {name}")
        self.log.append(f"+{name}")
        return mix(name, need)

    def tear_down(self, name: str, failures: int) -> None:
        self.log.append(f"-{name}")
        if self.failed[f"-{name}"] < failures:
            self.failed[f"-{name}"] += 1
            raise Failure(f"tear-down of {name}")


world = World()


def here() -> World:
    """The world of the run under way. In a library's object, no global: what it holds would be part of the keys of caches."""
    found: World = logging.getLogger(__name__).world  # type: ignore[attr-defined]
    return found


def enter(new: World) -> World:
    global world
    world = logging.getLogger(__name__).world = new  # type: ignore[attr-defined]
    return new


def mix(name: str, args: Any) -> int:
    return zlib.crc32(repr((name, args)).encode()) % 1000


# What is made of values where the engine itself looks at them.


def odd(value: Any) -> bool:
    return len(repr(value)) % 2 == 1


def bounded(value: Any) -> int:
    return mix("amount", value) % 4


def key_of(value: Any) -> int:
    return mix("key", value)


def as_items(value: Any) -> list[int]:
    return [mix("item", (value, n)) for n in range(mix("items", value) % 4)]


def small(value: Any) -> int:
    return mix("small", value) % 20


def total(values: list[int]) -> int:
    return sum(values)


# The functions that are lowered, as plain Python.


def rise(n: int, k: int) -> int:
    sum = 0
    for i in range(n):
        sum += i * k
    return sum


def fall(n: int, k: int) -> int:
    while n > 0:
        n, k = n - 1, k + 3 * n
    return k


def swap(n: int, k: int) -> int:
    while n > 0:
        n, k = n - 1, k * 2 + n
    return k


def hand_over(n: int, k: int) -> int:
    for i in range(n):
        k += i
    return 2 * k + 3
