"""Async tasks: overlap, failures, cancellation, and where an event loop is needed."""

from __future__ import annotations

import asyncio
import contextvars
import gc
import importlib
import sys
import threading
import types
from typing import Any

import pytest

import cascade as cs
from cascade.errors import EventLoopError
from tests.support.tasks import add, fail, fail_later, identity, increment, later, one, total


def test_independent_nodes_overlap(path):
    waiting: list[int] = []

    @cs.task
    async def meet(n: int) -> int:
        waiting.append(n)
        while len(waiting) < 50:
            await asyncio.sleep(0.001)
        return n

    assert path.run(total([meet(i) for i in range(50)]), timeout=60) == sum(range(50))


def test_nodes_overlap_with_the_rest_of_the_graph(run):
    order: list[str] = []

    @cs.task
    def note(name: str, *needs: Any) -> str:
        order.append(name)
        return name

    @cs.task
    async def slow() -> None:
        while not order:
            await asyncio.sleep(0.001)

    assert run(note("last", note("after slow", slow()), note("first")), timeout=60) == "last"
    assert order == ["first", "after slow", "last"]


def test_values_come_back_in_their_places_whatever_the_order_of_finishing(run):
    assert run(identity([later(1, 0.03), later(2, 0.0), [later(3, 0.02), increment(later(4, 0.01))]])) == [1, 2, [3, 5]]


def test_an_async_chain(run):
    value = later(0)
    for _ in range(50):
        value = increment(later(value))
    assert run(value) == 50


def test_a_sync_function_may_return_an_awaitable(run):
    async def work(x: int) -> int:
        await asyncio.sleep(0)
        return x

    assert run(add(cs.task(lambda: work(2))(), cs.task(lambda: work(3))())) == 5


def test_what_a_coroutine_returns_is_not_awaited_again(path):
    async def main() -> Any:
        future = asyncio.get_running_loop().create_future()
        future.set_result(7)

        @cs.task
        async def give() -> Any:
            return future

        value = await path.arun(give())
        return value is future

    assert asyncio.run(main())


def test_a_future_is_awaited(path):
    async def main() -> Any:
        future = asyncio.get_running_loop().create_future()
        asyncio.get_running_loop().call_later(0.01, future.set_result, 7)
        give = cs.task(lambda: future)
        return await path.arun([give(), increment(give())])

    assert asyncio.run(main()) == [7, 8]


def test_the_first_failure_cancels_and_awaits_its_siblings(run):
    begun, seen = [], []

    @cs.task
    async def sibling(name: str) -> None:
        begun.append(name)
        try:
            await asyncio.sleep(600)
        except asyncio.CancelledError:
            await asyncio.sleep(0.01)
            seen.append(name)
            raise

    @cs.task
    async def fail_beside() -> None:
        while len(begun) < 2:
            await asyncio.sleep(0.001)
        raise ValueError("first")

    with pytest.raises(ValueError, match="first") as raised:
        run([sibling("a"), fail_beside(), sibling("b")])
    assert sorted(seen) == ["a", "b"]
    assert raised.value.__notes__[0] == "in task 'fail_beside', node fail_beside#1, iteration 0"


def test_other_failures_are_added_as_notes(run):
    @cs.task
    async def stubborn() -> None:
        try:
            await asyncio.sleep(30)
        finally:
            raise KeyError("while cancelled")

    with pytest.raises(ValueError, match="first") as raised:
        run([stubborn(), fail_later("first", 0.01)])
    assert raised.value.__notes__[1] == "a concurrent task failed as well: stubborn: KeyError('while cancelled')"


def test_failures_at_the_same_time_give_the_first_one(run):
    with pytest.raises(ValueError, match="a") as raised:
        run([fail_later("a"), fail_later("b")])
    assert "a concurrent task failed as well: fail_later: ValueError('b')" in raised.value.__notes__


def test_a_sync_failure_closes_coroutines_that_were_not_awaited(run, recwarn):
    with pytest.raises(ValueError, match="now"):
        run([later(1), fail("now")])
    gc.collect()
    assert [str(warning.message) for warning in recwarn] == []


def test_a_cancelled_child_ends_the_run(run):
    @cs.task
    async def give_up() -> None:
        raise asyncio.CancelledError

    with pytest.raises(asyncio.CancelledError):
        run(identity(give_up()))


def test_a_cancellation_keeps_its_message(run):
    mine = asyncio.CancelledError("mine")

    @cs.task
    async def give_up(n: int = 0) -> None:
        await asyncio.sleep(0)
        raise mine

    for target in (give_up(), give_up().with_retry(2), give_up.map([1, 2])):
        with pytest.raises(asyncio.CancelledError) as raised:
            run(target)
        assert raised.value.args == ("mine",)
        assert raised.value is mine or raised.value.__context__ is mine


def test_each_async_task_has_its_own_context(run):
    variable: contextvars.ContextVar[int] = contextvars.ContextVar("variable", default=0)

    @cs.task
    async def set_to(n: int, *after: Any) -> int:
        before = variable.get()
        variable.set(n)
        await asyncio.sleep(0)
        return before

    assert run([set_to(1), set_to(2, set_to(3))]) == [0, 0]


def test_cancelling_the_run_cancels_and_awaits_its_tasks(path):
    begun, ended = [], []

    @cs.task
    async def child(n: int) -> None:
        begun.append(n)
        try:
            await asyncio.sleep(600)
        finally:
            await asyncio.sleep(0)
            ended.append(n)

    async def main() -> int:
        task = asyncio.ensure_future(path.arun([child(1), identity(child(2))]))
        while len(begun) < 2:
            await asyncio.sleep(0.001)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert sorted(ended) == [1, 2]
        return len(asyncio.all_tasks())

    assert asyncio.run(main()) == 1


def test_blocking_tasks_run_in_threads_with_the_callers_context(run):
    variable: contextvars.ContextVar[str] = contextvars.ContextVar("variable", default="unset")

    @cs.task(mode="blocking")
    def where() -> Any:
        return threading.get_ident(), variable.get()

    variable.set("set")
    ident, value = run(where())
    assert ident != threading.get_ident()
    assert value == "set"


def test_blocking_tasks_overlap(run):
    barrier = threading.Barrier(2, timeout=60)
    meet = cs.task(mode="blocking")(lambda: barrier.wait() >= 0)
    assert run([meet(), meet()]) == [True, True]


def test_a_blocking_task_that_raises_stop_iteration_does_not_hang(run):
    @cs.task(mode="blocking")
    def stop() -> None:
        raise StopIteration(3)

    with pytest.raises((StopIteration, RuntimeError), match="3|StopIteration"):  # the latter out of a coroutine
        run(stop())


def test_a_sync_graph_runs_without_an_event_loop(path):
    @cs.task
    def has_loop() -> bool:
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            return False
        return True

    assert path.run(has_loop()) is False
    assert path.run([has_loop(), later(1)]) == [True, 1]


def test_run_inside_a_coroutine_says_what_to_write(path):
    async def main() -> None:
        path.run(one())

    with pytest.raises(EventLoopError, match=r"await cascade\.arun"):
        asyncio.run(main())


@pytest.mark.parametrize("inner", [lambda: add(one(), 1), lambda: add(later(1), 1)], ids=["sync", "async"])
@pytest.mark.parametrize("outer_is_async", [False, True])
def test_a_task_may_run_a_target_itself(run, path, inner, outer_is_async):
    @cs.task
    def nested() -> int:
        return path.run(inner()) + 40

    target = add(nested(), later(0)) if outer_is_async else add(nested(), 0)
    assert run(target) == 42


def test_a_failure_in_a_nested_run_comes_out_as_itself(run, path):
    @cs.task
    def nested() -> Any:
        return path.run([later(1), fail_later("inner")])

    with pytest.raises(ValueError, match="inner") as raised:
        run([nested(), later(1)])
    assert len([note for note in raised.value.__notes__ if note.startswith("in task")]) == 2


def test_many_runs_at_once_in_one_loop(path):
    async def main() -> list[Any]:
        return await asyncio.gather(*(path.arun(total([later(i), increment(i), i])) for i in range(100)))

    assert asyncio.run(main()) == [3 * i + 1 for i in range(100)]


def test_random_cancellation_leaves_nothing_running(path):
    async def main() -> None:
        for moment in range(60):
            target = total([later(1, 0.001 * (i % 4)) for i in range(10)] + [increment(later(i)) for i in range(5)])
            task = asyncio.ensure_future(path.arun(target))
            for _ in range(moment % 12):
                await asyncio.sleep(0)
            task.cancel()
            try:
                await task
            except asyncio.CancelledError:
                pass
            assert len(asyncio.all_tasks()) == 1

    asyncio.run(main())


def test_a_generator_based_coroutine_function_is_async(run):
    @cs.task
    @types.coroutine
    def wait(n: int) -> Any:
        yield
        return n

    assert run(increment(wait(1))) == 2


def test_what_a_blocking_task_returns_is_awaited_like_any_other(run):
    async def work() -> int:
        await asyncio.sleep(0)
        return 5

    assert run(cs.task(mode="blocking")(lambda: work())()) == 5


@pytest.mark.parametrize("workers", [False, True], ids=["no workers", "workers"])
def test_a_future_of_another_loop_fails_alike_on_both_paths(run, monkeypatch, workers):
    module = importlib.import_module(
        "cascade.adapters.executors.worker_call"
    )  # runs look whether there are any workers
    monkeypatch.setitem(sys.modules, module.__name__, module)
    if not workers:
        monkeypatch.delitem(sys.modules, module.__name__)
    loop = asyncio.new_event_loop()
    future = loop.create_future()
    with pytest.raises((ValueError, RuntimeError)) as raised:
        run(cs.task(lambda: future, name="foreign")())
    loop.close()
    assert raised.value.__notes__ == ["in task 'foreign', node foreign#0, iteration 0"]


def test_a_cancellation_during_the_clean_up_is_not_lost(path):
    cleans_up = asyncio.Event()

    @cs.task
    async def slow_to_stop() -> None:
        try:
            await asyncio.sleep(600)
        finally:
            cleans_up.set()
            await asyncio.sleep(0.02)

    async def main() -> None:
        run = asyncio.ensure_future(path.arun([slow_to_stop(), fail_later("x", 0.01)]))
        await cleans_up.wait()
        run.cancel()
        with pytest.raises(asyncio.CancelledError):
            await run
        assert len(asyncio.all_tasks()) == 1

    asyncio.run(main())


@pytest.mark.usefixtures("one_slice")
def test_a_call_that_was_parked_goes_on_at_once_when_it_is_made(run):
    order: list[Any] = []

    @cs.task
    def note(name: str, *needs: Any) -> str:
        order.append(name)
        return name

    @cs.task
    def expand(name: str, *needs: Any) -> Any:
        order.append(name)
        return note(f"{name}'s answer")

    @cs.task
    def loop(n: int, *needs: Any) -> Any:
        order.append(n)
        return cs.TailCall((n - 1,)) if n else "end"

    shared = later(1)
    assert run([expand("a", shared), loop(2, shared), note("b", shared)]) == ["a's answer", "end", "b"]
    assert order == ["a", "a's answer", 2, 1, 0, "b"]
