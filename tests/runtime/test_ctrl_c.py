"""Ctrl-C, pressed once or twice, ends a run with KeyboardInterrupt, wherever it is, and nothing is left of the run."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import itertools
import os
import signal
import socket
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import pytest

import cascade as cs
from cascade.runtime.spine import interrupts
from tests.support.tasks import later, sleep, spin

pytestmark = pytest.mark.skipif(os.name != "posix", reason="sends signals")

MAIN = threading.main_thread().ident


@cs.task
async def turn_for_ever() -> None:
    while True:
        await asyncio.sleep(0)


@cs.task
async def clean_up_slowly(cleaned: list[str]) -> None:
    try:
        await asyncio.sleep(600)
    finally:
        for _ in range(3):  # it is cancelled more than once
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.sleep(interrupts.GRACE)
        cleaned.append("slowly")


def press() -> None:
    """Ctrl-C, for the main thread, wherever this is called."""
    assert MAIN is not None
    signal.pthread_kill(MAIN, signal.SIGINT)


@pytest.fixture(autouse=True)
def nothing_left() -> Iterator[None]:
    """Fails if there is a warning, if a thread or a task is left, or if somebody else has the signal."""
    before = set(threading.enumerate())
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        yield
        end = time.monotonic() + 60
        while (left := set(threading.enumerate()) - before) and time.monotonic() < end:
            for thread in left:
                thread.join(0.1)
        gc.collect()
        assert not left
        assert not [task for task in gc.get_objects() if isinstance(task, asyncio.Task) and not task.done()]
    assert [str(warning.message) for warning in warned] == []
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    assert signal.set_wakeup_fd(-1) == -1


HANDLE = """
def _run(handle):
    if get_ident() == main and next(turns) in chosen:
        raise_signal(2)
    return original(handle)
"""


def press_at(chosen: set[int], monkeypatch: pytest.MonkeyPatch) -> None:
    """Presses Ctrl-C when the main thread's event loop has taken a callback, counted from 0, and not called it yet."""
    names = {
        "__name__": "asyncio.events", "chosen": chosen, "get_ident": threading.get_ident, "main": MAIN,
        "original": asyncio.Handle._run, "raise_signal": signal.raise_signal, "turns": itertools.count(),
    }  # fmt: skip
    exec(HANDLE, names)
    monkeypatch.setattr(asyncio.Handle, "_run", names["_run"])


NESTED: dict[str, Callable[[Any], Any]] = {
    "a loop in a thread": lambda path: cs.task(mode="blocking")(lambda: path.run(spin(0)))(),
    "awaiting in a thread": lambda path: cs.task(mode="blocking")(lambda: path.run([sleep(0), sleep(1)]))(),
    "awaited": lambda path: cs.task(lambda: path.arun(sleep.map([0, 1])))(),
    "with policies": lambda path: sleep(0).with_retry(3).with_timeout(3600),
}


@pytest.mark.parametrize("nested", NESTED)
@pytest.mark.parametrize("gap", [0, 1, 2, 3, 5, 8])
def test_two_signals_at_any_turns_of_the_loop_are_a_keyboard_interrupt(path, nested, gap, monkeypatch):
    for first in range(8):
        with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
            press_at({first, first + gap}, patched)
            path.run([turn_for_ever(), NESTED[nested](path)])


@cs.task
async def press_after(turns: int) -> None:
    for _ in range(turns):
        await asyncio.sleep(0)
    press()
    await asyncio.sleep(600)


@pytest.mark.parametrize("gap", [0, 1, 2, 3, 5, 8])
@pytest.mark.parametrize("beside", [True, False])
def test_two_signals_at_any_turns_of_a_loop_inside_are_a_keyboard_interrupt(path, gap, beside):
    for first in range(4):
        inside = cs.task(lambda at=first: path.run([press_after(at), press_after(at + gap)]), name="outer")()
        with pytest.raises(KeyboardInterrupt):
            path.run([inside, later(1)] if beside else inside)


def test_a_signal_while_the_loop_is_made_is_a_keyboard_interrupt(path, monkeypatch):
    original = interrupts.set_handler

    def set_and_press(number: int, handler: Any) -> Any:
        before = original(number, handler)
        if number == signal.SIGINT and handler is not signal.default_int_handler:
            signal.raise_signal(signal.SIGINT)
        return before

    monkeypatch.setattr(interrupts, "set_handler", set_and_press)
    with pytest.raises(KeyboardInterrupt):
        path.run(sleep(0))


def test_a_signal_and_another_cancellation_are_a_keyboard_interrupt(path):
    @cs.task
    async def cancel_twice() -> None:
        loop = asyncio.get_running_loop()
        run = next(task for task in asyncio.all_tasks() if task is not asyncio.current_task())
        loop.call_soon(run.cancel)
        loop.call_soon(signal.raise_signal, signal.SIGINT)
        await asyncio.sleep(600)

    with pytest.raises(KeyboardInterrupt):
        path.run(cs.task(lambda: path.run(cancel_twice()), name="outer")(), timeout=3600)


def test_a_run_that_begins_after_the_cancellation_was_asked_for_ends_as_well(path):
    @cs.task
    def cancelled_in_place() -> Any:
        signal.raise_signal(signal.SIGINT)
        return path.run(spin(0))

    with pytest.raises(KeyboardInterrupt):
        path.run([cancelled_in_place(), later(1)])

    async def main() -> None:
        task = asyncio.current_task()
        assert task is not None
        task.cancel()
        await path.arun(cs.task(lambda: path.run(spin(0)), name="outer")())

    with pytest.raises(asyncio.CancelledError):
        asyncio.run(main())


def test_the_second_signal_is_raised_in_the_code_of_users(path):
    seen = []

    @cs.task
    def compute_for_ever() -> None:
        try:
            signal.raise_signal(signal.SIGINT)
            signal.raise_signal(signal.SIGINT)
        except KeyboardInterrupt:
            seen.append("here")
            raise

    with pytest.raises(KeyboardInterrupt):
        path.run([later(1), compute_for_ever()])
    assert seen == ["here"]


def test_the_second_signal_ends_a_function_of_c_that_a_task_is(path):
    near, far = socket.socketpair()

    def press_twice() -> None:
        far.recv(1)  # now the main thread is in the function, until somebody reads the rest
        interrupted = signal.getsignal(signal.SIGINT).__self__  # type: ignore[union-attr]
        press()
        while interrupted.count == 0:
            time.sleep(0.001)
        press()

    presses = threading.Thread(target=press_twice)
    presses.start()
    with near, far, pytest.raises(KeyboardInterrupt):
        path.run([later(1), cs.task(near.sendall, name="send")(bytes(10_000_000))])
    presses.join()


def test_the_second_signal_leaves_cleaning_up_its_time(path):
    cleaned: list[str] = []

    @cs.task
    async def press_twice() -> None:
        loop = asyncio.get_running_loop()
        loop.call_soon(signal.raise_signal, signal.SIGINT)
        loop.call_soon(signal.raise_signal, signal.SIGINT)
        await asyncio.sleep(600)

    with pytest.raises(KeyboardInterrupt):
        path.run([clean_up_slowly(cleaned), press_twice()])
    assert cleaned == ["slowly"]


def test_another_handler_is_left_alone(path):
    heard = []
    before = signal.signal(signal.SIGINT, lambda *_: heard.append("SIGINT"))
    try:

        @cs.task
        async def press_once() -> int:
            await asyncio.sleep(0)
            signal.raise_signal(signal.SIGINT)
            return 1

        assert path.run(press_once()) == 1
    finally:
        signal.signal(signal.SIGINT, before)
    assert heard == ["SIGINT"]
