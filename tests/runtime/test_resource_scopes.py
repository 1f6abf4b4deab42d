"""Resources of scope "task": one for each call."""

from __future__ import annotations

import asyncio
import gc
import threading
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

import cascade as cs
from cascade.errors import ResourceError
from cascade.runtime import Engine
from tests.support.resources import make
from tests.support.tasks import add, fail, fail_later, identity


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
