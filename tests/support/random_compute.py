"""Random graphs of compute tasks: calls, chains, maps, failures and results that continue, whose values plain Python gives as well."""

from __future__ import annotations

import random
import zlib
from collections.abc import Callable
from typing import Any

import cascade as cs


class Refused(ValueError):
    pass


def mixed(*values: Any) -> int:
    return zlib.crc32(repr(values).encode()) % 1000


def halved(value: Any) -> float:
    return mixed(value) / 2


def looped(value: Any) -> int:
    total = 0
    for i in range(mixed(value)):
        total += i ^ 3
    return total


def text(value: Any) -> str:
    return f"<{value}>"


def listed(value: Any) -> list[int]:
    return [mixed(value, number) for number in range(mixed(value) % 40)]


def refused(value: Any) -> int:
    """Fails for every third value or so."""
    if mixed(value) % 3 == 0:
        raise Refused(f"refused {value!r}")
    return mixed(value)


def counted_down(value: Any, steps: int = 3) -> Any:
    return mixed(value) if steps == 0 else cs.TailCall((value, steps - 1))


def counted_down_here(value: Any) -> int:
    return mixed(value)


SINGLE: tuple[tuple[Callable[..., Any], Callable[..., Any]], ...] = (
    (mixed, mixed), (halved, halved), (looped, looped), (text, text), (refused, refused), (counted_down, counted_down_here),
)  # fmt: skip
"""Functions of one value, each with what gives the same in plain Python."""

TASKS: dict[Callable[..., Any], Any] = {
    function: cs.task(mode="compute")(function)
    for function in (mixed, halved, looped, text, listed, refused, counted_down)
}


class RandomCompute:
    """One random graph, and its value.

    Attributes:
        target: the graph, of LazyResults.
        value: its value in plain Python; the first `Refused` where some function fails.
        failures: the messages of all that fail.
    """

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)
        self.failures: list[str] = []
        values: list[tuple[Any, Any]] = [(number, number) for number in range(3)]
        for _ in range(self._random.randrange(1, 9)):
            values.append(self._node(values))
        last = values[3:]
        self.target = TASKS[mixed](*(lazy for lazy, _ in last))
        self.value = mixed(*(value for _, value in last))

    def _node(self, values: list[tuple[Any, Any]]) -> tuple[Any, Any]:
        kind = self._random.choice(["call", "call", "chain", "join", "map", "collecting map"])
        lazy, value = self._random.choice(values[-4:])
        if kind == "join":
            other, known = self._random.choice(values)
            return TASKS[mixed](lazy, other), mixed(value, known)
        if kind in ("call", "chain"):
            for _ in range(1 if kind == "call" else self._random.randrange(2, 6)):
                function, plain = self._random.choice(SINGLE)
                lazy, value = TASKS[function](lazy), self._called(plain, value)
            return lazy, value
        function, plain = self._random.choice(SINGLE)
        items = listed(value)
        if kind == "map":
            return TASKS[function].map(TASKS[listed](lazy)), [self._called(plain, item) for item in items]
        kept = len(self.failures)
        found = [self._called(plain, item) for item in items]
        del self.failures[kept:]
        return _without_failures(TASKS[function].map(TASKS[listed](lazy), on_error="collect")), found

    def _called(self, function: Callable[..., Any], value: Any) -> Any:
        try:
            return function(value)
        except Refused as error:
            self.failures.append(str(error))
            return str(error)


@cs.task
def _without_failures(values: list[Any]) -> list[Any]:
    return [str(value.error) if isinstance(value, cs.Failure) else value for value in values]


def compare(seed: int, engine: cs.Engine, use_vm: bool) -> bool:
    """Runs a random graph, and compares its outcome with that of plain Python; returns whether it failed, as it had to."""
    graph = RandomCompute(seed)
    try:
        value = engine.run_now(graph.target, use_vm=use_vm)
    except Refused as error:
        assert str(error) in graph.failures, f"seed {seed}: {error}"
        return True
    assert not graph.failures, f"seed {seed}: {graph.failures}"
    assert (type(value), value) == (type(graph.value), graph.value), f"seed {seed}"
    return False
