"""Events: the same on both paths, in the same order."""

from __future__ import annotations

import asyncio
import dataclasses
import logging
import time
from typing import Any

import pytest

import cascade as cs
from cascade.events.silent import PROGRESS_TIME
from cascade.runtime import Engine, MessageBus
from cascade.runtime.events import (
    Event,
    ItemFinished,
    ItemStarted,
    LoopProgress,
    RunFinished,
    RunStarted,
    TaskBlocked,
    TaskEvent,
    TaskExecutionFinished,
    TaskExecutionStarted,
    TaskRetrying,
)
from tests.conftest import Path
from tests.support.recording import brief, events_of
from tests.support.tasks import add, countdown, fail, fail_later, identity, increment, later, one


def test_a_graph_tells_what_it_does(path):
    assert brief(events_of(path, add(increment(1), [one()]))) == [
        ("run", "add"),
        ("start", "increment#0"),
        ("Succeeded", "increment#0", "2"),
        ("start", "one#1"),
        ("Succeeded", "one#1", "1"),
        ("start", "add#3"),
        ("Failed", "add#3", "TypeError(\"unsupported operand type(s) for +: 'int' and 'list'\")"),
        ("Failed", "TypeError(\"unsupported operand type(s) for +: 'int' and 'list'\")"),
    ]


def test_a_loop_starts_and_finishes_once(path):
    assert brief(events_of(path, identity(countdown(50)))) == [
        ("run", "identity"),
        ("start", "countdown#0"),
        ("Succeeded", "countdown#0", "'done'"),
        ("start", "identity#1"),
        ("Succeeded", "identity#1", "'done'"),
        ("Succeeded", None),
    ]


def test_a_task_that_answers_with_a_result_finishes_there(path):
    @cs.task
    def expand(n: int) -> Any:
        return increment(n) if n == 0 else expand(n - 1)

    assert brief(events_of(path, expand(1)))[1:-1] == [
        ("start", "expand#0"),
        ("Succeeded", "expand#0", "<LazyResult of expand, not run yet: cs.run(...)>"),
        ("start", "expand#1.0"),
        ("Succeeded", "expand#1.0", "<LazyResult of increment, not run yet: cs.run(...)>"),
        ("start", "increment#2.0"),
        ("Succeeded", "increment#2.0", "1"),
    ]


@cs.task
async def after_turns(value: int, turns: int) -> int:
    for _ in range(turns):
        await asyncio.sleep(0)
    return value


@pytest.mark.usefixtures("one_slice")
@pytest.mark.parametrize(
    "make",
    [
        lambda: [after_turns(1, 100), after_turns(2, 0), increment(after_turns(3, 50))],
        lambda: identity([countdown(3), identity([later("x")])]),
        lambda: [later(1, 30), fail_later("x", 0.01)],
        lambda: identity(fail("x")),
        lambda: cs.task(lambda: cs.TailCall((increment(1), 2), target=add))(),
    ],
)
def test_both_paths_tell_the_same(make):
    graph, vm = (brief(events_of(Path(use_vm), make())) for use_vm in (False, True))
    assert graph == vm
    assert len(graph) >= 4


def test_tasks_under_way_fail_with_the_run(path):
    events = brief(events_of(path, [later(1, 30), fail_later("x", 0.01)]))
    assert ("Failed", "later#0", "ValueError('x')") in events
    started = [event[1] for event in events if event[0] == "start"]
    finished = [event[1] for event in events if event[0] in ("Succeeded", "Failed") and len(event) == 3]
    assert sorted(started) == sorted(finished)


def test_a_limit_is_told_as_a_failure(path):
    events = events_of(path, countdown(100), max_steps=10)
    assert isinstance(events[-1], RunFinished)
    assert events[-1].status == "Failed"
    assert "max_steps=10" in str(events[-1].error)
    assert [event[0] for event in brief(events)] == ["run", "start", "Failed", "Failed"]


def test_a_long_loop_tells_its_progress_now_and_then(path):
    progress: list[LoopProgress] = []
    bus = MessageBus()
    bus.subscribe(LoopProgress, progress.append)

    @cs.task
    def until_told(n: int) -> Any:
        return cs.TailCall((n + 1,)) if len(progress) < 3 else n

    begun = time.monotonic()
    steps = path.run_with(Engine(bus=bus), until_told(0), timeout=60)
    assert len(progress) == 3
    assert time.monotonic() - begun >= 3 * PROGRESS_TIME
    assert progress[0].task_id == "until_told#0"
    assert 0 < progress[0].iteration < progress[1].iteration < progress[2].iteration <= steps
    assert all(event.rate > 0 for event in progress)


def test_a_call_in_its_first_iteration_tells_no_progress():
    from cascade.adapters.executors.local import LocalExecutor
    from cascade.adapters.solvers.native import NativeSolver
    from cascade.compiler.code_cache import CodeCache
    from cascade.events.publisher import EventPublisher
    from cascade.runtime.run_inputs import RunInputs
    from cascade.runtime.spine.run_context import RunContext

    bus, heard = MessageBus(), []
    bus.subscribe(LoopProgress, heard.append)
    context = RunContext(CodeCache(NativeSolver()), LocalExecutor(), RunInputs(), EventPublisher(bus, ""))
    context.progress(increment, 0, 3, 0)
    assert heard == []
    context.progress(increment, 0, 3, 5)
    assert [(event.task_id, event.iteration) for event in heard] == [("increment#3", 5)]


def test_events_carry_their_run_and_grow(path):
    events = events_of(path, increment(one()))
    assert len({event.run_id for event in events}) == 1
    assert events[0].run_id != events_of(path, one())[0].run_id
    assert [event.event_id for event in events] == sorted(event.event_id for event in events)
    with pytest.raises(dataclasses.FrozenInstanceError):
        events[0].run_id = "other"


def test_a_subscription_hears_its_type_until_it_ends(path):
    bus = MessageBus()
    heard: list[Event] = []
    end = bus.subscribe(TaskEvent, heard.append)
    engine = Engine(bus=bus)
    path.run_with(engine, one())
    assert [type(event) for event in heard] == [TaskExecutionStarted, TaskExecutionFinished]
    end()
    path.run_with(engine, one())
    assert len(heard) == 2
    assert not bus.has_subscribers


def test_a_handler_that_raises_is_reported_once_and_breaks_nothing(path, caplog):
    bus = MessageBus()
    heard: list[Event] = []

    def broken(event: Event) -> None:
        raise RuntimeError("broken handler")

    bus.subscribe(Event, broken)
    bus.subscribe(Event, heard.append)
    with caplog.at_level(logging.ERROR, logger="cascade"):
        assert path.run_with(Engine(bus=bus), increment(one())) == 2
    assert len(caplog.records) == 1
    assert len(heard) == 6


def test_values_whose_repr_fails_do_not_break_a_run(path):
    class Bad:
        def __repr__(self) -> str:
            raise RuntimeError("no repr")

    events = events_of(path, cs.task(Bad)())
    assert "whose repr raises RuntimeError" in str(brief(events)[2])


def test_runs_in_one_loop_keep_their_events_apart(path):
    bus = MessageBus()
    heard: list[Event] = []
    bus.subscribe(Event, heard.append)
    engine = Engine(bus=bus)

    async def main() -> None:
        await asyncio.gather(*(engine.run(increment(later(i)), use_vm=path.use_vm) for i in range(10)))

    asyncio.run(main())
    by_run: dict[str, list[Event]] = {}
    for event in heard:
        by_run.setdefault(event.run_id, []).append(event)
    assert [len(events) for events in by_run.values()] == [6] * 10


def ids_of(heard: list[Event], kind: type[TaskEvent]) -> list[tuple[str, str]]:
    return [(event.task_id, event.task_name) for event in heard if isinstance(event, kind)]


def flaky(name: str, answer: Any) -> Any:
    """A task that fails the first time it is called."""
    calls = 0

    @cs.task(name=name)
    def function(n: int) -> Any:
        nonlocal calls
        calls += 1
        if calls == 1:
            raise ValueError("not yet")
        return answer(n)

    return function


def test_an_attempt_in_a_loop_is_told_by_the_name_of_the_loop(path):
    other = flaky("other", lambda n: n)
    other.policies = increment(1).with_retry(2).policies
    first = cs.task(name="first")(lambda n: other.tail(n))
    assert ids_of(events_of(path, first(1)), TaskRetrying) == [("first#0", "other")]


def test_an_attempt_in_a_state_is_told_by_the_name_of_the_machine(path):
    second = flaky("second", lambda n: cs.Jump("end", n))(0).with_retry(2).with_constraints(cpu=0)
    first = cs.task(name="first")(lambda n: cs.Jump("next", n))(1)
    cs.bind(second, cs.select_jump({"end": None}))
    heard = events_of(path, cs.bind(first, cs.select_jump({"next": second})))
    assert ids_of(heard, TaskRetrying) == [("first#0", "second")]
    assert ids_of(heard, TaskExecutionStarted) == ids_of(heard, TaskExecutionFinished) == [("first#0", "first")]


def test_a_state_that_waits_is_told_by_the_name_of_the_machine(path):
    bus = MessageBus()
    heard: list[Event] = []
    bus.subscribe(Event, heard.append)
    second = later(0).with_constraints(cpu=1)
    first = cs.task(name="first")(lambda n: cs.Jump("next", n))(1)
    machine = cs.bind(first, cs.select_jump({"next": second}))
    path.run_with(Engine(bus=bus, system_resources={"cpu": 1}), [later(1, 0.001).with_constraints(cpu=1), machine])
    assert ids_of(heard, TaskBlocked) == [("first#1", "later")]


def test_a_map_that_is_a_state_is_part_of_the_machine(path):
    calls: list[int] = []

    @cs.task
    def start(n: int) -> Any:
        return cs.Jump("each", [n, n])

    each = flaky("each", calls.append).map([0]).with_retry(2)
    heard = events_of(path, cs.bind(start(5), cs.select_jump({"each": each})))
    assert calls == [5, 5]
    assert brief(heard)[1:-1] == [("start", "start#0"), ("Succeeded", "start#0", "[None, None]")]
    assert ids_of(heard, TaskRetrying) == [("start#0", "each")]


@pytest.mark.usefixtures("one_slice")
def test_what_is_under_way_ends_with_the_newest_first(path):
    heard = events_of(path, [later.map([1, 2], [30, 30]), later(1, 30), fail_later("x", 0.01)])
    assert [event.task_id for event in heard if isinstance(event, TaskExecutionFinished)] == [
        "fail_later#2", "later#0[1]", "later#1", "later#0[0]", "later#0",
    ]  # fmt: skip
    assert [event.abandoned for event in heard if isinstance(event, TaskExecutionFinished)] == [
        False,
        True,
        True,
        True,
        True,
    ]


@pytest.mark.usefixtures("one_slice")
def test_a_map_tells_which_item_failed(path):
    @cs.task
    def invert(n: int) -> float:
        return 1 / n

    for target in (
        invert.map([1, 2, 0, 3]),
        invert.map([1, 2, 0, 3]).with_retry(1),
        fail_later.map(["x", "y"], [0.05, 0.001]),
    ):
        for items in (True, False):
            bus = MessageBus()
            heard: list[Event] = []
            bus.subscribe(Event, heard.append, items=items)
            with pytest.raises((ValueError, ZeroDivisionError)):
                path.run_with(Engine(bus=bus), target)
            assert heard[1].items == len(target.slots[0])
            expected = 2 if target.task is invert else 1
            assert [event.failed_item for event in heard if type(event) is TaskExecutionFinished] == [expected]
            assert {type(event) for event in heard} - {ItemStarted, ItemFinished} == {
                RunStarted, RunFinished, TaskExecutionStarted, TaskExecutionFinished,
            }  # fmt: skip
            assert any(isinstance(event, ItemStarted) for event in heard) == items


@pytest.mark.parametrize("loops", [False, True], ids=["call", "loop"])
def test_a_call_that_had_to_wait_comes_before_what_is_ready_after_it(path, loops):
    # The function is not lowered, but looks as if it could be.
    calls: list[str] = []

    @cs.task
    def first(n: int, before: Any) -> Any:
        for _ in range(2):
            calls.append("first")
        return cs.TailCall((n - 1,)) if n else before

    @cs.task
    def second(before: Any) -> Any:
        calls.append("second")

    before = later(1)
    path.run([first(int(loops), before), second(before)])
    assert calls == ["first"] * (4 if loops else 2) + ["second"]


def test_every_loop_tells_its_progress(path):
    reported: set[str] = set()
    end = time.monotonic() + 60

    def loop(name: str, weight: int) -> Any:
        @cs.task(name=name)
        async def function(n: int) -> Any:
            for _ in range(weight):
                await asyncio.sleep(0)
            return cs.TailCall((n + 1,)) if len(reported) < 3 and time.monotonic() < end else n

        return function(0)

    bus = MessageBus()
    bus.subscribe(LoopProgress, lambda event: reported.add(event.task_id))
    path.run_with(Engine(bus=bus), [loop("a", 1), loop("b", 3), loop("c", 50)])
    assert reported == {"a#0", "b#1", "c#2"}


def test_a_map_tells_its_progress(path):
    numbers = range(100_000)
    for make in (lambda task: task.map(numbers), lambda task: task.map(numbers).with_retry(2)):
        progress: list[LoopProgress] = []
        end = time.monotonic() + 60

        @cs.task
        def slow(n: int) -> int:
            return n if progress or time.monotonic() > end else sum(range(1000))  # noqa: B023

        bus = MessageBus()
        bus.subscribe(LoopProgress, progress.append)
        path.run_with(Engine(bus=bus), make(slow))
        assert (progress[0].task_id, progress[0].task_name) == ("slow#0", "slow")
        assert 0 < progress[0].iteration <= len(numbers)
        assert progress[0].rate > 0
