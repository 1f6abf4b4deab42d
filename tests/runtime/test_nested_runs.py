"""Runs inside of tasks: a timeout, a cancellation or Ctrl-C of the outer run ends them, wherever they are."""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import contextvars
import gc
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import cascade as cs
from cascade.errors import RunTimeoutError, TaskTimeoutError
from cascade.runtime.spine import driver
from tests.support.growing import growing
from tests.support.tasks import add, fail_later, increment, later, sleep, spin


@cs.task
def work_briefly(n: int) -> int:
    end = time.monotonic() + 0.001
    while time.monotonic() < end:
        pass
    return n


program = cs.compile(increment)


def short_runs(path: Any) -> None:
    while True:
        path.run(increment(1))


def short_programs(path: Any) -> None:
    while True:
        program(1)


def in_a_thread(call: Callable[[], Any]) -> Any:
    """Calls it where no event loop runs: here, or in another thread with the same context variables."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return call()
    return in_a_pool_of_its_own(call)


def in_a_pool_of_its_own(call: Callable[[], Any]) -> Any:
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        return pool.submit(contextvars.copy_context().run, call).result()


ENDLESS: dict[str, Callable[[Any], Any]] = {
    "a loop": lambda path: path.run(spin(0)),
    "awaiting": lambda path: path.run(sleep(0)),
    "awaiting items": lambda path: path.run(sleep.map([1, 2])),
    "a long map": lambda path: path.run(work_briefly.map(range(10_000_000))),
    "a program": lambda path: cs.compile(spin)(0),
    "an awaiting program": lambda path: cs.compile(sleep)(0),
    "another run inside": lambda path: path.run(cs.task(lambda: path.run(spin(0)), name="middle")()),
    "awaiting inside": lambda path: path.run([cs.task(lambda: path.run(sleep(0)), name="middle")(), later(1)]),
    "a blocking one inside": lambda path: path.run(cs.task(mode="blocking")(lambda: path.run(spin(0)))()),
    "an event loop of its own": lambda path: in_a_thread(lambda: asyncio.run(path.arun(spin(0)))),
    "awaiting in a loop of its own": lambda path: in_a_thread(lambda: asyncio.run(path.arun(sleep(0)))),
    "an awaited program": lambda path: in_a_thread(lambda: asyncio.run(cs.compile(sleep).arun(0))),
    "a pool of its own": lambda path: in_a_pool_of_its_own(lambda: path.run(spin(0))),
    "short runs": short_runs,
    "short programs": short_programs,
}


@pytest.fixture(params=ENDLESS)
def inner(request: pytest.FixtureRequest, path: Any) -> Iterator[Any]:
    """A function that runs something endless; the test is over only when it has ended."""
    begun, ended = threading.Event(), threading.Event()

    def run() -> Any:
        begun.set()
        try:
            return ENDLESS[request.param](path)
        finally:
            ended.set()

    run.begun = begun  # type: ignore[attr-defined]
    yield run
    if begun.is_set():  # where a thread has not begun it in time, it is not called any more
        assert ended.wait(60), "the inner run goes on"


@pytest.mark.parametrize("mode", ["inline", "blocking"])
def test_the_timeout_of_the_outer_run_ends_it(run, inner, mode):
    outer = cs.task(mode=mode, name="outer")(inner)
    with pytest.raises(RunTimeoutError) as raised:
        run([outer(), later(1)], timeout=0.1)
    assert raised.value.seconds == 0.1


def test_the_timeout_of_an_outer_run_without_an_event_loop_ends_it(path, inner):
    with pytest.raises(RunTimeoutError) as raised:
        path.run(cs.task(inner, name="outer")(), timeout=0.1)
    assert raised.value.seconds == 0.1


def test_the_outer_of_two_timeouts_is_told(path):
    middle = cs.task(lambda: path.run(spin(0), timeout=3600), name="middle")
    with pytest.raises(RunTimeoutError) as raised:
        path.run(cs.task(lambda: path.run(middle(), timeout=0.1), name="outer")(), timeout=1800)
    assert raised.value.seconds == 0.1


@pytest.mark.parametrize("mode", ["inline", "blocking"])
def test_a_timeout_of_the_node_ends_it(run, inner, mode):
    outer = cs.task(mode=mode, name="outer")(inner)
    with pytest.raises(TimeoutError, match="'outer'"):
        run(outer().with_timeout(0.1))


def test_a_timeout_of_the_node_is_retried(run, path):
    calls: list[int] = []

    @cs.task
    def outer() -> Any:
        calls.append(len(calls))
        return path.run(spin(0)) if len(calls) < 3 else "done"

    for seconds in growing(0.05):
        calls.clear()
        try:
            assert run(outer().with_timeout(seconds).with_retry(max_attempts=3)) == "done"
            break
        except TaskTimeoutError:  # the third attempt was late, on a busy machine
            assert calls == [0, 1, 2]
    assert calls == [0, 1, 2]


def test_the_outer_run_is_told_where_it_is_late_before_the_node(path):
    with pytest.raises(RunTimeoutError) as raised:
        path.run(cs.task(lambda: path.run(spin(0)), name="outer")().with_timeout(3600), timeout=0.1)
    assert raised.value.seconds == 0.1


def test_a_timeout_of_a_node_inside_ends_that_alone(run, path):
    @cs.task
    def outer() -> Any:
        try:
            return path.run(cs.task(lambda: path.run(spin(0)), name="inner")().with_timeout(0.05))
        except TimeoutError as error:
            return type(error).__name__

    assert run(outer().with_timeout(3600), timeout=1800) == "TaskTimeoutError"


def test_a_failing_sibling_ends_it(run, inner):
    with pytest.raises(ValueError, match="x"):
        run([cs.task(mode="blocking", name="outer")(inner)(), fail_later("x", 0.05)])


def test_a_cancellation_ends_it(path, inner):
    async def main() -> None:
        run = asyncio.ensure_future(path.arun(cs.task(mode="blocking", name="outer")(inner)()))
        while not inner.begun.is_set():
            await asyncio.sleep(0.001)
        run.cancel()
        with pytest.raises(asyncio.CancelledError):
            await run

    asyncio.run(main())


def test_a_cancellation_while_an_event_loop_begins_ends_it(path, monkeypatch):
    begins, continues = threading.Event(), threading.Event()

    class held(driver.own_loop):
        def __enter__(self) -> None:
            begins.set()
            assert continues.wait(60)
            super().__enter__()

    monkeypatch.setattr(driver, "own_loop", held)

    def call() -> Any:
        return path.run([cs.task(lambda: path.run(sleep(0)), name="middle")(), later(1)])

    async def main() -> None:
        run = asyncio.ensure_future(path.arun(cs.task(mode="blocking", name="outer")(call)()))
        while not begins.is_set():
            await asyncio.sleep(0.001)
        run.cancel()
        await asyncio.wait([run])
        continues.set()

    asyncio.run(main())


@pytest.mark.parametrize("mode", ["inline", "blocking"])
def test_what_cleans_up_afterwards_may_make_runs(run, path, mode):
    begun, cleaned = threading.Event(), threading.Event()

    @cs.task(mode=mode)
    def outer() -> None:
        try:
            begun.set()
            path.run(spin(0))
        finally:
            if path.run(add(increment(1), later(1))) == 3:
                cleaned.set()

    for seconds in growing(0.1):
        with pytest.raises(RunTimeoutError):
            run([outer(), later(1)], timeout=seconds)
        if begun.is_set():
            break
    assert cleaned.wait(60)


def test_a_run_that_is_over_ends_no_others(path):
    made: list[asyncio.Task[Any]] = []

    async def afterwards(over: asyncio.Event) -> Any:
        await over.wait()
        return await path.arun(cs.task(lambda: path.run(increment(1)), name="outer")())

    async def main() -> Any:
        over = asyncio.Event()

        @cs.task
        async def leave_behind() -> None:
            made.append(asyncio.ensure_future(afterwards(over)))
            await asyncio.sleep(600)

        for seconds in growing(0.05):
            with contextlib.suppress(RunTimeoutError):
                await path.arun(leave_behind(), timeout=seconds)
            if made:
                break
        over.set()
        return await made[0]

    assert asyncio.run(main()) == 2


SCRIPT = """
import asyncio, os, sys, time
import cascade as cs

@cs.task
def spin(n):
    return spin.tail(n + 1)

@cs.task
async def sleep(n):
    await asyncio.sleep(600)

inner = {"spin": spin, "sleep": sleep}[sys.argv[1]]

@cs.task(mode=sys.argv[2])
def outer(n):
    print("begun", flush=True)
    return cs.run(inner(n))

target = [outer(1), sleep(1)] if sys.argv[3] == "beside" else outer(1)
cs.run(target)
"""


@pytest.mark.skipif(os.name != "posix", reason="sends a signal")
@pytest.mark.parametrize("mode", ["inline", "blocking"])
@pytest.mark.parametrize("inner", ["spin", "sleep"])
@pytest.mark.parametrize("beside", ["alone", "beside"])
def test_ctrl_c_ends_the_process(tmp_path, inner, mode, beside):
    file = tmp_path / "script.py"
    file.write_text(textwrap.dedent(SCRIPT))
    running = subprocess.Popen(
        [sys.executable, str(file), inner, mode, beside], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env={**os.environ, "PYTHONPATH": str(Path(cs.__file__).parent.parent)},
    )  # fmt: skip
    try:
        assert running.stdout is not None
        assert running.stdout.readline() == "begun\n"
        running.send_signal(signal.SIGINT)
        _, errors = running.communicate(timeout=60)
    finally:
        running.kill()
    # asyncio itself may complain of a half-made event loop, if the signal comes just then.
    assert "KeyboardInterrupt" in errors.splitlines() and "never awaited" not in errors
    assert running.returncode in (
        -signal.SIGINT,
        1,
    )  # CPython forgets the former where another thread executes a module


def test_ctrl_c_before_the_loop_begins_leaves_no_coroutine(path, monkeypatch):
    def interrupted(coroutine: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(asyncio, "run", interrupted)
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        with pytest.raises(KeyboardInterrupt):
            path.run(later(1))
        gc.collect()
    assert warned == []
