"""Timeouts of nodes: coroutines, threads and plain functions that take too long; the same on both paths."""

from __future__ import annotations

import asyncio
import contextlib
import re
import threading
import time
from typing import Any

import pytest

import cascade as cs
from cascade.errors import (
    StepLimitError,
    TaskTimeoutError,
)
from cascade.runtime import Engine
from tests.support.flaky import Flaky
from tests.support.growing import growing
from tests.support.recording import heard_from, story
from tests.support.tasks import increment, later, one


def test_a_coroutine_that_takes_too_long_is_stopped(run):
    cleaned = []

    @cs.task
    async def slow() -> None:
        try:
            await asyncio.sleep(60)
        finally:
            cleaned.append(True)

    with pytest.raises(TaskTimeoutError, match="task 'slow' took longer than 0.01 s") as raised:
        run(slow().with_timeout(0.01))
    assert isinstance(raised.value, TimeoutError)
    assert "slow#0" in str(raised.value)
    assert cleaned == [True]


def test_a_thread_that_takes_too_long_is_left_alone(path):
    begun, end, ended = threading.Event(), threading.Event(), threading.Event()

    @cs.task(mode="blocking")
    def blocked() -> None:
        begun.set()
        end.wait(60)
        ended.set()

    async def main() -> None:
        for seconds in growing(0.02):
            with pytest.raises(TaskTimeoutError):
                await path.arun(blocked().with_timeout(seconds))
            if begun.is_set():
                break
        assert not ended.is_set()
        end.set()  # or the end of this loop, as of any, would wait for its thread

    try:
        for seconds in growing(0.02):
            with pytest.raises(TaskTimeoutError):
                path.run(blocked().with_timeout(seconds))
            if begun.is_set():
                break
        assert not ended.is_set()
        end.set()
        assert ended.wait(60)  # it has gone on
        begun.clear(), end.clear(), ended.clear()
        asyncio.run(main())
        assert ended.wait(60)
    finally:
        end.set()


def test_what_can_be_stopped_already_gets_no_hint_how(run):
    slow = later(1, 60).with_timeout(0.01)
    late = cs.task(lambda: time.sleep(0.02))().with_timeout(0.005)
    for target, hint in (
        (slow, "raise the node's with_timeout"),
        (late, "raise the node's with_timeout, or make .* a coroutine"),
    ):
        with pytest.raises(TaskTimeoutError) as raised:
            run(target)
        assert re.fullmatch(hint + "(, .*)?" * (target is late), str(raised.value.hint))


def test_attempts_may_be_counted_by_any_whole_number(run):
    class Three:
        def __index__(self) -> int:
            return 3

    assert run(increment(1).with_retry(Three())) == 2
    assert increment(1).with_retry(Three()).policies.retry == cs.Retry(3)
    assert cs.task(retry=Three())(lambda: 1).policies.retry == cs.Retry(3)


def test_a_run_ends_in_time_unless_a_function_is_called_in_place():
    turns: dict[str, int] = {}

    @cs.task
    def in_place(seconds: float) -> None:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            turns["in place"] = turns.get("in place", 0) + 1
        turns["ended"] = 1

    @cs.task
    def by_tail_calls(turns: dict[str, int]) -> Any:
        turns["tail calls"] = turns.get("tail calls", 0) + 1
        return by_tail_calls.tail(turns)

    @cs.task
    async def awaiting() -> None:
        while True:
            turns["awaits"] = turns.get("awaits", 0) + 1
            await asyncio.sleep(0)

    @cs.task(lower=True)
    def of_numbers(n: int) -> int:
        total = 0
        while True:
            total = (total + n) % 7

    cs.run(in_place(0.01))
    del turns["ended"]
    for target in (in_place(0.4), by_tail_calls(turns), awaiting(), of_numbers(3)):
        with pytest.raises(cs.RunTimeoutError):
            cs.run(target, timeout=0.2)
    assert turns.keys() == {"in place", "ended", "tail calls", "awaits"}


def test_a_function_that_was_too_slow_fails_afterwards(run):
    with pytest.raises(TaskTimeoutError):
        run(cs.task(lambda: time.sleep(0.02))().with_timeout(0.005))
    assert run(increment(1).with_timeout(10)) == 2
    assert run(later(1).with_timeout(10)) == 1


def test_a_users_own_timeout_is_not_ours(run):
    @cs.task
    async def own() -> None:
        raise TimeoutError("mine")

    with pytest.raises(TimeoutError, match="mine"):
        run(own().with_timeout(5))


def test_each_attempt_has_its_own_time(path):
    calls: list[int] = []

    @cs.task
    async def slow_once() -> str:
        calls.append(1)
        await asyncio.sleep(600 if len(calls) == 1 else 0)
        return "done"

    for seconds in growing(0.02):  # the second attempt may be late as well, on a busy machine
        calls.clear()
        outcome, events = heard_from(path, slow_once().with_timeout(seconds).with_retry(2))
        assert len(calls) == 2
        if not isinstance(outcome, TaskTimeoutError):
            break
    assert outcome == "done"
    assert [event[0] for event in story(events)] == ["start", "retrying", "Succeeded"]


def test_each_iteration_of_a_loop_has_its_own_time(run):
    @cs.task
    async def wait_until(moment: float) -> Any:
        if time.monotonic() >= moment:
            return "done"
        await asyncio.sleep(0.002)
        return cs.TailCall((moment,))

    for seconds in growing(0.02):
        try:
            assert run(wait_until(time.monotonic() + 1.5 * seconds).with_timeout(seconds)) == "done"
            break
        except TaskTimeoutError:  # one iteration was late, on a busy machine
            continue


def test_a_node_is_one_step_however_often_it_is_called(path):
    assert path.run([cs.task(Flaky(4))(7).with_retry(9), cs.task(Flaky(2)).map([1, 2]).with_retry(3)], max_steps=2) == [
        7,
        [1, 2],
    ]
    cache = cs.MemoryCache()
    for _ in range(2):  # a hit counts as well
        with pytest.raises(StepLimitError):
            path.run([one().with_cache(cache), one()], max_steps=1)
    assert path.run([one().with_cache(cache), one()], max_steps=2) == [1, 1]
    assert len(cache) == 1


def test_a_function_that_was_too_slow_is_called_again_and_keeps_its_capacity(path):
    calls: list[int] = []

    @cs.task
    def slow_once(seconds: float) -> str:
        calls.append(1)
        if len(calls) == 1:
            time.sleep(2 * seconds)
        return "done"

    engine = Engine(system_resources={"cpu": 1})
    results: list[str] = []
    for seconds in growing(0.005):
        calls.clear()
        node = slow_once(seconds).with_timeout(seconds).with_retry(2).with_constraints(cpu=1)
        with contextlib.suppress(TaskTimeoutError):  # of the second attempt, on a busy machine
            results.append(engine.run_now(node, use_vm=path.use_vm))
        assert len(calls) == 2
        if len(results) == 2:  # the capacity is back after the first run
            break
    assert results == ["done", "done"]


def test_a_run_inside_of_a_function_ends_with_its_timeout_and_so_does_the_call(path):
    endless = cs.task(lambda n: cs.TailCall((n + 1,)), name="endless")

    @cs.task
    def nested() -> Any:
        return path.run(endless(0))

    with pytest.raises(TaskTimeoutError, match="nested"):
        path.run(nested().with_timeout(0.02))


def test_an_error_of_a_function_with_a_timeout_is_its_own(run):
    class Own(Exception):
        pass

    @cs.task
    def fails() -> None:
        raise Own("mine")

    with pytest.raises(Own, match="mine") as caught:
        run(fails().with_timeout(10))
    assert caught.value.__context__ is None
    assert [frame.name for frame in caught.traceback][-1] == "fails"
