"""Exceptions of signal handlers, and of other threads, that strike while code of a kernel is being made, or while helpers run."""

from __future__ import annotations

import functools
import gc
import signal
import sys
import traceback
from collections.abc import Callable, Iterator
from typing import Any

import pytest

import cascade as cs
from cascade.kernels.blocks.kernel import KernelTable, new_kernel
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
    with pytest.raises(expected) as raised:
        kernel([1, 2.5, 3])
    assert struck[0] and kernel([1, 2.5, 3]) == 6.5
    assert not [entry for entry in raised.traceback if "cascade/kernels" in str(entry.frame.code.path)]


def test_an_exception_of_making_code_is_none_of_the_program():
    def fails() -> None:
        raise RuntimeError("no code")

    for function in (fails, lambda: {}["x"], lambda: int("x")):
        try:
            function()
        except Exception as error:
            assert not is_interruption(error)
    assert is_interruption(TimeoutError()) and is_interruption(KeyboardInterrupt()) and is_interruption(Stop())


# -- Helpers that are interrupted: the traceback has the callers, and ends in the handler -------------------------------


def climbs(x: int, limit: int) -> int:
    while x > 0 and x < limit:
        x += 1
    return x


def down(depth: int, limit: int) -> int:
    if depth == 0:
        return climbs(1, limit)
    return down(depth - 1, limit) + 1


def of_numbers(depth: int, limit: int) -> int:
    total = 0
    for _ in range(2):
        total += down(depth, limit)
    return total


class Climber:
    def climbs(self, limit: int) -> int:
        self.x = 1
        while self.x > 0 and self.x < limit:
            self.x += 1
        return self.x


def with_objects(depth: int, limit: int) -> Any:
    found: list[Any] = []
    for _ in range(1 + (depth == 0)):
        found.append(Climber().climbs(limit) if depth == 0 else with_objects(depth - 1, limit))
    return found


@pytest.mark.parametrize("depth", [0, 1, 4, 40])
@pytest.mark.parametrize("function", [of_numbers, with_objects])
def test_an_interrupted_helper_has_its_callers_in_the_traceback(function, depth):
    frames: list[str] = []

    def stop(number: int, frame: Any) -> None:
        frames.clear()
        while frame is not None:
            frames.append(frame.f_code.co_name)
            frame = frame.f_back
        raise Stop

    def names_of(run: Callable[..., Any]) -> list[str]:
        before = signal.signal(signal.SIGVTALRM, stop)
        with pytest.raises(Stop) as raised:
            signal.setitimer(signal.ITIMER_VIRTUAL, 0.05)  # of the processor's time: the helper runs by then
            run(depth, 1 << 62)
        signal.signal(signal.SIGVTALRM, before)
        found = [entry.name for entry in traceback.extract_tb(raised.value.__traceback__)][1:]
        assert [*reversed(frames[: len(found) - 1]), "stop"] == found  # the handler has seen these frames
        return found

    program = cs.compile(cs.task(function, lower=True))
    assert program(depth, 50) == function(depth, 50)
    expected = names_of(function)
    for _ in range(3):
        assert names_of(program) == expected
    assert program(depth, 50) == function(depth, 50)


def test_making_and_freeing_kernels_calls_no_python_code_that_swallows_exceptions():
    """A callback of a weak reference does: an exception of a handler that strikes there is printed, and lost."""
    called: list[str] = []

    def profile(frame: Any, event: str, argument: object) -> None:
        if event == "call" and "weakref" in frame.f_code.co_filename:
            called.append(frame.f_code.co_qualname)

    def made() -> Any:
        return eval("lambda values: [value + 1 for value in values]")

    sys.setprofile(profile)
    try:
        for _ in range(3):
            kernel = block_kernel(made())
            del kernel
            gc.collect()
    finally:
        sys.setprofile(None)
    assert called == []


def test_kernels_that_are_gone_leave_the_table():
    table = KernelTable()
    functions = [eval("lambda values: [value + 1 for value in values]") for _ in range(500)]
    kept = [new_kernel(function) for function in functions[:100]]
    for function, kernel in zip(functions, kept, strict=False):
        table.keep(function, kernel)
    for function in functions[100:]:
        table.keep(function, new_kernel(function))
    gc.collect()
    assert [table.get(function) for function in functions[:100]] == kept
    assert all(table.get(function) is None for function in functions[100:])
    assert len(table.references) <= 2 * 100 + 64
