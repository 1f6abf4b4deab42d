"""Exceptions of signal handlers, and of other threads, that strike while code of a kernel is being made."""

from __future__ import annotations

import functools
import random
import signal
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest

import cascade as cs
from cascade.kernels.blocks.translator import Translator
from cascade.kernels.interruption import is_interruption
from tests.support.block_functions import block_kernel


class Stop(Exception):
    """An exception of the program."""


def stop(number: int, frame: object) -> None:
    raise Stop


class Stopper:
    def __call__(self, number: int, frame: object) -> None:
        raise ValueError("from a handler")

    def method(self, number: int, frame: object) -> None:
        self(number, frame)


@pytest.fixture
def alarm() -> Iterator[Callable[[Any], None]]:
    before = signal.getsignal(signal.SIGALRM)
    yield lambda handler: signal.signal(signal.SIGALRM, handler) and None
    signal.setitimer(signal.ITIMER_REAL, 0)
    signal.signal(signal.SIGALRM, before)


@pytest.mark.parametrize(
    ("handler", "expected"),
    [
        (stop, Stop),
        (Stopper(), ValueError),
        (Stopper().method, ValueError),
        (functools.partial(functools.partial(Stopper())), ValueError),
    ],
    ids=["function", "object", "method", "partial"],
)
@pytest.mark.parametrize("place", ["enter", "grow"])
def test_an_exception_of_a_handler_reaches_the_program(alarm, monkeypatch, handler, expected, place):
    def total(values: Any) -> Any:
        result = 0
        for value in values:
            result += value
        return result

    kernel = block_kernel(total)
    struck = [False]
    original = getattr(Translator, place)

    def strikes(self: Translator, *given: Any) -> Any:
        if not struck[0]:
            struck[0] = True
            signal.raise_signal(signal.SIGALRM)
        return original(self, *given)

    monkeypatch.setattr(Translator, place, strikes)
    alarm(handler)
    with pytest.raises(expected):
        kernel([1, 2.5, 3])
    assert struck[0] and kernel([1, 2.5, 3]) == 6.5


def test_an_exception_of_making_code_is_none_of_the_program():
    def fails() -> None:
        raise RuntimeError("no code")

    for function in (fails, lambda: {}["x"], lambda: int("x")):
        try:
            function()
        except Exception as error:
            assert not is_interruption(error)
    assert is_interruption(TimeoutError()) and is_interruption(KeyboardInterrupt()) and is_interruption(Stop())


def test_no_exception_of_a_handler_is_lost_wherever_it_strikes(alarm, monkeypatch):
    source = """
class Point:
    def __init__(self, x):
        self.x = x

    def add(self, other):
        return Point(self.x + other.x)

def weigh(a, b):
    return a * b + 1

def mixed(n):
    values, counts = [], {}
    for i in range(n):
        point = Point(i).add(Point(1))
        values.append(point.x)
        counts[i % 7] = weigh(i, 2.5)
        values.append(str(i) if i % 3 else weigh(i, 3))
    return len(values)
"""
    pick, hits = random.Random(1), [0]

    def handler(number: int, frame: object) -> None:
        hits[0] += 1
        raise Stop

    alarm(handler)
    lost = caught = 0
    told: list[Any] = []  # a callback of a weak reference can raise nothing
    monkeypatch.setattr(sys, "unraisablehook", lambda given: told.append(given.exc_type))
    for _ in range(150):
        names: dict[str, Any] = {"__name__": "mixed"}
        exec(source, names)
        program = cs.compile(cs.task(names["mixed"]))
        hits[0] = 0
        try:
            signal.setitimer(signal.ITIMER_REAL, pick.uniform(1e-4, 8e-3))
            for _ in range(3):
                program(300)
            signal.setitimer(signal.ITIMER_REAL, 0)
            for _ in range(2):  # where CPython looks for it at the latest
                pass
            lost += hits[0] > 0
        except Stop:
            caught += 1
        signal.setitimer(signal.ITIMER_REAL, 0)
    assert caught > 10 and lost <= told.count(Stop)
