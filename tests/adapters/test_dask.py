"""Compute tasks on a Dask cluster of several processes."""

from __future__ import annotations

import asyncio
import functools
import itertools
import os
import pickle
import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

import cascade as cs
from cascade.adapters.executors import handshake
from cascade.adapters.executors.dask import MARK
from cascade.errors import DeclarationError, SendingError, WorkerError
from tests.support.block_tasks import (
    Unsendable,
    continued,
    dies_once,
    doubled,
    fails_first,
    inverse,
    nested,
    slow,
    steps,
)
from tests.support.compute_tasks import die
from tests.support.dask_clusters import client_of_two_workers
from tests.support.processes import until
from tests.support.tasks import identity, total

distributed = pytest.importorskip("distributed")
pytestmark = pytest.mark.once


@pytest.fixture(scope="module")
def client() -> Iterator[Any]:
    with client_of_two_workers() as client:
        yield client


@pytest.fixture(scope="module")
def engine(client: Any) -> cs.Engine:
    return cs.Engine(executor=cs.DaskExecutor(client))


@pytest.fixture
def run(engine, path):
    return functools.partial(engine.run_now, use_vm=path.use_vm)


def test_calls_chains_and_maps_have_the_values_of_calls_here(run):
    assert run(doubled(4)) == 8
    assert run(doubled(doubled(identity(4)))) == 16
    assert run(total(doubled.map(range(1000)))) == 999_000
    assert run(steps.map(list(range(2000)))) == [steps.func(n) for n in range(2000)]
    assert run(doubled.map(["a", (1,), 2.5])) == ["aa", (1, 1), 5.0]
    expected = [n + 1 if n % 3 == 0 else n if n % 3 == 1 else n - 1 for n in range(20)]
    assert run(continued.map(range(20))) == expected


def test_equal_calls_are_made_each_time(run, tmp_path):
    note = tmp_path / "note"
    for _ in range(3):
        run(slow.map([1], [0.0], [str(note)]))
        run(slow(1, 0.0, str(note)))
    assert len(note.read_text().splitlines()) == 6


def test_failures_are_those_of_calls_here(run, tmp_path):
    values = run(inverse.map([1, 0, 2], on_error="collect"))
    assert [type(value) for value in values] == [float, cs.Failure, float]
    with pytest.raises(ZeroDivisionError) as raised:
        run(inverse.map([1, 2, 0, 0]))
    assert "in item 2 of the map" in raised.value.__notes__
    assert "return 1 / x" in str(raised.value.__cause__)
    assert run(fails_first.map(range(10), [str(tmp_path)] * 10).with_retry(2)) == list(range(10))
    with pytest.raises(SendingError, match="argument 'x' of task 'doubled'"):
        run(doubled(Unsendable()))


def test_streams_take_no_more_items_than_they_need(engine, path):
    taken: list[int] = []

    def numbers() -> Iterator[int]:
        for number in itertools.count():
            taken.append(number)
            yield number

    with engine.stream(slow.map(numbers()), use_vm=path.use_vm) as values:
        assert list(itertools.islice(values, 10)) == list(range(10))
    assert len(taken) < 400


def test_the_work_of_a_dead_worker_is_done_again(engine, tmp_path):
    marker = str(tmp_path / "marker")
    assert engine.run_now(dies_once.map(range(200), [marker] * 200)) == list(range(200))


def test_work_that_kills_each_worker_is_an_error_that_names_the_task(engine):
    with pytest.raises(WorkerError) as raised:
        engine.run_now(die())
    assert raised.value.task == "die"


def test_cancelling_a_run_reaches_the_workers(engine, path, tmp_path):
    note: Path = tmp_path / "note"

    async def main() -> None:
        target = slow.map(range(5000), [0.01] * 5000, [str(note)] * 5000)
        running = asyncio.ensure_future(engine.run(target, use_vm=path.use_vm))
        while not note.exists() or note.stat().st_size < 200:
            await asyncio.sleep(0.01)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running

    asyncio.run(main())
    # This call waits in line behind what still runs.
    assert engine.run_now(doubled.map([1, 2])) == [2, 4]
    assert len(note.read_text().splitlines()) < 2000


def test_the_scheduler_sees_few_tasks(engine, client):
    def count(dask_scheduler: Any) -> int:
        return int(dask_scheduler.transition_counter)

    before = client.run_on_scheduler(count)
    engine.run_now(doubled.map(range(100_000)))
    assert client.run_on_scheduler(count) - before < 1000  # some six transitions a task


def test_workers_of_another_version_are_refused(engine, monkeypatch):
    older = pickle.dumps((("0.0.1", handshake.versions()[1]), None))
    monkeypatch.setattr("cascade.adapters.executors.dask.greeting", lambda: older)
    with pytest.raises(SendingError, match=r"a worker has cascade .*, and the process that sends it work has 0\.0\.1"):
        engine.run_now(doubled.map([1]))


def test_a_client_is_made_of_an_address(client):
    with cs.DaskExecutor(client.scheduler.address) as executor:
        assert cs.Engine(executor=executor).run_now(doubled.map(range(10))) == list(range(0, 20, 2))


def test_large_programs_go_to_the_workers_directly(engine, monkeypatch):
    monkeypatch.setattr("cascade.adapters.executors.dask.LARGE", 10_000)
    text = "x" * 100_000

    @cs.task(mode="compute")
    def local(x: int) -> int:
        return x + len(text)

    assert engine.run_now(local.map(range(100))) == list(range(100_000, 100_100))


def test_large_programs_are_sent_once_and_again_when_the_workers_that_had_them_have_died(client, engine, monkeypatch):
    monkeypatch.setattr("cascade.adapters.executors.dask.LARGE", 10_000)
    text = "y" * 100_000
    sent: list[Any] = []
    workers = [*client.run(os.getpid).values()]

    def scatter(*data: Any, **how: Any) -> Any:
        sent.append(client_scatter(*data, **how))
        if len(sent) == 1:
            for worker in workers:
                os.kill(worker, signal.SIGKILL)
        return sent[-1]

    client_scatter = client.scatter
    monkeypatch.setattr(client, "scatter", scatter)

    @cs.task(mode="compute")
    def local(x: int) -> int:
        return x + len(text)

    assert engine.run_now(local.map(range(200))) == list(range(100_000, 100_200))
    assert len(sent) > 1, "the workers that had it are dead"
    before = len(sent)
    for _ in range(3):
        assert engine.run_now(local.map(range(200))) == list(range(100_000, 100_200))
    assert len(sent) == before


def test_large_programs_wait_for_workers_that_are_still_to_come(monkeypatch):
    monkeypatch.setattr("cascade.adapters.executors.dask.LARGE", 10_000)
    text = "y" * 100_000

    @cs.task(mode="compute")
    def local(x: int) -> int:
        return x + len(text)

    def waiting(dask_scheduler: Any) -> bool:
        return any(MARK in str(key) for key in dask_scheduler.tasks)

    with (
        ThreadPoolExecutor(1) as threads,
        distributed.LocalCluster(n_workers=0, threads_per_worker=1, dashboard_address=":0") as cluster,
        distributed.Client(cluster, timeout=5, set_as_default=False) as client,
    ):
        engine = cs.Engine(executor=cs.DaskExecutor(client))
        values = threads.submit(engine.run_now, local.map(range(20)))
        until(lambda: values.done() or client.run_on_scheduler(waiting))
        cluster.scale(1)
        assert values.result() == list(range(100_000, 100_020))


def test_wrong_clients_are_refused():
    with pytest.raises(DeclarationError, match="DaskExecutor was given 3"):
        cs.DaskExecutor(3)  # type: ignore[arg-type]
    for address in ("here", "nothing://here:1"):
        with pytest.raises(DeclarationError, match=f"DaskExecutor was given '{address}'"):
            cs.DaskExecutor(address)


@pytest.mark.parametrize("address", ["nowhere.invalid:1", "tcp://127.0.0.1:1"])
def test_a_scheduler_that_does_not_answer_is_said_so_within_the_timeout(address: str):
    with pytest.raises(cs.SchedulerError, match=f"no scheduler answered at '{address}' within 0.2 s") as found:
        cs.DaskExecutor(address, timeout=0.2)
    assert isinstance(found.value, OSError)
    assert "`dask scheduler`" in str(found.value.hint) and str(found.value.where).split(":")[1].strip()


def test_compute_tasks_run_compute_tasks_on_a_worker(run):
    pytest.importorskip("loky")
    assert run(nested(3)) == [0, 2, 4]
    assert run(nested.map([1, 2])) == [[0], [0, 2]]


def test_a_closed_client_is_said_to_be_closed(client, path):
    with distributed.Client(client.scheduler.address, set_as_default=False) as other:
        engine = cs.Engine(executor=cs.DaskExecutor(other))
        assert engine.run_now(doubled(1), use_vm=path.use_vm) == 2
    for target in (doubled(1), doubled(doubled(1)), doubled.map([1]), doubled(bytes(1 << 22))):
        with pytest.raises(WorkerError, match="its Dask client is closed"):
            engine.run_now(target, use_vm=path.use_vm)
    with pytest.raises(DeclarationError, match="a client that is closed"):
        cs.DaskExecutor(other)


def test_events_come_back(client, path):
    heard: list[Any] = []
    engine = cs.Engine(executor=cs.DaskExecutor(client), observers=[heard.append])
    assert engine.run_now(doubled(doubled.map([1, 2])), use_vm=path.use_vm) == [2, 4, 2, 4]
    names = [type(event).__name__ for event in heard]
    assert names[0] == "RunStarted" and names[-1] == "RunFinished"
    assert names.count("ItemFinished") == 2 and names.count("TaskExecutionFinished") == 2


def test_asynchronous_clients_are_refused(client):
    async def main() -> None:
        async with distributed.Client(client.scheduler.address, asynchronous=True, set_as_default=False) as other:
            with pytest.raises(DeclarationError, match="asynchronous client"):
                cs.DaskExecutor(other)

    asyncio.run(main())
