"""Policies of calls that run in threads and worker processes."""

from __future__ import annotations

import asyncio
import importlib.util
import threading
from typing import Any

import pytest

import cascade as cs
from cascade.errors import (
    WorkerError,
)
from tests.support import compute_tasks as compute
from tests.support.growing import growing
from tests.support.processes import alive, until
from tests.support.recording import heard_from, story
from tests.support.resources import make

pytestmark = pytest.mark.filterwarnings("ignore:a call of task .* is not cached:cascade.errors.CacheWarning")


needs_loky = pytest.mark.skipif(importlib.util.find_spec("loky") is None, reason="loky is not here")
ignore_stopped = pytest.mark.filterwarnings("ignore:A worker stopped while some jobs:UserWarning")


def test_blocking_calls_are_retried_timed_and_constrained(path, log):
    lock = threading.Lock()
    running, most, failed = 0, 0, set()

    @cs.task(mode="blocking", retry=2, constraints={"slot": 1})
    def work(n: int, c: Any = cs.inject(make("c", log, scope="task"))) -> Any:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        try:
            if n not in failed:
                failed.add(n)
                raise ValueError(n)
            return n, c, threading.current_thread() is threading.main_thread()
        finally:
            with lock:
                running -= 1

    assert path.run(work.map(range(6)), system_resources={"slot": 2}) == [(n, "c", False) for n in range(6)]
    assert most <= 2
    assert log.count("+c") == log.count("-c") == 12


def test_a_run_does_not_wait_for_threads_whose_calls_have_timed_out(path):
    begun: list[threading.Event] = []
    finished: list[threading.Event] = []

    @cs.task(mode="blocking")
    def wait(done: threading.Event) -> None:
        begun.append(done)
        done.wait(60)
        finished.append(done)

    nested = cs.task(lambda done, seconds: path.run(wait(done), timeout=seconds), name="nested")

    def twice(done: threading.Event, seconds: float) -> None:
        with pytest.raises(TimeoutError, match=f"task 'wait' took longer than {seconds:g} s") as raised:
            path.run(wait(done).with_timeout(seconds).with_retry(2))
        assert "after 2 attempts" in raised.value.__notes__

    def inside(done: threading.Event, seconds: float) -> None:
        with pytest.raises(TimeoutError):
            asyncio.run(path.arun(nested(done, seconds)))

    def compiled(done: threading.Event, seconds: float) -> None:
        with pytest.raises(TimeoutError):
            cs.compile(wait(done).with_timeout(seconds))()

    for late, calls in ((twice, 2), (inside, 1), (compiled, 1)):
        for seconds in growing(0.02):
            done = threading.Event()
            try:
                late(done, seconds)
                assert done not in finished
            finally:
                done.set()
            if begun.count(done) == calls:
                break
    until(
        lambda: (
            len(finished) == len(begun)
            and not any(thread.name.startswith("cascade_") for thread in threading.enumerate())
        )
    )


@needs_loky
@ignore_stopped
def test_a_worker_that_dies_is_made_good_by_a_retry(path, log, tmp_path):
    connection = make("c", log, scope="task")
    target = compute.die_once(str(tmp_path / "marker")).with_retry(2)
    outcome, events = heard_from(path, target)
    assert outcome == "alive"
    assert [event[0] for event in story(events)] == ["start", "retrying", "Succeeded"]
    with pytest.raises(WorkerError, match="the worker process that ran task 'die' died") as raised:
        path.run(compute.die(3).with_retry(2).with_constraints(cpu=1), system_resources={"cpu": 1})
    assert "after 2 attempts" in raised.value.__notes__
    markers = [str(tmp_path / str(n)) for n in range(3)]
    with_connection = cs.task(mode="compute", name="with_connection")(_die_once_with)
    assert path.run(with_connection.map(markers, [cs.inject(connection)] * 3).with_retry(6)) == ["c"] * 3
    assert log.count("+c") == log.count("-c") >= 4


def _die_once_with(marker: str, connection: Any) -> Any:
    compute.die_once.func(marker)
    return connection


@needs_loky
@ignore_stopped
def test_a_timeout_kills_the_worker(path, tmp_path):
    started = tmp_path / "started"
    with pytest.raises(TimeoutError, match="task 'nap' took longer than 2 s"):
        path.run(compute.nap(60, str(started)).with_timeout(2))
    process = int(started.read_text())
    until(lambda: not alive(process))
    cache = cs.MemoryCache()
    assert path.run(
        compute.work.map([1, 2], scale=[3, 4]).with_cache(cache).with_constraints(cpu=1), system_resources={"cpu": 1}
    ) == [3, 8]
    outcome, events = heard_from(path, compute.work(2, scale=4).with_cache(cache))
    assert outcome == 8
    assert [event[0] for event in story(events)] == ["skipped"]


@needs_loky
def test_what_stands_for_inputs_and_resources_goes_to_a_worker_with_its_function(path, log):
    @cs.task(mode="compute")
    def local(x: int, c: Any = cs.inject(make("c", log)), n: int = cs.Param("n", 4)) -> Any:
        return x, c, n

    assert path.run(local(1)) == (1, "c", 4)
    assert path.run(local.map([1, 2]), params={"n": 5}) == [(1, "c", 5), (2, "c", 5)]


@needs_loky
def test_only_the_chosen_route_starts_a_worker_call(path, tmp_path):
    routes = {"a": compute.work(2), "b": compute.nap(0, str(tmp_path / "started"))}
    assert path.run(cs.Router(compute.work(1), {1: routes["a"], 2: routes["b"]})) == 2
    assert not (tmp_path / "started").exists()
