"""Cached nodes: what a hit saves, what is not kept, and what is published of it."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import pytest

import cascade as cs
from tests.support.counted_calls import CALLS, counted_task, log
from tests.support.recording import heard_from, story
from tests.support.tasks import add, increment

np = pytest.importorskip("numpy")

pytest.importorskip("msgspec")


def test_a_value_is_taken_from_the_cache(run, cache):
    square = counted_task(cache)
    assert run([square(3), square(4)]) == [9, 16]
    assert run(add(square(3), square(4))) == 25
    assert CALLS == [3, 4]


def test_a_hit_is_told_and_what_depends_on_it_runs(path, cache):
    square = counted_task(cache)
    first, events = heard_from(path, increment(square(3)))
    assert [event[0] for event in story(events)] == ["start", "Succeeded"] * 2
    second, events = heard_from(path, increment(square(3)))
    assert first == second == 10
    assert story(events) == [
        ("skipped", "square#0", "CacheHit"), ("start", "increment#1"), ("Succeeded", "increment#1", "10"),
    ]  # fmt: skip


def test_none_and_false_are_values_too(run, cache):
    @cs.task(cache=cache)
    def nothing(x: Any) -> Any:
        log(x)
        return None if x else False

    CALLS.clear()
    assert [run(nothing(1)), run(nothing(1)), run(nothing(0)), run(nothing(0))] == [None, None, False, False]
    assert CALLS == [1, 0]


def test_failures_are_not_kept(run, cache):
    @cs.task(cache=cache, retry=2)
    def flaky(x: Any) -> Any:
        log(x)
        if next(logging.getLogger("failing").handlers):  # type: ignore[call-overload]
            raise ValueError(x)
        return x

    CALLS.clear()
    logging.getLogger("failing").handlers = iter([True, True, True, False])  # type: ignore[assignment]
    with pytest.raises(ValueError, match="1"):
        run(flaky(1))
    assert run(flaky(1)) == 1
    assert run(flaky(1)) == 1
    assert CALLS == [1, 1, 1, 1]


def test_async_and_blocking_tasks_are_cached(run, cache):
    @cs.task(cache=cache)
    async def fetch(x: Any) -> Any:
        log(x)
        return x

    CALLS.clear()
    assert [run(fetch(1)), run(fetch(1))] == [1, 1]
    assert CALLS == [1]
    blocking = counted_task(cache, mode="blocking")
    assert [run(blocking(2)), run(blocking(2))] == [4, 4]
    assert CALLS == [2]


def test_equal_calls_that_are_under_way_at_once_are_each_computed(run, cache):
    @cs.task(cache=cache)
    async def fetch(x: Any) -> Any:
        log(x)
        await asyncio.sleep(0.01)
        return x

    CALLS.clear()
    assert run([fetch(1), fetch(1)]) == [1, 1]
    assert CALLS == [1, 1]
    assert run([fetch(1), fetch(1)]) == [1, 1]
    assert (CALLS, len(cache)) == ([1, 1], 1)


def test_a_loop_is_kept_by_its_first_arguments(run, cache):
    @cs.task(cache=cache)
    def loop(n: int, seen: int = 0) -> Any:
        log(n)
        return seen if n == 0 else cs.TailCall((n - 1, seen + 1))

    CALLS.clear()
    assert run(loop(3)) == 3
    assert CALLS == [3, 2, 1, 0]
    assert run(loop(3)) == 3
    assert CALLS == [3, 2, 1, 0]
    assert run(loop(2)) == 2
    assert CALLS == [3, 2, 1, 0, 2, 1, 0]


def test_an_answer_with_a_result_is_kept_with_its_value(run, cache):
    @cs.task(cache=cache)
    def fibonacci(n: int) -> Any:
        log(n)
        return n if n < 2 else add(fibonacci(n - 1), fibonacci(n - 2))

    CALLS.clear()
    assert run(fibonacci(20)) == 6765
    assert sorted(CALLS) == list(range(21))


def test_kept_values_cannot_be_changed_from_outside(run, cache):
    @cs.task(cache=cache)
    def make(x: Any) -> Any:
        return {"list": [x]}

    first = run(make(1))
    first["list"].append("changed")
    second = run(make(1))
    assert second == {"list": [1]}
    second["list"].append("changed")
    assert run(make(1)) == {"list": [1]}


def test_a_function_that_changes_its_argument_is_kept_by_what_it_was_given(run, cache):
    @cs.task(cache=cache)
    def pop(items: list[int]) -> int:
        log(len(items))
        return items.pop()

    CALLS.clear()
    assert run(pop([1, 2])) == 2
    assert run(pop([1])) == 1
    assert run(pop([1, 2])) == 2
    assert CALLS == [2, 1]


def test_constraints_are_not_taken_for_a_hit(run, cache):
    square = counted_task(cache)
    run(square(3).with_constraints(cpu=1), system_resources={"cpu": 1})
    target = square(3).with_constraints(cpu=increment(5))
    assert run(target, system_resources={"cpu": 1}) == 9
