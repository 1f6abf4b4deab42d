"""Cancellation, timeouts and Ctrl-C of runs that wait in a policy, a map, a route or a resource; runs beside and inside of them."""

from __future__ import annotations

import asyncio
import gc
import signal
import sys
import threading
from collections.abc import Iterator
from typing import Any

import pytest

import cascade as cs
from cascade.runtime import Engine
from tests.support.growing import growing
from tests.support.processes import until
from tests.support.resources import Log, make, task_of
from tests.support.tasks import identity, increment, later, one

pytestmark = pytest.mark.filterwarnings("ignore:a call of task .* is not cached:cascade.errors.CacheWarning")


def hanging(kind: str, reached: Log, connection: Any) -> Any:
    """A target that waits for ever at a place of that kind, and notes when it is nearly there."""

    @cs.task
    async def wait(*given: Any) -> Any:
        reached.append(kind)
        await asyncio.sleep(600)

    def fail_at_once(*given: Any) -> Any:
        reached.append(kind)
        raise ValueError

    @cs.task
    async def jump(n: int, *given: Any) -> Any:
        await asyncio.sleep(0)
        if n == 1:
            reached.append(kind)
            await asyncio.sleep(600)
        return cs.Jump("next", n + 1)

    failing = cs.task(fail_at_once)
    if kind == "call":
        return wait(connection).with_constraints(slot=2)
    if kind == "constraint":
        return [wait(connection).with_constraints(slot=2), wait(connection).with_constraints(slot=1).with_timeout(600)]
    if kind == "retry delay":
        return failing(connection).with_retry(3, delay=600).with_constraints(slot=1)
    if kind == "map":
        return increment(wait.map(range(5), [connection] * 5).with_constraints(slot=1))
    if kind == "map of retries":
        return (
            failing.map(range(5), [connection] * 5)
            .with_constraints(slot=1)
            .with_retry(2, delay=600)
            .with_concurrency(2)
        )
    if kind == "route":
        return cs.Router(later("a"), {"a": [wait(connection).with_constraints(slot=1)][0], "b": one()})
    if kind == "state":
        return increment(cs.bind(first := jump(0, connection), cs.select_jump({"next": first})))
    if kind == "cache":
        return wait(connection).with_cache(SlowCache(reached, kind)).with_constraints(slot=1)
    assert kind == "nested"
    return cs.task(lambda given: cs.run(wait()))(connection).with_constraints(slot=1).with_retry(2)


class SlowCache:
    def __init__(self, reached: Log, kind: str) -> None:
        self.reached = reached
        self.kind = kind

    async def check(self, task_id: str, arguments: dict[str, Any]) -> Any:
        self.reached.append(self.kind)
        await asyncio.sleep(600)

    def save(self, task_id: str, arguments: dict[str, Any], value: Any) -> None:
        raise AssertionError


KINDS = ["call", "constraint", "retry delay", "map", "map of retries", "route", "state", "cache"]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("scope", ["run", "task"])
def test_cancellation_takes_effect_wherever_a_run_waits(path, log, is_async, kind, scope):
    connection = make("c", log, is_async=is_async, scope=scope)
    engine = Engine(system_resources={"slot": 2})

    async def main() -> None:
        for turns in range(4):  # and a little later
            reached: Log = []
            run = asyncio.ensure_future(engine.run(hanging(kind, reached, cs.inject(connection)), use_vm=path.use_vm))
            while not reached:
                await asyncio.sleep(0)
            for _ in range(turns):
                await asyncio.sleep(0)
            assert not run.done()
            run.cancel()
            with pytest.raises(asyncio.CancelledError):
                await run
            assert len(asyncio.all_tasks()) == 1
            assert_at_rest(engine)
            assert log.count("+c") == log.count("-c")

    asyncio.run(main())


def assert_at_rest(engine: Engine) -> None:
    assert engine.capacity._free == engine.capacity.total
    assert not engine.capacity._waiting


@pytest.mark.parametrize("kind", KINDS)
def test_the_end_of_a_runs_time_takes_effect_wherever_it_waits(run, log, is_async, kind):
    connection = make("c", log, is_async=is_async, scope="task")
    reached: Log = []
    for seconds in growing(0.03):
        with pytest.raises(TimeoutError):
            run(hanging(kind, reached, cs.inject(connection)), timeout=seconds, system_resources={"slot": 2})
        assert log.count("+c") == log.count("-c")
        if reached:
            break


@pytest.mark.skipif(sys.platform == "win32", reason="signals are sent by POSIX means")
@pytest.mark.parametrize("kind", [*KINDS, "nested"])
def test_ctrl_c_takes_effect_wherever_a_run_waits(path, log, is_async, kind):
    connection = make("c", log, is_async=is_async, scope="task")
    reached: Log = []
    engine = Engine(system_resources={"slot": 2})
    main = threading.main_thread().ident
    over = threading.Event()

    def interrupt() -> None:
        until(lambda: reached)
        while not over.wait(0.01):
            signal.pthread_kill(main, signal.SIGINT)
            over.wait(5)

    thread = threading.Thread(target=interrupt)
    thread.start()
    try:
        with pytest.raises(KeyboardInterrupt):
            engine.run_now(hanging(kind, reached, cs.inject(connection)), use_vm=path.use_vm)
    finally:
        over.set()
        thread.join()
    assert_at_rest(engine)
    assert log.count("+c") == log.count("-c")


def test_runs_inside_running_loops_share_an_engine(path, log, is_async):
    connection = make("c", log, is_async=is_async, scope="task")
    engine = Engine(system_resources={"slot": 1})

    @cs.task(retry=3, constraints={"slot": 1})
    async def work(n: int, c: Any = cs.inject(connection)) -> Any:
        await asyncio.sleep(0)
        log.append(n)
        return n

    async def main() -> Any:
        return await asyncio.gather(*(engine.run(work.map([n, n]), use_vm=path.use_vm) for n in range(5)))

    assert asyncio.run(main()) == [[n, n] for n in range(5)]
    assert [entry for entry in log if entry in ("+c", "-c")] == ["+c", "-c"] * 10
    assert_at_rest(engine)

    def in_thread(n: int) -> None:
        assert asyncio.run(main()) == [[n, n] for n in range(5)]

    threads = [threading.Thread(target=in_thread, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert_at_rest(engine)
    assert log.count("+c") == log.count("-c") == 50


def test_runs_inside_managed_tasks(path, log, is_async):
    connection = make("c", log, is_async=is_async)

    def inner(n: int) -> Any:
        return path.run([later(n).with_retry(2), identity(cs.inject(connection))])

    for mode in ("inline", "blocking"):
        outer = cs.task(inner, mode=mode, name="outer", retry=2, timeout=60, constraints={"slot": 1})  # type: ignore[call-overload]
        for start in (path.run, lambda *given, **options: asyncio.run(path.arun(*given, **options))):
            assert start(outer.map([1, 2]), system_resources={"slot": 1}) == [[1, "c"], [2, "c"]]
            assert start(outer(later(3)).run_if(later(True)), system_resources={"slot": 1}) == [3, "c"]
    assert log == ["+c", "-c"] * 12

    @cs.task(retry=2)
    async def outer_later(n: int) -> Any:
        return await path.arun(increment.map([n, later(n)]).with_timeout(60))

    assert path.run(outer_later.map([1, 2])) == [[2, 2], [3, 3]]


@pytest.mark.parametrize("scope", ["run", "task"])
def test_resources_may_make_runs_of_their_own(run, path, log, is_async, scope):
    @cs.resource(scope=scope)
    def nested(other: Any = cs.inject(make("o", log, is_async=is_async))) -> Iterator[Any]:
        yield path.run(later(other))
        log.append(path.run(later("end")))

    assert run(increment.map([1]).after(identity(cs.inject(nested)))) == [2]
    assert run(task_of(log)(1, cs.inject(nested))) == (1, "o")
    assert log == ["+o", "end", "-o", "+o", 1, "end", "-o"]


@pytest.mark.filterwarnings("ignore:coroutine .* was never awaited:RuntimeWarning")
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("turns", [0, 2])
def test_an_event_loop_that_is_closed_with_a_run_in_it_keeps_no_claims(path, log, is_async, kind, turns):
    @cs.resource(name="c", scope="task")
    def finally_down() -> Iterator[str]:
        # As with a `with` in a coroutine, the collector may close the generator before the coroutine that would end it.
        log.append("+c")
        try:
            yield "c"
        finally:
            log.append("-c")

    connection = make("c", log, is_async=True, scope="task") if is_async else finally_down
    engine = Engine(system_resources={"slot": 2})
    loop = asyncio.new_event_loop()
    loop.set_exception_handler(lambda loop, context: None)  # it says that tasks are destroyed

    async def begin() -> None:
        reached: Log = []
        asyncio.ensure_future(engine.run(hanging(kind, reached, cs.inject(connection)), use_vm=path.use_vm))
        while not reached:
            await asyncio.sleep(0)
        for _ in range(turns):
            await asyncio.sleep(0)

    loop.run_until_complete(begin())
    loop.close()
    del loop
    gc.collect()
    assert_at_rest(engine)
    assert path.run_with(engine, increment(1).with_constraints(slot=2)) == 2
    if not is_async:
        assert log.count("+c") == log.count("-c")
