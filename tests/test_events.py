"""Events: the same on both paths, in the same order, and a broken handler breaks nothing."""

from __future__ import annotations

import asyncio
import dataclasses
import logging
from typing import Any

import pytest

import cascade as cs
from cascade.runtime import Engine, MessageBus
from cascade.runtime.events import (
    Event,
    LoopProgress,
    RunFinished,
    RunStarted,
    TaskExecutionFinished,
    TaskExecutionStarted,
    TaskEvent,
)
from tests.conftest import Path
from tests.tasks import add, countdown, fail, fail_later, identity, increment, later, one


def events_of(path: Path, target: Any, **options: Any) -> list[Event]:
    bus = MessageBus()
    heard: list[Event] = []
    bus.subscribe(Event, heard.append)
    try:
        path.run_with(Engine(bus=bus), target, **options)
    except Exception:
        pass
    return heard


def brief(events: list[Event]) -> list[Any]:
    result: list[Any] = []
    for event in events:
        if isinstance(event, TaskExecutionStarted):
            result.append(("start", event.task_id))
        elif isinstance(event, TaskExecutionFinished):
            result.append((event.status, event.task_id, event.result_preview or event.error))
        elif isinstance(event, RunStarted):
            result.append(("run", event.target))
        elif isinstance(event, RunFinished):
            result.append((event.status, event.error))
    return result


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
        ("Succeeded", "expand#0", "<LazyResult of expand>"),
        ("start", "expand#1.0"),
        ("Succeeded", "expand#1.0", "<LazyResult of increment>"),
        ("start", "increment#2.0"),
        ("Succeeded", "increment#2.0", "1"),
    ]


@pytest.mark.parametrize(
    "make",
    [
        lambda: [later(1, 0.02), later(2), increment(later(3, 0.01))],
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
    @cs.task
    def forever(n: int) -> Any:
        return cs.TailCall((n + 1,))

    events = events_of(path, forever(0), timeout=0.5)
    progress = [event for event in events if isinstance(event, LoopProgress)]
    assert 1 <= len(progress) <= 6
    assert progress[0].task_id == "forever#0"
    assert progress[-1].iteration > 100
    assert progress[-1].rate > 0


def test_a_call_in_its_first_iteration_tells_no_progress():
    from cascade.adapters.executors.local import LocalExecutor
    from cascade.adapters.solvers.native import NativeSolver
    from cascade.runtime.host import Host
    from cascade.runtime.shapes import Shapes

    bus, heard = MessageBus(), []
    bus.subscribe(LoopProgress, heard.append)
    host = Host(Shapes(NativeSolver()), LocalExecutor(), bus)
    host.progress(increment, 0, 3, 0)
    assert heard == []
    host.progress(increment, 0, 3, 5)
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
