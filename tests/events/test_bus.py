"""The message bus: who gets which events, and handlers that raise."""

from __future__ import annotations

import logging
import threading
from typing import Any

import pytest

import cascade as cs
from cascade.errors import DeclarationError
from cascade.runtime import Engine, MessageBus
from cascade.runtime.events import (
    Event,
    RunStarted,
)
from tests.support.tasks import increment, later, one


def test_each_broken_handler_is_reported_once(path, caplog):
    bus = MessageBus()

    class Broken:
        def __eq__(self, other: object) -> bool:
            raise RuntimeError("cannot be compared")

        __hash__ = None  # type: ignore[assignment]

        def __call__(self, event: Event) -> None:
            raise LookupError(type(event).__name__)

    for _ in range(2):
        bus.subscribe(Event, Broken())
    with caplog.at_level(logging.ERROR, logger="cascade"):
        for _ in range(3):
            assert path.run_with(Engine(bus=bus), increment(one())) == 2
    assert len(caplog.records) == 2
    assert "of Event raised at a RunStarted" in caplog.records[0].getMessage()


def test_a_log_that_raises_breaks_no_run(path, monkeypatch):
    monkeypatch.setattr(logging.getLogger("cascade"), "exception", lambda *args: 1 / 0)
    assert path.run(one(), observers=[lambda event: 1 / 0]) == 1


@pytest.mark.parametrize(
    ("event_type", "handler", "message"),
    [
        (int, print, "a class of events"),
        ("Event", print, "a class of events"),
        (Event, 5, "cannot be called"),
        (Event, later.func, "is a coroutine function"),
    ],
)
def test_wrong_subscriptions_are_refused(event_type, handler, message):
    with pytest.raises(DeclarationError, match=message):
        MessageBus().subscribe(event_type, handler)
    if event_type is Event:
        with pytest.raises(DeclarationError, match=message):
            Engine(observers=[handler])


def test_subscribing_from_many_threads_loses_nothing():
    bus = MessageBus()
    heard: list[Event] = []
    ends: list[Any] = []

    def work() -> None:
        for _ in range(200):
            ends.append(bus.subscribe(Event, heard.append))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    bus.publish(RunStarted(run_id="r", target="t"))
    assert len(heard) == 800
    for end in ends:
        end()
    assert not bus.has_subscribers


def heard_without_calls(path, target, *others):
    """The events of a run, as an observer that does without plain calls hears them."""
    heard = []

    def observer(event):
        heard.append(event)

    observer.wants_calls = False
    try:
        path.run(target, observers=[observer, *others])
    except ValueError:
        pass
    return heard


def test_plain_calls_are_not_published_where_no_observer_wants_them(path):
    fails = cs.task(lambda x: int("no"), name="fails")
    for target in (increment(increment(1)), increment(fails(1))):
        names = [type(event).__name__ for event in heard_without_calls(path, target)]
        assert names == ["RunStarted", "RunFinished"]
        names = [type(event).__name__ for event in heard_without_calls(path, target, lambda event: None)]
        assert names.count("TaskExecutionStarted") == names.count("TaskExecutionFinished") > 0


def test_maps_awaited_calls_and_calls_elsewhere_are_published_to_all(path):
    blocking = cs.task(lambda x: x, name="blocking", mode="blocking")
    heard = heard_without_calls(path, [increment.map([1, 2]), later(1), blocking(1), increment(1)])
    started = [event for event in heard if type(event) is cs.TaskExecutionStarted]
    assert {(event.task_name, event.mode, event.items) for event in started} == {
        ("increment", "inline", 2), ("later", "async", None), ("blocking", "blocking", None),
    }  # fmt: skip
    finished = [event.task_name for event in heard if type(event) is cs.TaskExecutionFinished]
    assert sorted(finished) == ["blocking", "increment", "later"]
    assert sum(type(event) is cs.ItemStarted for event in heard) == 2
