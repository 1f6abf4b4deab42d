"""Resources: their values, contexts, programs, overrides and events."""

from __future__ import annotations

import asyncio
import contextvars
import threading
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

import cascade as cs
from cascade.errors import ResourceError, TargetError
from cascade.runtime import Engine, MessageBus
from cascade.runtime.events import Event, ResourceAcquired, ResourceReleased, RunFinished, RunStarted, TaskEvent
from tests.support.resources import leaving, make
from tests.support.tasks import fail_later, identity, increment, later, one, total


def test_a_value_that_can_be_awaited_is_handed_on_as_it_is(run, is_async):
    class Pool:
        def __await__(self) -> Any:
            raise AssertionError("nobody asked")

    pool = Pool()

    def sync() -> Iterator[Any]:
        yield pool

    async def later() -> AsyncIterator[Any]:
        yield pool

    resource = cs.resource(name="pool")(later if is_async else sync)
    assert run(cs.task(lambda p: p is pool)(cs.inject(resource))) is True


def test_a_resource_yields_no_result_of_a_task(run):
    @cs.resource
    def wrong() -> Iterator[Any]:
        yield one()

    with pytest.raises(ResourceError, match="yields a LazyResult"):
        run(identity(cs.inject(wrong)))


def test_an_async_resource_is_left_in_the_task_that_entered_it(path):
    variable = contextvars.ContextVar("variable", default=0)

    @cs.resource
    async def entered() -> AsyncIterator[Any]:
        token = variable.set(1)
        async with asyncio.timeout(30):
            yield asyncio.current_task()
        variable.reset(token)

    @cs.resource(scope="task")
    async def entered_too() -> AsyncIterator[Any]:
        token = variable.set(2)
        async with asyncio.timeout(30):
            yield 1
        variable.reset(token)

    assert path.run(cs.task(lambda *_: variable.get())(cs.inject(entered), cs.inject(entered_too))) == 0


def test_a_sync_resource_is_left_on_the_thread_that_entered_it(path):
    threads = []

    @cs.resource
    def local() -> Iterator[Any]:
        threads.append(threading.get_ident())
        yield 1
        threads.append(threading.get_ident())

    inner = cs.task(lambda: path.run([identity(cs.inject(local)), later(1)]))
    outer = cs.task(lambda a, b: b)
    assert path.run(outer(later(1), inner())) == [1, 1]
    assert threads[0] == threads[1]


def test_async_set_ups_overlap(path):
    arrived: list[str] = []
    together = asyncio.Event()

    def meeting(name: str) -> cs.Resource:
        async def resource() -> AsyncIterator[Any]:
            arrived.append(name)
            if len(arrived) == 2:
                together.set()
            await asyncio.wait_for(together.wait(), 10)
            yield name

        return cs.resource(name=name)(resource)

    assert path.run(identity([cs.inject(meeting("a")), cs.inject(meeting("b"))])) == ["a", "b"]


def test_programs_have_resources(log, is_async):
    db = make("db", log, is_async=is_async, port=cs.Param("port", 1))
    program = cs.compile(identity(cs.inject(db)))
    assert [program(), program(port=2)] == [("db", 1), ("db", 2)]
    assert asyncio.run(program.arun(port=3)) == ("db", 3)
    use = cs.task(lambda x, db=cs.inject("db"): (x, db))
    assert cs.compile(use, resources=[db])(5) == (5, ("db", 1))
    assert log == ["+db", "-db"] * 4
    with pytest.raises(ResourceError, match="no resource 'db'"):
        cs.compile(use(5))
    answering = cs.task(lambda: use(1))
    with pytest.raises(TargetError, match="takes inputs or resources"):
        cs.compile(answering())()


def test_overrides_last_as_long_as_their_context(path, log):
    real, fake, other = (make(name, log) for name in ("db", "fake", "other"))
    engine = Engine(resources=[real])
    container = engine.resource_container
    target = [identity(cs.inject("db")), identity(cs.inject(real))]
    with container.override("db", fake):
        assert path.run_with(engine, target) == ["fake", "fake"]
        with container.override("db", other):
            assert path.run_with(engine, target) == ["other", "other"]
        assert path.run_with(engine, target) == ["fake", "fake"]
    assert path.run_with(engine, target) == ["db", "db"]
    with pytest.raises(ValueError, match="x"), container.override("db", fake):
        raise ValueError("x")
    assert container.overrides == ()

    def function() -> Iterator[Any]:
        yield "function"

    with container.override("db", function):
        assert path.run_with(engine, target) == ["function", "function"]
    with pytest.raises(TypeError, match="must be a generator"), container.override("db", 5):
        pass


def events_of(path: Any, engine: Engine, target: Any) -> list[Any]:
    heard: list[Event] = []
    end = engine.bus.subscribe(Event, heard.append)
    try:
        path.run_with(engine, target)
    except Exception:
        pass
    end()
    result: list[Any] = []
    for event in heard:
        if isinstance(event, (ResourceAcquired, ResourceReleased)):
            result.append((type(event).__name__, event.resource_name, getattr(event, "error", None)))
        elif isinstance(event, (RunStarted, RunFinished)):
            result.append(type(event).__name__)
        elif isinstance(event, TaskEvent):
            result.append((type(event).__name__, event.task_id))
    return result


def test_events_tell_of_resources(path, log, is_async):
    pool = make("pool", log, is_async=is_async)
    connection = make("connection", log, scope="task", pool=cs.inject(pool))
    engine = Engine(bus=MessageBus(), resources=[pool, connection])
    assert events_of(path, engine, increment(total([1], cs.task(lambda c: 1)(cs.inject("connection"))))) == [
        "RunStarted",
        ("TaskExecutionStarted", "<lambda>#1"),
        ("ResourceAcquired", "pool", None),
        ("ResourceAcquired", "connection", None),
        ("ResourceReleased", "connection", None),
        ("TaskExecutionFinished", "<lambda>#1"),
        ("TaskExecutionStarted", "total#2"),
        ("TaskExecutionFinished", "total#2"),
        ("TaskExecutionStarted", "increment#3"),
        ("TaskExecutionFinished", "increment#3"),
        ("ResourceReleased", "pool", None),
        "RunFinished",
    ]


def test_events_tell_of_a_tear_down_that_fails(path, is_async):
    engine = Engine(bus=MessageBus())
    broken = leaving(OSError("lost"), is_async, "broken")
    assert events_of(path, engine, identity(cs.inject(broken)))[-2:] == [
        ("ResourceReleased", "broken", "OSError('lost')"),
        "RunFinished",
    ]


def test_nothing_is_left_behind(path, log):
    connection = make("connection", log, is_async=True, scope="task", pool=cs.inject(make("pool", log, is_async=True)))
    wait = cs.task(lambda n, c: asyncio.sleep(0.001 * (n % 3)))

    async def main() -> None:
        for number in range(60):
            target = [
                *(wait(n, cs.inject(connection)) for n in range(10)),
                fail_later("x", 0.001) if number % 3 else one(),
            ]
            task = asyncio.ensure_future(path.arun(target))
            if number % 3 == 2:
                await asyncio.sleep(0.0005 * (number % 7))
                task.cancel()
            await asyncio.wait([task])
            task.cancelled() or task.exception()
            assert asyncio.all_tasks() == {asyncio.current_task()}

    asyncio.run(main())
    assert log.count("+pool") == log.count("-pool") > 20
    assert log.count("+connection") == log.count("-connection")


def test_a_route_has_resources_of_its_own_of_scope_task_that_the_rest_of_the_graph_uses_too(run, log):
    connection = make("connection", log, scope="task")
    use = cs.task(lambda db: str(db))
    target = [cs.Router("a", {"a": use(cs.inject(connection)), "b": one()}), use(cs.inject(connection))]
    assert run(target) == ["connection", "connection"]
    assert log == ["+connection", "-connection"] * 2


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit, GeneratorExit])
def test_tear_down_comes_on_every_way_out(path, log, error):
    @cs.task
    def leave(db: Any) -> Any:
        raise error

    with pytest.raises(error):
        path.run(leave(cs.inject(make("db", log))))
    assert log == ["+db", "-db"]


@pytest.mark.parametrize("scope", ["run", "task"])
def test_a_set_up_may_raise_what_closes_coroutines(run, log, scope):
    @cs.resource(scope=scope)
    async def broken(db=cs.inject(make("db", log, is_async=True, scope=scope))):
        raise GeneratorExit("mine")
        yield

    with pytest.raises(GeneratorExit, match="mine"):
        run(identity(cs.inject(broken)))
    assert log == ["+db", "-db"]


@pytest.mark.parametrize("scope", ["run", "task"])
def test_a_task_may_raise_what_closes_coroutines(run, log, scope):
    @cs.task
    async def leave(db: Any) -> Any:
        raise GeneratorExit("mine")

    with pytest.raises(GeneratorExit, match="mine"):
        run(leave(cs.inject(make("db", log, is_async=True, scope=scope))))
    assert log == ["+db", "-db"]


def test_a_coroutine_that_is_closed_tears_down_what_it_can(path, log):
    engine = Engine()
    target = [identity(cs.inject(make("db", log))), later(1, 30)]

    async def main() -> None:
        coroutine = engine.run(target, use_vm=path.use_vm)
        coroutine.send(None)
        assert log == ["+db"]
        coroutine.close()
        assert log == ["+db", "-db"]

    asyncio.run(main())
