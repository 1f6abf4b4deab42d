"""Publishing: events are made only for subscribers, and a broken handler breaks nothing."""

from __future__ import annotations

import asyncio
import dataclasses
import logging
import re
import threading
from pathlib import Path as FilePath
from typing import Any

import pytest

import cascade as cs
from cascade._vm import instance_of
from cascade.events import types as events
from cascade.runtime import Engine, MessageBus
from cascade.runtime.events import (
    EVENTS,
    SAVED_RUN_EVENTS,
    Event,
    ItemFinished,
    ItemStarted,
    LoopProgress,
    ResourceEvent,
    RunFinished,
    RunStarted,
    TaskExecutionFinished,
    TaskExecutionStarted,
    next_number,
)
from tests.support.all_events import everything
from tests.support.recording import brief
from tests.support.tasks import increment, one


def test_what_nobody_hears_is_not_made(path):
    for kind in EVENTS:
        bus = MessageBus()
        heard: list[Event] = []
        bus.subscribe(kind, heard.append)
        before = next_number()
        with pytest.raises(cs.CascadeError):
            path.run_with(Engine(bus=bus, system_resources={"gpu": 1}), everything(cs.MemoryCache()))
        assert next_number() - before - 1 == len(heard), kind
        assert all(isinstance(event, kind) for event in heard)


@pytest.mark.usefixtures("one_slice")
def test_a_bus_of_ones_own_hears_all(path):
    class Bus:
        has_subscribers = True

        def __init__(self) -> None:
            self.heard: list[Event] = []

        def publish(self, event: Event) -> None:
            self.heard.append(event)

    bus = Bus()
    path.run_with(Engine(bus=bus), increment.map([1]))
    assert [type(event) for event in bus.heard] == [
        RunStarted, TaskExecutionStarted, ItemStarted, ItemFinished, TaskExecutionFinished, RunFinished,
    ]  # fmt: skip


def test_who_hears_what():
    bus = MessageBus()
    assert not bus.has_subscribers and not any(map(bus.hears, EVENTS))
    end = bus.subscribe(TaskExecutionStarted, print, items=False)
    assert [kind for kind in EVENTS if bus.hears(kind)] == [TaskExecutionStarted]
    end_of_all = bus.subscribe(ResourceEvent, print)
    assert len([kind for kind in EVENTS if bus.hears(kind)]) == 3
    bus.subscribe(TaskExecutionStarted, print)
    assert bus.hears(ItemStarted)
    end()
    end_of_all()
    assert [kind for kind in EVENTS if bus.hears(kind)] == [TaskExecutionStarted, ItemStarted]


def test_a_subscription_while_a_run_is_under_way(path):
    bus = MessageBus()
    late: list[Event] = []
    ends: list[Any] = []

    def subscribe(event: RunStarted) -> None:
        for kind in (TaskExecutionStarted, RunFinished):
            ends.append(bus.subscribe(kind, late.append))

    bus.subscribe(RunStarted, subscribe)
    bus.subscribe(RunFinished, lambda event: None)
    path.run_with(Engine(bus=bus), increment(one()))
    assert [type(event) for event in late] == [RunFinished]  # nobody had heard of the tasks when the run began
    for end in ends:
        end()
    path.run_with(Engine(bus=bus), increment(one()))
    assert len(late) == 1 + 1


def test_instances_are_made_of_plain_classes_only():
    class Own:
        def __new__(cls) -> Any:
            raise AssertionError

    class Slots:
        __slots__ = ("a",)

    fields = {"run_id": "r", "event_id": 1, "timestamp": 2.0}
    event = instance_of(Event, fields)
    assert event == Event(**fields)
    with pytest.raises(dataclasses.FrozenInstanceError):
        event.run_id = "other"
    for kind in (int, dict, type, Own, Slots, BaseException):
        with pytest.raises((TypeError, AttributeError)):
            instance_of(kind, {"a": 1})
    for wrong in ((Event, None), (None, {}), (5, {})):
        with pytest.raises(TypeError):
            instance_of(*wrong)


def test_the_table_of_events_is_complete():
    document = FilePath(__file__).parents[2] / "docs" / "events.md"
    if not document.exists():
        pytest.skip("only in a checkout")
    rows = re.findall(r"^\| `(\w+)` \| (.*?) \|", document.read_text(), re.MULTILINE)
    fields = {name: set(re.findall(r"`(\w+)`", text)) for name, text in rows}
    for kind in (Event, *EVENTS):
        own = {field.name for field in dataclasses.fields(kind)} - {field.name for field in dataclasses.fields(Event)}
        if kind in (ItemStarted, ItemFinished):
            assert fields[kind.__name__] == {kind.__bases__[0].__name__}
        else:
            assert fields[kind.__name__] == (own or {"run_id", "event_id", "timestamp"})
    assert set(fields) == {"Event", *(kind.__name__ for kind in EVENTS)}
    assert {
        kind
        for kind in vars(events).values()
        if isinstance(kind, type) and not kind.__subclasses__() and issubclass(kind, Event)
    } == ({*EVENTS} - {TaskExecutionStarted, TaskExecutionFinished})


@pytest.mark.parametrize(
    "error", [RuntimeError("broken"), asyncio.CancelledError(), StopIteration()], ids=lambda e: type(e).__name__
)
@pytest.mark.parametrize("kind", [*(kind for kind in EVENTS if kind not in SAVED_RUN_EVENTS), Event])
@pytest.mark.usefixtures("one_slice")
def test_a_handler_that_raises_breaks_nothing_at_any_event(path, kind, error, caplog):
    def broken(event: Event) -> None:
        raise error

    outcomes = []
    for handlers in ([], [broken]):
        bus = MessageBus()
        heard: list[Event] = []
        for handler in handlers:
            bus.subscribe(kind, handler)
        bus.subscribe(Event, heard.append)
        engine = Engine(bus=bus, system_resources={"gpu": 1})
        cache = cs.MemoryCache()
        with caplog.at_level(logging.ERROR, logger="cascade"):
            for _ in range(2):
                with pytest.raises(cs.CascadeError) as raised:
                    path.run_with(engine, everything(cache))
        kinds = [type(event) for event in heard if not isinstance(event, LoopProgress)]  # which comes by the clock
        outcomes.append((brief(heard), kinds, str(raised.value)))
        assert engine.capacity._free == {"gpu": 1}
    assert outcomes[0] == outcomes[1]
    assert len(caplog.records) == 1 or (kind is LoopProgress and not caplog.records)


@pytest.mark.parametrize("now", [False, True], ids=["async", "sync"])
def test_ctrl_c_in_a_handler_ends_the_run_and_leaves_nothing(path, now):
    number = 0
    while True:
        count = 0
        releases: list[Event] = []

        def interrupt(event: Event) -> None:
            nonlocal count
            count += 1
            if isinstance(event, ResourceEvent):
                releases.append(event)  # noqa: B023
            if count == number + 1:
                raise KeyboardInterrupt

        engine = Engine(observers=[interrupt], system_resources={"gpu": 1})
        target = everything(cs.MemoryCache())
        with pytest.raises((KeyboardInterrupt, cs.CascadeError)) as raised:
            engine.run_now(target, use_vm=path.use_vm) if now else path.run_with(engine, target)
        assert engine.capacity._free == {"gpu": 1}
        assert len(releases) % 2 == 0
        if count <= number:
            break  # there are no more events than that
        assert raised.type is KeyboardInterrupt
        number += 1
    assert number > 20


def test_a_handler_may_run_a_target_of_its_own(path):
    values: list[Any] = []
    bus = MessageBus()

    def nested(event: TaskExecutionFinished) -> None:
        thread = threading.Thread(target=lambda: values.append(path.run(increment(one()))))
        thread.start()
        thread.join()

    bus.subscribe(TaskExecutionFinished, nested)
    assert path.run_with(Engine(bus=bus), increment(one())) == 2
    assert values == [2, 2]
