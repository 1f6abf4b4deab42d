"""Retry: how often, when, and of which failures; the same on both paths."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

import cascade as cs
from tests.support.flaky import AsyncFlaky, Flaky
from tests.support.heartbeat import ENOUGH, beats_beside
from tests.support.recording import heard_from, story
from tests.support.tasks import countdown, identity, increment, one


@pytest.mark.parametrize("kind", [Flaky, AsyncFlaky])
@pytest.mark.parametrize("delay", [0, 0.001])
def test_a_call_that_fails_is_made_again(path, kind, delay):
    flaky = kind(2)
    outcome, events = heard_from(path, identity(cs.task(flaky)(5).with_retry(3, delay=delay, backoff=2)))
    assert outcome == 5
    assert flaky.calls == 3
    assert story(events)[:4] == [
        ("start", "flaky#0"),
        ("retrying", "flaky#0", 1, 3, delay, "ValueError('attempt 1')"),
        ("retrying", "flaky#0", 2, 3, 2 * delay, "ValueError('attempt 2')"),
        ("Succeeded", "flaky#0", "5"),
    ]


@pytest.mark.parametrize("kind", [Flaky, AsyncFlaky])
def test_the_last_failure_is_raised_as_itself(run, kind):
    flaky = kind(9)
    with pytest.raises(ValueError, match="attempt 3") as raised:
        run(cs.task(flaky)().with_retry(3))
    assert flaky.calls == 3
    assert raised.value.__context__ is None
    assert "after 3 attempts" in raised.value.__notes__
    assert any("node flaky#0" in note for note in raised.value.__notes__)
    frames = []
    at = raised.value.__traceback__
    while at is not None:
        frames.append(at.tb_frame.f_code.co_name)
        at = at.tb_next
    assert frames[-1] == "__call__"


def test_only_the_named_exceptions_are_retried(run):
    flaky = Flaky(1, KeyError)
    with pytest.raises(KeyError):
        run(cs.task(flaky)().with_retry(3, retry_on=(ValueError, OSError)))
    assert flaky.calls == 1
    assert run(cs.task(Flaky(1, KeyError))().with_retry(3, retry_on=LookupError)) == "done"


@pytest.mark.parametrize("error", [asyncio.CancelledError, KeyboardInterrupt, SystemExit])
def test_what_is_no_failure_is_not_retried(path, error):
    flaky = Flaky(1, error)
    with pytest.raises(error):
        path.run(cs.task(flaky)().with_retry(3))
    assert flaky.calls == 1


def test_a_stop_iteration_comes_out_as_itself(path):
    with pytest.raises(StopIteration, match="attempt 2"):
        path.run(cs.task(Flaky(9, StopIteration))().with_retry(2))
    with pytest.raises(StopIteration, match="attempt 2"):
        path.run(cs.task(Flaky(9, StopIteration))().with_retry(2, delay=0.001))


def test_delays_grow_up_to_a_cap_and_jitter_shortens_them():
    retry = cs.Retry(10, delay=1, backoff=3, max_delay=20)
    assert [retry.delay_after(n) for n in range(1, 6)] == [1, 3, 9, 20, 20]
    assert cs.Retry(10**6, delay=1, backoff=10.0).delay_after(10**5) < float("inf")
    jittered = cs.Retry(3, delay=1, jitter=0.5)
    assert all(0.5 <= jittered.delay_after(1) <= 1 for _ in range(100))
    assert len({jittered.delay_after(1) for _ in range(20)}) > 1


def test_cancellation_while_a_retry_waits_takes_effect(path):
    flaky = Flaky(9)

    async def main() -> None:
        run = asyncio.ensure_future(path.arun(cs.task(flaky)().with_retry(3, delay=60)))
        while not flaky.calls:
            await asyncio.sleep(0)
        await asyncio.sleep(0)
        run.cancel()
        with pytest.raises(asyncio.CancelledError):
            await run
        assert len(asyncio.all_tasks()) == 1

    asyncio.run(main())
    assert flaky.calls == 1


def test_the_event_loop_has_its_turn_beside_fast_retries(path):
    target = cs.task(Flaky(10**9))().with_retry(10**9)
    assert asyncio.run(beats_beside(path.arun(target))) == ENOUGH


def test_fast_retries_stop_at_the_runs_timeout(path):
    with pytest.raises(TimeoutError):
        path.run(cs.task(Flaky(10**9))().with_retry(10**9), timeout=0.05)


def test_each_iteration_of_a_loop_is_retried(run):
    failed = set()

    @cs.task
    def loop(n: int, seen: int = 0) -> Any:
        if n not in failed:
            failed.add(n)
            raise ValueError(n)
        return seen if n == 0 else cs.TailCall((n - 1, seen + 1))

    assert run(loop(5).with_retry(2)) == 5
    failed.clear()
    assert run(identity(loop(5).with_retry(2))) == 5


def test_tail_calls_keep_their_policies_and_long_loops_work(path):
    assert path.run(countdown(20_000).with_retry(2)) == "done"

    @cs.task
    def ping(n: int) -> Any:
        return "done" if n == 0 else cs.TailCall((n - 1,), target=ping)

    @cs.task(retry=2)
    def recurse(n: int) -> Any:
        return "done" if n == 0 else recurse(n - 1).run_if(True)

    assert path.run(ping(5).with_constraints(cpu=one()), system_resources={"cpu": 1}) == "done"
    assert path.run(recurse(3_000)) == "done"


def test_a_tail_call_with_deferred_arguments_keeps_its_policies(run):
    calls = []

    @cs.task
    def loop(n: int) -> Any:
        calls.append(n)
        if calls.count(n) == 1:
            raise ValueError(n)
        return "done" if n == 0 else cs.TailCall((increment(n - 2),))

    assert run(loop(2).with_retry(2).with_constraints(cpu=one()), system_resources={"cpu": 1}) == "done"
    assert calls == [2, 2, 1, 1, 0, 0]


def test_a_retry_without_a_delay_does_not_compute_one():
    retry = cs.Retry(10**9, backoff=10**9)
    assert retry.delay_after(10**8) == 0
