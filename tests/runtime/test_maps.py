"""Maps, on both paths."""

from __future__ import annotations

import asyncio
import threading
import time
from typing import Any

import pytest

import cascade as cs
from cascade.errors import DeclarationError, DependencyMissingError, MapError
from tests.support.flaky import AsyncFlaky, Flaky
from tests.support.heartbeat import ENOUGH, beats_beside
from tests.support.overlap import Overlap
from tests.support.recording import heard_from, story
from tests.support.tasks import countdown, fail, identity, increment, later, one, returns_in_four_ways, total


@cs.task
def combine(a: Any, b: Any = 10, *, c: Any = 100) -> Any:
    return (a, b, c)


def test_a_map_gives_the_list_of_its_calls(run):
    assert run(increment.map([1, 2, 3])) == [2, 3, 4]
    assert run(increment.map(x=(1, 2))) == [2, 3]
    assert run(combine.map([1, 2], c=[3, 4])) == [(1, 10, 3), (2, 10, 4)]
    assert run(combine.map(b=[1, 2], a=range(2))) == [(0, 1, 100), (1, 2, 100)]
    assert run(total(increment.map([1, 2]))) == 5
    assert run(increment.map(iter([1, 2]))) == [2, 3]


def test_an_empty_map_gives_an_empty_list(run):
    assert run(increment.map([])) == []
    assert run(increment.map(identity([]))) == []
    assert run(combine.map([], b=())) == []
    assert run(later.map([]).with_retry(2).with_constraints(cpu=1), system_resources={"cpu": 1}) == []


def test_inputs_may_be_lazy_and_nested(run):
    assert run(increment.map(identity([1, 2]))) == [2, 3]
    assert run(increment.map([one(), 5, increment(1)])) == [2, 6, 3]
    assert run(identity.map([[one()], {"a": one()}])) == [[1], {"a": 1}]
    assert run(increment.map(increment.map(increment.map([1, 2])))) == [4, 5]
    assert run(combine.map(later([1, 2]), c=later([3, 4], 0.001))) == [(1, 10, 3), (2, 10, 4)]


@pytest.mark.parametrize("lazy", [False, True])
def test_mismatched_lengths_are_refused(run, lazy):
    target = combine.map([1, 2], b=identity([1]) if lazy else [1])
    with pytest.raises(ValueError, match="mismatched lengths: a has 2, b has 1") as raised:
        run(target)
    assert isinstance(raised.value, MapError)


def test_bad_inputs_are_refused_where_they_are_written(run):
    with pytest.raises(TypeError, match="unexpected keyword argument"):
        increment.map(y=[1])
    with pytest.raises(TypeError, match="missing"):
        combine.map(b=[1])
    with pytest.raises(DeclarationError, match="at least one input"):
        one.map()
    with pytest.raises(DeclarationError, match="map input 'x' is of type int"):
        run(increment.map(3))
    for limit in (0, -1, 1.5, True):
        with pytest.raises(DeclarationError):
            increment.map([1]).with_concurrency(limit)
    with pytest.raises(DeclarationError, match="one call"):
        increment(1).with_concurrency(2)


@pytest.mark.usefixtures("one_slice")
def test_items_may_be_async_and_overlap_up_to_the_limit(run):
    overlap = Overlap()
    work = overlap.work
    assert run(work.map(range(30))) == list(range(30))
    assert overlap.most == 30
    overlap.reset()
    assert run(work.map(range(30)).with_concurrency(4)) == list(range(30))
    assert overlap.most == 4
    overlap.reset()
    assert run(work.map(range(30)).with_constraints(slot=1), system_resources={"slot": 3}) == list(range(30))
    assert overlap.most == 3


def test_items_may_be_blocking(run):
    threads = set()

    @cs.task(mode="blocking")
    def work(n: int) -> int:
        threads.add(threading.get_ident())
        return n

    assert run(work.map(range(10))) == list(range(10))
    assert threading.get_ident() not in threads


def test_items_may_answer_with_tail_calls_results_and_awaitables(run):
    expected = [0, 3, 4, 3, 4, 7, 8, 7]
    assert run(returns_in_four_ways.map(range(8))) == expected
    assert run(returns_in_four_ways.map(range(8)).with_retry(2)) == expected
    assert run(returns_in_four_ways.map(range(8)).with_concurrency(1)) == expected
    assert run(countdown.map([1, 50, 0])) == ["done"] * 3
    assert run(countdown.map([1, 50, 0]).with_retry(2)) == ["done"] * 3


def test_values_of_items_are_what_they_are_beside_items_that_go_on(run):
    inner = one()

    @cs.task
    def mixed(n: int) -> Any:
        return {"data": [inner]} if n == 0 else increment(n) if n == 1 else n

    for lazy in (mixed.map([0, 1, 2]), mixed.map([1, 0, 2]).with_retry(2)):
        data = next(value for value in run(lazy) if isinstance(value, dict))
        assert data["data"][0] is inner


def test_the_first_failure_of_an_item_is_raised_as_itself(run):
    with pytest.raises(ValueError, match="x") as raised:
        run(fail.map(["x", "y"]))
    assert "in item 0 of the map" in raised.value.__notes__
    assert raised.value.__context__ is None
    cancelled = []

    @cs.task
    async def work(n: int) -> int:
        try:
            await asyncio.sleep(0.001 if n == 3 else 30)
        except asyncio.CancelledError:
            cancelled.append(n)
            raise
        raise KeyError(n)

    with pytest.raises(KeyError) as missing:
        run(work.map(range(6)))
    assert "in item 3 of the map" in missing.value.__notes__
    assert sorted(cancelled) == [0, 1, 2, 4, 5]


def test_items_are_stopped_when_one_raises_what_closes_coroutines(run):
    begun, stopped = [], []

    async def wait(n: int) -> int:
        begun.append(n)
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            stopped.append(n)
            raise
        return n

    @cs.task
    def item(n: int) -> Any:
        if n == 3:
            raise GeneratorExit("mine")
        return wait(n)

    @cs.task
    async def let_them_begin(n: int) -> Any:
        if n == 3:
            await asyncio.sleep(0)
            raise GeneratorExit("mine")
        return await wait(n)

    for task in (item, let_them_begin):
        with pytest.raises(GeneratorExit, match="mine"):
            run(task.map([1, 2, 3]))
        assert sorted(stopped) == sorted(begun)
    assert begun[-2:] == [1, 2]


@pytest.mark.parametrize("kind", [Flaky, AsyncFlaky])
def test_policies_act_on_each_item(path, kind):
    flaky = kind(2)
    task = cs.task(flaky)
    outcome, events = heard_from(path, task.map([1, 2, 3]).with_retry(3).with_concurrency(1))
    assert outcome == [1, 2, 3]
    assert [event[:2] for event in story(events)] == [
        ("start", "flaky#0"),
        ("start", "flaky#0[0]"), ("retrying", "flaky#0[0]"), ("retrying", "flaky#0[0]"), ("Succeeded", "flaky#0[0]"),
        ("start", "flaky#0[1]"), ("Succeeded", "flaky#0[1]"),
        ("start", "flaky#0[2]"), ("Succeeded", "flaky#0[2]"),
        ("Succeeded", "flaky#0"),
    ]  # fmt: skip


def test_a_timeout_and_a_cache_act_on_each_item(run):
    with pytest.raises(TimeoutError, match=r"node later#0\[1\]"):
        run(later.map([1, 2], [0, 30]).with_timeout(0.02))
    cache = cs.MemoryCache()
    calls: list[int] = []

    def count(n: int) -> int:
        noted.append(n)
        return n

    noted = calls
    task = cs.task(count)
    with pytest.MonkeyPatch.context():
        kept = cs.task(_twice).map([1, 2, 1]).with_cache(cache)
        assert run(kept) == [2, 4, 2]
    assert len(cache) == 2
    assert task is not None


def _twice(n: int) -> int:
    return 2 * n


def test_a_condition_is_about_the_whole_map(path):
    outcome, events = heard_from(path, increment.map([1, 2]).run_if(identity(False)))
    assert isinstance(outcome, DependencyMissingError)
    assert story(events)[-1] == ("skipped", "increment#1", "ConditionFalse")


def test_a_lazy_amount_is_taken_for_each_item(run):
    assert run(later.map(range(5)).with_constraints(cpu=identity(2)), system_resources={"cpu": 4}) == list(range(5))


def test_a_map_of_a_task_with_defaults(run):
    flaky = Flaky(1)
    assert run(cs.task(flaky, retry=2).map([1, 2])) == [1, 2]  # type: ignore[call-overload]


def test_a_long_map_gives_the_event_loop_its_turn_and_can_be_stopped(path):
    @cs.task
    def slow(n: int) -> int:
        time.sleep(0.0005)
        return n

    assert asyncio.run(beats_beside(path.arun(slow.map(range(100_000))))) == ENOUGH
    with pytest.raises(TimeoutError):
        path.run(slow.map(range(100_000)), timeout=0.05)


def test_a_map_inside_a_task_inside_a_run(run, path):
    @cs.task
    def nest(n: int) -> Any:
        return path.run(increment.map(range(n)))

    assert run(nest.map([0, 1, 3])) == [[], [1], [1, 2, 3]]
