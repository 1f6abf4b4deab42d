"""Random graphs of compute tasks have the values of plain Python on every executor; failures are among those that plain Python has."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor

import pytest

import cascade as cs
from cascade.adapters.executors.blocks import Blocks
from tests.support.dask_clusters import client_of_two_workers
from tests.support.random_compute import compare

pytest.importorskip("loky")
FIRST = int(os.environ.get("CASCADE_SEED", "1"))


def on_dask() -> Iterator[cs.Engine]:
    pytest.importorskip("distributed")
    with client_of_two_workers() as client:
        yield cs.Engine(executor=cs.DaskExecutor(client))


def on_dask_that_keeps_all_results() -> Iterator[cs.Engine]:
    with pytest.MonkeyPatch.context() as patch:
        pytest.importorskip("distributed")
        patch.setattr("cascade.adapters.executors.dask.LEAST", 0)
        yield from on_dask()


def on_processes() -> Iterator[cs.Engine]:
    with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("forkserver")) as pool:
        yield cs.Engine(executor=Blocks(pool))


def on_threads() -> Iterator[cs.Engine]:
    with ThreadPoolExecutor(2) as pool:
        yield cs.Engine(executor=Blocks(pool))


def built_in() -> Iterator[cs.Engine]:
    yield cs.Engine()


PLACES = {
    "built-in": (built_in, 40),
    "processes": (on_processes, 40),
    "threads": (on_threads, 60),
    "dask": (on_dask, 6),
    "dask, kept": (on_dask_that_keeps_all_results, 12),
}


@pytest.fixture(scope="module", params=PLACES)
def place(request: pytest.FixtureRequest) -> Iterator[tuple[cs.Engine, int]]:
    begin, count = PLACES[request.param]
    for engine in begin():
        yield engine, count


@pytest.mark.once
def test_random_graphs_of_compute_tasks_have_the_values_of_plain_python(place, path):
    engine, count = place
    failed = [compare(seed, engine, path.use_vm) for seed in range(FIRST, FIRST + count)]
    assert any(failed) and not all(failed)
