"""Maps of compute tasks travel in blocks, on the built-in worker processes and on any executor of `concurrent.futures`."""

from __future__ import annotations

import asyncio
import functools
import itertools
import multiprocessing
import pickle
import time
from collections.abc import Iterator
from concurrent.futures import Future, ProcessPoolExecutor, ThreadPoolExecutor
from typing import Any

import pytest

import cascade as cs
from cascade.adapters.executors import handshake
from cascade.adapters.executors.blocks import Blocks
from cascade.errors import DeclarationError, SendingError, WorkerError
from cascade.runtime.nodes import block_maps, block_sizes, block_work
from cascade.runtime.nodes.block_sizes import BlockSizes
from cascade.runtime.nodes.sink import Sink
from tests.support.block_tasks import (
    Scale,
    Unreadable,
    Unsendable,
    continued,
    dies_at_50,
    dies_once,
    doubled,
    exits,
    fails_first,
    given_back,
    inverse,
    named,
    slow,
    steps,
    summed,
)
from tests.support.growing import growing
from tests.support.tasks import identity, total

np = pytest.importorskip("numpy")
pytest.importorskip("loky")


def processes() -> ProcessPoolExecutor:
    return ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("forkserver"))


EXECUTORS = {
    "built-in": lambda: cs.Engine().executor,
    "processes": lambda: Blocks(processes),
    "threads": lambda: Blocks(ThreadPoolExecutor(2)),
}


@pytest.fixture(scope="module", params=EXECUTORS)
def engine(request: pytest.FixtureRequest) -> Iterator[cs.Engine]:
    executor = EXECUTORS[request.param]()
    yield cs.Engine(executor=executor)
    if request.param != "built-in":
        executor.close()


@pytest.fixture
def run(engine, path):
    return functools.partial(engine.run_now, use_vm=path.use_vm)


class Counting(ThreadPoolExecutor):
    """Counts the calls, and the bytes of their arguments."""

    def __init__(self, workers: int = 2) -> None:
        super().__init__(workers)
        self.sizes: list[int] = []

    def submit(self, function: Any, /, *arguments: Any, **options: Any) -> Future[Any]:
        self.sizes.append(sum(len(each) for each in arguments if isinstance(each, bytes)))
        return super().submit(function, *arguments, **options)


VALUES = {
    "ints": list(range(300)),
    "a range": range(5, 300, 3),
    "floats": [0.5 * x for x in range(100)],
    "bools": [True, False] * 10,
    "large ints": [2**70 + x for x in range(20)],
    "mixed": [1, 2.5, True, "x", (1, 2), [3], 2**80],
    "a tuple": (1, 2, 3),
    "text": [str(x) for x in range(50)],
    "scalars": list(np.arange(50, dtype="float32")),
    "an array": np.arange(1000),
    "small floats": np.linspace(0, 1, 50, dtype="float32"),
    "rows": np.arange(12.0).reshape(4, 3),
    "empty": [],
}


@pytest.mark.parametrize("kind", VALUES)
def test_values_and_types_are_those_of_calls_here(run, kind):
    items = VALUES[kind]
    found, expected = run(doubled.map(items)), [doubled.func(item) for item in items]
    assert [type(value) for value in found] == [type(value) for value in expected]
    assert all(np.array_equal(value, other) for value, other in zip(found, expected, strict=True))


def test_loops_run_by_kernels_there_and_strings_come_back(run):
    assert run(steps.map(range(3000))) == [steps.func(n) for n in range(3000)]
    assert run(named.map(range(100))) == [f"item {n}" for n in range(100)]


def test_inputs_by_name_shared_values_methods_and_functions_without_a_name(run):
    assert run(summed.map([1, 2], c=[3, 4])) == [(1, 10, 3), (2, 10, 4)]
    assert run(summed.map(b=iter([1, 2]), a=range(2))) == [(0, 1, 100), (1, 2, 100)]
    assert run(Scale(3).apply.map(range(50))) == list(range(0, 150, 3))

    @cs.task(mode="compute")
    def local(x: int, offset: int = cs.Param("offset")) -> int:
        return x + offset

    assert run(local.map(range(50)), {"offset": 5}) == list(range(5, 55))
    assert run(total(doubled.map(doubled.map(identity([1, 2]))))) == 12


def test_results_that_are_no_values_yet_continue_here(run):
    expected = [n + 1 if n % 3 == 0 else n if n % 3 == 1 else n - 1 for n in range(60)]
    assert run(continued.map(range(60))) == expected
    assert run(continued.map(range(60), on_error="collect")) == expected


def test_the_first_failure_in_order_ends_the_map(run):
    items = [1] * 400
    items[123] = items[124] = items[399] = 0
    with pytest.raises(ZeroDivisionError) as raised:
        run(inverse.map(items))
    assert "in item 123 of the map" in raised.value.__notes__
    assert "return 1 / x" in str(raised.value.__cause__)
    values = run(inverse.map(items, on_error="collect"))
    assert [value.index for value in values if type(value) is cs.Failure] == [123, 124, 399]
    assert all(value == 1.0 for value in values if type(value) is float)
    with pytest.raises(SystemExit):
        run(exits.map(range(10)))


def test_items_that_fail_are_tried_again_alone(run, tmp_path):
    for number, target in enumerate([fails_first.map, functools.partial(fails_first.map, on_error="collect")]):
        folder = tmp_path / str(number)
        folder.mkdir()
        assert run(target(range(40), [str(folder)] * 40).with_retry(2)) == list(range(40))
    values = run(fails_first.map(range(3), [str(tmp_path / "nowhere")] * 3, on_error="collect").with_retry(2))
    assert "after 2 attempts" in values[1].error.__notes__


def test_an_item_that_cannot_be_sent_fails_alone(run):
    for wrong in (Unsendable(), Unreadable()):
        values = run(doubled.map([1, 2, wrong, 3, 4], on_error="collect"))
        assert [value for value in values if type(value) is int] == [2, 4, 6, 8]
        assert values[2].index == 2 and isinstance(values[2].error, SendingError)
        with pytest.raises(SendingError):
            run(doubled.map([1, wrong]))


def test_a_result_that_cannot_be_sent_back_fails_alone(run):
    values = run(given_back.map(range(6), on_error="collect"))
    assert [value for value in values if type(value) is int] == [0, 1, 2, 4, 5]
    assert isinstance(values[3].error, SendingError)
    with pytest.raises(SendingError, match="cannot be sent back"):
        run(given_back.map(range(6)))


def test_a_block_that_takes_too_long_comes_back_in_part(run, monkeypatch):
    monkeypatch.setattr(block_maps, "LIMIT", 0.001)
    assert run(slow.map(range(12), [0.002] * 12)) == list(range(12))


def test_streams_of_compute_tasks(engine, path):
    for ordered in (True, False):
        values = engine.stream(doubled.map(x for x in range(5000)), ordered=ordered, use_vm=path.use_vm)
        assert sorted(values) == list(range(0, 10_000, 2))
    with engine.stream(doubled.map(range(10**9)), use_vm=path.use_vm) as few:
        assert list(itertools.islice(few, 5)) == [0, 2, 4, 6, 8]


def test_policies_that_are_about_single_items_make_single_calls(run):
    assert run(doubled.map(range(5)).with_timeout(30)) == [0, 2, 4, 6, 8]
    cache = cs.MemoryCache()
    assert run(doubled.map([1, 2, 1]).with_cache(cache)) == [2, 4, 2]
    assert run(doubled.map(range(5)).with_concurrency(1)) == [0, 2, 4, 6, 8]


def test_events_of_items_are_published_where_somebody_listens(path):
    heard: list[Any] = []
    with ThreadPoolExecutor(2) as executor:
        engine = cs.Engine(executor=Blocks(executor), observers=[heard.append])
        assert engine.run_now(doubled.map([1, 2]), use_vm=path.use_vm) == [2, 4]
    assert sum(type(event) is cs.ItemFinished for event in heard) == 2


def test_a_worker_that_dies_is_replaced_and_its_block_made_again(path, tmp_path):
    for number, executor in enumerate([cs.Engine().executor, Blocks(processes)]):
        engine = cs.Engine(executor=executor)
        marker = str(tmp_path / str(number))
        target = dies_once.map(range(200), [marker] * 200).with_retry(3)
        assert engine.run_now(target, use_vm=path.use_vm) == list(range(200))
        with pytest.raises(WorkerError):
            engine.run_now(dies_once.map(range(200), [marker + "again"] * 200), use_vm=path.use_vm)
        assert engine.run_now(doubled.map([1]), use_vm=path.use_vm) == [2]
        executor.close()


def test_items_that_are_slow_to_come_do_not_wait_for_each_other(engine, path):
    given: list[int] = []

    def source(seconds: float) -> Iterator[int]:
        for number in range(40):
            given.append(number)
            time.sleep(seconds)
            yield number

    for seconds in growing(0.06, most=2.0):
        given.clear()
        results = engine.stream(doubled.map(source(seconds)), use_vm=path.use_vm)
        assert next(results) == 0
        if len(given) < 10:  # a block has sixteen times as many items as the one before
            break
        results.close()
    assert list(results) == [2 * number for number in range(1, 40)]


@pytest.mark.parametrize("attempts", [2, 3])
def test_an_item_that_kills_its_worker_fails_alone(path, attempts):
    executor = Blocks(processes)
    target = dies_at_50.map(range(100), [0.005] * 100, on_error="collect").with_retry(attempts, retry_on=WorkerError)
    values = cs.Engine(executor=executor).run_now(target, use_vm=path.use_vm)
    executor.close()
    assert [at for at, value in enumerate(values) if type(value) is cs.Failure] == [50]


def test_an_executor_that_is_broken_for_good_says_what_helps(tmp_path):
    with processes() as executor:
        engine = cs.Engine(executor=Blocks(executor))
        with pytest.raises(WorkerError, match=r"a function that makes one") as raised:
            engine.run_now(dies_once.map([40], [str(tmp_path / "marker")]))
        assert raised.value.task == "dies_once"
        with pytest.raises(WorkerError, match="a function that makes one"):
            engine.run_now(doubled(1))


def test_a_class_of_executors_makes_one():
    executor = Blocks(ThreadPoolExecutor)
    assert cs.Engine(executor=executor).run_now(doubled.map(range(5))) == [0, 2, 4, 6, 8]
    executor.close()


def test_a_function_that_makes_no_executor_is_an_error(path):
    engine = cs.Engine(executor=Blocks(lambda: None))  # type: ignore[arg-type, return-value]
    for target in (doubled(1), doubled.map([1])):
        with pytest.raises(DeclarationError, match="the function that Blocks was given returned None"):
            engine.run_now(target, use_vm=path.use_vm)


def test_an_executor_that_was_shut_down_is_not_a_dead_worker(path):
    executor = ThreadPoolExecutor(2)
    executor.shutdown()
    engine = cs.Engine(executor=Blocks(executor))
    for target in (doubled(1), doubled.map([1])):
        with pytest.raises(WorkerError, match="no worker finished task 'doubled'") as raised:
            engine.run_now(target, use_vm=path.use_vm)
        assert "crash" not in str(raised.value)


def test_small_items_take_few_messages_and_the_program_is_sent_once():
    with Counting() as executor:
        engine = cs.Engine(executor=Blocks(executor))
        large = "x" * 100_000

        @cs.task(mode="compute")
        def local(x: int) -> int:
            return x + len(large)

        assert engine.run_now(local.map(range(1_000_000)))[-1] == 1_099_999
        assert len(executor.sizes) <= 1000
        assert sum(size > 100_000 for size in executor.sizes) <= 8  # those that are under way before two have come back
        executor.sizes.clear()
        assert engine.run_now(local.map([1, 2, 3])) == [100_001, 100_002, 100_003]
        assert len(executor.sizes) == 3


def test_no_more_blocks_are_under_way_than_there_is_room_for():
    taken: list[int] = []

    def numbers() -> Iterator[int]:
        for number in itertools.count():
            taken.append(number)
            yield number

    with Counting() as executor:
        engine = cs.Engine(executor=Blocks(executor))
        with engine.stream(slow.map(numbers())) as values:
            for value in itertools.islice(values, 10):
                assert len(taken) - value < 200
        assert len(taken) < 300


def test_cancelling_a_run_stops_its_blocks(path, tmp_path):
    note = tmp_path / "note"

    async def main(engine: cs.Engine) -> None:
        target = slow.map(range(10_000), [0.01] * 10_000, [str(note)] * 10_000)
        running = asyncio.ensure_future(engine.run(target, use_vm=path.use_vm))
        while not note.exists() or note.stat().st_size < 40:
            await asyncio.sleep(0.01)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running

    with ThreadPoolExecutor(2) as executor:
        asyncio.run(main(cs.Engine(executor=Blocks(executor))))
    # The executor has ended, so all blocks have: long before all items were done.
    assert len(note.read_text().splitlines()) < 5000


def test_workers_of_another_version_are_refused(monkeypatch):
    with ThreadPoolExecutor(1) as executor:
        engine = cs.Engine(executor=Blocks(executor))
        older = pickle.dumps((("0.0.1", handshake.versions()[1]), None))
        monkeypatch.setattr("cascade.adapters.executors.blocks.greeting", lambda: older)
        for target in (doubled.map([1]), doubled(1)):
            with pytest.raises(
                SendingError, match=r"a worker has cascade .*, and the process that sends it work has 0\.0\.1"
            ):
                engine.run_now(target)


def test_workers_with_other_code_of_a_task_are_refused(monkeypatch):
    with ThreadPoolExecutor(1) as executor:
        engine = cs.Engine(executor=Blocks(executor))
        monkeypatch.setattr(block_maps, "digest", lambda function: b"another one")
        with pytest.raises(SendingError, match="'doubled' has other code in the worker"):
            engine.run_now(doubled.map([1, 2]))
    assert handshake.digest(doubled.func) == handshake.digest(doubled.func)
    assert handshake.digest(doubled.func) != handshake.digest(inverse.func)
    assert handshake.digest(len) is None


def test_sizes_follow_the_time_that_items_take():
    sizes = BlockSizes(2)
    assert sizes.next(10**6) == 1
    sizes.note(1, 0.001)
    assert sizes.next(10**6) == 16
    sizes.note(16, 0.016)
    assert sizes.next(10**6) == 256
    sizes.note(256, 0.256)
    assert sizes.next(10**6) == 500
    assert sizes.next(None) == 500
    assert sizes.next(100) == 25
    assert sizes.next(10) == 20
    sizes.note(500, 5.0)
    assert sizes.next(10**6) == 50
    sizes.note_message(1, block_sizes.BYTES // 4)
    assert sizes.next(10**6) == 4
    sizes.note(100, 0.0)
    assert sizes.next(None) >= 1


def test_a_sink_keeps_the_order_whatever_comes_first():
    sink = Sink(ordered=True, room=5)
    sink.put(2, [2, 3])
    assert not sink.is_full
    sink.put(4, (4, 5, 6))
    assert sink.is_full
    sink.put(0, [0, 1])
    assert asyncio.run(sink.take()) == list(range(7))
    sink.end()
    assert asyncio.run(sink.take()) == []


def test_wrong_executors_are_refused():
    for wrong in (3, "processes"):
        with pytest.raises(DeclarationError, match="Blocks was given"):
            Blocks(wrong)  # type: ignore[arg-type]
    for count in (0, -1, 1.5, True):
        with pytest.raises(DeclarationError, match="workers="):
            Blocks(processes, workers=count)  # type: ignore[arg-type]


def test_other_tasks_stay_here(path):
    with ThreadPoolExecutor(1) as executor:
        engine = cs.Engine(executor=Blocks(executor))
        assert engine.run_now(total(identity.map([1, 2])), use_vm=path.use_vm) == 3
        assert executor._work_queue.empty()


def test_an_executor_of_a_users_own_is_asked_for_each_item(path):
    seen: list[Any] = []

    class Own(cs.Engine().executor.__class__):  # type: ignore[misc]
        def call(self, task: Any, args: Any, kwargs: Any) -> Any:
            seen.append(args)
            return task.called(*args, **kwargs)

    assert cs.Engine(executor=Own()).run_now(doubled.map([1, 2]), use_vm=path.use_vm) == [2, 4]
    assert seen == [(1,), (2,)]


def test_a_protocol_like_that_of_executors_is_enough():
    class Own:
        def submit(self, function: Any, *arguments: Any) -> Future[Any]:
            future: Future[Any] = Future()
            future.set_result(function(*arguments))
            return future

    engine = cs.Engine(executor=Blocks(Own(), workers=1))  # type: ignore[arg-type]
    assert engine.run_now(doubled.map(range(100))) == list(range(0, 200, 2))


def test_a_worker_keeps_no_more_programs_than_it_has_room_for(monkeypatch):
    monkeypatch.setattr(block_work, "KEPT_BYTES", 250_000)
    block_work._kept.clear()
    with ThreadPoolExecutor(1) as executor:
        engine = cs.Engine(executor=Blocks(executor))
        for number in range(5):
            text = str(number) * 100_000

            @cs.task(mode="compute")
            def local(x: int) -> str:
                return text[x]

            assert engine.run_now(local.map([1, 2])) == [str(number)] * 2
    assert len(block_work._kept) == 2
