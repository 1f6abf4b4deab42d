"""`cs.stream(task.map(xs))`: results as they come, in `for` and `async for`, on both paths."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import itertools
import subprocess
import sys
import threading
import tracemalloc
from collections.abc import Callable, Iterator
from typing import Any

import pytest

import cascade as cs
from cascade.errors import DeclarationError, DependencyMissingError, EventLoopError, MapError
from cascade.runtime.engine import Engine
from tests.conftest import Path
from tests.support.overlap import Overlap
from tests.support.recording import heard_from
from tests.support.tasks import add, countdown, fail, identity, increment, later

np = pytest.importorskip("numpy")


@pytest.fixture(params=["for", "async for"])
def stream(request: pytest.FixtureRequest, path: Path) -> Callable[..., list[Any]]:
    """Returns all values of a stream as a list; values before an exception go to the list `got`."""

    def run(target: Any, *, got: list[Any] | None = None, **options: Any) -> list[Any]:
        values: list[Any] = [] if got is None else got
        opened = cs.stream(target, use_vm=path.use_vm, **options)
        if request.param == "for":
            values.extend(opened)
            return values

        async def main() -> None:
            async for value in opened:
                values.append(value)

        asyncio.run(main())
        return values

    return run


@cs.task(mode="blocking")
def in_thread(x: int) -> int:
    return x + 1


@cs.task
async def shuffled(x: int) -> int:
    await asyncio.sleep(0.002 * (3 - x % 4))
    return x


@cs.task
def passed_on(x: int) -> Any:
    return increment(identity(x))


@cs.task
def looped(x: int) -> int:
    total = 0
    for i in range(x % 7):
        total += i
    return total


def endless(seen: list[int] | None = None) -> Iterator[int]:
    for number in itertools.count():
        if seen is not None:
            seen.append(number)
        yield number


@pytest.mark.parametrize(
    "task", [increment, in_thread, passed_on, shuffled, looped, countdown], ids=lambda task: task.name
)
def test_a_stream_has_the_values_of_the_map_in_order(stream, task):
    assert stream(task.map(range(100))) == cs.run(task.map(range(100)))
    assert stream(task.map(x for x in range(100))) == cs.run(task.map(range(100)))
    assert stream(task.map([])) == []


def test_unordered_streams_have_values_in_the_order_in_which_they_are_there(stream):
    values = stream(shuffled.map(range(16)), ordered=False)
    assert sorted(values) == list(range(16))
    assert values != list(range(16))


def test_several_inputs_shared_values_and_lazy_inputs(stream):
    @cs.task
    def joined(a: int, b: int, *, c: int = cs.Param("c")) -> Any:
        return a, b, c

    assert stream(joined.map(iter([1, 2]), b=[3, 4]), params={"c": 5}) == [(1, 3, 5), (2, 4, 5)]
    assert stream(add.map(later([1, 2]), [increment(1), 5])) == [3, 7]


def test_maps_over_arrays_are_streamed(stream):
    @cs.task
    def doubled(x: Any) -> Any:
        return 2 * x

    values = stream(doubled.map(np.arange(10_000)))
    assert values == list(range(0, 20_000, 2))
    assert {type(value) for value in values} == {np.int64}


def test_inputs_without_an_end_are_taken_as_far_as_they_are_needed(path):
    for task in (increment, in_thread, passed_on):
        seen: list[int] = []
        with cs.stream(task.map(endless(seen)), use_vm=path.use_vm) as values:
            assert list(itertools.islice(values, 3)) == [1, 2, 3]
        assert len(seen) < 10_000


def test_inputs_of_different_lengths_are_refused_where_that_is_seen(stream):
    got: list[Any] = []
    with pytest.raises(MapError, match="mismatched lengths: a has 20, b has 21 or more"):
        stream(add.map((x for x in range(20)), (x for x in range(21))), got=got)
    with pytest.raises(MapError, match="mismatched lengths: a has 2, b has 1"):
        stream(add.map([1, 2], [1]))
    with pytest.raises(DeclarationError, match="map input 'x' is of type int"):
        stream(increment.map(identity(3)))


def test_values_before_a_failure_come_first(stream):
    @cs.task
    def checked(x: int) -> int:
        if x == 5:
            raise KeyError(x)
        return x

    for target in (checked.map(range(10)), checked.map(range(10)).with_concurrency(1).with_retry(2)):
        got: list[Any] = []
        with pytest.raises(KeyError) as raised:
            stream(target, got=got)
        assert got == [0, 1, 2, 3, 4]
        assert "in item 5 of the map" in raised.value.__notes__


def test_failures_are_collected_in_streams(stream):
    values = stream(fail.map(["a", "b"], on_error="collect"))
    assert [(value.index, str(value.error)) for value in values] == [(0, "a"), (1, "b")]


def test_a_failure_of_an_input_is_the_failure_of_the_stream(stream):
    def broken() -> Iterator[int]:
        yield 1
        raise LookupError("no more")

    with pytest.raises(LookupError, match="no more"):
        stream(increment.map(broken()))


def test_a_task_that_raises_stop_iteration_does_not_end_the_stream_in_silence(stream):
    @cs.task
    def stops(x: int) -> int:
        raise StopIteration(x)

    with pytest.raises(RuntimeError, match="StopIteration"):
        stream(stops.map([1]))


def test_giving_up_cancels_and_awaits_what_runs(path):
    ended: list[str] = []

    @cs.task
    async def waits(x: int) -> int:
        if x == 0:
            return x
        try:
            await asyncio.Event().wait()
        finally:
            ended.append("cancelled")
        return x

    for value in cs.stream(waits.map(range(4)), use_vm=path.use_vm):
        assert value == 0
        break
    assert ended == ["cancelled"] * 3
    with cs.stream(waits.map(range(3)), use_vm=path.use_vm) as values:
        assert next(values) == 0
    assert ended == ["cancelled"] * 5

    async def main() -> None:
        async with cs.stream(waits.map(range(3)), use_vm=path.use_vm) as later_values:
            async for value in later_values:
                assert value == 0
                break
        assert ended == ["cancelled"] * 7

    asyncio.run(main())


def test_a_stream_that_was_never_begun_runs_nothing(path):
    seen: list[int] = []
    with cs.stream(increment.map(endless(seen)), use_vm=path.use_vm) as values:
        pass
    assert list(values) == []
    cs.stream(increment.map(endless(seen)), use_vm=path.use_vm)
    assert seen == []


def test_a_cancelled_caller_ends_the_stream(path):
    overlap = Overlap()

    async def main() -> None:
        async def consume() -> None:
            async for _ in cs.stream(later.map(endless(), itertools.repeat(30.0, 10**6)), use_vm=path.use_vm):
                raise AssertionError("nothing comes within 30 s")

        task = asyncio.ensure_future(consume())
        await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert len(asyncio.all_tasks()) == 1

    asyncio.run(main())
    assert overlap.most == 0


def test_a_slow_caller_holds_the_map_up(path):
    seen: list[int] = []
    values = cs.stream(later.map(endless(seen)), use_vm=path.use_vm)
    for value in itertools.islice(values, 5000):
        assert len(seen) - value < 3000
    values.close()


def test_the_limit_of_items_under_way_holds(path):
    overlap = Overlap()
    assert list(cs.stream(overlap.work.map(range(20)).with_concurrency(3), use_vm=path.use_vm)) == list(range(20))
    assert overlap.most == 3


@pytest.mark.once
def test_memory_does_not_grow_with_the_number_of_items(path):
    def peak(count: int) -> int:
        gc.collect()
        tracemalloc.start()
        total = 0
        for value in cs.stream(looped.map(x for x in range(count)), use_vm=path.use_vm):
            total += value
        assert total == sum(looped.func(x) for x in range(count))
        size = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return size

    peak(5000)
    assert peak(40_000) < 2 * peak(10_000)


def test_policies_limits_and_resources_act_as_in_a_run(path):
    open_now: list[str] = []

    @cs.resource
    def connection() -> Iterator[str]:
        open_now.append("open")
        yield "connection"
        open_now.remove("open")

    @cs.task
    def uses(x: int, by: str = cs.inject("connection")) -> str:
        return f"{by} {x} {len(open_now)}"

    engine = Engine(resources=[connection])
    values = engine.stream(uses.map([1, 2]), use_vm=path.use_vm)
    assert next(values) == "connection 1 1"
    assert list(values) == ["connection 2 1"]
    assert open_now == []
    with pytest.raises(DependencyMissingError):
        list(cs.stream(increment.map([1]).run_if(identity(False)), use_vm=path.use_vm))
    with pytest.raises(cs.RunTimeoutError):
        list(cs.stream(later.map([1], [30.0]), use_vm=path.use_vm, timeout=0.05))


def test_a_stream_inside_of_a_task_runs_beside_the_event_loop_that_waits_for_it(run, path):
    @cs.task
    def summed(count: int) -> int:
        return sum(cs.stream(shuffled.map(range(count)), use_vm=path.use_vm))

    assert run(summed(8)) == sum(range(8))


def test_runs_may_be_made_while_a_stream_is_under_way(path):
    found = []
    for value in cs.stream(later.map([1, 2, 3]), use_vm=path.use_vm):
        found.append(path.run(increment(value)))
        found += cs.stream(later.map([value]), use_vm=path.use_vm)
    assert found == [2, 1, 3, 2, 4, 3]


@pytest.mark.usefixtures("one_slice")
def test_the_events_of_a_stream_are_those_of_a_run(path):
    heard: list[Any] = []
    engine = Engine(observers=[heard.append])
    assert list(engine.stream(increment.map([1, 2]), use_vm=path.use_vm)) == [2, 3]
    names = [type(event).__name__ for event in heard if not type(event).__name__.startswith("Item")]
    assert names == ["RunStarted", "TaskExecutionStarted", "TaskExecutionFinished", "RunFinished"]
    outcome, events = heard_from(path, increment.map([1, 2]))
    assert outcome == [2, 3]
    assert len(events) == len(heard)


def test_wrong_targets_and_uses_are_refused():
    for wrong in (increment(1), 3, increment.map([1]).as_array()):
        with pytest.raises(DeclarationError, match="stream was given"):
            cs.stream(wrong)  # type: ignore[arg-type]
    with pytest.raises(DeclarationError, match="ordered='yes'"):
        cs.stream(increment.map([1]), ordered="yes")  # type: ignore[arg-type]

    async def main() -> None:
        with pytest.raises(EventLoopError, match="async for"):
            next(cs.stream(increment.map([1])))
        values = cs.stream(increment.map([1, 2]))
        assert [value async for value in values] == [2, 3]
        with pytest.raises(DeclarationError, match="one of the two"):
            next(values)

    asyncio.run(main())


def test_streams_on_several_threads_do_not_meet(path):
    found: dict[int, list[int]] = {}

    def consume(number: int) -> None:
        found[number] = list(cs.stream(shuffled.map(range(number, number + 10)), use_vm=path.use_vm))

    threads = [threading.Thread(target=consume, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == {number: list(range(number, number + 10)) for number in range(4)}


def test_a_stream_that_is_dropped_inside_of_another_event_loop_is_ended(path):
    ended: list[int] = []

    @cs.task
    async def waits(x: int) -> int:
        with contextlib.ExitStack() as stack:
            stack.callback(ended.append, x)
            await asyncio.sleep(0 if x == 0 else 30)
            return x

    values = cs.stream(waits.map([0, 1]), use_vm=path.use_vm)
    assert next(values) == 0

    async def main() -> None:
        values.close()

    asyncio.run(main())
    assert ended == [0, 1]


HANGS = """
import asyncio, sys
import cascade as cs

@cs.task
def number(n):
    return n

@cs.task
async def later(n):
    await asyncio.sleep(0)
    if n > 2:
        raise ValueError(n)
    return n

stream = cs.stream({"number": number, "later": later}[sys.argv[1]].map(range(9)), use_vm=sys.argv[2] == "vm")
for value in stream:
    if value == 2:
        raise RuntimeError("the user's")
"""


@pytest.mark.parametrize("task", ["number", "later"])
def test_a_stream_in_the_traceback_that_ends_the_process_is_closed_in_silence(task: str, path: Any, tmp_path: Path):
    script = tmp_path / "script.py"
    script.write_text(HANGS)
    arguments = [sys.executable, str(script), task, "vm" if path.use_vm else "graph"]
    done = subprocess.run(arguments, capture_output=True, text=True, check=False)
    assert done.stderr.endswith("RuntimeError: the user's\n") and done.stderr.count("Traceback") == 1
