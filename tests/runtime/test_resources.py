"""Resources: set-up, tear-down, scopes, dependencies, overrides, and what happens when they fail."""

from __future__ import annotations

import asyncio
import contextvars
import gc
import threading
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

import cascade as cs
from cascade.errors import CycleError, DeclarationError, ParameterError, ResourceError, TargetError
from cascade.runtime import Engine, MessageBus
from cascade.runtime.events import Event, ResourceAcquired, ResourceReleased, RunFinished, RunStarted, TaskEvent
from tests.support.tasks import add, fail, fail_later, identity, increment, later, one, total
from tests.support.resources import Log, make

@pytest.fixture(params=[False, True], ids=["sync", "async"])
def is_async(request: pytest.FixtureRequest) -> bool:
    return request.param


@pytest.fixture
def log() -> Log:
    return []


def test_a_resource_is_injected_by_name_as_default_and_as_argument(path, log, is_async):
    engine = Engine(resources=[make("db", log, is_async=is_async)])

    @cs.task
    def query(text: str, db: Any = cs.inject("db")) -> Any:
        log.append(text)
        return text, db

    assert path.run_with(engine, query("a")) == ("a", "db")
    assert log == ["+db", "a", "-db"]
    assert path.run_with(engine, identity([{"x": cs.inject("db")}, query("b")])) == [{"x": "db"}, ("b", "db")]
    assert path.run_with(engine, cs.inject("db")) == "db"
    assert path.run_with(engine, query("c", db="mine")) == ("c", "mine")
    assert log.count("+db") == log.count("-db") == 3


def test_a_run_shares_a_resource_and_the_next_has_its_own(path, log, is_async):
    db = make("db", log, is_async=is_async)
    engine = Engine()
    use = cs.task(lambda x, db=cs.inject(db): x)
    for _ in range(2):
        assert path.run_with(engine, add(use(1), use(identity(use(2))))) == 3
    assert log == ["+db", "-db"] * 2


def test_a_resource_is_set_up_when_it_is_needed_only(path, log):
    engine = Engine(resources=[make("db", log)])
    assert path.run_with(engine, increment(one())) == 2
    assert log == []


def test_tasks_that_answer_with_graphs_share_what_the_run_has(path, log, is_async):
    db = make("db", log, is_async=is_async)

    @cs.task
    def down(n: int, db: Any = cs.inject(db)) -> Any:
        assert db == "db"
        return down(n - 1) if n else "end"

    assert path.run(down(5)) == "end"
    assert log == ["+db", "-db"]


def test_resources_come_after_what_they_need_and_go_before_it(run, log, is_async):
    a = make("a", log)
    b = make("b", log, is_async=is_async, a=cs.inject(a))
    c = make("c", log, b=cs.inject(b), a=cs.inject(a), plain=5)
    assert run(identity(cs.inject(c))) == ("c", ("b", "a"), "a", 5)
    assert log == ["+a", "+b", "+c", "-c", "-b", "-a"]


def test_a_resource_takes_inputs(run, log, monkeypatch):
    monkeypatch.setenv("CASCADE_TEST_HOST", "local")
    db = make("db", log, port=cs.Param("port", type=int), context=cs.Env("CASCADE_TEST_HOST"))
    assert run(identity(cs.inject(db)), params={"port": "5"}) == ("db", 5, "local")
    with pytest.raises(ParameterError, match="'port' is missing"):
        run(identity(cs.inject(db)))
    with pytest.raises(ParameterError, match="did you mean 'port'"):
        run(identity(cs.inject(db)), params={"prt": 5})
    assert log == ["+db", "-db"]


@cs.task
def fail_with(*needs: Any) -> Any:
    raise ValueError("x")


@pytest.mark.parametrize("target", [lambda db: fail_with(db), lambda db: [identity(db), fail_later("x", 0.01)]])
def test_tear_down_comes_when_the_run_fails(path, log, is_async, target):
    db = make("db", log, is_async=is_async)
    with pytest.raises(ValueError, match="x"):
        path.run(target(cs.inject(db)))
    assert log == ["+db", "-db"]


def test_tear_down_comes_at_the_limits(path, log, is_async):
    db = make("db", log, is_async=is_async)
    with pytest.raises(TimeoutError):
        path.run([identity(cs.inject(db)), later(1, 30)], timeout=0.05)
    forever = cs.task(lambda n, db: cs.TailCall((n + 1,)))
    with pytest.raises(RuntimeError, match="max_steps"):
        path.run(forever(0, cs.inject(db)), max_steps=50)
    assert log == ["+db", "-db"] * 2


def test_tear_down_comes_when_the_run_is_cancelled(path, log, is_async):
    db = make("db", log, is_async=is_async)

    async def main() -> None:
        task = asyncio.ensure_future(path.arun([identity(cs.inject(db)), later(1, 30)]))
        while "+db" not in log:
            await asyncio.sleep(0.001)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())
    assert log == ["+db", "-db"]


def test_a_set_up_that_is_cancelled_cleans_up_for_itself(path, log):
    @cs.resource
    async def slow() -> AsyncIterator[Any]:
        log.append("begin")
        try:
            await asyncio.sleep(30)
            yield 1
        finally:
            log.append("end")

    async def main() -> None:
        task = asyncio.ensure_future(path.arun(identity(cs.inject(slow))))
        while not log:
            await asyncio.sleep(0.001)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert len(asyncio.all_tasks()) == 1

    asyncio.run(main())
    assert log == ["begin", "end"]
    with pytest.raises(ValueError, match="x"):
        path.run([identity(cs.inject(slow)), fail_later("x", 0.01)])
    assert log == ["begin", "end"] * 2


def test_a_tear_down_goes_to_its_end_however_often_it_is_cancelled(path, log):
    @cs.resource
    async def slow() -> AsyncIterator[Any]:
        yield 1
        await asyncio.sleep(0.03)
        log.append("end")

    async def main() -> None:
        task = asyncio.ensure_future(path.arun([identity(cs.inject(slow)), later(1, 30)]))
        await asyncio.sleep(0.01)
        for _ in range(3):
            task.cancel()
            await asyncio.sleep(0.005)
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())
    assert log == ["end"]


def test_a_set_up_that_fails_fails_the_run_and_undoes_what_it_needed(path, log, is_async):
    a = make("a", log)
    if is_async:

        @cs.resource
        async def broken(a: Any = cs.inject(a)) -> AsyncIterator[Any]:
            raise OSError("no connection")
            yield

    else:

        @cs.resource
        def broken(a: Any = cs.inject(a)) -> Iterator[Any]:
            raise OSError("no connection")
            yield

    with pytest.raises(OSError, match="no connection") as raised:
        path.run(identity(cs.inject(broken)))
    assert log == ["+a", "-a"]
    assert "in the set-up of resource 'broken'" in raised.value.__notes__
    assert any("in resource 'broken', node broken#0" in note for note in raised.value.__notes__)


def leaving(error: Exception, is_async: bool, name: str) -> cs.Resource:
    def sync() -> Iterator[Any]:
        yield 1
        raise error

    async def later() -> AsyncIterator[Any]:
        yield 1
        raise error

    return cs.resource(name=name)(later if is_async else sync)


def test_an_error_in_a_tear_down_fails_the_run(run, log, is_async):
    a = make("a", log)
    broken = leaving(OSError("lost"), is_async, "broken")
    with pytest.raises(OSError, match="lost") as raised:
        run(identity([cs.inject(a), cs.inject(broken)]))
    assert raised.value.__notes__ == ["in the tear-down of resource 'broken'"]
    assert log == ["+a", "-a"]


def test_an_error_in_a_tear_down_does_not_hide_the_first(run, is_async):
    first, second = (leaving(OSError(name), is_async, name) for name in ("first", "second"))
    with pytest.raises(ValueError, match="x") as raised:
        run(fail_with(cs.inject(first), cs.inject(second)))
    notes = [note for note in raised.value.__notes__ if "tear-down" in note]
    assert notes == [
        "in the tear-down of resource 'second', as well: OSError('second')",
        "in the tear-down of resource 'first', as well: OSError('first')",
    ]


def test_a_resource_yields_exactly_once(run, is_async):
    if is_async:

        async def never() -> AsyncIterator[Any]:
            if False:
                yield

        async def twice() -> AsyncIterator[Any]:
            yield 1
            yield 2

    else:

        def never() -> Iterator[Any]:
            if False:
                yield

        def twice() -> Iterator[Any]:
            yield 1
            yield 2

    with pytest.raises(ResourceError, match="resource 'never' ended without a yield"):
        run(identity(cs.inject(cs.resource(never))))
    with pytest.raises(ResourceError, match="resource 'twice' yields twice"):
        run(identity(cs.inject(cs.resource(twice))))


def test_what_is_no_generator_is_refused():
    for wrong in (lambda: 1, one, int, 5):
        with pytest.raises(TypeError, match="must be a generator"):
            cs.resource(wrong)
        with pytest.raises(TypeError, match="must be a generator"):
            Engine().register(wrong)
    with pytest.raises(DeclarationError, match="did you mean 'task'"):
        make("x", [], scope="tsk")
    with pytest.raises(DeclarationError, match="parameter 'url' of resource 'needy' cannot be filled in"):

        @cs.resource
        def needy(url: str) -> Iterator[Any]:
            yield url

    for wrong in (5, "", None):
        with pytest.raises(DeclarationError, match="name of a resource"):
            cs.inject(wrong)


def test_an_unknown_resource_is_named_before_anything_runs(path, log):
    engine = Engine(resources=[make("database", log)])
    called = []
    note = cs.task(lambda: called.append(1))
    with pytest.raises(ResourceError, match="no resource 'databse' is known") as raised:
        path.run_with(engine, identity([note(), cs.inject("databse")]))
    assert raised.value.hint == "did you mean 'database'?"
    with pytest.raises(ResourceError, match="register it"):
        path.run(identity(cs.inject("anything")))
    assert called == log == []


def test_resources_that_need_each_other_are_reported(path, log):
    engine = Engine()
    for name, other in (("a", "b"), ("b", "c"), ("c", "a")):
        engine.register(make(name, log, other=cs.inject(other)))
    with pytest.raises(CycleError, match="a -> b -> c -> a") as raised:
        path.run_with(engine, identity(cs.inject("a")))
    assert raised.value.cycle == ("a", "b", "c", "a")
    assert log == []


def test_a_name_is_registered_once(log):
    engine = Engine()
    first = engine.register(make("db", log))
    assert engine.register(first) is first
    with pytest.raises(DeclarationError, match="registered already"):
        engine.register(make("db", log))
    second = make("db", log)
    assert engine.register(second, replace=True) is second


# -- Scope "task" -----------------------------------------------------------------------------------------------------


def test_a_resource_of_scope_task_is_there_for_each_call(run, log, is_async):
    connection = make("connection", log, is_async=is_async, scope="task")

    @cs.task
    def use(x: Any, connection: Any = cs.inject(connection)) -> Any:
        log.append((x, connection))
        return x

    @cs.task
    async def use_later(x: Any, connection: Any = cs.inject(connection)) -> Any:
        await asyncio.sleep(0)
        log.append((x, connection))
        return x

    assert run(use(add(use(1), 1))) == 2
    assert log == ["+connection", (1, "connection"), "-connection", "+connection", (2, "connection"), "-connection"]
    log.clear()
    assert run(use_later(1)) == 1
    assert log == ["+connection", (1, "connection"), "-connection"]


def test_a_call_has_one_of_each_resource_wherever_it_stands(run, log):
    connection = make("connection", log, scope="task")
    assert run(identity([cs.inject(connection), {"x": cs.inject(connection)}])) == ["connection", {"x": "connection"}]
    assert log == ["+connection", "-connection"]


def test_scope_task_may_need_both_scopes(run, log, is_async):
    pool = make("pool", log, is_async=is_async)
    connection = make("connection", log, scope="task", pool=cs.inject(pool))
    transaction = make("transaction", log, is_async=is_async, scope="task", connection=cs.inject(connection))
    use = cs.task(lambda x, t: log.append(t))
    assert run(use(use(1, cs.inject(transaction)), cs.inject(transaction))) is None
    once = ["+connection", "+transaction", ("transaction", ("connection", "pool")), "-transaction", "-connection"]
    assert log == ["+pool", *once, *once, "-pool"]


def test_scope_run_cannot_need_scope_task(run, log):
    connection = make("connection", log, scope="task")
    pool = make("pool", log, connection=cs.inject(connection))
    with pytest.raises(ResourceError, match="'pool' of scope 'run' needs 'connection', which is of scope 'task'"):
        run(identity(cs.inject(pool)))
    assert log == []


def test_scope_task_is_torn_down_when_the_call_fails(run, log, is_async):
    connection = make("connection", log, is_async=is_async, scope="task")

    @cs.task
    def use(connection: Any = cs.inject(connection)) -> Any:
        raise ValueError("x")

    with pytest.raises(ValueError, match="x") as raised:
        run(use())
    assert log == ["+connection", "-connection"]
    traceback = raised.tb
    while traceback.tb_next is not None:
        traceback = traceback.tb_next
    assert traceback.tb_frame.f_code is use.func.__code__


def test_scope_task_is_torn_down_when_the_call_is_cancelled(path, log, is_async):
    connection = make("connection", log, is_async=is_async, scope="task")
    wait = cs.task(lambda c: asyncio.sleep(30))
    with pytest.raises(ValueError, match="x"):
        path.run([wait(cs.inject(connection)), fail_later("x", 0.01)])
    assert log == ["+connection", "-connection"]


def test_scope_task_is_torn_down_when_its_awaitable_is_never_awaited(path, log):
    connection = make("connection", log, scope="task")
    later_task = cs.task(lambda c: asyncio.sleep(0))
    engine = Engine()
    coroutine = engine.run([later_task(cs.inject(connection)), fail("x")], use_vm=path.use_vm)
    with pytest.raises(ValueError, match="x"):
        asyncio.run(coroutine)
    assert log == ["+connection", "-connection"]
    gc.collect()


def test_an_error_in_the_tear_down_of_scope_task(run, is_async):
    def sync() -> Iterator[Any]:
        yield 1
        raise OSError("lost")

    async def later() -> AsyncIterator[Any]:
        yield 1
        raise OSError("lost")

    broken = cs.resource(name="broken", scope="task")(later if is_async else sync)
    with pytest.raises(OSError, match="lost"):
        run(identity(cs.inject(broken)))
    failing = cs.task(lambda c: 1 / 0)
    with pytest.raises(ZeroDivisionError) as raised:
        run(failing(cs.inject(broken)))
    assert "in the tear-down of resource 'broken', as well: OSError('lost')" in raised.value.__notes__


def test_loops_have_a_resource_for_each_call(run, log):
    connection = make("connection", log, scope="task")
    pool = make("pool", log)

    @cs.task
    def loop(n: int, pool: Any = cs.inject(pool), connection: Any = cs.inject(connection)) -> Any:
        assert (pool, connection) == ("pool", "connection")
        return cs.TailCall(kwargs={"n": n - 1}) if n else "end"

    assert run(loop(3)) == "end"
    assert log == ["+pool", *["+connection", "-connection"] * 4, "-pool"]


def test_a_loop_with_a_resource_of_scope_run_keeps_it(run, log):
    pool = make("pool", log)

    @cs.task
    def loop(n: int, pool: Any = cs.inject(pool)) -> Any:
        assert pool == "pool"
        return cs.TailCall((n - 1,)) if n else "end"

    assert run(loop(1000)) == "end"
    assert log == ["+pool", "-pool"]


def test_a_blocking_task_has_its_resource(run, log):
    connection = make("connection", log, scope="task")

    @cs.task(mode="blocking")
    def use(connection: Any = cs.inject(connection)) -> Any:
        assert threading.current_thread() is not threading.main_thread()
        log.append(connection)

    run(use())
    assert log == ["+connection", "connection", "-connection"]


# -- Values, contexts, programs, overrides, events ---------------------------------------------------------------------


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


def subscribed(path: Any, engine: Engine, target: Any) -> list[Any]:
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
    assert subscribed(path, engine, increment(total([1], cs.task(lambda c: 1)(cs.inject("connection"))))) == [
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
    assert subscribed(path, engine, identity(cs.inject(broken)))[-2:] == [
        ("ResourceReleased", "broken", "OSError('lost')"),
        "RunFinished",
    ]


def test_nothing_is_left_behind(path, log):
    connection = make("connection", log, is_async=True, scope="task", pool=cs.inject(make("pool", log, is_async=True)))
    wait = cs.task(lambda n, c: asyncio.sleep(0.001 * (n % 3)))

    async def main() -> None:
        for number in range(60):
            target = [*(wait(n, cs.inject(connection)) for n in range(10)), fail_later("x", 0.001) if number % 3 else one()]
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
