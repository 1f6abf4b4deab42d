"""The helpers of cascade.testing."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest

import cascade as cs
from cascade.errors import DeclarationError
from cascade.runtime import Engine, MessageBus
from cascade.runtime.events import Event, RunFinished, TaskEvent, TaskExecutionFinished
from cascade.testing import MockExecutor, SpyExecutor, SpySubscriber, override_resource
from tests.support.growing import growing
from tests.support.tasks import add, countdown, fail, identity, increment, later, one


def test_a_spy_keeps_events(path):
    bus = MessageBus()
    spy = SpySubscriber(bus)
    engine = Engine(bus=bus)
    path.run_with(engine, increment(one()))
    assert [event.task_name for event in spy.events_of_type(TaskExecutionFinished)] == ["one", "increment"]
    assert len(spy.events_of_type(TaskEvent)) == 4 and len(spy.events) == 6
    assert spy.events_of_type(Event) == spy.events
    spy.clear()
    path.run_with(engine, one())
    assert len(spy.events) == 4
    spy.close()
    path.run_with(engine, one())
    assert len(spy.events) == 4 and not bus.has_subscribers


def test_a_spy_of_an_engine_and_of_some_events(path):
    engine = Engine()
    with SpySubscriber(engine, RunFinished) as spy:
        path.run_with(engine, one())
    assert [type(event) for event in spy.events] == [RunFinished]
    assert not engine.bus.has_subscribers
    with pytest.raises(DeclarationError, match="a MessageBus or an Engine"):
        SpySubscriber(5)


@pytest.mark.parametrize(("delay", "hint"), [({"add": 5}, "MockExecutor(values={'add': 5})"), ("a", None), (-1, None)])
def test_a_delay_that_is_none_is_refused(delay, hint):
    with pytest.raises(DeclarationError, match="MockExecutor\\(delay=") as caught:
        MockExecutor(delay)
    assert caught.value.hint == hint


def test_a_spy_executor_keeps_calls(path):
    spy = SpyExecutor()
    engine = Engine(executor=spy)
    assert path.run_with(engine, identity([countdown(2), add(one(), b=later(2))])) == ["done", 3]
    assert sorted(spy.names) == ["add", *["countdown"] * 3, "identity", "later", "one"]
    assert [(call.args, call.kwargs) for call in spy.calls_of("countdown")] == [((2,), {}), ((1,), {}), ((0,), {})]
    assert spy.calls_of("later")[0].task is later
    with pytest.raises(ValueError, match="x"):
        path.run_with(engine, fail("x"))
    assert spy.names[-1] == "fail"
    blocking = cs.task(mode="blocking", name="block")(lambda: 5)
    other = SpyExecutor(MockExecutor(default=7))
    assert path.run_with(Engine(executor=other), blocking()) == 7
    assert other.names == ["block"]


def test_a_mock_executor_calls_nothing(path):
    values = {"one": 11, "fail": KeyError("told"), "add": OSError}
    for delay in growing(0.05):  # until it is enough for all calls to begin
        mock = MockExecutor(delay=delay, values=values, default="nothing")
        engine = Engine(executor=mock)
        begun = time.monotonic()
        assert path.run_with(engine, [one(), identity(later(1, 600)), one()], timeout=300) == [11, "nothing", 11]
        assert time.monotonic() - begun > 1.8 * delay
        if mock.most_at_once == 3:
            break
    assert mock.calls_of("identity")[0].args == ("nothing",)
    with pytest.raises(KeyError, match="told"):
        path.run_with(engine, fail("x"))
    with pytest.raises(OSError):
        path.run_with(engine, add(1, 2))
    assert path.run_with(Engine(executor=MockExecutor()), one()) is None
    with pytest.raises(DeclarationError, match="delay=-1"):
        MockExecutor(delay=-1)


@cs.resource
def database() -> Any:
    yield "real"


def fake() -> Any:
    yield "fake"


def test_resources_are_overridden(path):
    engine = Engine(resources=[database])
    target = [identity(cs.inject("database")), identity(cs.inject(database))]
    for place in (engine, engine.resource_container):
        with override_resource(place, "database", fake) as replacement:
            assert isinstance(replacement, cs.Resource)
            assert path.run_with(engine, target) == ["fake", "fake"]
    assert path.run_with(engine, target) == ["real", "real"]
    assert cs.override_resource is override_resource


def test_resources_of_run_are_overridden(path):
    target = identity(cs.inject(database))
    with override_resource(None, "database", fake):
        assert path.run(target) == "fake"
        assert path.run(target, observers=[lambda event: None]) == "fake"
        assert asyncio.run(path.arun(target)) == "fake"
    assert path.run(target) == "real"


def test_wrong_overrides_are_refused():
    with pytest.raises(TypeError, match="must be a generator"), override_resource(Engine(), "database", lambda: 1):
        pass
    with pytest.raises(DeclarationError, match="an Engine, or None"), override_resource("database", fake, None):
        pass
    with pytest.raises(DeclarationError, match="name of a resource"), override_resource(Engine(), 5, fake):
        pass
