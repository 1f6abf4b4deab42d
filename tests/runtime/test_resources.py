"""Resources: set-up, tear-down, dependencies, and what happens when they fail."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

import cascade as cs
from cascade.errors import CycleError, DeclarationError, ParameterError, ResourceError
from cascade.runtime import Engine
from tests.support.growing import growing
from tests.support.resources import leaving, make
from tests.support.tasks import add, fail_later, identity, increment, later, one


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
    for seconds in growing(0.05):
        with pytest.raises(TimeoutError):
            path.run([identity(cs.inject(db)), later(1, 600)], timeout=seconds)
        if log:
            break
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
    used, ends = asyncio.Event(), asyncio.Event()

    @cs.resource
    async def slow() -> AsyncIterator[Any]:
        yield 1
        ends.set()
        for _ in range(10):
            await asyncio.sleep(0.001)
        log.append("end")

    async def main() -> None:
        use = cs.task(lambda value: used.set(), name="use")
        task = asyncio.ensure_future(path.arun([use(cs.inject(slow)), later(1, 600)]))
        await used.wait()
        task.cancel()
        await ends.wait()
        for _ in range(3):
            task.cancel()
            await asyncio.sleep(0)
        assert not log
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
