"""Results that only other compute tasks need stay on the workers of a Dask cluster."""

from __future__ import annotations

import asyncio
import functools
import gc
import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import cascade as cs
from cascade.adapters.executors import dask, kept
from cascade.compiler.chains import join_chains
from cascade.errors import StepLimitError, WorkerError
from cascade.graph.build import build_graph
from cascade.graph.operations import Chain
from tests.support.dask_clusters import client_of_two_workers
from tests.support.kept_tasks import (
    block,
    block_of_process,
    block_or_death,
    continued_with,
    counted_down,
    emptied,
    expected_of,
    fan_out_and_in,
    longer,
    numbers,
    refused,
    shared_with_itself,
    size,
    sizes,
    waits,
)
from tests.support.tasks import identity, total

pytest.importorskip("distributed")
pytestmark = pytest.mark.once

COUNT = 1_000_000


@pytest.fixture(scope="module")
def client() -> Iterator[Any]:
    with client_of_two_workers() as client:
        yield client


@pytest.fixture
def engine(client: Any) -> cs.Engine:
    return cs.Engine(executor=cs.DaskExecutor(client))


@pytest.fixture(params=["sync", "async"])
def run(request: pytest.FixtureRequest, engine: cs.Engine, path: Any) -> Callable[..., Any]:
    if request.param == "sync":
        return functools.partial(engine.run_now, use_vm=path.use_vm)
    return functools.partial(path.run_with, engine)


class Recorder:
    """Notes the names of the tasks whose results have stayed on a worker, and may do something at that moment."""

    def __init__(self) -> None:
        self.names: list[str] = []
        self.action: Callable[[], object] = lambda: None

    def __call__(self, name: str, digest: bytes, future: object) -> kept.Kept:
        self.names.append(name)
        self.action()
        return kept.Kept(name, digest, future)


@pytest.fixture
def recorder(monkeypatch: pytest.MonkeyPatch) -> Recorder:
    recorder = Recorder()
    monkeypatch.setattr(dask, "Kept", recorder)
    return recorder


@pytest.fixture
def passed(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The sizes of all messages that this process, where the scheduler is, too, takes or sends."""
    from distributed.comm import tcp

    sizes: list[int] = []
    read, write = tcp.from_frames, tcp.TCP.write

    async def counting_read(frames: Any, *args: Any, **options: Any) -> Any:
        sizes.append(sum(memoryview(frame).nbytes for frame in frames))
        return await read(frames, *args, **options)

    async def counting_write(self: Any, *args: Any, **options: Any) -> Any:
        sizes.append(await write(self, *args, **options))
        return sizes[-1]

    monkeypatch.setattr(tcp, "from_frames", counting_read)
    monkeypatch.setattr(tcp.TCP, "write", counting_write)
    return sizes


def kill_holder(note: Path, recorder: Recorder) -> None:
    """Has the worker killed whose process is in the last line of a file, at once when its result has stayed there."""

    def kill() -> None:
        if len(recorder.names) == 1:
            os.kill(int(note.read_text().splitlines()[-1]), signal.SIGKILL)

    recorder.action = kill


def tasks_left(client: Any) -> int:
    """Returns how many tasks the scheduler knows that were sent by Cascade: when there are none, or after some seconds."""

    def count(dask_scheduler: Any) -> int:
        return sum(dask.MARK in str(key) for key in dask_scheduler.tasks)

    latest = time.monotonic() + 60
    while (found := int(client.run_on_scheduler(count))) and time.monotonic() < latest:
        time.sleep(0.01)
    return found


def test_results_that_several_calls_need_do_not_pass_this_process(run, passed, recorder, engine):
    assert run(fan_out_and_in(COUNT)) == expected_of(COUNT)
    assert sorted(recorder.names) == ["block", *["longer"] * 4]
    assert sum(passed) < COUNT // 10
    engine.executor.keeps_results = False
    passed.clear()
    assert run(fan_out_and_in(COUNT)) == expected_of(COUNT)
    assert sum(passed) > 10 * COUNT, "this is what it saves"
    assert len(recorder.names) == 5


def test_small_results_come_back(run, recorder):
    assert run(fan_out_and_in(1000)) == expected_of(1000)
    assert recorder.names == []


def test_nothing_is_kept_that_is_needed_here(run, recorder):
    shared = block(COUNT)
    assert run([size(shared), shared])[0] == COUNT
    assert run([size(shared), identity(shared)])[0] == COUNT
    assert run(total([size(shared), size({shared})])) == COUNT + 1
    assert run(longer(longer(shared, 1), 2)) == bytes(COUNT + 3)
    assert run([size(shared), longer(shared, 1)])[0] == COUNT
    assert run(size(longer(shared.with_retry(2), 1), longer(shared, 1).with_retry(2))) == 2 * COUNT + 2
    assert recorder.names == ["block", "longer"]


def test_each_call_has_a_copy_of_its_own(run, recorder):
    shared = numbers(100_000)
    assert run([emptied(shared), emptied(shared), emptied(shared)]) == [100_000] * 3
    assert run(shared_with_itself(shared, shared)) is True
    assert run([shared_with_itself(shared, numbers(100_000)), size(shared)]) == [False, 100_000]
    assert recorder.names == ["numbers"] * 4


def test_values_with_tasks_that_have_no_name_come_back(run, recorder):
    @cs.task(mode="compute")
    def inner(x: int) -> int:
        return x + 1

    @cs.task(mode="compute")
    def with_task(count: int) -> Any:
        return bytes(count), inner

    @cs.task(mode="compute")
    def called(pair: Any, x: int) -> int:
        return pair[1].func(x) + len(pair[0])

    shared = with_task(COUNT)
    assert run([called(shared, 1), called(shared, 2)]) == [COUNT + 2, COUNT + 3]
    assert recorder.names == []


def test_tasks_that_return_more_than_a_value_continue_with_kept_arguments(run, recorder):
    shared = block(COUNT)
    assert run([counted_down(shared, 3), size(shared)]) == [COUNT, COUNT]
    assert run([size(continued_with(shared)), size(longer(shared, 1))]) == [COUNT + 1] * 2
    assert "block" in recorder.names


def test_failures_are_those_of_values_that_came_back(run, recorder, engine):
    def failure() -> BaseException:
        shared = block(COUNT)
        with pytest.raises(ZeroDivisionError) as raised:
            run([size(shared), refused(longer(shared, 1))])
        return raised.value

    error = failure()
    assert recorder.names == ["block"]
    engine.executor.keeps_results = False
    other = failure()
    assert str(error) == str(other) and error.__notes__ == other.__notes__
    assert str(error.__cause__) == str(other.__cause__)


def test_a_result_that_dies_with_its_worker_is_computed_again(run, recorder, tmp_path):
    note = tmp_path / "note"
    shared = block(COUNT, str(note))
    kill_holder(note, recorder)
    assert run([size(shared), size(longer(shared, 1), longer(shared, 2))]) == [COUNT, 2 * COUNT + 3]
    assert len(note.read_text().splitlines()) == 2
    assert sorted(recorder.names) == ["block", "longer", "longer"]


def test_a_result_that_is_another_one_when_it_is_computed_again_is_not_used(run, recorder, tmp_path):
    note = tmp_path / "note"
    shared = block_of_process(COUNT, str(note))
    kill_holder(note, recorder)
    with pytest.raises(WorkerError, match="called again, it has another result") as raised:
        run([size(shared), longer(shared, 1)])
    assert raised.value.task == "block_of_process"


def test_the_task_is_named_whose_result_cannot_be_computed_again(engine, recorder, tmp_path):
    note = tmp_path / "note"
    shared = block_or_death(COUNT, str(note))
    kill_holder(note, recorder)
    with pytest.raises(WorkerError) as raised:
        engine.run_now([size(shared), longer(shared, 1)])
    assert raised.value.task == "block_or_death"


def test_a_cluster_that_has_begun_anew_has_lost_its_results(engine, client, recorder):
    @cs.task(mode="blocking")
    def restarted() -> bytes:
        latest = time.monotonic() + 30
        while not recorder.names:
            time.sleep(0.01)
            assert time.monotonic() < latest
        client.restart()
        return b"ab"

    shared, gate = block(COUNT), restarted()
    with pytest.raises(WorkerError) as raised:
        engine.run_now([size(shared, gate), size(shared, gate)])
    assert raised.value.task in ("block", "size")
    assert engine.run_now(fan_out_and_in(COUNT)) == expected_of(COUNT)


def test_nothing_stays_after_the_run(run, client, recorder):
    gc.collect()
    gc.disable()
    try:
        run(fan_out_and_in(COUNT))
        with pytest.raises(ZeroDivisionError):
            shared = block(COUNT)
            run([size(shared), refused(shared)])
    finally:
        gc.enable()
    assert len(recorder.names) == 6
    assert tasks_left(client) == 0


def test_cancelling_frees_what_has_stayed(engine, client, path, recorder, tmp_path):
    notes = [tmp_path / "one", tmp_path / "two"]

    async def main() -> None:
        shared = block(COUNT)
        running = asyncio.ensure_future(engine.run([waits(shared, str(note)) for note in notes], use_vm=path.use_vm))
        while not all(note.exists() for note in notes):
            await asyncio.sleep(0.01)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running

    asyncio.run(main())
    assert recorder.names == ["block"]
    for note in notes:
        note.unlink()
    gc.collect()
    assert tasks_left(client) == 0


def test_runs_that_count_or_show_each_call_have_each_result(client, path, recorder):
    heard: list[Any] = []
    shared = block(COUNT)
    target = [size(shared), size(longer(shared, 1))]
    engine = cs.Engine(executor=cs.DaskExecutor(client), observers=[heard.append])
    assert engine.run_now(target, use_vm=path.use_vm) == [COUNT, COUNT + 1]
    finished = [event for event in heard if type(event) is cs.TaskExecutionFinished]
    assert len(finished) == 4
    engine = cs.Engine(executor=cs.DaskExecutor(client))
    assert engine.run_now(target, use_vm=path.use_vm, max_steps=4) == [COUNT, COUNT + 1]
    with pytest.raises(StepLimitError):
        engine.run_now(target, use_vm=path.use_vm, max_steps=3)
    assert recorder.names == []


def test_a_client_that_is_not_told_fetches_the_result(run, recorder, monkeypatch):
    monkeypatch.setattr(dask._Digests, "note", lambda self, event: None)
    assert run(fan_out_and_in(COUNT)) == expected_of(COUNT)
    assert recorder.names == []


def keeping(target: Any) -> list[int]:
    """Returns the numbers of the rows whose results may stay on workers."""
    graph = build_graph(target)
    rows, order = join_chains(graph.rows, range(len(graph.rows)), "kept")
    return [index for index in order if type(rows[index][0]) is Chain and rows[index][0].keeps]


def test_rows_whose_results_only_workers_need():
    shared = block(1)
    assert keeping([size(shared), size(shared)]) == [0]
    assert keeping(size(shared, shared)) == [0]
    assert keeping(sizes({"a": [block(1)], "b": (block(2),)})) == [0, 2]
    assert keeping(sizes({block(1): 1})) == []
    assert keeping([sizes([shared]), [shared]]) == []
    assert keeping(size(longer(shared, 1), shared)) == [0, 1]
    assert keeping(size(longer(block(1), 1), block(2))) == [1, 2], "a chain of two, and one call"
    assert keeping([shared, size(shared)]) == []
    assert keeping(size(shared)) == [], "it is a chain"
    assert keeping(total([shared, size(shared)])) == []
